#include "base/json_scan.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/json_text.h"
#include "base/text.h"

namespace starling::base {
namespace {

static_assert(std::endian::native == std::endian::little, "the first byte is the lowest one");

bool is_blank(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

bool is_hex(char c) noexcept { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }

const char* skip_blanks(const char* at, const char* end) noexcept {
    while (at != end && is_blank(*at)) ++at;
    return at;
}

// Finds the first quote, backslash or control character.
const char* find_special(const char* at, const char* end) noexcept {
    for (; end - at >= 8; at += 8) {
        uint64_t word = 0;
        std::memcpy(&word, at, 8);
        const uint64_t found = json_detail::special(word);
        if (found != 0) return at + std::countr_zero(found) / 8;
    }
    while (at != end && !json_detail::is_special(*at)) ++at;
    return at;
}

JsonKind kind_of(char first) noexcept {
    switch (first) {
        case '{': return JsonKind::object;
        case '[': return JsonKind::array;
        case '"': return JsonKind::string;
        case 't':
        case 'f': return JsonKind::boolean;
        case 'n': return JsonKind::null;
        default: return JsonKind::number;
    }
}

class Scan {
public:
    explicit Scan(std::string_view text) noexcept
        : at_(text.data()), end_(text.data() + text.size()) {}

    // Checks a whole text.
    bool run() noexcept {
        do {
            if (!begin_value()) return false;
        } while (between_values());
        return !failed_;
    }

private:
    // Reads a value, or the beginning of an array or object up to its first value.
    bool begin_value() noexcept {
        for (;;) {
            at_ = skip_blanks(at_, end_);
            if (at_ == end_) return false;
            const bool object = *at_ == '{';
            if (!object && *at_ != '[') return scalar();
            if (depth_ == json_scan_depth_max) return false;
            objects_[depth_ / 64] &= ~(uint64_t{1} << depth_ % 64);
            objects_[depth_ / 64] |= static_cast<uint64_t>(object) << depth_ % 64;
            ++depth_;
            at_ = skip_blanks(at_ + 1, end_);
            if (at_ == end_) return false;
            if (*at_ == (object ? '}' : ']')) {
                --depth_;
                ++at_;
                return true;
            }
            if (object && !key()) return false;
        }
    }

    // After a value: closes the arrays and objects that end here. True if another value must
    // follow; false at the end of the text, and for a fault.
    bool between_values() noexcept {
        for (;;) {
            at_ = skip_blanks(at_, end_);
            if (depth_ == 0 || at_ == end_) {
                failed_ = depth_ != 0 || at_ != end_;
                return false;
            }
            const bool object = in_object();
            const char c = *at_++;
            if (c == ',') {
                failed_ = object && !key();
                return !failed_;
            }
            if (c != (object ? '}' : ']')) {
                failed_ = true;
                return false;
            }
            --depth_;
        }
    }

    [[nodiscard]] bool in_object() const noexcept {
        return (objects_[(depth_ - 1) / 64] >> (depth_ - 1) % 64 & 1) != 0;
    }

    bool key() noexcept {
        at_ = skip_blanks(at_, end_);
        if (at_ == end_ || *at_ != '"' || !string()) return false;
        at_ = skip_blanks(at_, end_);
        return at_ != end_ && *at_++ == ':';
    }

    bool scalar() noexcept {
        switch (*at_) {
            case '"': return string();
            case 't': return literal("true");
            case 'f': return literal("false");
            case 'n': return literal("null");
            default: return number();
        }
    }

    // RFC 8259 section 7.
    bool string() noexcept {
        ++at_;
        for (;;) {
            at_ = find_special(at_, end_);
            if (at_ == end_) return false;
            const char c = *at_++;
            if (c == '"') return true;
            if (c != '\\' || at_ == end_) return false;
            const char escaped = *at_++;
            if (escaped != 'u') {
                if (std::string_view("\"\\/bfnrt").find(escaped) == std::string_view::npos)
                    return false;
                continue;
            }
            for (int digits = 0; digits < 4; ++digits)
                if (at_ == end_ || !is_hex(*at_++)) return false;
        }
    }

    // RFC 8259 section 6.
    bool number() noexcept {
        if (*at_ == '-') ++at_;
        if (at_ != end_ && *at_ == '0')
            ++at_;
        else if (!digits())
            return false;
        if (at_ != end_ && *at_ == '.' && (++at_, !digits())) return false;
        if (at_ == end_ || lower(*at_) != 'e') return true;
        ++at_;
        if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
        return digits();
    }

    bool digits() noexcept {
        const char* const from = at_;
        while (at_ != end_ && is_digit(*at_)) ++at_;
        return at_ != from;
    }

    bool literal(std::string_view word) noexcept {
        if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) return false;
        at_ += word.size();
        return true;
    }

    const char* at_;
    const char* end_;
    size_t depth_ = 0;
    // One bit per depth: 1 for an object, 0 for an array.
    std::array<uint64_t, json_scan_depth_max / 64> objects_{};
    bool failed_ = false;
};

// Returns the end of the string that begins at `at`, in a text that was accepted.
const char* string_end(const char* at, const char* end) noexcept {
    for (++at;; at += *at == '\\' ? 2 : 1) {
        at = find_special(at, end);
        if (*at == '"') return at + 1;
    }
}

// Returns the end of the value that begins at `at`, in a text that was accepted.
const char* value_end(const char* at, const char* end) noexcept {
    if (*at == '"') return string_end(at, end);
    if (*at != '{' && *at != '[') {
        while (at != end && *at != ',' && *at != '}' && *at != ']' && !is_blank(*at)) ++at;
        return at;
    }
    size_t depth = 0;
    do {
        if (*at == '"') {
            at = string_end(at, end);
            continue;
        }
        if (*at == '{' || *at == '[') ++depth;
        if (*at == '}' || *at == ']') --depth;
        ++at;
    } while (depth > 0);
    return at;
}

std::string_view between(const char* begin, const char* end) noexcept {
    return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

std::optional<JsonText> scan_json(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    if (text.empty() || !Scan(text).run()) return std::nullopt;
    return JsonText{kind_of(text.front()), text};
}

bool JsonWalk::next() noexcept {
    const char* const end = rest_.data() + rest_.size();
    const char* at = skip_blanks(rest_.data(), end);
    if (at == end) return false;
    if (*at == ',') at = skip_blanks(at + 1, end);
    if (object_) {
        const char* const behind = string_end(at, end);
        key_ = between(at + 1, behind - 1);
        at = skip_blanks(skip_blanks(behind, end) + 1, end);  // Skips the colon.
    }
    const char* const behind = value_end(at, end);
    value_ = {kind_of(*at), between(at, behind)};
    rest_ = between(behind, end);
    return true;
}

}  // namespace starling::base
