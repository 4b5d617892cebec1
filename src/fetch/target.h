// fetch/target.h: an application's address, and the requests that are kept ready for it.
//
// Owner: the Fetcher. Thread: the loop's.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fetch/fetcher.h"
#include "fetch/request.h"
#include "fetch/url.h"

namespace starling::fetch {

class Application;

class Target {
public:
    Target(Multi& multi, TargetOptions options);  // Throws std::invalid_argument.
    ~Target();                                    // Drops the requests under way.
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;

    [[nodiscard]] const TargetOptions& options() const noexcept { return options_; }
    [[nodiscard]] bool loopback() const noexcept { return loopback_; }
    [[nodiscard]] bool secure() const noexcept { return url_.scheme == "https"; }
    [[nodiscard]] const Url& url() const noexcept { return url_; }
    // `url` in parts if its scheme, host and port are those of the target; otherwise empty. Empty as
    // well if only one of the two has a user.
    [[nodiscard]] std::optional<Url> within_origin(const std::string& url) const;
    // The request line and the Host field, for the plain sender.
    [[nodiscard]] const std::string& head_begin() const noexcept { return head_begin_; }

    Application* application = nullptr;  // Null: libcurl sends all requests.

    [[nodiscard]] Request& take();
    void give_back(Request& request) noexcept;

private:
    static constexpr size_t spare_max = 256;

    Multi& multi_;
    const TargetOptions options_;
    Url url_;
    std::string head_begin_;
    bool loopback_ = false;
    std::vector<std::unique_ptr<Request>> under_way_, spare_;
};

}  // namespace starling::fetch
