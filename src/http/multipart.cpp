#include "http/multipart.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/tokens.h"
#include "http/media_type.h"

namespace starling::http {
namespace {

constexpr size_t boundary_bytes_max = 70;

// bchars, RFC 2046 section 5.1.1.
bool is_boundary_char(char c) {
    return base::is_alphanumeric(c) ||
           (c != 0 && std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos);
}

size_t common_prefix(std::string_view a, std::string_view b) {
    return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

std::optional<std::string> multipart_boundary(std::string_view content_type) {
    if (!base::iequals(essence_of(content_type), "multipart/form-data")) return std::nullopt;
    const auto parameters = parameters_of(content_type);
    const std::string* boundary = parameters ? find_parameter(*parameters, "boundary") : nullptr;
    if (!boundary || boundary->empty() || boundary->size() > boundary_bytes_max ||
        boundary->back() == ' ' || !std::ranges::all_of(*boundary, is_boundary_char))
        return std::nullopt;
    return *boundary;
}

MultipartParser::MultipartParser(std::string_view boundary, const MultipartLimits& limits)
    : delimiter_("\r\n--" + std::string(boundary)), limits_(limits) {}

MultipartParser::Event MultipartParser::next(std::string_view& input) {
    for (;;) {
        Event event;
        switch (state_) {
            case State::preamble:
            case State::body: event = content(input); break;
            case State::line:
            case State::dash:
            case State::padding:
            case State::cr: event = boundary_line(input); break;
            case State::head: event = head_line(input); break;
            case State::epilogue: input = {}; return {};
            case State::failed: return {Kind::fault};
        }
        if (event.kind != Kind::need_more || input.empty()) return event;
    }
}

MultipartParser::Event MultipartParser::finish() {
    if (state_ == State::epilogue) return {Kind::end};
    if (state_ == State::failed) return {Kind::fault};
    return fail(400, "the closing boundary is missing");
}

MultipartParser::Event MultipartParser::fail(int status, std::string_view reason) {
    state_ = State::failed;
    status_ = status;
    reason_ = reason;
    return {Kind::fault};
}

// A delimiter holds a CR only at its front. So when held bytes turn out to be content, no other
// delimiter can begin among them.
MultipartParser::Event MultipartParser::content(std::string_view& input) {
    if (matched_ > 0) {
        const auto wanted = std::string_view(delimiter_).substr(matched_);
        const size_t same = common_prefix(input, wanted);
        if (same == wanted.size() || same == input.size()) {
            matched_ += same;
            input.remove_prefix(same);
            return same == wanted.size() ? delimiter_found() : Event{};
        }
        const auto held = std::string_view(delimiter_).substr(before_, matched_ - before_);
        matched_ = before_ = 0;
        return content_event(held);
    }
    size_t at = 0;
    while ((at = input.find('\r', at)) != std::string_view::npos) {
        const auto candidate = input.substr(at, delimiter_.size());
        const size_t same = common_prefix(candidate, delimiter_);
        if (same == candidate.size()) break;
        at += same;
    }
    const auto bytes = input.substr(0, at);
    input.remove_prefix(bytes.size());
    if (!bytes.empty()) return content_event(bytes);
    matched_ = std::min(input.size(), delimiter_.size());
    input.remove_prefix(matched_);
    return matched_ == delimiter_.size() ? delimiter_found() : Event{};
}

MultipartParser::Event MultipartParser::content_event(std::string_view bytes) {
    if (state_ == State::preamble || bytes.empty()) return {};
    part_bytes_ += bytes.size();
    if (part_bytes_ > limits_.part_bytes_max) return fail(413, "a part is too large");
    return {Kind::part_bytes, bytes};
}

MultipartParser::Event MultipartParser::delimiter_found() {
    const bool ends_part = state_ == State::body;
    matched_ = before_ = 0;
    head_bytes_ = 0;
    state_ = State::line;
    return {ends_part ? Kind::part_end : Kind::need_more};
}

// Reads the rest of a boundary's line: transport-padding and CRLF, or "--". RFC 2046 forbids the
// delimiter within a part, so any other bytes after it are a fault, not content.
MultipartParser::Event MultipartParser::boundary_line(std::string_view& input) {
    while (!input.empty()) {
        const char c = input.front();
        input.remove_prefix(1);
        if (++head_bytes_ > limits_.part_head_bytes_max)
            return fail(413, "the line of a boundary is too long");
        if (state_ == State::line && c == '-') {
            state_ = State::dash;
        } else if (state_ == State::dash && c == '-') {
            state_ = State::epilogue;
            return {Kind::end};
        } else if (state_ == State::cr && c == '\n') {
            if (parts_ == limits_.parts_max) return fail(413, "too many parts");
            ++parts_;
            state_ = State::head;
            head_ = {};
            named_ = false;
            return {};
        } else if ((state_ == State::line || state_ == State::padding) && c == '\r') {
            state_ = State::cr;
        } else if ((state_ == State::line || state_ == State::padding) && (c == ' ' || c == '\t')) {
            state_ = State::padding;
        } else {
            return fail(400, "a boundary is followed by other bytes");
        }
    }
    return {};
}

MultipartParser::Event MultipartParser::head_line(std::string_view& input) {
    const auto bytes = input.substr(0, input.find('\n'));
    const bool whole = bytes.size() < input.size();
    const size_t taken = bytes.size() + (whole ? 1 : 0);
    if (taken > limits_.part_head_bytes_max - head_bytes_)
        return fail(413, "the head of a part is too large");
    head_bytes_ += static_cast<uint32_t>(taken);
    line_.append(bytes);
    input.remove_prefix(taken);
    if (!whole) return {};
    if (!line_.ends_with('\r')) return fail(400, "a line of a part's head does not end with CRLF");
    line_.pop_back();
    const std::string line = std::exchange(line_, {});
    return line.empty() ? head_end() : head_field(line);
}

// Ignores all fields but these three, as RFC 7578 section 4.8 requires.
MultipartParser::Event MultipartParser::head_field(std::string_view line) {
    const size_t colon = line.find(':');
    const auto name = line.substr(0, colon);
    if (colon == std::string_view::npos || !base::is_token(name) ||
        !std::ranges::all_of(line, base::is_field_char))
        return fail(400, "a field of a part's head is malformed");
    const auto value = base::trim(line.substr(colon + 1));
    if (base::iequals(name, "content-disposition")) {
        if (named_ || !disposition(value))
            return fail(400, "the Content-Disposition of a part is malformed");
        named_ = true;
    } else if (base::iequals(name, "content-type")) {
        head_.content_type = value;
    } else if (base::iequals(name, "content-transfer-encoding")) {
        // RFC 7578 section 4.7 deprecates other encodings, and no client uses one. Accepting one
        // would pass encoded bytes on as content.
        if (!base::iequals(value, "binary") && !base::iequals(value, "8bit") &&
            !base::iequals(value, "7bit"))
            return fail(400, "the Content-Transfer-Encoding of a part is not supported");
    }
    return {};
}

// RFC 7578 section 4.2: the type must be form-data, with a name.
bool MultipartParser::disposition(std::string_view value) {
    if (!base::iequals(essence_of(value), "form-data")) return false;
    const auto parameters = parameters_of(value);
    const std::string* name = parameters ? find_parameter(*parameters, "name") : nullptr;
    if (!name) return false;
    head_.name = *name;
    if (const std::string* filename = find_parameter(*parameters, "filename"))
        head_.filename = *filename;
    return true;
}

MultipartParser::Event MultipartParser::head_end() {
    if (!named_) return fail(400, "a part has no Content-Disposition");
    if (head_.content_type.empty()) head_.content_type = "text/plain";
    state_ = State::body;
    part_bytes_ = 0;
    // The CRLF that ends the head may also begin the next delimiter: then the body is empty.
    matched_ = before_ = 2;
    return {Kind::part_begin};
}

}  // namespace starling::http
