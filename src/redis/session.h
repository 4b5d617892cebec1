// redis/session.h: one connection to a Redis server: its opening, the order of its replies, its
// subscriptions.
//
//     session.start();                       // the socket is connected
//     write(session.take_output());          // after each call
//     session.on_bytes(input);               // false: close; error() says why
//     session.cut("connection reset");       // the last call
//
// Commands are answered in their order. At a cut each command under way is told as failed, and is not
// sent again: the server may have executed it.
//
// With RESP3, messages arrive beside replies on the same connection. With RESP2 a connection with
// subscriptions allows no other commands, so the owner opens a second one, Role::subscriber. A session
// is ready when its opening is over and the server has confirmed every subscription that
// Subscriptions held then.
//
// Pure. Owner: a link of redis/client; it must not destroy the session within a call of the session.
// Thread: the owner's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redis/opening.h"
#include "redis/reader.h"

namespace starling::redis {

enum class Topic : uint8_t {
    channel,  // SUBSCRIBE
    pattern,  // PSUBSCRIBE
    shard,    // SSUBSCRIBE: a channel of one node of a cluster
};

// The views end with the call that got the message.
struct Message {
    Topic topic;
    std::string_view pattern;  // Of Topic::pattern.
    std::string_view channel;
    std::string_view payload;
    bool too_large = false;  // Above ReaderLimits::bulk_bytes_max: the payload is left out.
};

// The answer to a command. Ends with the call that got it.
struct Answer {
    const Value* value = nullptr;  // Null: none came; see `error`.
    std::string_view error =
        {};  // The error of the server, or why there is no answer; "": success.
};
using Done = std::function<void(const Answer&)>;  // May be empty.

// The names that a connection is to be subscribed to; they outlive it. True: confirmed.
class Subscriptions {
public:
    using Names = std::map<std::string, bool, std::less<>>;

    // False: it was there.
    bool add(Topic topic, std::string_view name) {
        return of(topic).emplace(std::string(name), false).second;
    }
    // False: it was not there.
    bool remove(Topic topic, std::string_view name);
    [[nodiscard]] bool has(Topic topic, std::string_view name) const {
        return names_[static_cast<size_t>(topic)].contains(name);
    }
    [[nodiscard]] bool is_confirmed(Topic topic, std::string_view name) const {
        const Names& names = names_[static_cast<size_t>(topic)];
        const auto found = names.find(name);
        return found != names.end() && found->second;
    }
    [[nodiscard]] Names& of(Topic topic) noexcept { return names_[static_cast<size_t>(topic)]; }
    [[nodiscard]] bool is_empty() const noexcept;
    void forget_confirmations() noexcept;

private:
    std::array<Names, 3> names_;
};

class SessionEvents {
public:
    virtual void on_ready() = 0;
    virtual void on_message(const Message& message) = 0;
    // The server refuses a subscription: NOPERM, MOVED.
    virtual void on_refused(Topic topic, const std::string& name, std::string_view error) = 0;
    // The server has ended a subscription to a shard's channel: its slot has moved.
    virtual void on_lost(std::string_view name) = 0;

protected:
    ~SessionEvents() = default;
};

struct SessionLimits {
    ReaderLimits reader = {};
    // Calls of on_period() without a byte from the server, with a reply due: the server is dead.
    uint32_t silent_periods_max = 20;
    // Calls of on_period() without a byte and without a command: a PING is sent.
    uint32_t idle_periods_max = 20;
};

class Session {
public:
    enum class Role : uint8_t {
        both,        // Commands; subscriptions too if the server speaks RESP3.
        subscriber,  // Subscriptions alone, with RESP2.
    };

    Session(Role role, OpeningOptions options, const SessionLimits& limits,
            Subscriptions& subscriptions, SessionEvents& events);

    void start();
    // False: the session has failed.
    [[nodiscard]] bool on_bytes(std::span<const std::byte>& input);
    // True: the server is not ready, and on_waited() is due after a pause.
    [[nodiscard]] bool waits() const noexcept { return waits_; }
    void on_waited();
    // False: the server is dead.
    [[nodiscard]] bool on_period();
    // The connection is gone: every command under way gets its answer, with `why`.
    void cut(std::string_view why);

    // `encoded` is one whole command that has one reply. Only if is_open().
    void send(std::string_view encoded, Done done);
    // Only if is_open() and can_subscribe().
    void subscribe(Topic topic, std::string_view name);
    // Subscribes to names that another connection had. The session is not ready until they are confirmed.
    void restore(Topic topic, std::vector<std::string> names);
    void unsubscribe(Topic topic, std::string_view name);

    [[nodiscard]] std::string& output() noexcept { return output_; }
    [[nodiscard]] bool is_open() const noexcept { return state_ == State::open; }
    [[nodiscard]] bool is_ready() const noexcept { return is_open() && restoring_ == 0; }
    [[nodiscard]] uint8_t protocol() const noexcept { return opening_.protocol(); }
    [[nodiscard]] bool can_subscribe() const noexcept {
        return role_ == Role::subscriber || protocol() == 3;
    }
    // Bytes of commands that the server has not answered.
    [[nodiscard]] size_t pending_bytes() const noexcept { return pending_bytes_; }
    [[nodiscard]] size_t pending_commands() const noexcept { return pending_.size(); }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    // Another connection would fail in the same way.
    [[nodiscard]] bool is_final() const noexcept { return opening_.is_final(); }
    // Errors of commands without a Done.
    [[nodiscard]] uint64_t silent_errors() const noexcept { return silent_errors_; }

private:
    // leaving: the server has refused a command in a way that ends the connection. The answers to the
    // commands behind it say which of them it has executed.
    enum class State : uint8_t { opening, open, leaving, failed };
    // A command without its reply. SUBSCRIBE and its sisters have no reply but an error: they end
    // with a confirmation for each name.
    struct Pending {
        Done done;
        std::vector<std::string> names;  // Of a subscription.
        uint32_t bytes = 0;
        uint32_t left = 0;  // Confirmations to come.
        Topic topic = Topic::channel;
        bool leaves = false;    // UNSUBSCRIBE.
        bool restores = false;  // The session is not ready before.
    };

    void on_step(Opening::Step step);
    void open();
    void change(Topic topic, bool leaves, std::vector<std::string> names, bool restores);
    bool fail(std::string_view why);
    bool leave(std::string_view why);
    [[nodiscard]] bool on_reply(const Value& reply);
    [[nodiscard]] bool on_push(const Value& push);
    void confirm(Topic topic, bool leaves, std::string_view name);
    void refused(Pending pending, std::string_view error);
    void restored();
    [[nodiscard]] Pending take_front();

    static constexpr size_t names_max = 256;  // In one command.

    const Role role_;
    const SessionLimits limits_;
    Subscriptions& subscriptions_;
    SessionEvents& events_;
    Opening opening_;
    Reader reader_;
    State state_ = State::opening;
    bool waits_ = false, heard_ = false;
    uint32_t restoring_ = 0;  // Pending commands that restore subscriptions.
    uint32_t silent_periods_ = 0, idle_periods_ = 0;
    size_t pending_bytes_ = 0;
    uint64_t silent_errors_ = 0;
    std::deque<Pending> pending_;
    std::string output_, error_;
};

}  // namespace starling::redis
