#include "http/response_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "base/tokens.h"

namespace starling::http {
namespace {

using Kind = ResponseEvent::Kind;

// Larger buffers are freed after a response, since most connections are idle most of the time.
constexpr size_t kept_bytes_max = 2048, kept_fields_max = 64;

// "HTTP/1.1 200": the scanner has checked these characters.
constexpr size_t minor_at = 7, status_at = 9, status_end = 12;

uint16_t status_in(std::string_view text) {
    uint16_t status = 0;
    std::from_chars(text.data() + status_at, text.data() + status_end, status);
    return status;
}

// Removes the first line and returns it without its CRLF.
std::string_view take_line(std::string_view& text) {
    const size_t end = text.find('\r');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    return line;
}

}  // namespace

ResponseReader::ResponseReader(const ResponseLimits& limits)
    : limits_(limits),
      scanner_(HeadScanner::Part::response_head, {}),
      chunk_({limits.chunk_line_bytes_max, limits.extension_bytes_max}) {
    begin();
}

void ResponseReader::begin(Method method) {
    if (text_.capacity() > kept_bytes_max) text_ = std::string();
    if (fields_.capacity() > kept_fields_max) fields_ = std::vector<Field>();
    text_.clear();
    fields_.clear();
    head_ = {};
    head_bytes_left_ = limits_.head_bytes_max;
    body_bytes_left_ = limits_.body_bytes_max;
    piece_bytes_left_ = 0;
    chunk_ = ChunkScanner({limits_.chunk_line_bytes_max, limits_.extension_bytes_max});
    begin_scan(HeadScanner::Part::response_head);
    reason_ = {};
    codings_ = 0;
    interim_status_ = 0;
    method_ = method;
    phase_ = Phase::head;
    fault_ = ResponseFault::none;
    started_ = connection_close_ = connection_keep_alive_ = false;
}

void ResponseReader::begin_scan(HeadScanner::Part part) noexcept {
    scanner_ = HeadScanner(part, {.bytes_max = head_bytes_left_, .fields_max = limits_.fields_max});
}

ResponseEvent ResponseReader::fail(ResponseFault fault, std::string_view reason) noexcept {
    fault_ = fault;
    reason_ = reason;
    phase_ = Phase::failed;
    head_.keep_alive = false;
    return {Kind::error};
}

ResponseEvent ResponseReader::fail(const Fault& fault) noexcept {
    return fail(fault.status == 431 ? ResponseFault::head_too_large : ResponseFault::malformed,
                fault.reason);
}

ResponseEvent ResponseReader::next(std::span<const std::byte>& input) {
    started_ = started_ || !input.empty();
    for (;;) {
        if (phase_ == Phase::complete) return {Kind::complete};
        if (phase_ == Phase::failed) return {Kind::error};
        // Both counts shrink together, so a Content-Length over the limit is refused at the head.
        if (phase_ == Phase::length_body && piece_bytes_left_ > body_bytes_left_)
            return fail(ResponseFault::body_too_large, "response body too large");
        if (input.empty()) return {Kind::need_more};
        Step event;
        switch (phase_) {
            case Phase::head: event = next_head(input); break;
            case Phase::chunk_line: event = next_chunk_line(input); break;
            case Phase::trailers: event = next_trailers(input); break;
            case Phase::until_close: event = next_body(input, body_bytes_left_); break;
            default: event = next_body(input, piece_bytes_left_); break;
        }
        if (event) return *event;
    }
}

ResponseEvent ResponseReader::finish() {
    switch (phase_) {
        case Phase::until_close: phase_ = Phase::complete; [[fallthrough]];
        case Phase::complete: return {Kind::complete};
        case Phase::failed: return {Kind::error};
        case Phase::head:
            return fail(ResponseFault::ended, started_ ? "the connection ended within the head"
                                                       : "the connection ended before a response");
        default: return fail(ResponseFault::ended, "the connection ended within the body");
    }
}

uint16_t ResponseReader::status() const noexcept {
    if (head_.status != 0) return head_.status;
    return text_.find("\r\n") == std::string::npos ? interim_status_ : status_in(text_);
}

std::string_view ResponseReader::field(std::string_view name) const noexcept {
    for (const Field& field : fields_)
        if (base::iequals(field.name, name)) return field.value;
    return {};
}

// Scans a part of a head or of trailers. True: the part is complete, or faulty.
bool ResponseReader::scan(std::span<const std::byte>& input, bool keep) {
    const std::string_view bytes = base::text_of(input);
    const size_t taken = scanner_.scan(bytes);
    if (keep) text_.append(bytes.substr(0, taken));  // Before a fault too, for status().
    head_bytes_left_ -= static_cast<uint32_t>(taken);
    input = input.subspan(taken);
    return scanner_.done() || scanner_.fault().status != 0;
}

ResponseReader::Step ResponseReader::next_head(std::span<const std::byte>& input) {
    if (!scan(input, true)) return std::nullopt;
    if (!scanner_.done()) return fail(scanner_.fault());
    const uint16_t status = status_in(text_);
    if (status < 200 && status != 101) {
        // RFC 9110 section 15.2: any number of interim responses precedes the final one.
        interim_status_ = status;
        text_.clear();
        begin_scan(HeadScanner::Part::response_head);
        return std::nullopt;
    }
    if (!read_head() || !judge_framing()) return fail(ResponseFault::malformed, reason_);
    phase_ = body_phase();
    return ResponseEvent{Kind::head};
}

bool ResponseReader::read_head() {
    std::string_view rest = text_;
    const std::string_view first = take_line(rest);
    head_.status = status_in(first);
    head_.version_minor = first[minor_at] == '0' ? 0 : 1;
    head_.reason = base::trim(first.substr(status_end));
    for (;;) {
        const std::string_view line = take_line(rest);
        if (line.empty()) break;
        const size_t colon = line.find(':');
        fields_.push_back({line.substr(0, colon), base::trim(line.substr(colon + 1))});
        if (!read_field(fields_.back())) return false;
    }
    head_.fields = fields_;
    return true;
}

// Looks at a field that decides where the response ends, or what follows it.
bool ResponseReader::read_field(const Field& field) {
    if (base::iequals(field.name, "content-length")) {
        // RFC 9112 section 6.3 allows merging equal values, but two lengths are always suspicious.
        if (head_.content_length) return reason_ = "several lengths", false;
        uint64_t length = 0;
        const char* const end = field.value.data() + field.value.size();
        const auto [at, error] = std::from_chars(field.value.data(), end, length);
        if (error != std::errc() || at != end) return reason_ = "invalid Content-Length", false;
        head_.content_length = length;
    } else if (base::iequals(field.name, "transfer-encoding")) {
        ++codings_;
        head_.chunked = codings_ == 1 && base::iequals(field.value, "chunked");
    } else if (base::iequals(field.name, "connection")) {
        connection_close_ = connection_close_ || base::list_has(field.value, "close");
        connection_keep_alive_ =
            connection_keep_alive_ || base::list_has(field.value, "keep-alive");
    }
    return true;
}

bool ResponseReader::judge_framing() {
    if (codings_ == 0) return true;
    // RFC 9112 section 6.1.
    if (head_.version_minor == 0)
        reason_ = "Transfer-Encoding in HTTP/1.0";
    else if (head_.content_length)
        reason_ = "Content-Length with Transfer-Encoding";
    else if (!head_.chunked)
        reason_ = "transfer coding not implemented";
    return reason_.empty();
}

// RFC 9112 section 6.3: where the body ends; and section 9.3: what follows it.
ResponseReader::Phase ResponseReader::body_phase() {
    const uint16_t status = head_.status;
    head_.switched = status == 101 || (method_ == Method::connect && status >= 200 && status < 300);
    const bool announced = head_.chunked || head_.content_length.value_or(0) > 0;
    const bool without_body =
        method_ == Method::head || status == 204 || status == 304 || head_.switched;
    head_.until_close = !without_body && !head_.chunked && !head_.content_length;
    head_.keep_alive = !connection_close_ && (head_.version_minor > 0 || connection_keep_alive_) &&
                       !head_.until_close && !head_.switched && !(status == 204 && announced);
    if (without_body) return Phase::complete;
    if (head_.until_close) return Phase::until_close;
    if (head_.chunked) {
        chunk_.begin(false);
        return Phase::chunk_line;
    }
    piece_bytes_left_ = *head_.content_length;
    return piece_bytes_left_ > 0 ? Phase::length_body : Phase::complete;
}

// `left`: how many bytes the piece of the body may still have.
ResponseReader::Step ResponseReader::next_body(std::span<const std::byte>& input, uint64_t& left) {
    if (left == 0) return fail(ResponseFault::body_too_large, "response body too large");
    const auto body = input.first(std::min<uint64_t>(input.size(), left));
    input = input.subspan(body.size());
    left -= body.size();
    if (&left != &body_bytes_left_) body_bytes_left_ -= body.size();
    if (left == 0) {
        if (phase_ == Phase::length_body) phase_ = Phase::complete;
        if (phase_ == Phase::chunk_data) {
            chunk_.begin(true);
            phase_ = Phase::chunk_line;
        }
    }
    return ResponseEvent{Kind::body_chunk, body};
}

ResponseReader::Step ResponseReader::next_chunk_line(std::span<const std::byte>& input) {
    const size_t taken = chunk_.scan(base::text_of(input));
    input = input.subspan(taken);
    if (chunk_.fault().status != 0) return fail(chunk_.fault());
    if (!chunk_.done()) return std::nullopt;
    if (chunk_.last()) {
        begin_scan(HeadScanner::Part::trailers);
        phase_ = Phase::trailers;
    } else if (chunk_.size() > body_bytes_left_) {
        return fail(ResponseFault::body_too_large, "response body too large");
    } else {
        piece_bytes_left_ = chunk_.size();
        phase_ = Phase::chunk_data;
    }
    return std::nullopt;
}

// RFC 9112 section 7.1.2: trailers are checked, dropped, and never merged into the head.
ResponseReader::Step ResponseReader::next_trailers(std::span<const std::byte>& input) {
    if (!scan(input, false)) return std::nullopt;
    if (!scanner_.done()) return fail(scanner_.fault());
    phase_ = Phase::complete;
    return std::nullopt;
}

}  // namespace starling::http
