// bench/http_message.h: as much of a request (RFC 9112) as the application behind the gateways needs: its
// head and its body, whose length must be given by Content-Length. Looks at the first letter of each field
// only, until it is the right one.
#pragma once

#include <strings.h>

#include <charconv>
#include <string_view>

#include "options.h"

namespace starling::bench {

struct HttpMessage {
    bool whole = false;
    std::string_view head, body;  // Views into the bytes that were given; the head without its end.
    size_t bytes = 0;             // Size of the whole message.
};

// The value of a field, "" without it; `name` is lower case and ends with a colon.
inline std::string_view header_field(std::string_view head, std::string_view name) noexcept {
    for (size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
        at += 2;
        if (at + name.size() > head.size() || (head[at] | 0x20) != name[0] ||
            strncasecmp(head.data() + at, name.data(), name.size()) != 0)
            continue;
        std::string_view value = head.substr(at + name.size());
        value = value.substr(0, value.find("\r\n"));
        while (value.starts_with(' ')) value.remove_prefix(1);
        return value;
    }
    return {};
}

inline HttpMessage http_message(std::string_view bytes) {
    const size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return {};
    const std::string_view head = bytes.substr(0, end);
    const std::string_view value = header_field(head, "content-length:");
    size_t length = 0;
    if (std::from_chars(value.data(), value.data() + value.size(), length).ec != std::errc())
        fail("no length:\n" + std::string(bytes));
    if (bytes.size() - end - 4 < length) return {};
    return {true, head, bytes.substr(end + 4, length), end + 4 + length};
}

}  // namespace starling::bench
