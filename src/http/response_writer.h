// http/response_writer.h: RFC 9112 sections 4 to 7, sending side of a server. Appends to a string.
//
// Owner:  none: free functions. Thread: any. The time is an argument (see DateText).
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::http {

// What the answer has to know about its request and connection.
struct WriteContext {
    bool head_request = false;     // HEAD: the same fields, Content-Length included, and no body.
    int version_minor = 1;         // Of the request.
    bool keep_alive = true;        // The request allows another one and the server wants it too.
    std::string_view date = {};    // IMF-fixdate; "" sends no Date.
    std::string_view server = {};  // "" sends no Server field: a version helps attackers alone.
};

enum class BodyFraming : uint8_t { none, length, chunked, until_close };

struct WrittenHead {
    BodyFraming framing = BodyFraming::none;  // How the body must follow; `none`: it must not.
    bool keep_alive = false;                  // False: close once everything is sent.
};

// Status line and fields up to the blank line, for a body of known length.
WrittenHead append_response_head(std::string& out, const Response& response,
                                 const WriteContext& context);

// The same, and the body where it is in memory. A file follows from the
// caller when the framing says `length`.
WrittenHead append_response(std::string& out, const Response& response,
                            const WriteContext& context);

// Head of a body of unknown length: chunked in HTTP/1.1, else delimited by closing.
WrittenHead append_stream_head(std::string& out, const Response& response,
                               const WriteContext& context);

// Chunked coding, RFC 9112 section 7.1. Empty bytes append nothing: a chunk of none would be the
// last.
void append_chunk(std::string& out, std::string_view bytes);
void append_last_chunk(std::string& out);

// 100 Continue, RFC 9110 section 15.2.1.
void append_continue(std::string& out);

// A small plain-text answer. `field_lines` are further "Name: value\r\n" lines. Closes the
// connection unless the context keeps it alive; parser errors must not.
WrittenHead append_error_response(std::string& out, int status, std::string_view reason,
                                  const WriteContext& context, std::string_view field_lines = {});

// "Not Found" for 404; "Status" for codes without a registered phrase. Static text.
[[nodiscard]] std::string_view status_phrase(int status) noexcept;

}  // namespace starling::http
