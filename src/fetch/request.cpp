#include "fetch/request.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "fetch/failure.h"
#include "fetch/header_lines.h"
#include "fetch/target.h"

namespace starling::fetch {

namespace {

constexpr int redirects_max = 5;
// Memory that a spare request keeps in each of its buffers.
constexpr size_t kept_bytes_max = 4'096;
// A request over TLS holds a buffer of this size, which is the largest size of a TLS record.
constexpr long tls_upload_bytes = 16'384;

template <class T>
void set(CURL* easy, CURLoption option, T value) {
    const CURLcode code = curl_easy_setopt(easy, option, value);
    if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
    if (code != CURLE_OK) throw std::runtime_error(curl_easy_strerror(code));
}

// libcurl takes callbacks as variadic arguments, so their types must be exactly these.
using Bytes = size_t (*)(char*, size_t, size_t, void*);
using Progress = int (*)(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
using Before = int (*)(void*, char*, char*, int, int);
using OpenSocket = curl_socket_t (*)(void*, curlsocktype, curl_sockaddr*);
using CloseSocket = int (*)(void*, curl_socket_t);

void shrink(std::string& text) noexcept {
    text.clear();
    if (text.capacity() > kept_bytes_max) std::string().swap(text);
}

}  // namespace

Request& Request::of(CURL* easy) noexcept {
    void* request = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &request);
    return *static_cast<Request*>(request);
}

Request::Request(Multi& multi, Target& target)
    : multi_(multi), target_(target), easy_(curl_easy_init()) {
    if (!easy_) throw std::bad_alloc();
    CURL* const easy = easy_.get();
    const TargetOptions& options = target.options();
    error_[0] = '\0';
    set(easy, CURLOPT_PRIVATE, static_cast<void*>(this));
    set(easy, CURLOPT_ERRORBUFFER, error_.data());
    set(easy, CURLOPT_URL, options.url.c_str());
    set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_USERAGENT, "starling/" STARLING_VERSION);
    set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout_ms));
    set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout_ms));
    set(easy, CURLOPT_MAXAGE_CONN, 4L);
    set(easy, CURLOPT_DNS_CACHE_TIMEOUT, 5L);
    set(easy, CURLOPT_CA_CACHE_TIMEOUT, 600L);
    set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(easy, CURLOPT_NOSIGNAL, 1L);
    // If a request ends while a thread looks its name up, do not wait for that thread.
    set(easy, CURLOPT_QUICK_EXIT, 1L);
    if (!options.unix_socket.empty())
        set(easy, CURLOPT_UNIX_SOCKET_PATH, options.unix_socket.c_str());
    if (!options.ca_path.empty()) {
        set(easy, CURLOPT_CAINFO, options.ca_path.c_str());
        // Debian's libcurl would trust the system's folder of authorities beside the file.
        set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    if (target.loopback()) set(easy, CURLOPT_PROXY, "");
    if (target.secure()) set(easy, CURLOPT_UPLOAD_BUFFERSIZE, tls_upload_bytes);
    set_callbacks();
}

void Request::set_callbacks() {
    CURL* const easy = easy_.get();
    const auto self = static_cast<void*>(this);
    set(easy, CURLOPT_HEADERDATA, self);
    set(easy, CURLOPT_HEADERFUNCTION,
        static_cast<Bytes>([](char* line, size_t, size_t size, void* request) {
            return static_cast<Request*>(request)->on_header({line, size}) ? size : 0;
        }));
    set(easy, CURLOPT_WRITEDATA, self);
    set(easy, CURLOPT_WRITEFUNCTION,
        static_cast<Bytes>([](char* bytes, size_t, size_t size, void* request) {
            return static_cast<Request*>(request)->on_body({bytes, size}) ? size : 0;
        }));
    // libcurl calls this after each write, before it does anything else with the connection.
    set(easy, CURLOPT_NOPROGRESS, 0L);
    set(easy, CURLOPT_XFERINFODATA, self);
    set(easy, CURLOPT_XFERINFOFUNCTION,
        static_cast<Progress>(
            [](void* request, curl_off_t, curl_off_t, curl_off_t, curl_off_t uploaded) {
                auto& r = *static_cast<Request*>(request);
                if (r.connected_ && static_cast<size_t>(uploaded) >= r.body_.size()) r.sent_ = true;
                return 0;
            }));
    // If libcurl reuses a connection and finds it closed, libcurl tries again by itself, on a new
    // connection or on another old one. A request that was sent in full must not be repeated, so
    // these callbacks refuse the second try.
    set(easy, CURLOPT_OPENSOCKETDATA, self);
    set(easy, CURLOPT_OPENSOCKETFUNCTION,
        static_cast<OpenSocket>(
            [](void* request, curlsocktype, curl_sockaddr* to) -> curl_socket_t {
                auto& r = *static_cast<Request*>(request);
                if (r.sent_) return CURL_SOCKET_BAD;
                r.connected_ = false;
                const int fd = r.multi_.open_socket(to->family, to->socktype, to->protocol);
                r.socket_errno_ = fd < 0 ? errno : 0;
                return fd;
            }));
    set(easy, CURLOPT_PREREQDATA, self);
    set(easy, CURLOPT_PREREQFUNCTION,
        static_cast<Before>([](void* request, char*, char*, int, int) -> int {
            auto& r = *static_cast<Request*>(request);
            if (r.sent_) return CURL_PREREQFUNC_ABORT;
            r.connected_ = true;
            return CURL_PREREQFUNC_OK;
        }));
    // The connection keeps this callback and outlives the request, so its argument is the Multi.
    set(easy, CURLOPT_CLOSESOCKETDATA, static_cast<void*>(&multi_));
    set(easy, CURLOPT_CLOSESOCKETFUNCTION,
        static_cast<CloseSocket>([](void* multi, curl_socket_t fd) {
            static_cast<Multi*>(multi)->close_socket(fd);
            return 0;
        }));
}

