// app/config/schema_clients.cpp: the keys about who the clients are, and their limits.
#include "app/config/schema.h"

namespace starling::app {
namespace {

constexpr Row rows[] = {
    {.key = "listen[].proxy_protocol.from",
     .slot = [](Settings& s) -> Slot { return &s.server.listen.back().proxy_protocol_from; },
     .check = fault_of_address_range,
     .help = "proxies that begin each connection with a PROXY header: `10.0.0.0/8`, `unix`; all "
             "other connections are closed; empty: the address takes no PROXY header; see "
             "[proxies](proxies.md)"},
    {.key = "trusted_proxies",
     .slot = [](Settings& s) -> Slot { return &s.server.trusted_proxies; },
     .check = fault_of_address_range,
     .help = "proxies that name the client, and the user if `auth.user_header` is set: "
             "`10.0.0.0/8`, `::1`, `unix`"},
    {.key = "client_address_header",
     .slot = [](Settings& s) -> Slot { return &s.server.client_address_field; },
     .help = "the header field in which they name the client; all others are ignored"},

    {.key = "limits.connections.per_second",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.connections.per_second; },
     .max = gibi,
     .help = "new connections of an address (IPv6: of a /64); 0: no limit"},
    {.key = "limits.connections.burst",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.connections.burst; },
     .max = gibi,
     .help = "so many at once after a rest; 0: those of a second"},
    {.key = "limits.connections_per_address_max",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.connections_per_address_max; },
     .max = 16 * mebi,
     .help = "open connections of an address; 0: no limit"},
    {.key = "limits.exempt",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.exempt; },
     .check = fault_of_address_range,
     .help = "addresses without these three limits"},
    {.key = "limits.messages.per_second",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.messages.per_second; },
     .max = gibi,
     .help = "messages of a WebSocket, packets of a Socket.IO session; 0: no limit"},
    {.key = "limits.messages.burst",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.messages.burst; },
     .max = gibi,
     .help = "so many at once after a rest; 0: those of a second"},
    {.key = "limits.message_bytes.per_second",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.message_bytes.per_second; },
     .max = gibi,
     .help = "bytes of these messages; 0: no limit"},
    {.key = "limits.message_bytes.burst",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.message_bytes.burst; },
     .max = gibi,
     .help = "so many at once after a rest; 0: those of a second"},
    {.key = "limits.excess",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.excess; },
     .help = "a WebSocket over these limits: `close` it with 1008, or `drop` the message"},
    {.key = "limits.joins.per_second",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.joins.per_second; },
     .max = gibi,
     .help = "subscriptions of a client, by `starling.v1` or Socket.IO; 0: no limit"},
    {.key = "limits.joins.burst",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.joins.burst; },
     .max = gibi,
     .help = "so many at once after a rest; 0: those of a second"},
    {.key = "limits.channel_publishes.per_second",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.channel_publishes.per_second; },
     .max = gibi,
     .help = "events published to a channel; 0: no limit"},
    {.key = "limits.channel_publishes.burst",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.channel_publishes.burst; },
     .max = gibi,
     .help = "so many at once after a rest; 0: those of a second"},
    {.key = "limits.key_publishes.per_second",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.key_publishes.per_second; },
     .max = gibi,
     .help = "requests to publish with the same API key; 0: no limit"},
    {.key = "limits.key_publishes.burst",
     .slot = [](Settings& s) -> Slot { return &s.server.limits.key_publishes.burst; },
     .max = gibi,
     .help = "so many at once after a rest; 0: those of a second"},
};

}  // namespace

std::span<const Row> client_rows() noexcept { return rows; }

}  // namespace starling::app
