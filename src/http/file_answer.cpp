#include "http/file_answer.h"

#include <algorithm>
#include <charconv>

#include "http/date.h"
#include "http/response_access.h"

namespace starling::http {
namespace {

void append_hex(std::string& out, uint64_t value) {
    char digits[16];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value, 16).ptr);
}

}  // namespace

std::string etag_of(const FileIdentity& file, bool gzip) {
    std::string etag = "\"";
    append_hex(etag, static_cast<uint64_t>(file.modified_s) * 1'000'000'000u +
                         static_cast<uint64_t>(file.modified_ns));
    etag += '-';
    append_hex(etag, file.size_bytes);
    etag += '-';
    append_hex(etag, file.inode);
    return etag += gzip ? "-gz\"" : "\"";
}

std::optional<ByteRange> choose_part(const Request& request, Response& response,
                                     std::string_view etag, int64_t modified_s, uint64_t size_bytes,
                                     int64_t now_s) {
    // RFC 9110 section 8.8.2.1: Last-Modified is never later than the time of the answer.
    modified_s = std::min(modified_s, now_s);
    if (!response.has_header("etag")) response.header("ETag", etag);
    if (!response.has_header("last-modified"))
        response.header("Last-Modified", format_date(modified_s));
    else
        modified_s = parse_date(response.header("last-modified"), now_s).value_or(modified_s);
    const std::string tag(response.header("etag"));

    const Validators validators{tag, modified_s};
    const auto condition = evaluate_conditions(request, validators, now_s);
    if (condition == Condition::not_modified) {
        response.status(304).body(std::string(), {});
        return std::nullopt;
    }
    if (condition == Condition::precondition_failed)
        return plain_answer(response, 412), std::nullopt;

    const auto verdict = evaluate_range(request, validators, size_bytes, now_s);
    if (verdict.kind == RangeVerdict::Kind::unsatisfiable) {
        response.header("Content-Range", content_range(verdict, size_bytes));
        return plain_answer(response, 416), std::nullopt;
    }
    response.header("Accept-Ranges", "bytes").header("X-Content-Type-Options", "nosniff");
    if (verdict.kind != RangeVerdict::Kind::partial) return ByteRange{0, size_bytes};
    response.status(206).header("Content-Range", content_range(verdict, size_bytes));
    return verdict.range;
}

}  // namespace starling::http
