// server/gateway/client.h: a client of the gateway on its worker: what the application knows of it, what is due to the
// application for it, and its WebSocket while that is open.
//
// Owner: GatewayPart, from the WebSocket's opening until the last webhook about it is delivered or given up.
// Thread: the worker's.
#pragma once

#include <starling/websocket.h>

#include <cstdint>

#include "base/intrusive_list.h"
#include "base/slot_table.h"
#include "webhook/client.h"
#include "webhook/delivery.h"

namespace starling::server {

struct GatewayRoute;

// The link: in the list of clients by the time at which the part heard of them last, while the WebSocket is open
// and read.
class GatewayClient final : public base::ListLink {
public:
    GatewayClient(base::SlotKey key, const GatewayRoute& on, webhook::Client known,
                  webhook::Deliveries& deliveries)
        : route(on), fields(std::move(known)), delivery(deliveries), key_(key) {}

    [[nodiscard]] base::SlotKey slot_key() const noexcept { return key_; }

    const GatewayRoute& route;
    const webhook::Client fields;
    ws::Socket socket;  // Null before it opens and once it has closed.
    webhook::Delivery delivery;
    uint64_t heard_ms = 0;
    bool waits_for_room = false;  // Its webhook is due, and the application has no room for it.

private:
    const base::SlotKey key_;
};

}  // namespace starling::server
