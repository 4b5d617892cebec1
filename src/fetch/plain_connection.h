// fetch/plain_connection.h: a connection of the plain sender to an application, and the one request
// that is under way on the connection. The next request reuses the memory of the last one.
//
// A request is repeated, on a new connection, only if three things are true: the connection had
// served another request before, the kernel had not taken the whole request, and no byte of an
// answer came. The application had then closed the connection.
//
// Owner: the PlainSender. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/intrusive_list.h"
#include "fetch/application.h"
#include "fetch/fetcher.h"
#include "fetch/header_lines.h"
#include "http/response_reader.h"
#include "net/watch.h"

namespace starling::fetch {

class PlainSender;

struct PlainRequest {
    Target* target = nullptr;
    uint64_t tag = 0, started_ms = 0;
    std::string head, body;
    CallersLines lines;  // In `head`.
    std::string url;     // The address of the newest redirect; "": that of the target.
    int redirects = 0;
};

class PlainConnection final : public base::ListLink, private net::Watcher {
public:
    PlainConnection(PlainSender& sender, Application& application);
    ~PlainConnection();

    // Sets the next request. `headers` and `body`: see Fetcher::post().
    void prepare(Target& target, uint64_t tag, std::string_view headers, std::string body,
                 uint64_t now_ms);
    // Connects if the connection is not open, and sends the request. PlainSender::over() is called
    // when the request has completed, never before start() returns.
    void start() noexcept;
    // Calls PlainSender::over(). If the request has not completed yet, its time limit is exceeded.
    void conclude();
    // Call it when the request has completed. True: the application redirects the request to itself,
    // and start() must be called again. Throws std::bad_alloc, and then has changed nothing.
    [[nodiscard]] bool follow();
    // All addresses have refused the connection. Nothing was sent.
    [[nodiscard]] bool is_unreachable() const noexcept { return end_ == End::unreachable; }
    // Call it when the request has completed. The answer is valid until prepare() or rest().
    [[nodiscard]] Answer answer();
    // The answer is complete, and the application accepts another request on the connection.
    [[nodiscard]] bool is_reusable() const noexcept { return reusable_; }
    // Frees what the request held. The connection is idle until the next prepare().
    void rest(uint64_t now_ms) noexcept;
    // For idle connections: the application has neither closed the connection nor sent anything.
    [[nodiscard]] bool is_sound() const noexcept;

    [[nodiscard]] Application& application() const noexcept { return application_; }
    [[nodiscard]] PlainRequest& request() noexcept { return request_; }
    [[nodiscard]] uint64_t idle_since_ms() const noexcept { return idle_since_ms_; }
    // The time at which conclude() must be called; UINT64_MAX if the request has completed.
    [[nodiscard]] uint64_t due_ms() const noexcept;
    size_t place = 0;  // The index in the PlainSender's list of connections.

private:
    enum class Phase : uint8_t { idle, connecting, exchanging, over };
    enum class End : uint8_t {
        answered,
        closed,
        timed_out,
        malformed,
        head_too_large,
        body_lost,  // Longer than allowed, malformed, incomplete, or no memory for it.
        unreachable,
    };

    void on_ready(bool readable, bool writable) override;
    // Connecting.
    void connect() noexcept;
    void try_addresses(int error) noexcept;
    [[nodiscard]] int open(const net::Address& address) noexcept;
    void connected();
    void close() noexcept;
    // The exchange.
    void begin_exchange() noexcept;
    void reset() noexcept;
    void send() noexcept;
    [[nodiscard]] bool receive();
    void failed();
    void over(End end);
    [[nodiscard]] bool is_sent() const noexcept {
        return sent_bytes_ == request_.head.size() + request_.body.size();
    }
    [[nodiscard]] std::string failure() const;
    void want(net::Interest interest) noexcept;

    PlainSender& sender_;
    Application& application_;
    base::Descriptor fd_;
    std::optional<net::Watch> watch_;
    PlainRequest request_;
    http::ResponseReader reader_;
    std::string answer_body_, error_;
    size_t sent_bytes_ = 0;
    size_t first_ = 0, tried_ = 0;  // The application's addresses: index, and how many.
    uint64_t idle_since_ms_ = 0, connect_ms_ = 0;
    int connect_error_ = 0;
    Phase phase_ = Phase::over;
    End end_ = End::closed;
    bool no_socket_ = false;   // connect_error_ is that of socket().
    bool connecting_ = false;  // The time limit was exceeded while connecting.
    bool reused_ = false;      // The connection has served a request before this one.
    bool head_seen_ = false, write_failed_ = false, reusable_ = false;
};

}  // namespace starling::fetch
