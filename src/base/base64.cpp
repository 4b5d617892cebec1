#include "base/base64.h"

#include <algorithm>
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

constexpr int8_t skipped = -2;

constexpr Values url_values = values_of('-', '_');
// Both alphabets, and white space: RFC 2045 breaks lines.
constexpr Values lenient_values = [] {
    Values table = values_of('+', '/');
    table['-'] = 62;
    table['_'] = 63;
    for (const unsigned char space : {' ', '\t', '\r', '\n', '\v', '\f'}) table[space] = skipped;
    return table;
}();

// The letters at the front of a text.
struct Letters {
    size_t count = 0;  // Without white space.
    // The last `left` bits are what remains after the last whole byte.
    uint32_t bits = 0;
    unsigned left = 0;
    size_t read = 0;  // End of the letters: the end of the text, or another character.
};

Letters decode(std::string_view text, const Values& table, std::string& out) {
    Letters letters;
    out.clear();
    out.reserve(text.size() / 4 * 3 + 2);
    for (const char c : text) {
        const int8_t value = table[static_cast<unsigned char>(c)];
        if (value < 0 && value != skipped) break;
        ++letters.read;
        if (value < 0) continue;
        ++letters.count;
        letters.bits = letters.bits << 6 | static_cast<uint32_t>(value);
        letters.left += 6;
        if (letters.left < 8) continue;
        letters.left -= 8;
        out.push_back(static_cast<char>(letters.bits >> letters.left & 0xff));
    }
    return letters;
}

char letter(uint32_t six) noexcept {
    return six == 62 ? '+' : six == 63 ? '/' : base64url_alphabet[six];
}

}  // namespace

std::optional<std::string> base64url_decode(std::string_view text) {
    std::string out;
    const Letters letters = decode(text, url_values, out);
    if (letters.read != text.size() || letters.count % 4 == 1) return std::nullopt;
    // RFC 4648 section 3.5: a decoder may refuse non-zero pad bits. If a signature had several
    // spellings, some code would compare it wrongly.
    if ((letters.bits & ((1U << letters.left) - 1)) != 0) return std::nullopt;
    return out;
}

bool base64_decode(std::string_view text, std::string& out) {
    const Letters letters = decode(text, lenient_values, out);
    const bool only_padding = std::ranges::all_of(text.substr(letters.read), [](char c) {
        return c == '=' || lenient_values[static_cast<unsigned char>(c)] == skipped;
    });
    if (only_padding && letters.count % 4 != 1) return true;  // Six bits make no byte.
    out.clear();
    return false;
}

void base64url_append(std::string& out, std::string_view bytes) {
    const size_t from = out.size();
    base64_append(out, bytes);
    while (out.size() > from && out.back() == '=') out.pop_back();
    for (size_t i = from; i < out.size(); ++i)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
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
