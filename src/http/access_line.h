// http/access_line.h: a request as a line of the access log, in the formats of Apache's and nginx's
// logs ("common", "combined"):
//
//     192.0.2.7 - - [21/Nov/2026:14:00:00 +0000] "GET /a?b=1 HTTP/1.1" 200 5
//     192.0.2.7 - - [21/Nov/2026:14:00:00 +0000] "GET / HTTP/1.1" 200 5 "https://a.example/" "curl/8"
//
// Bytes of a client cannot end a field or the line. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::http {

struct AccessFacts {
    std::string_view peer, method, target;  // "-": the request was refused before its head.
    int version_minor = 1;
    int status = 0;
    uint64_t bytes = 0;
    std::string_view referer = {}, agent = {};  // "": absent.
};

[[nodiscard]] std::string access_line(const AccessFacts& facts, int64_t unix_ms, bool combined);

}  // namespace starling::http
