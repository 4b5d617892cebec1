#include "cluster/writer.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <cstring>
#include <limits>

#include "base/json_text.h"
#include "socketio/codec/json_writer.h"
#include "socketio/codec/msgpack_values.h"

namespace starling::cluster {

namespace msgpack = socketio::msgpack;

namespace {

// By so much the string grows, beyond what is needed at once. The new bytes are filled with zeros.
constexpr size_t growth_bytes = 1024;
constexpr size_t word_bytes = 8;

// Bytes behind a text up to the end of a word, which are no special characters.
constexpr std::string_view word_filler = "        ";
static_assert(word_filler.size() == word_bytes);

// The last word may end with the filler.
bool is_plain_ascii(const char* text, size_t bytes) {
    uint64_t other = 0;
    for (size_t at = 0; at < bytes; at += word_bytes) {
        uint64_t word = 0;
        std::memcpy(&word, text + at, word_bytes);
        other |= base::json_detail::special(word) | (word & base::json_detail::highs);
    }
    return other == 0;
}

}  // namespace

// ---- JSON ---------------------------------------------------------------------------------------

void Writer::grow(size_t bytes) { out_.resize(written_ + bytes + growth_bytes); }

template <class Append>
void Writer::append(const Append& append) {
    out_.resize(written_);
    append(out_);
    written_ = out_.size();
}

void Writer::plain(std::string_view text) {
    char* at = room(text.size() + 1);
    if (comma_) *at++ = ',';
    text.copy(at, text.size());
    written(at + text.size());
    comma_ = true;
}

void Writer::open(char bracket) {
    char* at = room(2);
    if (comma_) *at++ = ',';
    *at++ = bracket;
    written(at);
    comma_ = false;
}

void Writer::close(char bracket) {
    char* const at = room(1);
    *at = bracket;
    written(at + 1);
    comma_ = true;
}

void Writer::string(std::string_view text, bool is_key) {
    constexpr size_t around_bytes = 4;  // A comma, two quotes, a colon.
    char* at = room(text.size() + around_bytes + word_bytes);
    if (comma_) *at++ = ',';
    comma_ = !is_key;
    char* const begin = at + 1;
    text.copy(begin, text.size());
    word_filler.copy(begin + text.size(), word_bytes);
    if (is_plain_ascii(begin, text.size())) {
        *at = '"';
        at = begin + text.size();
        *at++ = '"';
    } else {
        written(at);
        append([&](std::string& out) { base::append_json_string(out, text); });
        at = room(1);
    }
    if (is_key) *at++ = ':';
    written(at);
}

// ---- both forms ---------------------------------------------------------------------------------

void Writer::map(size_t members) {
    format_ == Format::msgpack ? msgpack::append_map(out_, members) : open('{');
}

void Writer::end_map() {
    if (format_ == Format::json) close('}');
}

void Writer::array(size_t items) {
    format_ == Format::msgpack ? msgpack::append_array(out_, items) : open('[');
}

void Writer::end_array() {
    if (format_ == Format::json) close(']');
}

void Writer::key(std::string_view name) {
    format_ == Format::msgpack ? msgpack::append_text(out_, name) : string(name, true);
}

void Writer::text(std::string_view text) {
    format_ == Format::msgpack ? msgpack::append_text(out_, text) : string(text, false);
}

void Writer::number(uint64_t number) {
    if (format_ == Format::msgpack) return msgpack::append_unsigned(out_, number);
    std::array<char, std::numeric_limits<uint64_t>::digits10 + 1> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    plain({digits.data(), static_cast<size_t>(end - digits.data())});
}

void Writer::flag(bool flag) {
    if (format_ == Format::msgpack) return msgpack::append_byte(out_, flag ? 0xc3 : 0xc2);
    plain(flag ? "true" : "false");
}

void Writer::value(const sio::Json& json) {
    if (format_ == Format::msgpack) {
        if (!msgpack::append_value(out_, json, 1)) good_ = false;
        return;
    }
    // Most sockets have no data of their own.
    if (json.is_null()) return plain("null");
    if (const auto* object = json.if_object(); object && object->empty()) return plain("{}");
    plain({});
    append([&](std::string& out) {
        if (!socketio::append_json(out, json)) good_ = false;
    });
}

bool Writer::finish() {
    if (format_ == Format::json) out_.resize(written_);
    return good_;
}

bool has_bytes(const sio::Json& json) noexcept {
    if (const auto* array = json.if_array()) return std::ranges::any_of(*array, has_bytes);
    const auto* object = json.if_object();
    if (!object) return false;
    if (sio::Binary::view(json)) return true;
    return std::ranges::any_of(*object,
                               [](const auto& member) { return has_bytes(member.value()); });
}

}  // namespace starling::cluster
