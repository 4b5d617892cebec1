// fetch/multi.h: libcurl's multi interface on a net::Loop: its sockets, its timer, its messages.
//
// An idle connection stays in the kernel's set of what the loop waits for, so that a request on a
// connection that is reused costs no call of epoll_ctl().
//
// Owner: the Fetcher; every transfer is removed before a Multi ends. Thread: the loop's.
#pragma once

#include <curl/curl.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "net/loop.h"
#include "net/watch.h"

namespace starling::fetch {

class Multi {
public:
    class Owner {
    public:
        // The transfer has been removed, and may be added again at once. If on_complete() throws,
        // the loop reports the exception, and the other complete transfers are reported in the next
        // tick.
        virtual void on_complete(CURL* easy, CURLcode result) = 0;

    protected:
        ~Owner() = default;
    };

    Multi(net::Loop& loop, Owner& owner);
    ~Multi();
    Multi(const Multi&) = delete;
    Multi& operator=(const Multi&) = delete;

    // If libcurl refuses the transfer (no memory), on_complete() reports the failure later.
    void add(CURL* easy);
    // Removes a transfer that has not been reported, and closes its connection.
    void remove(CURL* easy) noexcept;

    // For CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION. -1: the kernel gives no
    // socket.
    [[nodiscard]] int open_socket(int family, int type, int protocol) noexcept;
    void close_socket(int fd) noexcept;

private:
    struct Socket final : net::Watcher {
        Socket(Multi& owner, int number) : multi(owner), fd(number) {}
        void on_ready(bool readable, bool writable) override;

        Multi& multi;
        const int fd;
        // A duplicate of `fd` for the loop. libcurl reports the end of a socket that has not
        // connected only after it has closed the socket. By then another thread may have opened a
        // descriptor of the same number.
        base::Descriptor watched;
        std::optional<net::Watch> watch;
        bool wanted = false;  // libcurl waits for this socket.
        // The socket has connected: libcurl will call close_socket() for it. libcurl may close a
        // socket that still connects without that call.
        bool established = false;
        // The connection speaks HTTP/2: libcurl reads bytes that come while no request is under
        // way.
        bool multiplexed = false;
    };

    int change_socket(CURL* easy, int fd, int what) noexcept;
    int let_go(CURL* easy, int fd) noexcept;
    void watch(Socket& socket, net::Interest interest);
    void change_timer(long timeout_ms) noexcept;
    void arm();
    void drive(int fd, int events);
    void report();

    net::Loop& loop_;
    Owner& owner_;
    CURLM* multi_;
    std::unordered_map<int, Socket> sockets_;
    // Transfers that libcurl has refused, to be reported.
    std::vector<std::pair<CURL*, CURLcode>> failed_;
    std::vector<CURL*> stalled_;  // Transfers to wake up, see drive().
    size_t transfers_ = 0, kept_connections_max_ = 64;
    // Timers. `soon_` fires in the next run of the timers. libcurl sets a new time with each
    // request; if that time is later, `later_` keeps its earlier time and then finds nothing due.
    net::TimerId soon_ = 0, later_ = 0;
    uint64_t later_due_ms_ = 0;
    std::optional<uint64_t> due_ms_;
};

}  // namespace starling::fetch
