#include "socketio/codec/msgpack_writer.h"

#include <array>
#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/assert.h"
#include "base/utf8.h"

// https://github.com/msgpack/msgpack/blob/master/spec.md, each value in its shortest form.
namespace starling::socketio {
namespace {

template <size_t size>
void append_number(std::string& out, uint8_t prefix, uint64_t number) {
    std::array<char, size + 1> bytes;
    bytes[0] = static_cast<char>(prefix);
    for (size_t i = 0; i < size; ++i) bytes[size - i] = static_cast<char>(number >> (8 * i) & 0xff);
    out.append(bytes.data(), bytes.size());
}

void append_byte(std::string& out, uint64_t byte) { out += static_cast<char>(byte); }

void append_unsigned(std::string& out, uint64_t number) {
    if (number < 0x80) return append_byte(out, number);
    if (number <= 0xff) return append_number<1>(out, 0xcc, number);
    if (number <= 0xffff) return append_number<2>(out, 0xcd, number);
    if (number <= 0xffff'ffff) return append_number<4>(out, 0xce, number);
    append_number<8>(out, 0xcf, number);
}

void append_signed(std::string& out, int64_t number) {
    const auto bits = static_cast<uint64_t>(number);
    if (number >= 0) return append_unsigned(out, bits);
    if (number >= -0x20) return append_byte(out, bits & 0xff);
    if (number >= INT8_MIN) return append_number<1>(out, 0xd0, bits);
    if (number >= INT16_MIN) return append_number<2>(out, 0xd1, bits);
    if (number >= INT32_MIN) return append_number<4>(out, 0xd2, bits);
    append_number<8>(out, 0xd3, bits);
}

void append_double(std::string& out, double number) {
    append_number<8>(out, 0xcb, std::bit_cast<uint64_t>(number));
}

void append_text(std::string& out, std::string_view text) {
    if (!base::utf8_is_valid(text)) return append_text(out, base::utf8_repaired(text));
    if (text.size() < 0x20)
        append_byte(out, 0xa0 | text.size());
    else if (text.size() <= 0xff)
        append_number<1>(out, 0xd9, text.size());
    else if (text.size() <= 0xffff)
        append_number<2>(out, 0xda, text.size());
    else
        append_number<4>(out, 0xdb, text.size());
    out.append(text);
}

void append_bytes(std::string& out, std::string_view bytes) {
    if (bytes.size() <= 0xff)
        append_number<1>(out, 0xc4, bytes.size());
    else if (bytes.size() <= 0xffff)
        append_number<2>(out, 0xc5, bytes.size());
    else
        append_number<4>(out, 0xc6, bytes.size());
    out.append(bytes);
}

// `fixed`: the prefix for up to 15 items. `wide`: the prefix for up to 65,535 items; `wide` + 1 is
// for more.
void append_count(std::string& out, uint8_t fixed, uint8_t wide, size_t count) {
    if (count < 16)
        append_byte(out, fixed | count);
    else if (count <= 0xffff)
        append_number<2>(out, wide, count);
    else
        append_number<4>(out, static_cast<uint8_t>(wide + 1), count);
}

}  // namespace

void MsgpackWriter::begin(Type type, std::string_view nsp, std::optional<uint64_t> id) {
    STARLING_ASSERT(type <= Type::connect_error);
    std::string& text = out_.text;
    failed_ = false;
    items_ = 0;
    items_at_ = 0;
    // Without data the client's parser requires that `data` is absent, not null: value() adds
    // `data`.
    members_ = id ? 3 : 2;
    append_byte(text, 0x80 | members_);
    append_text(text, "type");
    append_unsigned(text, static_cast<uint64_t>(type));
    append_text(text, "nsp");
    append_text(text, nsp.empty() ? "/" : nsp);
    if (id) {
        append_text(text, "id");
        append_unsigned(text, *id);
    }
    if (type != Type::event && type != Type::ack) return;
    add_data();
    items_at_ = text.size();
    append_byte(text, 0x90);
}

void MsgpackWriter::add_data() {
    out_.text[0] = static_cast<char>(0x80 | ++members_);
    append_text(out_.text, "data");
}

std::string& MsgpackWriter::item() {
    if (items_at_ == 0 && items_ == 0) add_data();
    STARLING_ASSERT(items_at_ != 0 || items_ == 0);
    ++items_;
    return out_.text;
}

void MsgpackWriter::value(std::string_view text) { append_text(item(), text); }
void MsgpackWriter::value(int64_t number) { append_signed(item(), number); }
void MsgpackWriter::value(uint64_t number) { append_unsigned(item(), number); }
void MsgpackWriter::value(double number) { append_double(item(), number); }
void MsgpackWriter::value(bool flag) { append_byte(item(), flag ? 0xc3 : 0xc2); }
void MsgpackWriter::value(std::nullptr_t) { append_byte(item(), 0xc0); }
void MsgpackWriter::value(const Binary& bytes) { write_bytes(item(), bytes.text()); }
void MsgpackWriter::value(const Json& json) {
    (void)item();
    write(json, items_at_ != 0 ? 2 : 1);
}

void MsgpackWriter::write_bytes(std::string& text, std::string_view bytes) {
    if (items_at_ == 0) failed_ = true;
    append_bytes(text, bytes);
}

// `depth`: the depth of `json`, if `json` is an array or an object. Bytes count as neither.
void MsgpackWriter::write(const Json& json, size_t depth) {
    std::string& text = out_.text;
    switch (json.kind()) {
        case boost::json::kind::null: return append_byte(text, 0xc0);
        case boost::json::kind::bool_: return append_byte(text, json.get_bool() ? 0xc3 : 0xc2);
        case boost::json::kind::int64: return append_signed(text, json.get_int64());
        case boost::json::kind::uint64: return append_unsigned(text, json.get_uint64());
        case boost::json::kind::double_: return append_double(text, json.get_double());
        case boost::json::kind::string:
            return append_text(text, {json.get_string().data(), json.get_string().size()});
        default: break;
    }
    if (const auto bytes = Binary::view(json)) return write_bytes(text, *bytes);
    if (depth > encoded_depth_max) {
        failed_ = true;
    } else if (const auto* array = json.if_array()) {
        append_count(text, 0x90, 0xdc, array->size());
        for (const Json& value : *array) write(value, depth + 1);
    } else {
        const auto& object = json.get_object();
        append_count(text, 0x80, 0xde, object.size());
        for (const auto& member : object) {
            append_text(text, {member.key().data(), member.key().size()});
            write(member.value(), depth + 1);
        }
    }
}

bool MsgpackWriter::finish() {
    if (items_at_ != 0) {
        std::string head;
        append_count(head, 0x90, 0xdc, items_);
        out_.text.replace(items_at_, 1, head);
    }
    return !failed_;
}

}  // namespace starling::socketio
