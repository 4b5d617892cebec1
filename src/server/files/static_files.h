// server/files/static_files.h: opens and reads the files of a route. The rules (paths, conditions,
// ranges, types) are pure functions in http/.
//
// Owner:  one worker: each worker has one per root, since the cache takes no lock. Thread: the
//         worker's.
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace starling::server {

class StaticFiles {
public:
    // Opens the directory; ok() tells whether that succeeded. `root` itself may be a symbolic link.
    StaticFiles(std::string root, http::StaticFileOptions options);
    ~StaticFiles();
    StaticFiles(StaticFiles&&) noexcept;
    StaticFiles& operator=(StaticFiles&&) noexcept;

    [[nodiscard]] bool ok() const noexcept;

    // Answers GET and HEAD for `relative_path`, other methods with 405. `relative_path`: the
    // request's raw path after the prefix, still percent-encoded, with or without its leading '/'.
    // `now_s` is the wall clock. 404 unless the path names a readable regular file beneath the
    // root.
    void serve(std::string_view relative_path, const http::Request& request,
               http::Response& response, int64_t now_s);

    [[nodiscard]] uint64_t cached_bytes() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace starling::server
