#include "http/head_scanner.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/tokens.h"

namespace starling::http {
namespace {

constexpr uint32_t method_bytes_max = 32;
constexpr uint8_t blank_lines_max = 2;
constexpr std::string_view version_prefix = "HTTP/";

enum : uint8_t { token_bit = 1, value_bit = 2, target_bit = 4 };

// RFC 3986 allows fewer characters, but browsers send a few more ('|', '[', '{', '^', '`'). A
// fragment, a backslash, quotes and angle brackets are refused: servers read them in different
// ways.
constexpr bool is_target_char(char c) {
    return c > 0x20 && c < 0x7f && std::string_view("\"#<>\\").find(c) == std::string_view::npos;
}

constexpr auto classes = [] {
    std::array<uint8_t, 256> table{};
    for (int i = 0; i < 256; ++i) {
        const char c = static_cast<char>(i);
        table[static_cast<size_t>(i)] = static_cast<uint8_t>(
            (base::is_token_char(c) ? token_bit : 0) | (base::is_field_char(c) ? value_bit : 0) |
            (is_target_char(c) ? target_bit : 0));
    }
    return table;
}();

constexpr bool has(char c, uint8_t bit) {
    return (classes[static_cast<unsigned char>(c)] & bit) != 0;
}

#if defined(__SSE2__)
// Returns how many of the first bytes are field content without a tab, 16 at a time; the rest, of fewer bytes, is
// left. True: the next byte is none.
bool plain_blocks(std::string_view text, size_t& count) {
    const __m128i last_control = _mm_set1_epi8(0x1f), del = _mm_set1_epi8(0x7f);
    for (; count + 16 <= text.size(); count += 16) {
        const __m128i block =
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + count));
        const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block),
                                           _mm_cmpeq_epi8(block, del));
        if (const auto bits = static_cast<unsigned>(_mm_movemask_epi8(found)); bits != 0) {
            count += static_cast<size_t>(std::countr_zero(bits));
            return true;
        }
    }
    return false;
}
#else
bool plain_blocks(std::string_view, size_t&) { return false; }
#endif

