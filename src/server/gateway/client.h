// server/gateway/client.h: a client of the gateway on its worker: what the application knows of it,
// what is due to the application for it, and how it is reached while its connection is open.
//
// Owner: a connection of WebSocket while that is open; from then on, and for a client of Socket.IO
// always, GatewayPart, until the last webhook about the client is delivered or given up. Thread:
// the worker's.
#pragma once

#include <starling/websocket.h>

#include <boost/intrusive/set.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "base/intrusive_list.h"
#include "base/slot_table.h"
#include "hub/hub.h"
#include "webhook/actions.h"
#include "webhook/client.h"
#include "webhook/delivery.h"
#include "webhook/list.h"
#include "webhook/selector.h"

namespace starling::server {

struct GatewayRoutePart;
class Outgoing;

using GatewayIndexHook =
    boost::intrusive::set_base_hook<boost::intrusive::optimize_size<true>,
                                    boost::intrusive::link_mode<boost::intrusive::safe_link>>;

// The list link is in the list of the route's open clients, in the order in which the gateway last
// heard of them. The index hook is in the part's index of open clients, ordered by ListKey.
class GatewayClient : public ws::detail::AnyData,
                      public webhook::Delivery,
                      public base::ListLink,
                      public GatewayIndexHook {
public:
    GatewayClient(GatewayRoutePart& part, base::SlotKey key, const webhook::ClientFields& known,
                  Begin begin);
    ~GatewayClient() override;

    // The functions of the connection. Each does nothing once the connection is closing or closed.
    //
    // Adds the client to the count of `message` if the client took the message.
    virtual void send(Outgoing& message) = 0;
    // A client of Socket.IO gets neither code nor reason.
    virtual void close(uint16_t code, std::string_view reason) = 0;
    // Answers an event of Socket.IO. Does nothing for a client of WebSocket.
    virtual void ack(uint64_t id, const webhook::Arguments& args) {
        (void)id;
        (void)args;
    }
    virtual void pause() = 0;
    virtual void resume() = 0;
    virtual bool join(std::string_view topic) = 0;
    virtual bool leave(std::string_view topic) = 0;
    // The client's membership in topics; null once the connection has closed.
    [[nodiscard]] virtual const hub::Subscriber* subscriber() const noexcept = 0;

    [[nodiscard]] webhook::ListKey list_key() const noexcept {
        return {fields.user(), fields.is_public(), fields.conn_id()};
    }
    [[nodiscard]] webhook::Target target() const noexcept {
        return {fields.conn_id(), fields.user(), fields.token(), fields.is_public()};
    }
    [[nodiscard]] base::SlotKey slot_key() const noexcept { return key_; }
    [[nodiscard]] bool is_open() const noexcept { return is_linked(); }

    using base::ListLink::unlink;

    // Bytes of this object and of its fields, which stay while webhooks wait for a client that has gone.
    [[nodiscard]] size_t kept_bytes() const noexcept { return sizeof *this + fields.bytes(); }

    // Stores the facts about the client that the admitting answer contains. Call it before the
    // client opens.
    void accept(const webhook::Accept& accept);

    GatewayRoutePart& route;
    webhook::Client fields;
    uint64_t heard_ms = 0;
    bool asked = false;  // The application has not decided yet.

private:
    const base::SlotKey key_;
};

struct GatewayListOrder {
    using type = webhook::ListKey;
    type operator()(const GatewayClient& client) const noexcept { return client.list_key(); }
};

using GatewayIndex =
    boost::intrusive::set<GatewayClient, boost::intrusive::base_hook<GatewayIndexHook>,
                          boost::intrusive::key_of_value<GatewayListOrder>>;

// Calls `call(client)` for the clients of `user` (nothing: of every user) in the order of the list, until it returns
// false; returns false then. `after`: only for those that come after this place. `call` must not change the index.
template <class Index, class F>
bool walk(Index& index, std::optional<std::string_view> user, std::optional<webhook::ListKey> after,
          F&& call) {
    auto at = after  ? index.upper_bound(*after)
              : user ? index.lower_bound(webhook::ListKey{*user, false, {}})
                     : index.begin();
    for (; at != index.end() && (!user || at->fields.user() == *user); ++at)
        if (!call(*at)) return false;
    return true;
}

}  // namespace starling::server
