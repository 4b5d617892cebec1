// http/response_writer.h: RFC 9112 sections 4 to 7, sending side of a server. Appends to a string.
//
// Owner:  none: free functions. Thread: any. The time is an argument (see DateText).
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::http {

// The facts about a request and its connection that an answer depends on.
struct WriteContext {
    bool head_request = false;     // HEAD: the same fields, Content-Length included, no body.
    int version_minor = 1;         // The request's.
    bool keep_alive = true;        // The request allows another request, and so does the server.
    std::string_view date = {};    // IMF-fixdate; "" sends no Date.
    std::string_view server = {};  // "" sends no Server field.
};

enum class SentBody : uint8_t { none, length, chunked, until_close };

struct WrittenHead {
    SentBody framing = SentBody::none;  // How to send the body; `none`: no body.
    bool keep_alive = false;            // False: close after the last byte.
};

// Appends status line, fields and the blank line, for a body of known length.
WrittenHead append_response_head(std::string& out, const Response& response,
                                 const WriteContext& context);

// Appends the head, and the body if the body is in memory. The caller sends a file if the framing
// is `length`.
WrittenHead append_response(std::string& out, const Response& response,
                            const WriteContext& context);

// Appends the head for a body of unknown length: chunked in HTTP/1.1, otherwise ended by closing.
WrittenHead append_stream_head(std::string& out, const Response& response,
                               const WriteContext& context);

// Appends one chunk, RFC 9112 section 7.1. Appends nothing for empty bytes, since an empty chunk
// ends the body.
void append_chunk(std::string& out, std::string_view bytes);
void append_last_chunk(std::string& out);

// Appends 100 Continue, RFC 9110 section 15.2.1.
void append_continue(std::string& out);

// Appends a plain-text answer. `field_lines`: further "Name: value\r\n" lines. The answer closes
// the connection unless the context keeps it alive; an answer to a parser error must close it.
WrittenHead append_error_response(std::string& out, int status, std::string_view reason,
                                  const WriteContext& context, std::string_view field_lines = {});

// "Not Found" for 404; "Status" for an unregistered code. Static text.
[[nodiscard]] std::string_view status_phrase(int status) noexcept;

}  // namespace starling::http
