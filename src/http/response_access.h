// http/response_access.h: the members of a Response that handlers do not use: files, and answers
// that the server makes itself.
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/reply_target.h"

namespace starling::http {

// A body that is sent in pieces as the socket drains: a path to open, a part of an open regular
// file, or a source of pieces. The deleter of `descriptor` closes it.
struct FileBody {
    std::string path = {};  // The path that a handler set; "" once it is open.
    std::shared_ptr<const int> descriptor = {};
    uint64_t offset = 0;
    uint64_t bytes = 0;
    Source source = {};  // Set by Response::stream(), instead of all others.
};

struct ResponseAccess {
    // Makes a response whose later() refers to the request `key` of `target`.
    [[nodiscard]] static Response make(Reply::Target& target, ReplyKey key);
    // The answer comes later, without a Reply: by HttpConnection::end_later().
    static void promise(Response& response) noexcept { response.deferred_ = true; }
    // Answers the request that the response was made for. Does nothing once that is answered or
    // gone.
    static void answer(Response response);
    [[nodiscard]] static RequestBody body_of(Reply::Target& target, ReplyKey key);
    // Adds those of the "Name: value\r\n" lines whose name the response does not have. A Set-Cookie
    // line is added unless an equal line is there.
    static void add_missing(Response& response, std::string_view lines);
    // Null: the body is in memory.
    [[nodiscard]] static const FileBody* file(const Response& response) noexcept;
    // `type` "" leaves Content-Type unchanged.
    static void set_file(Response& response, FileBody file, std::string_view type);
    // Removes all fields of that name.
    static void erase(Response& response, std::string_view name);
    // True: the response reports a coroutine's exception. A streamed answer that has begun is cut
    // off then.
    [[nodiscard]] static bool failed(const Response& response) noexcept { return response.failed_; }
    // Transfers the promise from `earlier`, whose coroutine goes on, to `response`.
    static void replace_promise(Response& response, Response& earlier) noexcept {
        response.owned_ = std::move(earlier.owned_);
    }
};

// "404 Not Found" as text, or "400 Bad Request: the body is not JSON".
void plain_answer(Response& response, int status, std::string_view reason = {});

}  // namespace starling::http
