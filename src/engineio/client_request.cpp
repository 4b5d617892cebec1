#include "engineio/client_request.h"

#include "base/text.h"

namespace starling::engineio {
namespace {

// The characters that encodeURIComponent of JavaScript leaves as they are.
bool stays(char c) {
    return base::is_alphanumeric(c) || std::string_view("-_.!~*'()").find(c) != std::string::npos;
}

void append_encoded(std::string& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : text) {
        if (stays(c)) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
}

}  // namespace

void append_query_field(std::string& query, std::string_view name, std::string_view value) {
    if (!query.empty()) query += '&';
    append_encoded(query, name);
    query += '=';
    append_encoded(query, value);
}

std::string client_target(const ClientTarget& target) {
    std::string query(target.query);
    append_query_field(query, "EIO", target.revision == Revision::eio4 ? "4" : "3");
    append_query_field(query, "transport",
                       target.transport == Transport::polling ? "polling" : "websocket");
    if (!target.cache_buster.empty()) append_query_field(query, "t", target.cache_buster);
    if (!target.sid.empty()) append_query_field(query, "sid", target.sid);
    std::string out(target.path);
    out += '?';
    out += query;
    return out;
}

}  // namespace starling::engineio
