// events/v1_session.h: one connection of the WebSocket subprotocol starling.v1: which channels it is
// subscribed to, and what each request gets. See docs/protocol-v1.md.
//
// The session checks a request and gives it to its Host, which decides and acts. The host reports
// back, in the same call or later. A subscription is in one of two states:
//
//   (none) --subscribe--> subscribing --subscribed()--> subscribed
//
// and ends, in either state, with unsubscribe, refused() or ended().
//
// Owner: the connection. Thread: its worker's. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/keyed_hash.h"
#include "events/v1_reply.h"
#include "events/v1_request.h"

namespace starling::events::v1 {

struct SessionLimits {
    size_t subscriptions_max;
    size_t info_bytes_max;
    size_t data_bytes_max;
};

class Session {
public:
    class Host {
    public:
        virtual void send(std::string text) = 0;
        // To be answered by subscribed() or refused(). `attempt` names this subscription.
        virtual void subscribe(const Request& request, uint64_t attempt) = 0;
        virtual void unsubscribe(std::string_view channel) = 0;
        // The host answers these itself. A problem is sent as an error.
        [[nodiscard]] virtual Problem publish(const Request& request) = 0;
        [[nodiscard]] virtual Problem presence(const Request& request) = 0;
        [[nodiscard]] virtual Problem history(const Request& request) = 0;
        [[nodiscard]] virtual Problem login(const Request& request) = 0;

    protected:
        ~Host() = default;
    };

    Session(Host& host, const SessionLimits& limits) noexcept : host_(host), limits_(limits) {}

    void on_text(std::string_view text);

    // False: the client has unsubscribed meanwhile. Sends the answer.
    bool subscribed(std::string_view channel, uint64_t attempt, const Subscribed& how);
    void refused(std::string_view channel, uint64_t attempt, const Problem& why);
    // The server ends a subscription.
    void ended(std::string_view channel, const Problem& why);

    [[nodiscard]] size_t subscriptions() const noexcept { return subscriptions_.size(); }

private:
    struct Subscription {
        uint64_t attempt;
        std::string id;  // Of the request, until it is answered.
        bool subscribed = false;
    };
    using Subscriptions =
        std::unordered_map<std::string, Subscription, base::KeyedTextHash, std::equal_to<>>;

    [[nodiscard]] Problem handle(const Request& request);
    [[nodiscard]] Problem subscribe(const Request& request);
    [[nodiscard]] Problem unsubscribe(const Request& request);
    [[nodiscard]] Subscriptions::iterator waiting(std::string_view channel, uint64_t attempt);

    Host& host_;
    const SessionLimits limits_;
    uint64_t attempts_ = 0;
    Subscriptions subscriptions_;
};

}  // namespace starling::events::v1
