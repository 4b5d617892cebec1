// <starling/multipart.h>: multipart/form-data bodies that are read as they arrive (RFC 7578).
//
//     http::MultipartReader reader(request.header("content-type"),
//                                  {.begin = [&](const http::FormPart& part) { open(part.name); },
//                                   .bytes = [&](std::string_view bytes) { write(bytes); },
//                                   .end = [&] { close(); }});
//
// Owner: whatever reads the body. Thread: the owner's.
#pragma once

#include <starling/async_callback.h>
#include <starling/http.h>

#include <memory>
#include <string_view>

namespace starling::http {

// Called in this order for each part; an exception of one leaves feed().
struct MultipartHandlers {
    PlainCallback<void(const FormPart& head)> begin = {};  // Its body is empty still.
    PlainCallback<void(std::string_view bytes)> bytes =
        {};  // Some of the part's body; a view for the call.
    PlainCallback<void()> end = {};
};

// Holds nothing of a part's body: memory is bounded by MultipartLimits::part_head_bytes_max.
class MultipartReader {
public:
    // Throws BadRequest: 415 where `content_type` is not multipart/form-data, 400 without a valid boundary.
    MultipartReader(std::string_view content_type, MultipartHandlers handlers,
                    const MultipartLimits& limits = {});
    ~MultipartReader();
    MultipartReader(MultipartReader&&) noexcept;
    MultipartReader& operator=(MultipartReader&&) noexcept;

    // The next bytes of the body, in pieces of any size. Throws BadRequest: 413 beyond a limit, 400 with
    // what is wrong; then every later call throws the same.
    void feed(std::string_view bytes);
    // Behind the last byte. Throws BadRequest where the closing boundary is missing.
    void finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace starling::http
