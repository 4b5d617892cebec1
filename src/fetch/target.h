// fetch/target.h: an application's address, and the requests that are kept ready for it.
//
// Owner: the Fetcher. Thread: the loop's.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>
#include <vector>

#include "fetch/fetcher.h"
#include "fetch/request.h"

namespace starling::fetch {

class Target {
public:
    Target(Multi& multi, TargetOptions options);  // Throws std::invalid_argument.
    ~Target();                                    // Drops the requests under way.
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;

    [[nodiscard]] const TargetOptions& options() const noexcept { return options_; }
    [[nodiscard]] bool loopback() const noexcept { return loopback_; }
    [[nodiscard]] bool secure() const noexcept { return origin_.starts_with("https:"); }
    // The URL leads to the same scheme, host and port.
    [[nodiscard]] bool same_origin(const char* url) const;

    [[nodiscard]] Request& take();
    void give_back(Request& request) noexcept;

private:
    static constexpr size_t spare_max = 256;

    Multi& multi_;
    const TargetOptions options_;
    std::string origin_;  // scheme://host:port
    bool loopback_ = false;
    std::vector<std::unique_ptr<Request>> under_way_, spare_;
};

}  // namespace starling::fetch
