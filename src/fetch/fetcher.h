// fetch/fetcher.h: POST requests to applications, on the caller's loop.
//
//     Fetcher fetcher(loop, receiver);
//     Target& target = fetcher.add({.url = "http://127.0.0.1:3010/websocket/message"});
//     fetcher.post(target, tag, "Cookie: a=b\n", R"({"action":"open"})");
//     ... later: receiver.fetched(tag, answer)
//
// Two senders share the work. The plain sender (plain_sender.h) speaks HTTP/1.1 to applications
// whose URL begins with http://, and to Unix-domain sockets. libcurl (multi.h) serves https://,
// HTTP/2, proxies, URLs with a user, and names whose address is not known. Both senders behave
// alike, with one exception: the plain sender refuses malformed answers (http/response_reader.h),
// and libcurl accepts some of them.
//
// Nothing blocks the loop, which watches all sockets (net/watch.h). Connections are kept alive and
// reused for 4 seconds after their last answer, less than Node.js keeps them (5 s). Over TLS,
// HTTP/2 is used if the server offers it. To look a name up, libcurl starts a short-lived thread,
// because getaddrinfo() blocks; "localhost" and addresses need no thread. The addresses of a name
// are kept for 5 seconds (application.h).
//
// Proxies: `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` of the environment count, as for
// every program that uses libcurl; but not for Unix-domain sockets, "localhost", 127.0.0.0/8 and
// ::1. If add() finds a proxy for http:// in the environment, libcurl serves every application that
// the proxy may count for.
//
// At most once: a request is repeated, on a new connection, only if the request was written to a
// reused connection and the kernel had not taken the whole request. A request that the application
// may have seen is reported instead, with Answer::sent. So is a request over HTTP/2 that the server
// refused unseen (REFUSED_STREAM, GOAWAY): libcurl does not report that difference.
//
// Owner: the code that sends webhooks, on each worker. Thread: the loop's; curl_global_init() is
// called by the first Fetcher of the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace starling::net {
class Loop;
}

namespace starling::fetch {

// An application's address and the rules for requests to it.
struct TargetOptions {
    std::string url;               // http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH.
    std::string unix_socket = {};  // Path of a Unix-domain socket to connect to; "": TCP.
    // PEM file of the authorities that are trusted in place of the system's; "": those of the
    // system. The file is read at most every 10 minutes.
    std::string ca_path = {};
    uint32_t connect_timeout_ms = 1'000;  // Name, connection and TLS handshake.
    uint32_t timeout_ms = 2'000;          // One request in all, connecting and redirects included.
    // 301, 302, 307 and 308, 5 at most, to the same scheme, host and port; method and body are
    // kept. Any other redirect is the answer: 303 too, since it says that the request has been
    // carried out.
    bool follow_redirects = false;
    // A longer answer is cut. Heads of 1xx and trailers count as head.
    size_t header_bytes_max = 65'536, body_bytes_max = 65'536;
};

struct Answer {
    uint16_t status = 0;  // 0: no answer, or the head of the answer is incomplete.
    // The request was handed to the kernel in full, so that the application may have seen it. True
    // for every answer with a status, and after a redirect. False: the application has not got the
    // whole request.
    bool sent = false;
    // The head or the body was longer than allowed, or the body did not come to its end in time.
    // The status stands; `body` must not be used.
    bool cut = false;
    // Valid during the call. If the answer has a header field twice, the value is that of the
    // first.
    std::string_view content_type, retry_after, body;
    // Why there is no status, in plain words: "connection refused", "no answer within 2000 ms".
    // Else "".
    std::string_view error;
};

class Receiver {
public:
    // Called once for each post(), from the loop. fetched() may call Fetcher::post() and add(); it
    // must not destroy the Fetcher. Loop::on_escaped() gets the text of an exception that fetched()
    // throws.
    virtual void fetched(uint64_t tag, const Answer& answer) = 0;

protected:
    ~Receiver() = default;
};

class Target;  // Owned by the Fetcher.

// The senders of a Fetcher. `libcurl` alone is for tests and comparisons.
enum class Senders : uint8_t { plain_and_libcurl, libcurl };

class Fetcher {
public:
    // `loop` and `receiver` outlive the Fetcher.
    Fetcher(net::Loop& loop, Receiver& receiver, Senders senders = Senders::plain_and_libcurl);
    ~Fetcher();  // Drops every request under way; fetched() is not called for them.
    Fetcher(const Fetcher&) = delete;
    Fetcher& operator=(const Fetcher&) = delete;

    // The target stays until the Fetcher ends. Throws std::invalid_argument for a URL that libcurl
    // cannot parse or whose scheme is neither http nor https, for a `ca_path` that cannot be read,
    // and for a timeout of 0.
    Target& add(const TargetOptions& options);
    // Starts a POST; never calls fetched() before it returns. `headers`: lines "Name: value", each
    // ended by '\n',
    // sent in this order; an empty value is sent as an empty field. A line with CR or NUL fails
    // an assertion; a build without assertions leaves the line out. The fields that belong to the
    // connection or to the body are left out, too: Connection, Content-Length, Content-Type
    // (application/json is sent), Expect, Host, Keep-Alive, Proxy-*, TE, Trailer,
    // Transfer-Encoding, Upgrade. `headers` is copied.
    void post(Target& target, uint64_t tag, std::string_view headers, std::string body);
    // The number of posts for which fetched() has not been called yet.
    [[nodiscard]] size_t in_flight() const noexcept;
    // The number of posts that went to the plain sender first. For tests.
    [[nodiscard]] uint64_t sent_plainly() const noexcept;

private:
    class Impl;
    const std::unique_ptr<Impl> impl_;
};

}  // namespace starling::fetch
