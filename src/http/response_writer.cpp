#include "http/response_writer.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "http/response_access.h"

namespace starling::http {
namespace {

struct Phrase {
    int status;
    std::string_view text;
};

// The status codes of RFC 9110 section 15, and of the IANA registry.
constexpr Phrase phrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

void append_number(std::string& out, uint64_t value, int base = 10) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, value, base).ptr;
    out.append(digits, static_cast<size_t>(end - digits));
}

void append_status_line(std::string& out, int status) {
    // RFC 9112 section 2.3: the server writes its own version, also to a client of HTTP/1.0.
    out += "HTTP/1.1 ";
    append_number(out, static_cast<uint64_t>(status));
    out.append(" ").append(status_phrase(status)).append("\r\n");
}

// RFC 9110 sections 8.6 and 15: these answers have neither a body nor a Content-Length.
bool is_bodiless(int status) { return status < 200 || status == 204 || status == 304; }

// RFC 9112 section 9.3: without a Connection field, HTTP/1.1 means keep-alive and HTTP/1.0 means
// close. RFC 9110 section 7.8: an answer with an Upgrade field lists `upgrade` in Connection.
void append_connection(std::string& out, bool keep_alive, int version_minor, bool upgrade) {
    const std::string_view options = !keep_alive ? "close" : version_minor == 0 ? "keep-alive" : "";
    if (options.empty() && !upgrade) return;
    out.append("Connection: ").append(options);
    if (upgrade) out.append(options.empty() ? "upgrade" : ", upgrade");
    out += "\r\n";
}

// True: one of the "Name: value\r\n" lines has that name.
bool has_field(std::string_view lines, std::string_view name) {
    while (!lines.empty()) {
        const auto line = lines.substr(0, lines.find("\r\n"));
        if (base::iequals(line.substr(0, line.find(':')), name)) return true;
        lines.remove_prefix(std::min(line.size() + 2, lines.size()));
    }
    return false;
}

WrittenHead append_head(std::string& out, const Response& response, const WriteContext& context,
                        SentBody framing) {
    out.reserve(out.size() + response.field_lines().size() + 160);
    append_status_line(out, response.status());
    if (!context.date.empty() && !response.has_header("date"))
        out.append("Date: ").append(context.date).append("\r\n");
    if (!context.server.empty() && !response.has_header("server"))
        out.append("Server: ").append(context.server).append("\r\n");
    out.append(response.field_lines());

    const bool bodiless = is_bodiless(response.status());
    if (!bodiless && framing == SentBody::length) {
        out += "Content-Length: ";
        append_number(out, response.body_bytes());
        out += "\r\n";
    } else if (!bodiless && framing == SentBody::chunked) {
        out += "Transfer-Encoding: chunked\r\n";
    }
    WrittenHead written;
    written.framing = bodiless || context.head_request ? SentBody::none : framing;
    written.keep_alive =
        context.keep_alive && !response.closes() && written.framing != SentBody::until_close;
    append_connection(out, written.keep_alive, context.version_minor,
                      response.has_header("upgrade"));
    out += "\r\n";
    return written;
}

}  // namespace

std::string_view status_phrase(int status) noexcept {
    for (const Phrase& phrase : phrases)
        if (phrase.status == status) return phrase.text;
    return "Status";
}

WrittenHead append_response_head(std::string& out, const Response& response,
                                 const WriteContext& context) {
    return append_head(out, response, context, SentBody::length);
}

WrittenHead append_response(std::string& out, const Response& response,
                            const WriteContext& context) {
    const auto written = append_response_head(out, response, context);
    if (written.framing == SentBody::length && !ResponseAccess::file(response))
        out.append(response.body());
    return written;
}

WrittenHead append_stream_head(std::string& out, const Response& response,
                               const WriteContext& context) {
    return append_head(out, response, context,
                       context.version_minor > 0 ? SentBody::chunked : SentBody::until_close);
}

void append_chunk(std::string& out, std::string_view bytes) {
    if (bytes.empty()) return;
    append_number(out, bytes.size(), 16);
    out.append("\r\n").append(bytes).append("\r\n");
}

void append_last_chunk(std::string& out) { out += "0\r\n\r\n"; }

void append_continue(std::string& out) { out += "HTTP/1.1 100 Continue\r\n\r\n"; }

WrittenHead append_error_response(std::string& out, int status, std::string_view reason,
                                  const WriteContext& context, std::string_view field_lines) {
    std::string body;
    append_number(body, static_cast<uint64_t>(status));
    body.append(" ").append(status_phrase(status));
    if (!reason.empty()) body.append(": ").append(reason);
    body += '\n';

    append_status_line(out, status);
    if (!context.date.empty()) out.append("Date: ").append(context.date).append("\r\n");
    if (!context.server.empty()) out.append("Server: ").append(context.server).append("\r\n");
    out.append(field_lines);
    out += "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n";
    out += "Content-Length: ";
    append_number(out, body.size());
    out += "\r\n";
    append_connection(out, context.keep_alive, context.version_minor,
                      has_field(field_lines, "upgrade"));
    out += "\r\n";
    if (!context.head_request) out += body;
    return {context.head_request ? SentBody::none : SentBody::length, context.keep_alive};
}

}  // namespace starling::http
