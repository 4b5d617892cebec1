// server/gateway/selecting.cpp: what the control API does on one worker.
#include <algorithm>
#include <optional>
#include <vector>

#include "server/gateway/outgoing.h"
#include "server/gateway/part.h"

namespace starling::server {

// Calls `call(client)` for each open client that the selector means. `call` must not open or close
// a client.
template <class F>
void GatewayPart::each(const webhook::Selector& selector, F&& call) {
    if (!selector.conns.empty()) {
        for (size_t i = 0; i < selector.conns.size(); ++i) {
            GatewayClient* const client = find(selector.conns[i]);
            if (client && selector.matches(client->target())) call(*client);
        }
        return;
    }
    if (selector.users.empty()) {
        walk(index_, {}, {}, [&](GatewayClient& client) {
            if (selector.matches(client.target())) call(client);
            return true;
        });
        return;
    }
    for (size_t i = 0; i < selector.users.size(); ++i) {
        const std::string_view user = selector.users[i];
        std::optional<webhook::ListKey> after;  // The public ones are the last.
        if (selector.access == webhook::Access::public_only)
            after = webhook::ListKey{user, true, {}};
        walk(index_, user, after, [&](GatewayClient& client) {
            if (selector.matches_as_user(client.target())) call(client);
            return true;
        });
    }
}

size_t GatewayPart::send(const webhook::SendRequest& request) {
    Outgoing message(request.payload);
    each(request.to, [&](GatewayClient& client) { client.send(message); });
    return message.taken();
}

size_t GatewayPart::emit(const webhook::EmitRequest& request) {
    Outgoing message(request.event, request.ack_id);
    each(request.to, [&](GatewayClient& client) { client.send(message); });
    return message.taken();
}

size_t GatewayPart::close(const webhook::CloseRequest& request) {
    std::vector<base::SlotKey> chosen;  // Closing may change the list that each() iterates over.
    each(request.of, [&](const GatewayClient& client) { chosen.push_back(client.slot_key()); });
    for (const base::SlotKey key : chosen)
        if (GatewayClient* const client = clients_.find(key))
            client->close(request.code, request.reason);
    return chosen.size();
}

size_t GatewayPart::join(const webhook::TopicRequest& request) {
    size_t count = 0;
    each(request.of, [&](GatewayClient& client) { count += client.join(request.topic); });
    return count;
}

size_t GatewayPart::leave(const webhook::TopicRequest& request) {
    size_t count = 0;
    each(request.of, [&](GatewayClient& client) { count += client.leave(request.topic); });
    return count;
}

size_t GatewayPart::publish(const webhook::PublishRequest& request) {
    // Members of Socket.IO take the message from publishing(), in their own form.
    struct Publishing {
        Publishing(Outgoing*& a, Outgoing& now) noexcept : at(a) { at = &now; }
        ~Publishing() { at = nullptr; }
        Outgoing*& at;
    };
    std::optional<Outgoing> outgoing;
    if (request.event)
        outgoing.emplace(*request.event);
    else
        outgoing.emplace(request.payload);
    const Publishing publishing(publishing_, *outgoing);
    const hub::Message& websocket = outgoing->websocket().message;
    const hub::Message message{request.topic, websocket.bytes, websocket.binary};
    std::vector<const hub::Subscriber*> excepted;
    for (size_t i = 0; i < request.except.size(); ++i)
        if (const GatewayClient* const client = find(request.except[i]))
            excepted.push_back(client->subscriber());
    std::ranges::sort(excepted);
    // Whole: `outgoing` ends with this call.
    return worker.hub().deliver_whole(message, excepted);
}

}  // namespace starling::server
