// http/file_answer.h: the answer whose body is a file: its entity tag, its fields, and the part
// that is sent (RFC 9110 sections 8.8, 13 and 14). Pure functions, any thread.
#pragma once

#include <starling/http.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/conditional.h"

namespace starling::http {

// The identity of a file's contents. Equal identities mean equal bytes.
struct FileIdentity {
    uint64_t device = 0, inode = 0, size_bytes = 0;
    int64_t modified_s = 0, modified_ns = 0;
    auto operator<=>(const FileIdentity&) const = default;
};

// A strong entity tag with its quotes. The gzip form of a file has another tag than the file.
[[nodiscard]] std::string etag_of(const FileIdentity& file, bool gzip);

// Chooses the part to send for a GET or HEAD of a file of `size_bytes` bytes, modified at
// `modified_s`. Sets ETag and Last-Modified unless the response has them, and the fields that a
// range needs. Returns nothing if the response is the complete answer: 304, 412 or 416.
[[nodiscard]] std::optional<ByteRange> choose_part(const Request& request, Response& response,
                                                   std::string_view etag, int64_t modified_s,
                                                   uint64_t size_bytes, int64_t now_s);

}  // namespace starling::http