// Returns how many of the first bytes are field content without a tab, many at a time.
size_t plain_prefix(std::string_view text) {
    size_t i = 0;
    if (plain_blocks(text, i)) return i;
    constexpr uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    for (; i + 8 <= text.size(); i += 8) {
        uint64_t word = 0;
        std::memcpy(&word, text.data() + i, sizeof word);
        const uint64_t del = word ^ ones * 0x7f;
        // The top bit of each byte that is below 0x20 or DEL. A subtraction borrows only from bytes
        // after such a byte, so the first bit is right.
        const uint64_t found = (((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & tops;
        if (found == 0) continue;
        if constexpr (std::endian::native != std::endian::little) break;
        return i + static_cast<size_t>(std::countr_zero(found)) / 8;
    }
    while (i < text.size() && text[i] != '\t' && has(text[i], value_bit)) ++i;
    return i;
}

size_t prefix(std::string_view text, uint8_t bit) {
    size_t i = 0;
    while (i < text.size() && has(text[i], bit)) ++i;
    return i;
}

}  // namespace

void append_fields(std::string_view head, const std::vector<FieldLine>& lines,
                   std::vector<Field>& fields) {
    fields.reserve(fields.size() + lines.size());
    for (const FieldLine& line : lines)
        fields.push_back({head.substr(line.name, line.colon - line.name),
                          base::trim(head.substr(line.colon + 1, line.end - line.colon - 1))});
}

HeadScanner::HeadScanner(Part part, const Limits& limits) noexcept
    : bytes_left_(limits.bytes_max),
      fields_left_(limits.fields_max),
      target_bytes_max_(limits.target_bytes_max),
      state_(part == Part::trailers        ? State::line
             : part == Part::response_head ? State::version
                                           : State::start),
      part_(part) {}

bool HeadScanner::fail(int status, std::string_view reason) noexcept {
    fault_ = {status, reason};
    return false;
}

size_t HeadScanner::scan(std::string_view bytes, std::vector<FieldLine>* lines) {
    size_t i = 0;
    while (i < bytes.size() && !done() && fault_.status == 0) {
        const std::string_view rest = bytes.substr(i, bytes_left_);
        const size_t skipped = state_ == State::line ? skip_lines(rest, lines) : skip_run(rest);
        i += skipped;
        at_ += static_cast<uint32_t>(skipped);
        bytes_left_ -= static_cast<uint32_t>(skipped);
        if (i == bytes.size()) break;
        if (bytes_left_ == 0) {
            static_cast<void>(fail(431, part_ == Part::trailers        ? "trailers too large"
                                        : part_ == Part::response_head ? "response head too large"
                                                                       : "request head too large"));
            break;
        }
        const bool in_value = state_ == State::value;
        if (!step(bytes[i])) break;
        if (in_value && state_ == State::value_lf && lines) lines->push_back(line_);
        ++i;
        if (in_blank_lines()) continue;
        ++at_;
        --bytes_left_;
    }
    return i;
}

size_t HeadScanner::skip_run(std::string_view bytes) noexcept {
    constexpr std::string_view usual_version = "HTTP/1.1\r\n";
    switch (state_) {
        case State::method:
        case State::target: {
            const bool method = state_ == State::method;
            const uint32_t bytes_max = method ? method_bytes_max : target_bytes_max_;
            const size_t run =
                prefix(bytes.substr(0, bytes_max - part_bytes_), method ? token_bit : target_bit);
            part_bytes_ += static_cast<uint32_t>(run);
            return run;
        }
        case State::name: return prefix(bytes, token_bit);
        case State::value: return plain_prefix(bytes);
        case State::version:
            if (part_ != Part::request_head || part_bytes_ > 0 || !bytes.starts_with(usual_version))
                return 0;
            state_ = State::line;
            return usual_version.size();
        default: return 0;
    }
}

size_t HeadScanner::skip_lines(std::string_view bytes, std::vector<FieldLine>* lines) {
    size_t begin = 0;
    while (fields_left_ > 0) {
        const size_t colon = begin + prefix(bytes.substr(begin), token_bit);
        if (colon == begin || colon == bytes.size() || bytes[colon] != ':') break;
        const size_t end = colon + 1 + plain_prefix(bytes.substr(colon + 1));
        if (!bytes.substr(end).starts_with("\r\n")) break;
        --fields_left_;
        if (lines)
            lines->push_back({at_ + static_cast<uint32_t>(begin),
                              at_ + static_cast<uint32_t>(colon),
                              at_ + static_cast<uint32_t>(end)});
        begin = end + 2;
    }
    return begin;
}

bool HeadScanner::step(char c) noexcept {
    if (state_ >= State::line) return step_field(c);
    if (state_ == State::version) return step_version(c);
    if (state_ == State::first_lf) {
        state_ = State::line;
        return c == '\n' || fail(400, "CR without LF");
    }
    return part_ == Part::response_head ? step_status_line(c) : step_request_line(c);
}

bool HeadScanner::step_request_line(char c) noexcept {
    switch (state_) {
        case State::start:
            if (c == '\r') {
                if (++blank_lines_ > blank_lines_max)
                    return fail(400, "blank lines before the request");
                state_ = State::blank_lf;
                return true;
            }
            if (!has(c, token_bit)) return fail(400, "invalid method");
            state_ = State::method;
            part_bytes_ = 1;
            return true;
        case State::blank_lf:
            if (c != '\n') return fail(400, "CR without LF");
            state_ = State::start;
            return true;
        case State::method:
            if (c == ' ') {
                state_ = State::target;
                part_bytes_ = 0;
                return true;
            }
            if (!has(c, token_bit)) return fail(400, "invalid method");
            // RFC 9112 section 3: a method longer than any known method gets 501.
            if (++part_bytes_ > method_bytes_max) return fail(501, "method not implemented");
            return true;
        default:  // target
            if (c == ' ' && part_bytes_ > 0) {
                state_ = State::version;
                part_bytes_ = 0;
                return true;
            }
            if (!has(c, target_bit)) return fail(400, "invalid request target");
            if (++part_bytes_ > target_bytes_max_) return fail(414, "request target too long");
            return true;
    }
}

// status-line = HTTP-version SP status-code SP [ reason-phrase ], RFC 9112 section 4. The second
// space may be missing: many servers leave it out together with the reason phrase.
bool HeadScanner::step_status_line(char c) noexcept {
    if (state_ == State::code) {
        const uint32_t at = part_bytes_++;
        if (at < 3)
            return (base::is_digit(c) && (at > 0 || c != '0')) || fail(400, "invalid status code");
        if (c != ' ' && c != '\r')
            return fail(400, c == '\n' ? "LF without CR" : "invalid status code");
        state_ = State::reason;
    }
    if (c == '\r')
        state_ = State::first_lf;
    else if (!has(c, value_bit))
        return fail(400, c == '\n' ? "LF without CR" : "control character in the status line");
    return true;
}

// HTTP-version = "HTTP/" DIGIT "." DIGIT, RFC 9112 section 2.3.
bool HeadScanner::step_version(char c) noexcept {
    const uint32_t at = part_bytes_++;
    if (at < version_prefix.size())
        return c == version_prefix[at] || fail(400, "invalid HTTP version");
    if (at == 5 || at == 7) {
        if (!base::is_digit(c)) return fail(400, "invalid HTTP version");
        if (at == 5)
            version_major_ = c;
        else if (version_major_ != '1')
            return fail(505, "HTTP version not supported");
        return true;
    }
    if (at == 6) return c == '.' || fail(400, "invalid HTTP version");
    if (part_ == Part::response_head) {
        if (c != ' ') return fail(400, "invalid HTTP version");
        state_ = State::code;
        part_bytes_ = 0;
        return true;
    }
    if (c != '\r') return fail(400, c == '\n' ? "LF without CR" : "invalid HTTP version");
    state_ = State::first_lf;
    return true;
}

bool HeadScanner::step_field(char c) noexcept {
    switch (state_) {
        case State::line:
            if (c == '\r') {
                state_ = State::end_lf;
                return true;
            }
            if (c == '\n') return fail(400, "LF without CR");
            // RFC 9112 section 5.2: obs-fold is refused rather than replaced.
            if (c == ' ' || c == '\t') return fail(400, "folded header field");
            if (!has(c, token_bit)) return fail(400, "invalid header name");
            if (fields_left_-- == 0) return fail(431, "too many header fields");
            line_.name = at_;
            state_ = State::name;
            return true;
        case State::name:
            if (c == ':') {
                line_.colon = at_;
                state_ = State::value;
                return true;
            }
            if (has(c, token_bit)) return true;
            // RFC 9112 section 5.1: no whitespace between name and colon.
            return fail(400,
                        c == ' ' || c == '\t' ? "space before the colon" : "invalid header name");
        case State::value:
            if (c == '\r') {
                line_.end = at_;
                state_ = State::value_lf;
                return true;
            }
            if (has(c, value_bit)) return true;
            return fail(400, c == '\n' ? "LF without CR" : "control character in a header");
        case State::value_lf:
            if (c != '\n') return fail(400, "CR without LF");
            state_ = State::line;
            return true;
        default:  // end_lf
            if (c != '\n') return fail(400, "CR without LF");
            state_ = State::done;
            return true;
    }
}

}  // namespace starling::http
