// bench/http_response.h: as much of a response (RFC 9112) as a load generator needs: its status and
// its body, whose length must be given by Content-Length. Looks at the first letter of each field
// only, until it is the right one.
#pragma once

#include <strings.h>

#include <charconv>
#include <string_view>

#include "options.h"

namespace starling::bench {

struct HttpResponse {
    bool whole = false;
    std::string_view status, body;  // Views into the bytes that were given.
};

inline HttpResponse http_response(std::string_view bytes) {
    constexpr std::string_view name = "content-length:";
    const size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return {};
    size_t length = std::string_view::npos;
    for (size_t at = bytes.find("\r\n"); at < end; at = bytes.find("\r\n", at)) {
        at += 2;
        if ((bytes[at] | 0x20) != 'c' ||
            strncasecmp(bytes.data() + at, name.data(), name.size()) != 0)
            continue;
        at += name.size();
        while (bytes[at] == ' ') ++at;
        std::from_chars(bytes.data() + at, bytes.data() + end, length);
    }
    if (length == std::string_view::npos) fail("no length:\n" + std::string(bytes));
    if (bytes.size() - end - 4 < length) return {};
    return {true, bytes.substr(9, 3), bytes.substr(end + 4, length)};
}

}  // namespace starling::bench
