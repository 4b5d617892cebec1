// http/response_access.h: the side of a Response that handlers do not see: files, and the answers that the
// server makes by itself.
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/reply_target.h"

namespace starling::http {

// A path that is not opened yet, part of an open regular file, or a source of pieces: what is sent piecewise
// as the socket drains.
// The deleter of the descriptor closes it.
struct FileBody {
    std::string path = {};  // What a handler asked for; "" once it is open.
    std::shared_ptr<const int> descriptor = {};
    uint64_t offset = 0;
    uint64_t bytes = 0;
    Source source = {};  // Of Response::stream(): in place of all the others.
};

struct ResponseAccess {
    // A response whose later() names the request `key` of `target`.
    [[nodiscard]] static Response make(Reply::Target& target, ReplyKey key);
    // The answer comes later, without a Reply: by HttpConnection::end_later().
    static void promise(Response& response) noexcept { response.deferred_ = true; }
    // Answers the request that the response was made for. Does nothing once that is answered or gone.
    static void answer(Response response);
    [[nodiscard]] static RequestBody body_of(Reply::Target& target, ReplyKey key);
    // Adds "Name: value\r\n" lines, but for names that the response has; Set-Cookie but for equal lines.
    static void add_missing(Response& response, std::string_view lines);
    // Null: the body is in memory.
    [[nodiscard]] static const FileBody* file(const Response& response) noexcept;
    // `type` "" leaves Content-Type alone.
    static void set_file(Response& response, FileBody file, std::string_view type);
    static void erase(Response& response, std::string_view name);  // Every field of that name.
    // It answers the exception of a coroutine: a streamed answer that has begun is cut off.
    [[nodiscard]] static bool failed(const Response& response) noexcept { return response.failed_; }
    // `response` is promised in place of `earlier`, whose coroutine goes on.
    static void replace_promise(Response& response, Response& earlier) noexcept {
        response.owned_ = std::move(earlier.owned_);
    }
};

// "404 Not Found" as text, or "400 Bad Request: the body is not JSON".
void plain_answer(Response& response, int status, std::string_view reason = {});

}  // namespace starling::http
