// Fuzzes socketio::Decoder. The input is a text and its attachments, separated by 0xff. A decoded
// packet is encoded and decoded again in both codecs: the packet must stay the same.
#include <boost/json/array.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "base/utf8.h"
#include "socketio/codec/decoder.h"
#include "socketio/codec/encoder.h"

namespace {

using namespace starling;
using namespace starling::socketio;

void require(bool condition) {
    if (!condition) std::abort();
}

Encoded encoded(Codec codec, const Packet& packet) {
    Encoder encoder(codec);
    if (!encoder.encode(packet)) return {};
    return encoder.take();
}

Outcome decoded(const Encoded& message, Decoder& decoder, Arena& arena) {
    if (message.text_is_binary) return decoder.add_bytes(base::bytes_of(message.text), arena);
    require(message.text.starts_with('4') && base::utf8_is_valid(message.text));
    Outcome outcome = decoder.add_text(std::string_view(message.text).substr(1), arena);
    for (const std::string& bytes : message.attachments) {
        require(outcome.kind == Outcome::Kind::pending);
        Outcome next = decoder.add_bytes(base::bytes_of(bytes), arena);
        if (next.kind != Outcome::Kind::pending) return next;
    }
    return outcome;
}

void same_again(const Packet& packet, Codec codec) {
    const Encoded first = encoded(codec, packet);
    // Something looks like a placeholder, beside attachments.
    if (first.text.empty()) return;
    require(first.attachments.size() <= DecodeLimits{}.attachments_max);
    Arena arena;
    Decoder decoder(codec);
    const Outcome again = decoded(first, decoder, arena);
    require(again.kind == Outcome::Kind::packet && !decoder.pending());
    require(again.packet.type == packet.type && again.packet.nsp == packet.nsp);
    require(again.packet.id == packet.id);
    require(encoded(codec, again.packet).text == first.text);
    require(encoded(codec, again.packet).attachments == first.attachments);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::vector<std::string_view> parts;
    std::string_view left(reinterpret_cast<const char*>(data), size);
    for (;;) {
        const size_t end = left.find('\xff');
        parts.push_back(left.substr(0, end));
        if (end == std::string_view::npos) break;
        left.remove_prefix(end + 1);
    }
    // The WebSocket layer lets only UTF-8 pass.
    if (!base::utf8_is_valid(parts[0])) return 0;

    static Arena arena;
    Decoder decoder;
    for (size_t i = 0; i < parts.size(); ++i) {
        const Outcome outcome = i == 0 ? decoder.add_text(parts[0], arena)
                                       : decoder.add_bytes(base::bytes_of(parts[i]), arena);
        require(decoder.pending() == (outcome.kind == Outcome::Kind::pending));
        require(outcome.reason.empty() == (outcome.kind != Outcome::Kind::fault));
        if (outcome.kind == Outcome::Kind::fault) return 0;
        if (outcome.kind == Outcome::Kind::pending) continue;
        same_again(outcome.packet, Codec::json);
        same_again(outcome.packet, Codec::msgpack);
        return 0;
    }
    return 0;
}
