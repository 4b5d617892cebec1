// <starling/multipart.h>: reads multipart/form-data bodies while they arrive (RFC 7578).
//
//     http::MultipartReader reader(request.header("content-type"),
//                                  {.begin = [&](const http::FormPart& part) { open(part.name); },
//                                   .bytes = [&](std::string_view bytes) { write(bytes); },
//                                   .end = [&] { close(); }});
//
// Owner: the reader of the body. Thread: the owner's.
#pragma once

#include <starling/async_callback.h>
#include <starling/http.h>

#include <memory>
#include <string_view>

namespace starling::http {

// Called in this order for each part. An exception of one of them leaves feed().
struct MultipartHandlers {
    PlainCallback<void(const FormPart& head)> begin = {};    // The body in `head` is still empty.
    PlainCallback<void(std::string_view bytes)> bytes = {};  // A piece; valid for the call.
    PlainCallback<void()> end = {};
};

// Keeps nothing of a part's body: MultipartLimits::part_head_bytes_max bounds the memory.
class MultipartReader {
public:
    // Throws BadRequest: 415 if `content_type` is not multipart/form-data, 400 if it has no valid
    // boundary.
    MultipartReader(std::string_view content_type, MultipartHandlers handlers,
                    const MultipartLimits& limits = {});
    ~MultipartReader();
    MultipartReader(MultipartReader&&) noexcept;
    MultipartReader& operator=(MultipartReader&&) noexcept;

    // Takes the next bytes of the body, in pieces of any size. Throws BadRequest: 413 beyond a
    // limit, 400 with what is wrong. After that every call throws the same exception.
    void feed(std::string_view bytes);
    // Ends the body. Throws BadRequest if the closing boundary is missing.
    void finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace starling::http
