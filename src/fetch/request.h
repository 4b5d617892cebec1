// fetch/request.h: one POST on an easy handle of libcurl, and its result. A Request is used for
// many POSTs, one after the other.
//
// The options of the handle are set once; each POST sets only its body and its header lines.
//
// Owner: the Target. Thread: the loop's.
#pragma once

#include <curl/curl.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fetch/fetcher.h"
#include "fetch/multi.h"

namespace starling::fetch {

class Request {
public:
    Request(Multi& multi, Target& target);  // Throws std::bad_alloc.
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    // `headers` and `body`: see Fetcher::post(). `started_ms`: before `now_ms` if the plain sender
    // has tried to send the request.
    void prepare(uint64_t tag, std::string_view headers, std::string body, uint64_t started_ms,
                 uint64_t now_ms);
    // Call it when the request has completed. True: the request goes on at the redirect's address,
    // and must be added to the Multi again.
    [[nodiscard]] bool follow(CURLcode result, uint64_t now_ms);
    // Call it when the request has completed. The answer is valid until prepare() or forget().
    [[nodiscard]] Answer answer(CURLcode result) const;
    void forget() noexcept;  // Frees what the last POST held.

    [[nodiscard]] static Request& of(CURL* easy) noexcept;
    size_t place = 0;  // Index in the Target's list of requests under way.
    [[nodiscard]] CURL* easy() const noexcept { return easy_.get(); }
    [[nodiscard]] Target& target() const noexcept { return target_; }
    [[nodiscard]] uint64_t tag() const noexcept { return tag_; }
    // The request has a connection; with TLS, the TLS handshake is complete.
    [[nodiscard]] bool connected() const noexcept { return connected_; }

private:
    struct Cleanup {
        void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
    };

    void set_callbacks();
    [[nodiscard]] long left_ms(uint64_t now_ms) const noexcept;
    void link_lines();
    void begin() noexcept;
    [[nodiscard]] bool has_answer(CURLcode result) const noexcept;

    // From libcurl.
    [[nodiscard]] bool on_header(std::string_view line);
    [[nodiscard]] bool on_body(std::string_view bytes);

    Multi& multi_;
    Target& target_;
    std::unique_ptr<CURL, Cleanup> easy_;
    std::array<char, CURL_ERROR_SIZE> error_;  // Text of libcurl.
    // The request.
    uint64_t tag_ = 0, started_ms_ = 0;
    std::string body_;
    std::string lines_;              // Each ended by NUL.
    std::vector<curl_slist> nodes_;  // Point into lines_.
    int redirects_ = 0;
    bool timeout_changed_ = false;  // The easy handle has another time limit than the target.
    // The state since the last redirect. `sent_`: the request was sent in full.
    bool connected_ = false, sent_ = false;
    int socket_errno_ = 0;
    // The answer.
    uint16_t status_ = 0;
    bool head_complete_ = false, cut_ = false;
    size_t head_bytes_ = 0;
    std::string content_type_, retry_after_, answer_body_;
    mutable std::string text_;  // Holds Answer::error.
};

}  // namespace starling::fetch
