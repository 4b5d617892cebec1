#include "http/chunk_scanner.h"

#include "base/tokens.h"

namespace starling::http {
namespace {

// 64 bits. More digits are refused even if they begin with zeros: no real client sends so many.
constexpr uint32_t digits_max = 16;

}  // namespace

bool ChunkScanner::step(char c) noexcept {
    switch (state_) {
        case State::data_cr:
            if (c != '\r') return fail("chunk longer than its size");
            state_ = State::data_lf;
            return true;
        case State::data_lf:
            if (c != '\n') return fail("CR without LF");
            state_ = State::size;
            return true;
        case State::size:
            if (base::is_digit(c) || (base::lower(c) >= 'a' && base::lower(c) <= 'f')) {
                if (++digits_ > digits_max) return fail("chunk size over 64 bits");
                size_ = size_ << 4 | static_cast<uint64_t>(
                                         base::is_digit(c) ? c - '0' : base::lower(c) - 'a' + 10);
                return true;
            }
            if (digits_ == 0) return fail("invalid chunk size");
            if (c == '\r') {
                state_ = State::line_lf;
                return true;
            }
            if (c != ';' && c != ' ' && c != '\t') return fail("invalid chunk size");
            state_ = State::padding;
            return step_extension(c);
        case State::padding:
        case State::name:
        case State::extension: return step_extension(c);
        default:  // line_lf
            if (c != '\n') return fail("CR without LF");
            state_ = State::done;
            return true;
    }
}

// chunk-ext = *( BWS ";" BWS name ... ), RFC 9112 section 7.1.1. Nothing is checked behind the first
// name but the kind of the characters.
bool ChunkScanner::step_extension(char c) noexcept {
    const bool space = c == ' ' || c == '\t';
    if (c == '\r') {
        const bool complete =
            state_ == State::extension || (state_ == State::padding && limits_.padding);
        state_ = State::line_lf;
        return complete || fail("invalid chunk extension");
    }
    if (!base::is_field_char(c)) return fail("invalid chunk extension");
    if (state_ == State::padding && !space) {
        if (c != ';') return fail("invalid chunk extension");
        state_ = State::name;
    } else if (state_ == State::name && !space) {
        if (!base::is_token_char(c)) return fail("invalid chunk extension");
        state_ = State::extension;
    }
    // Extension bytes are summed over the whole body, so that a client cannot send more extensions
    // than data.
    return (++line_bytes_ <= limits_.line_bytes_max &&
            ++extension_bytes_ <= limits_.extension_bytes_max) ||
           fail("chunk extensions too large");
}

}  // namespace starling::http
