// Fuzzes responses from hostile servers: the events must be the same however TCP cuts the bytes,
// and no limit may be exceeded. The first byte chooses the method of the request.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "http/response_reader.h"

namespace {

using namespace starling;
using Kind = http::ResponseEvent::Kind;
using Method = http::ResponseReader::Method;

constexpr http::ResponseLimits limits{.head_bytes_max = 512,
                                      .fields_max = 8,
                                      .body_bytes_max = 256,
                                      .chunk_line_bytes_max = 32,
                                      .extension_bytes_max = 64};

void require(bool condition) {
    if (!condition) std::abort();
}

void write_head(std::string& log, const http::ResponseHead& head) {
    require(head.status == 101 || (head.status >= 200 && head.status <= 999));
    require(head.fields.size() <= limits.fields_max);
    require(!(head.keep_alive && (head.until_close || head.switched)));
    require(!(head.chunked && head.content_length));
    log += "head " + std::to_string(head.status);
    for (const auto& field : head.fields) {
        require(!field.name.empty());
        require(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
        log.append("\n").append(field.name).append("=").append(field.value);
    }
    log += head.keep_alive ? "\nkeep" : "\nclose";
}

struct Transcript {
    std::string text;
    size_t taken = 0;  // Bytes that belong to the responses.
};

// Reads one response after the other, as long as the connection is kept.
Transcript transcript(http::ResponseReader& reader, std::string_view wire, size_t step,
                      Method method) {
    reader.begin(method);
    std::string log, body;
    const auto failed = [&] {
        require(reader.fault() != http::ResponseFault::none && !reader.head().keep_alive);
        return log + "error " + std::string(reader.reason()) + std::to_string(reader.status());
    };
    for (size_t at = 0; at < wire.size(); at += step) {
        const std::string_view part = wire.substr(at, step);
        auto input = base::bytes_of(part);
        for (;;) {
            const auto event = reader.next(input);
            if (event.kind == Kind::need_more) {
                require(input.empty());
                break;
            }
            if (event.kind == Kind::error) return {failed(), 0};
            if (event.kind == Kind::head) write_head(log, reader.head());
            if (event.kind == Kind::body_chunk) body.append(base::text_of(event.body));
            require(body.size() <= limits.body_bytes_max);
            if (event.kind != Kind::complete) continue;
            log.append("\nbody ").append(body).append("\n");
            body.clear();
            if (!reader.head().keep_alive) return {log, at + part.size() - input.size()};
            reader.begin(method);
        }
    }
    if (reader.finish().kind != Kind::complete) return {failed(), 0};
    require(reader.head().until_close);
    return {log + "\nbody " + body + "\nend", wire.size()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    constexpr Method methods[] = {Method::other, Method::head, Method::connect};
    const Method method = methods[data[0] % 3];
    const std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);
    http::ResponseReader reader(limits);
    const Transcript whole = transcript(reader, wire, size + 1, method);
    for (const size_t step : {1u, 7u}) {
        const Transcript cut = transcript(reader, wire, step, method);
        require(cut.text == whole.text && cut.taken == whole.taken);
    }
    return 0;
}
