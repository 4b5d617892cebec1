// Fuzzes multipart forms from hostile peers; the first byte chooses the boundary. The events must
// be the same however the body is cut, the limits must hold, and the parts, written as a form, must
// be read as the same parts.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "http/media_type.h"
#include "http/multipart.h"

namespace {

using namespace starling;
using Kind = http::MultipartParser::Kind;

constexpr http::MultipartLimits limits{
    .parts_max = 4, .part_head_bytes_max = 128, .part_bytes_max = 256};

void require(bool condition) {
    if (!condition) std::abort();
}

struct Read {
    std::vector<http::FormPart> heads;
    std::vector<std::string> bodies;
    bool whole = false;
    int status = 0;
    std::string reason;

    // The reads determine how much of a part comes before the limit that it exceeds.
    [[nodiscard]] bool operator==(const Read& other) const {
        if (status != other.status || reason != other.reason || whole != other.whole) return false;
        if (heads.size() != other.heads.size()) return false;
        for (size_t i = 0; i < heads.size(); ++i)
            if (heads[i].name != other.heads[i].name ||
                heads[i].filename != other.heads[i].filename ||
                heads[i].content_type != other.heads[i].content_type)
                return false;
        return !whole || bodies == other.bodies;
    }
};

Read read(std::string_view wire, std::string_view boundary, size_t step) {
    http::MultipartParser parser(boundary, limits);
    Read result;
    bool open = false;
    const auto refused = [&] {
        result.status = parser.status();
        result.reason = parser.reason();
        require((result.status == 400 || result.status == 413) && !result.reason.empty());
        return result;
    };
    for (size_t at = 0; at < wire.size(); at += step) {
        auto input = wire.substr(at, step);
        for (bool more = true; more;) {
            const auto event = parser.next(input);
            switch (event.kind) {
                case Kind::need_more:
                    require(input.empty());
                    more = false;
                    break;
                case Kind::part_begin:
                    require(!open);
                    open = true;
                    result.heads.push_back(parser.head());
                    result.bodies.emplace_back();
                    require(result.heads.size() <= limits.parts_max);
                    break;
                case Kind::part_bytes:
                    require(open && !event.bytes.empty());
                    result.bodies.back() += event.bytes;
                    require(result.bodies.back().size() <= limits.part_bytes_max);
                    break;
                case Kind::part_end:
                    require(open);
                    open = false;
                    break;
                case Kind::end:
                    require(!open && !result.whole);
                    result.whole = true;
                    break;
                case Kind::fault: return refused();
            }
        }
    }
    if (parser.finish().kind == Kind::fault) return refused();
    require(result.whole);
    return result;
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

void round_trip(const Read& form, std::string_view boundary) {
    std::string wire;
    for (size_t i = 0; i < form.heads.size(); ++i) {
        const auto& head = form.heads[i];
        wire.append("--").append(boundary).append("\r\nContent-Disposition: form-data; name=");
        wire += quoted(head.name);
        if (head.filename) wire += "; filename=" + quoted(*head.filename);
        wire += "\r\nContent-Type: " + head.content_type + "\r\n\r\n" + form.bodies[i] + "\r\n";
    }
    wire.append("--").append(boundary).append("--");
    const Read again = read(wire, boundary, wire.size());
    require(again.status == 413 || again == form);  // The written head may be longer.
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string_view boundary = data[0] % 2 ? "x" : "--a'b";
    const Read whole = read(wire, boundary, size);
    require(read(wire, boundary, 1) == whole);
    require(read(wire, boundary, 7) == whole);
    if (whole.whole && whole.status == 0) round_trip(whole, boundary);
    (void)http::multipart_boundary(wire);
    (void)http::is_json_type(wire);
    return 0;
}
