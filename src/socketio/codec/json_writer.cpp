#include "socketio/codec/json_writer.h"

#include <array>
#include <boost/json/array.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "base/assert.h"

namespace starling::socketio {
namespace {

template <class Integer>
void append_integer(std::string& out, Integer number) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

std::string_view view_of(const boost::json::string& text) { return {text.data(), text.size()}; }
std::string_view view_of(boost::json::string_view text) { return {text.data(), text.size()}; }

bool has_items_of(Type type) { return type == Type::event || type == Type::ack; }

}  // namespace

// ECMA-262 (2023) section 6.1.6.1.20, Number::toString.
void append_json_number(std::string& out, double number) {
    if (!std::isfinite(number)) {
        out += "null";
        return;
    }
    if (std::abs(number) < 9e15 && number == std::trunc(number))  // Also -0, which is printed as 0.
        return append_integer(out, static_cast<int64_t>(number));

    // The shortest digits: [-]d[.ddd]e±xx.
    std::array<char, 32> buffer;
    const char* const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                          std::chars_format::scientific)
                                .ptr;
    std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
    if (text.front() == '-') {
        out += '-';
        text.remove_prefix(1);
    }
    const size_t e = text.find('e');
    int exponent = 0;
    std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
    std::array<char, 24> digits;
    size_t count = 0;
    for (const char c : text.substr(0, e))
        if (c != '.') digits[count++] = c;
    const std::string_view all(digits.data(), count);

    const int point = exponent + 1;  // Digits in front of the decimal point.
    if (point > 21 || point <= -6) {
        out += all[0];
        if (count > 1) out.append(1, '.').append(all.substr(1));
        out += exponent < 0 ? "e-" : "e+";
        append_integer(out, std::abs(exponent));
    } else if (point <= 0) {
        out.append("0.").append(static_cast<size_t>(-point), '0').append(all);
    } else if (static_cast<size_t>(point) >= count) {
        out.append(all).append(static_cast<size_t>(point) - count, '0');
    } else {
        const auto front = static_cast<size_t>(point);
        out.append(all.substr(0, front)).append(1, '.').append(all.substr(front));
    }
}

bool append_json(std::string& out, const Json& json) {
    // As the payload of a CONNECT, which has no attachments.
    Encoded packet;
    JsonWriter writer(packet, 0);
    writer.begin(Type::connect, "/", std::nullopt);
    const size_t head = packet.text.size();
    writer.value(json);
    if (!writer.finish()) return false;
    out.append(packet.text, head);
    return true;
}

void JsonWriter::begin(Type type, std::string_view nsp, std::optional<uint64_t> id) {
    STARLING_ASSERT(type <= Type::connect_error);
    type_ = type;
    has_items_ = failed_ = lookalike_ = false;
    std::string& text = out_.text;
    text += '4';
    text += static_cast<char>('0' + static_cast<int>(type));
    if (!nsp.empty() && nsp != "/") text.append(nsp).append(1, ',');
    if (id) append_integer(text, *id);
    if (has_items_of(type)) text += '[';
}

void JsonWriter::separate() {
    STARLING_ASSERT(!has_items_ || has_items_of(type_));
    if (has_items_) out_.text += ',';
    has_items_ = true;
}

void JsonWriter::value(std::string_view text) {
    separate();
    append_json_string(out_.text, text);
}

void JsonWriter::value(int64_t number) {
    separate();
    append_integer(out_.text, number);
}

void JsonWriter::value(uint64_t number) {
    separate();
    append_integer(out_.text, number);
}

void JsonWriter::value(double number) {
    separate();
    append_json_number(out_.text, number);
}

void JsonWriter::value(bool flag) {
    separate();
    out_.text += flag ? "true" : "false";
}

void JsonWriter::value(std::nullptr_t) {
    separate();
    out_.text += "null";
}

void JsonWriter::value(const Binary& bytes) {
    separate();
    write_bytes(bytes.text());
}

void JsonWriter::value(const Json& json) {
    separate();
    write(json, has_items_of(type_) ? 2 : 1);
}

// `depth`: the depth of `json`, if `json` is an array or an object.
void JsonWriter::write(const Json& json, size_t depth) {
    std::string& text = out_.text;
    switch (json.kind()) {
        case boost::json::kind::null: text += "null"; return;
        case boost::json::kind::bool_: text += json.get_bool() ? "true" : "false"; return;
        case boost::json::kind::int64: return append_integer(text, json.get_int64());
        case boost::json::kind::uint64: return append_integer(text, json.get_uint64());
        case boost::json::kind::double_: return append_json_number(text, json.get_double());
        case boost::json::kind::string: return append_json_string(text, view_of(json.get_string()));
        default: break;
    }
    // A placeholder counts as an object, so that no sent packet is deeper than the decoder accepts.
    if (depth > encoded_depth_max) {
        failed_ = true;
    } else if (const auto* array = json.if_array()) {
        char before = '[';
        for (const Json& item : *array) {
            text += std::exchange(before, ',');
            write(item, depth + 1);
        }
        text += array->empty() ? "[]" : "]";
    } else if (const auto bytes = Binary::view(json)) {
        write_bytes(*bytes);
    } else {
        write_object(json, depth);
    }
}

void JsonWriter::write_object(const Json& json, size_t depth) {
    std::string& text = out_.text;
    char before = '{';
    for (const auto& [name, item] : json.get_object()) {
        const std::string_view key = view_of(name);
        if (key == "_placeholder" && item.is_bool() && item.get_bool()) lookalike_ = true;
        text += std::exchange(before, ',');
        append_json_string(text, key);
        text += ':';
        write(item, depth + 1);
    }
    text += json.get_object().empty() ? "{}" : "}";
}

void JsonWriter::write_bytes(std::string_view bytes) {
    // The decoder's limit: a client refuses a packet with more attachments, and leaves.
    if (!has_items_of(type_) || out_.attachments.size() >= attachments_max_) {
        failed_ = true;
        return;
    }
    out_.text += R"({"_placeholder":true,"num":)";
    append_integer(out_.text, out_.attachments.size());
    out_.text += '}';
    out_.attachments.emplace_back(bytes);
}

bool JsonWriter::finish() {
    if (has_items_of(type_)) out_.text += ']';
    const size_t count = out_.attachments.size();
    if (count > 0) {
        // The receiver cannot tell such an object from a placeholder: it would replace the object
        // by bytes, or close the connection. An application that echoes JSON must not cause this.
        if (lookalike_) failed_ = true;
        std::string head(1, type_ == Type::event ? '5' : '6');
        append_integer(head, count);
        head += '-';
        out_.text.replace(1, 1, head);
    }
    return !failed_;
}

}  // namespace starling::socketio
