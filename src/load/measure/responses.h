// load/measure/responses.h: the responses on a keep-alive connection (RFC 9112), each of them whole. A body
// that arrives in one piece is not copied.
//
// Owner: one connection. Thread: that connection's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/text.h"
#include "http/response_reader.h"

namespace starling::load {

struct Response {
    uint16_t status = 0;
    std::string_view body = {};
    bool keep_alive = true;  // Another request may follow.
};

class Responses {
public:
    static constexpr size_t body_bytes_max = 64 * 1024 * 1024;

    Responses() { clear(); }

    // Calls `take(response)` for each response that ended; it returns false to stop for good. Returns
    // a fault of the server in words, or "".
    template <class Take>
    std::string_view read(std::span<const std::byte> bytes, Take&& take) {
        using Kind = http::ResponseEvent::Kind;
        for (;;) {
            const http::ResponseEvent event = reader_.next(bytes);
            switch (event.kind) {
                case Kind::need_more:
                    if (body_.empty()) body_ = piece_;
                    piece_ = {};
                    return "";
                case Kind::head: break;
                case Kind::body_chunk: add(base::text_of(event.body)); break;
                case Kind::complete: {
                    const Response response{reader_.head().status,
                                            body_.empty() ? piece_ : std::string_view(body_),
                                            reader_.head().keep_alive};
                    if (!take(response)) return "";
                    clear();
                    break;
                }
                case Kind::error: return reader_.reason();
            }
        }
    }
    // A new connection, or the next response.
    void clear() {
        reader_.begin();
        body_.clear();
        piece_ = {};
    }

private:
    void add(std::string_view bytes) {
        if (body_.empty() && piece_.empty()) {
            piece_ = bytes;
            return;
        }
        if (body_.empty()) body_ = piece_;
        piece_ = {};
        body_ += bytes;
    }

    http::ResponseReader reader_{http::ResponseLimits{.body_bytes_max = body_bytes_max}};
    std::string_view piece_;  // The only piece so far, in the bytes of the current call.
    std::string body_;        // All pieces, if there are several.
};

}  // namespace starling::load
