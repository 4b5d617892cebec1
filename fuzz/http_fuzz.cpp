// Fuzzes requests from hostile peers: the events must be the same however TCP cuts the bytes, and
// the code after the parser must handle everything that the parser accepts.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "http/conditional.h"
#include "http/date.h"
#include "http/parser.h"
#include "http/request_parts.h"
#include "http/router.h"
#include "http/url.h"

namespace {

using namespace starling;
using Kind = http::ParseEvent::Kind;

constexpr http::ParserLimits limits{.head_bytes_max = 512,
                                    .fields_max = 8,
                                    .target_bytes_max = 128,
                                    .body_bytes_max = 256,
                                    .chunk_line_bytes_max = 32,
                                    .extension_bytes_max = 64,
                                    .trailer_bytes_max = 64};

void require(bool condition) {
    if (!condition) std::abort();
}

const http::Router& router() {
    static const http::Router instance = [] {
        http::Router built;
        built.add("GET", "/", 0);
        built.add("GET", "/a/:b", 1);
        built.add("POST", "/a/b", 2);
        built.add("*", "/files/*", 3);
        return built;
    }();
    return instance;
}

// Passes what a handler would see through all code that reads it.
void use(const http::RequestHead& head, std::string_view body) {
    http::Router::Match match;
    router().find(head.method, head.path, match);
    http::RequestParts parts;
    parts.method = head.method;
    parts.path = head.path;
    parts.query = head.query;
    parts.fields = head.fields;
    parts.params = match.params;
    parts.body = body;
    const http::Request request(parts);
    const http::Validators validators{"\"1\"", 784111777};
    static_cast<void>(http::evaluate_conditions(request, validators, 784111777));
    const auto verdict = http::evaluate_range(request, validators, 100, 784111777);
    if (verdict.kind == http::RangeVerdict::Kind::partial)
        require(verdict.range.count > 0 && verdict.range.first + verdict.range.count <= 100);
    static_cast<void>(http::coding_weight(request.header("accept-encoding"), "gzip"));
    static_cast<void>(request.query("a"));
    static_cast<void>(request.query_all("a"));
    static_cast<void>(request.form("a"));
    static_cast<void>(request.cookie("a"));
    if (const auto path = http::map_static_path(head.path)) {
        require(path->find("..") == std::string::npos || path->find("/..") == std::string::npos);
        require(!path->starts_with('/') && !path->starts_with('.'));
        require(path->find('\0') == std::string::npos && path->find("//") == std::string::npos);
    }
}

void write_head(std::string& log, const http::RequestHead& head) {
    log.append("head ").append(head.method).append(" ").append(head.target);
    for (const auto& field : head.fields) {
        require(!field.name.empty());
        require(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
        log.append("\n").append(field.name).append("=").append(field.value);
    }
    log += head.keep_alive ? "\nkeep" : "\nclose";
}

std::string transcript(std::string_view wire, size_t step) {
    http::RequestParser parser(limits);
    std::string log, body;
    for (size_t at = 0; at < wire.size(); at += step) {
        auto input = base::bytes_of(wire.substr(at, step));
        for (;;) {
            const auto event = parser.next(input);
            if (event.kind == Kind::need_more) {
                require(input.empty());
                break;
            }
            if (event.kind == Kind::error) return log + "error " + std::to_string(event.status);
            if (event.kind == Kind::head) write_head(log, parser.head());
            if (event.kind == Kind::body_chunk) body.append(base::text_of(event.body));
            if (event.kind != Kind::complete) continue;
            require(body.size() <= limits.body_bytes_max);
            log.append("\nbody ").append(body).append("\n");
            use(parser.head(), body);
            body.clear();
            parser.reset();
        }
    }
    return log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view wire(reinterpret_cast<const char*>(data), size);
    const std::string whole = transcript(wire, size + 1);
    require(transcript(wire, 1) == whole);
    require(transcript(wire, 7) == whole);
    static_cast<void>(http::parse_date(wire, 784111777));
    return 0;
}