long Request::left_ms(uint64_t now_ms) const noexcept {
    const uint64_t spent_ms = now_ms - started_ms_, all_ms = target_.options().timeout_ms;
    return spent_ms < all_ms ? static_cast<long>(all_ms - spent_ms) : 1L;
}

void Request::prepare(uint64_t tag, std::string_view headers, std::string body, uint64_t started_ms,
                      uint64_t now_ms) {
    CURL* const easy = easy_.get();
    tag_ = tag;
    started_ms_ = started_ms;
    body_ = std::move(body);
    if (std::exchange(redirects_, 0) > 0) set(easy, CURLOPT_URL, target_.options().url.c_str());
    if (std::exchange(timeout_changed_, started_ms < now_ms) || timeout_changed_)
        set(easy, CURLOPT_TIMEOUT_MS, left_ms(now_ms));
    write_header_lines(headers, body_.size(), lines_);
    link_lines();
    set(easy, CURLOPT_HTTPHEADER, nodes_.data());
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
    set(easy, CURLOPT_POSTFIELDS, body_.data());
    begin();
}

void Request::link_lines() {
    nodes_.clear();
    for (char* line = lines_.data(); line < lines_.data() + lines_.size();
         line += std::strlen(line) + 1)
        nodes_.push_back({line, nullptr});
    for (size_t i = 1; i < nodes_.size(); ++i) nodes_[i - 1].next = &nodes_[i];
}

void Request::begin() noexcept {
    connected_ = sent_ = false;
    socket_errno_ = 0;
    status_ = 0;
    head_complete_ = cut_ = false;
    head_bytes_ = 0;
    content_type_.clear();
    retry_after_.clear();
    answer_body_.clear();
    error_[0] = '\0';
}

bool Request::follow(CURLcode result, uint64_t now_ms) {
    if (result != CURLE_OK || !target_.options().follow_redirects || redirects_ == redirects_max)
        return false;
    if (status_ != 301 && status_ != 302 && status_ != 307 && status_ != 308) return false;
    CURL* const easy = easy_.get();
    char* url = nullptr;  // Absolute; valid until the next libcurl call for `easy`.
    curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &url);
    if (!url || !target_.within_origin(url)) return false;
    if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK) return false;
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, left_ms(now_ms));
    timeout_changed_ = true;
    ++redirects_;
    begin();
    return true;
}

bool Request::on_header(std::string_view line) {
    const bool fits = line.size() <= target_.options().header_bytes_max - head_bytes_;
    if (fits) head_bytes_ += line.size();
    cut_ = cut_ || !fits;
    if (head_complete_) return fits;  // Trailers.
    const std::string_view text = base::trim(line.substr(0, line.find_last_not_of("\r\n") + 1));
    if (line.starts_with("HTTP/")) {
        const size_t space = text.find(' ');
        status_ = 0;
        if (space != std::string_view::npos)
            std::from_chars(text.data() + space + 1, text.data() + text.size(), status_);
    } else if (text.empty()) {
        head_complete_ =
            // After the head of any other 1xx, another head follows.
            status_ >= 200 || status_ == 101;
    } else if (status_ >= 200) {
        const size_t colon = std::min(text.find(':'), text.size() - 1);
        const std::string_view name = text.substr(0, colon);
        const std::string_view value = base::trim(text.substr(colon + 1));
        std::string* const field = base::iequals(name, "content-type")  ? &content_type_
                                   : base::iequals(name, "retry-after") ? &retry_after_
                                                                        : nullptr;
        if (!field || !field->empty()) return fits;
        try {
            *field = value;
        } catch (...) {
            return false;
        }
    }
    return fits;
}

bool Request::on_body(std::string_view bytes) {
    cut_ = cut_ || bytes.size() > target_.options().body_bytes_max - answer_body_.size();
    if (cut_) return false;
    try {
        answer_body_ += bytes;
    } catch (...) {
        cut_ = true;
    }
    return !cut_;
}

// If the head is too long, its status counts nevertheless. libcurl refuses a line of more than 100
// KB: with CURLE_OUT_OF_MEMORY, from version 8.6 on with CURLE_TOO_LARGE.
bool Request::has_answer(CURLcode result) const noexcept {
    constexpr int too_large = 100;
    const bool line_too_long =
        result == CURLE_OUT_OF_MEMORY || static_cast<int>(result) == too_large;
    return head_complete_ || (status_ >= 200 && (cut_ || line_too_long));
}

Answer Request::answer(CURLcode result) const {
    Answer answer;
    if (has_answer(result)) {
        answer.status = status_;
        answer.sent = true;
        answer.cut = cut_ || result != CURLE_OK;
        answer.content_type = content_type_;
        answer.retry_after = retry_after_;
        answer.body = answer_body_;
    } else {
        answer.sent = sent_ || redirects_ > 0;
        answer.cut = cut_;
        const Failure failure{.easy = easy_.get(),
                              .result = result,
                              .text = error_.data(),
                              .options = target_.options(),
                              .socket_errno = socket_errno_,
                              .connected = connected_,
                              .sent = sent_,
                              .cut = cut_,
                              .head_begun = head_bytes_ > 0};
        text_ = describe(failure);
        answer.error = text_;
    }
    return answer;
}

void Request::forget() noexcept {
    shrink(body_);
    shrink(lines_);
    shrink(content_type_);
    shrink(retry_after_);
    shrink(answer_body_);
}

}  // namespace starling::fetch
