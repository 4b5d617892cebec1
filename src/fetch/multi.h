// fetch/multi.h: libcurl's multi interface on a net::Loop: its sockets, its timer, its messages.
//
// An idle connection stays in the kernel's set of what the loop waits for, so that a request on a connection that is
// reused costs no call of epoll_ctl().
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

#include "net/loop.h"
#include "net/watch.h"

namespace starling::fetch {

class Multi {
public:
    class Owner {
    public:
        // The transfer has been removed, and may be added again at once. May throw: the loop tells it, and
        // what else is complete is reported in the next tick.
        virtual void on_complete(CURL* easy, CURLcode result) = 0;

    protected:
        ~Owner() = default;
    };

    Multi(net::Loop& loop, Owner& owner);
    ~Multi();
    Multi(const Multi&) = delete;
    Multi& operator=(const Multi&) = delete;

    // Where libcurl refuses (no memory), the transfer is reported as failed, later.
    void add(CURL* easy);
    // Of a transfer that has not been reported. Closes its connection.
    void remove(CURL* easy) noexcept;

    // For CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION. -1: no socket.
    [[nodiscard]] int open_socket(int family, int type, int protocol) noexcept;
    void close_socket(int fd) noexcept;

private:
    struct Socket final : net::Watcher {
        Socket(Multi& owner, int number) : multi(owner), fd(number) {}
        void on_ready(bool readable, bool writable) override;

        Multi& multi;
        const int fd;
        std::optional<net::Watch> watch;
        bool wanted = false;  // libcurl waits for it.
        // The connection stands: libcurl tells by close_socket() when it closes it. A socket that still
        // connects is closed without a word.
        bool established = false;
        // HTTP/2: what comes while no request is under way is libcurl's.
        bool multiplexed = false;
    };

    int change_socket(CURL* easy, int fd, int what) noexcept;
    int let_go(CURL* easy, int fd) noexcept;
    void forget(int fd) noexcept;
    void watch(Socket& socket, net::Interest interest);
    void change_timer(long timeout_ms) noexcept;
    void arm();
    void drive(int fd, int events);
    void report();

    net::Loop& loop_;
    Owner& owner_;
    CURLM* multi_;
    std::unordered_map<int, Socket> sockets_;
    std::vector<std::pair<CURL*, CURLcode>> failed_;  // Not taken by libcurl, to be reported.
    std::vector<CURL*> stalled_;                      // Have to be run again, see drive().
    size_t transfers_ = 0, kept_connections_max_ = 64;
    // Timers. `soon_`: in the next turn of the timers. `later_` is left armed when libcurl's time moves
    // back, as it does with each request: it then finds nothing due.
    net::TimerId soon_ = 0, later_ = 0;
    uint64_t later_due_ms_ = 0;
    std::optional<uint64_t> due_ms_;
};

}  // namespace starling::fetch
