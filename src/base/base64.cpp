#include "base/base64.h"

#include <array>
#include <cstdint>

namespace starling::base {
namespace {

using Values = std::array<int8_t, 256>;

constexpr Values values_of(char c62, char c63) {
    Values table{};
    table.fill(-1);
    for (size_t i = 0; i < 62; ++i)
        table[static_cast<unsigned char>(base64url_alphabet[i])] = static_cast<int8_t>(i);
    table[static_cast<unsigned char>(c62)] = 62;
    table[static_cast<unsigned char>(c63)] = 63;
    return table;
}

constexpr Values values = values_of('+', '/');
constexpr Values url_values = values_of('-', '_');

bool decode(std::string_view text, const Values& table, std::string& out) {
    out.clear();
    if (text.size() % 4 == 1) return false;  // Six bits are no byte.
    out.reserve(text.size() / 4 * 3 + 2);
    uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const int8_t value = table[static_cast<unsigned char>(c)];
        if (value < 0) return false;
        bits = bits << 6 | static_cast<uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out.push_back(static_cast<char>(bits >> count & 0xff));
    }
    // RFC 4648 section 3.5: a decoder may refuse non-zero pad bits. A signature that can be spelled
    // in several ways is a signature that someone compares wrongly.
    return (bits & ((1U << count) - 1)) == 0;
}

char letter(uint32_t six) noexcept {
    return six == 62 ? '+' : six == 63 ? '/' : base64url_alphabet[six];
}

}  // namespace

std::optional<std::string> base64url_decode(std::string_view text) {
    std::string out;
    if (!decode(text, url_values, out)) return std::nullopt;
    return out;
}

bool base64_decode(std::string_view text, std::string& out) {
    const size_t length = text.size();
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
    if (length != text.size() && length % 4 != 0) {
        out.clear();
        return false;
    }
    return decode(text, values, out);
}

void base64_append(std::string& out, std::string_view bytes) {
    out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
    const auto at = [&](size_t i) -> uint32_t {
        return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
    };
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const uint32_t bits = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
        out.push_back(letter(bits >> 18));
        out.push_back(letter(bits >> 12 & 63));
        out.push_back(i + 1 < bytes.size() ? letter(bits >> 6 & 63) : '=');
        out.push_back(i + 2 < bytes.size() ? letter(bits & 63) : '=');
    }
}

}  // namespace starling::base
