// server/files/static_files.h: opens and reads the files that a route serves. The rules (paths,
// conditions, ranges, types) are pure and live in http/.
//
// Owner:  a worker: one per worker and root, since the cache takes no lock. Thread: the worker's.
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace starling::server {

class StaticFiles {
public:
    // Opens the directory; ok() tells whether that worked. What `root` itself links to is followed.
    StaticFiles(std::string root, http::StaticFileOptions options);
    ~StaticFiles();
    StaticFiles(StaticFiles&&) noexcept;
    StaticFiles& operator=(StaticFiles&&) noexcept;

    [[nodiscard]] bool ok() const noexcept;

    // Answers GET and HEAD (405 otherwise) for `relative_path`: the request's raw path behind the
    // mount, still percent-encoded, with or without its leading '/'. `now_s` is the wall clock.
    // 404 for whatever is not a readable regular file beneath the root.
    void serve(std::string_view relative_path, const http::Request& request,
               http::Response& response, int64_t now_s);

    [[nodiscard]] uint64_t cached_bytes() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace starling::server
