#include <starling/multipart.h>

#include <string>
#include <utility>

#include "base/text.h"
#include "http/media_type.h"
#include "http/multipart.h"

namespace starling::http {
namespace {

using Kind = MultipartParser::Kind;

std::string boundary_of(std::string_view content_type) {
    if (!base::iequals(essence_of(content_type), "multipart/form-data"))
        throw BadRequest("Content-Type must be multipart/form-data", 415);
    auto boundary = multipart_boundary(content_type);
    if (!boundary) throw BadRequest("the Content-Type has no valid boundary");
    return std::move(*boundary);
}

[[noreturn]] void refuse(const MultipartParser& parser) {
    throw BadRequest("the form: " + std::string(parser.reason()), parser.status());
}

}  // namespace

struct MultipartReader::State {
    MultipartParser parser;
    MultipartHandlers handlers;
};

MultipartReader::MultipartReader(std::string_view content_type, MultipartHandlers handlers,
                                 const MultipartLimits& limits)
    : state_(std::make_unique<State>(
          State{MultipartParser(boundary_of(content_type), limits), std::move(handlers)})) {}
MultipartReader::~MultipartReader() = default;
MultipartReader::MultipartReader(MultipartReader&&) noexcept = default;
MultipartReader& MultipartReader::operator=(MultipartReader&&) noexcept = default;

void MultipartReader::feed(std::string_view bytes) {
    auto& [parser, handlers] = *state_;
    for (;;) {
        const auto event = parser.next(bytes);
        switch (event.kind) {
            case Kind::need_more: return;
            case Kind::part_begin:
                if (handlers.begin) handlers.begin(parser.head());
                break;
            case Kind::part_bytes:
                if (handlers.bytes) handlers.bytes(event.bytes);
                break;
            case Kind::part_end:
                if (handlers.end) handlers.end();
                break;
            case Kind::end: break;
            case Kind::fault: refuse(parser);
        }
    }
}

void MultipartReader::finish() {
    if (state_->parser.finish().kind == Kind::fault) refuse(state_->parser);
}

std::vector<FormPart> Request::multipart(const MultipartLimits& limits) const {
    std::vector<FormPart> parts;
    const char* begin = nullptr;  // The part's body: a contiguous piece of the request's body.
    size_t size = 0;
    MultipartHandlers handlers;
    handlers.begin = [&](const FormPart& head) {
        parts.push_back(head);
        begin = nullptr;
        size = 0;
    };
    handlers.bytes = [&](std::string_view bytes) {
        if (!begin) begin = bytes.data();
        size += bytes.size();
    };
    handlers.end = [&] {
        if (begin) parts.back().body = {begin, size};
    };
    MultipartReader reader(header("content-type"), std::move(handlers), limits);
    reader.feed(body());
    reader.finish();
    return parts;
}

}  // namespace starling::http
