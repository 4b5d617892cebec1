#include "socketio/codec/encoder.h"

#include <boost/json/array.hpp>
#include <utility>

namespace starling::socketio {
namespace {

constexpr size_t kept_bytes_max = 65'536;

}  // namespace

Encoder::Encoder(Codec codec, size_t attachments_max) noexcept
    : codec_(codec), json_(out_, attachments_max), msgpack_(out_) {}

void Encoder::begin(Codec codec, Type type, std::string_view nsp, std::optional<uint64_t> id) {
    codec_ = codec;
    begin(type, nsp, id);
}

void Encoder::begin(Type type, std::string_view nsp, std::optional<uint64_t> id) {
    if (out_.text.capacity() > kept_bytes_max) std::string().swap(out_.text);
    out_.text.clear();
    out_.attachments.clear();
    out_.text_is_binary = codec_ == Codec::msgpack;
    codec_ == Codec::json ? json_.begin(type, nsp, id) : msgpack_.begin(type, nsp, id);
}

void Encoder::value(std::string_view text) {
    codec_ == Codec::json ? json_.value(text) : msgpack_.value(text);
}
void Encoder::value(int64_t number) {
    codec_ == Codec::json ? json_.value(number) : msgpack_.value(number);
}
void Encoder::value(uint64_t number) {
    codec_ == Codec::json ? json_.value(number) : msgpack_.value(number);
}
void Encoder::value(double number) {
    codec_ == Codec::json ? json_.value(number) : msgpack_.value(number);
}
void Encoder::value(bool flag) { codec_ == Codec::json ? json_.value(flag) : msgpack_.value(flag); }
void Encoder::value(std::nullptr_t) {
    codec_ == Codec::json ? json_.value(nullptr) : msgpack_.value(nullptr);
}
void Encoder::value(const Binary& bytes) {
    codec_ == Codec::json ? json_.value(bytes) : msgpack_.value(bytes);
}
void Encoder::value(const Json& json) {
    codec_ == Codec::json ? json_.value(json) : msgpack_.value(json);
}

bool Encoder::finish() { return codec_ == Codec::json ? json_.finish() : msgpack_.finish(); }

bool Encoder::encode(const Packet& packet) {
    begin(packet.type, packet.nsp, packet.id);
    if (const auto* items = packet.data.if_array()) {
        for (const Json& item : *items) value(item);
    } else if (!packet.data.is_null()) {
        value(packet.data);
    }
    return finish();
}

Encoded Encoder::take() { return std::exchange(out_, {}); }

}  // namespace starling::socketio
