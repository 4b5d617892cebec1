#include "http/response_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "base/tokens.h"
#include "http/kept_memory.h"

namespace starling::http {
namespace {

using Kind = ResponseEvent::Kind;

// "HTTP/1.1 200": the scanner has checked these characters.
constexpr size_t minor_at = 7, status_at = 9, status_end = 12;

uint16_t status_in(std::string_view text) {
    uint16_t status = 0;
    std::from_chars(text.data() + status_at, text.data() + status_end, status);
    return status;
}

BodyFraming framing(const ResponseLimits& limits) {
    return {BodyFraming::Of::response,
            {.line_bytes_max = limits.chunk_line_bytes_max,
             .extension_bytes_max = limits.extension_bytes_max,
             .padding = true}};
}

}  // namespace

ResponseReader::ResponseReader(const ResponseLimits& limits)
    : limits_(limits), scanner_(HeadScanner::Part::response_head, {}), body_(framing(limits)) {
    begin();
}

void ResponseReader::begin(Method method) {
    clear_for_reuse(text_);
    clear_for_reuse(fields_);
    clear_for_reuse(lines_);
    head_ = {};
    head_bytes_left_ = limits_.head_bytes_max;
    body_ = framing(limits_);
    begin_scan();
    reason_ = {};
    codings_ = 0;
    interim_status_ = 0;
    method_ = method;
    phase_ = Phase::head;
    fault_ = ResponseFault::none;
    started_ = connection_close_ = connection_keep_alive_ = false;
}

void ResponseReader::begin_scan() noexcept {
    scanner_ = HeadScanner(HeadScanner::Part::response_head,
                           {.bytes_max = head_bytes_left_, .fields_max = limits_.fields_max});
}

ResponseEvent ResponseReader::fail(ResponseFault fault, std::string_view reason) noexcept {
    fault_ = fault;
    reason_ = reason;
    phase_ = Phase::failed;
    head_.keep_alive = false;
    return {Kind::error};
}

ResponseEvent ResponseReader::fail(const Fault& fault) noexcept {
    if (fault.status == 413) return fail(ResponseFault::body_too_large, "response body too large");
    return fail(fault.status == 431 ? ResponseFault::head_too_large : ResponseFault::malformed,
                fault.reason);
}

ResponseEvent ResponseReader::next(std::span<const std::byte>& input) {
    started_ = started_ || !input.empty();
    while (phase_ == Phase::head && !input.empty())
        if (const Step event = next_head(input)) return *event;
    switch (phase_) {
        case Phase::head: return {Kind::need_more};
        case Phase::body: return next_body(input);
        case Phase::complete: return {Kind::complete};
        default: return {Kind::error};
    }
}

ResponseEvent ResponseReader::finish() {
    if (phase_ == Phase::body && body_.may_end()) phase_ = Phase::complete;
    switch (phase_) {
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

// True: the head is complete, or faulty.
bool ResponseReader::scan(std::span<const std::byte>& input) {
    const std::string_view bytes = base::text_of(input);
    const size_t taken = scanner_.scan(bytes, &lines_);
    text_.append(bytes.substr(0, taken));  // Before a fault too, for status().
    head_bytes_left_ -= static_cast<uint32_t>(taken);
    input = input.subspan(taken);
    return scanner_.done() || scanner_.fault().status != 0;
}

ResponseReader::Step ResponseReader::next_head(std::span<const std::byte>& input) {
    if (!scan(input)) return std::nullopt;
    if (!scanner_.done()) return fail(scanner_.fault());
    const uint16_t status = status_in(text_);
    if (status < 200 && status != 101) {
        // RFC 9110 section 15.2: any number of interim responses precedes the final one.
        interim_status_ = status;
        text_.clear();
        lines_.clear();
        begin_scan();
        return std::nullopt;
    }
    if (!read_head() || !judge_framing()) return fail(ResponseFault::malformed, reason_);
    phase_ = begin_body();
    return ResponseEvent{Kind::head};
}

bool ResponseReader::read_head() {
    const std::string_view first = std::string_view(text_).substr(0, text_.find('\r'));
    head_.status = status_in(first);
    head_.version_minor = first[minor_at] == '0' ? 0 : 1;
    head_.reason = base::trim(first.substr(status_end));
    append_fields(text_, lines_, fields_);
    for (const Field& field : fields_)
        if (!read_field(field)) return false;
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
ResponseReader::Phase ResponseReader::begin_body() {
    const uint16_t status = head_.status;
    head_.switched = status == 101 || (method_ == Method::connect && status >= 200 && status < 300);
    const bool announced = head_.chunked || head_.content_length.value_or(0) > 0;
    const bool without_body =
        method_ == Method::head || status == 204 || status == 304 || head_.switched;
    head_.until_close = !without_body && !head_.chunked && !head_.content_length;
    head_.keep_alive = !connection_close_ && (head_.version_minor > 0 || connection_keep_alive_) &&
                       !head_.until_close && !head_.switched && !(status == 204 && announced);
    if (without_body) return Phase::complete;
    const uint64_t bytes_max = limits_.body_bytes_max;
    if (head_.until_close)
        body_.begin_until_close(bytes_max);
    else if (head_.chunked)
        body_.begin_chunks(bytes_max,
                           {.bytes_max = head_bytes_left_, .fields_max = limits_.fields_max});
    else
        body_.begin_length(*head_.content_length, bytes_max);
    return Phase::body;
}

ResponseEvent ResponseReader::next_body(std::span<const std::byte>& input) {
    const BodyFraming::Event event = body_.next(input);
    switch (event.kind) {
        case BodyFraming::Kind::need_more: return {Kind::need_more};
        case BodyFraming::Kind::piece: return {Kind::body_chunk, event.bytes};
        case BodyFraming::Kind::error: return fail(body_.fault());
        default: phase_ = Phase::complete; return {Kind::complete};
    }
}

}  // namespace starling::http
