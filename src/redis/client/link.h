// redis/client/link.h: one connection to a Redis server: from the dial to its end, once. All commands
// of a tick leave in one system call, at the end of the tick.
//
// Owner: a Node or a SentinelWatch; it may destroy the link in LinkEvents::on_down(), and not in any
//        other call of the link. Thread: the loop's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "redis/client/context.h"
#include "redis/session.h"

namespace starling::redis::client {

class Link;

class LinkEvents {
public:
    virtual void on_link_ready(Link& link) = 0;
    // The last call. `why` outlives the link. `is_final`: another try fails in the same way.
    virtual void on_down(Link& link, const std::string& why, bool is_final) = 0;
    virtual void on_message(const Message& message) = 0;
    virtual void on_refused(Topic topic, const std::string& name, std::string_view error) = 0;
    virtual void on_lost(std::string_view name) = 0;
    // Replies have arrived: pending_bytes() is smaller.
    virtual void on_progress() {}

protected:
    ~LinkEvents() = default;
};

class Link final : net::DialReceiver, SessionEvents {
public:
    Link(const Context& context, const Endpoint& endpoint, Session::Role role,
         OpeningOptions opening, Subscriptions& subscriptions, LinkEvents& events);
    // Commands under way end with "closed".
    ~Link();

    // As those of Session; only if is_open().
    void send(std::string_view encoded, Done done);
    void subscribe(Topic topic, std::string_view name);
    void unsubscribe(Topic topic, std::string_view name);
    void restore(Topic topic, std::vector<std::string> names);

    [[nodiscard]] bool is_open() const noexcept { return session_.is_open(); }
    [[nodiscard]] bool is_ready() const noexcept { return session_.is_ready(); }
    [[nodiscard]] const Session& session() const noexcept { return session_; }

private:
    class Handler;

    void on_connected(net::Dialed dialed) override;
    void on_failed(const net::DialError& error) override;
    void on_ready() override { events_.on_link_ready(*this); }
    void on_message(const Message& message) override { events_.on_message(message); }
    void on_refused(Topic topic, const std::string& name, std::string_view error) override {
        events_.on_refused(topic, name, error);
    }
    void on_lost(std::string_view name) override { events_.on_lost(name); }

    void on_bytes(std::span<std::byte>& input);
    void on_period();
    void write();
    void end(std::string_view why);

    const Context& context_;
    const Endpoint endpoint_;
    LinkEvents& events_;
    Session session_;
    Handler* handler_ = nullptr;  // Null without a stream.
    bool reading_ = false;        // Output waits until all input is read.
    std::unique_ptr<net::Dial> dial_;
    Timer periods_, pause_;
};

}  // namespace starling::redis::client
