// fetch/plain_sender.h: sends requests to applications over plain HTTP/1.1, without libcurl. It has a
// pool of idle connections for each application, and one timer for all time limits.
//
// Each request gets an idle connection, or a new one. Idle connections are watched: the sender closes
// a connection that the application has closed, or on which bytes arrive that no request asked for.
// It also closes connections that were idle for 4 seconds; Node.js closes them after 5 seconds.
//
// Owner: the Fetcher. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fetch/application.h"
#include "fetch/plain_connection.h"
#include "net/timers.h"

namespace starling::net {
class Loop;
}

namespace starling::fetch {

class PlainSender {
public:
    class Owner {
    public:
        // Called once for each post(), after post() has returned. May throw; the exception goes to
        // Loop::on_escaped().
        virtual void on_answer(uint64_t tag, const Answer& answer) = 0;
        // Called in place of on_answer() if the address of a name refuses the connection. Nothing was
        // sent. May take the strings of the request.
        virtual void on_unreachable(PlainRequest& request) = 0;

    protected:
        ~Owner() = default;
    };

    PlainSender(net::Loop& loop, Owner& owner);
    ~PlainSender();  // Drops every request under way; the owner is not called.
    PlainSender(const PlainSender&) = delete;
    PlainSender& operator=(const PlainSender&) = delete;

    // The application of that place, see plain_place(). It lives as long as the PlainSender.
    [[nodiscard]] Application& application(const std::string& place, const Url& url);
    // See Fetcher::post(). The target's application has addresses.
    void post(Target& target, uint64_t tag, std::string_view headers, std::string body);

    // ---- called by the connections ----------------------------------------------------------------
    // The request has completed. May destroy the connection.
    void over(PlainConnection& connection);
    // The same, but the owner is called in the next turn of the timers.
    void over_soon(PlainConnection& connection) noexcept;
    void close(PlainConnection& connection) noexcept;  // Destroys the connection.
    [[nodiscard]] net::Loop& loop() const noexcept { return loop_; }
    [[nodiscard]] std::span<std::byte> buffer() noexcept { return buffer_; }

private:
    struct Release;

    [[nodiscard]] PlainConnection& take(Application& application);
    void release(PlainConnection& connection) noexcept;
    void start(PlainConnection& connection) noexcept;
    void arm(uint64_t due_ms) noexcept;
    void sweep();
    void conclude_all();

    net::Loop& loop_;
    Owner& owner_;
    std::vector<std::unique_ptr<Application>> applications_;
    // Heads of lists. Each connection is in one of these two lists or in its application's `idle`.
    // `over_`: the request has completed, and the owner has not been called yet.
    base::ListLink under_way_, over_;
    std::vector<std::unique_ptr<PlainConnection>> connections_;
    std::vector<std::byte> buffer_;
    net::TimerId timer_ = 0;
    uint64_t timer_due_ms_ = 0;
};

}  // namespace starling::fetch
