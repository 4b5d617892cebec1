// <starling/limits.h>: limits of rates, against floods. Each is a token bucket. All are off by
// default, but for the open connections of an address.
//
//     starling::Server server({.limits = {.connections_per_address_max = 50,
//                                         .messages = {.per_second = 20, .burst = 100}}});
//
// An address is an IPv4 address or the /64 of an IPv6 address. It is http::Request's
// remote_address(): behind a trusted proxy that of the client. ServerStats counts what was refused.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace starling {

// `per_second` on average, and `burst` at once after a rest.
struct Rate {
    uint64_t per_second = 0;  // 0: no limit.
    uint64_t burst = 0;       // 0: as many as in a second.
    bool operator==(const Rate&) const = default;
};

struct Limits {
    // New connections of an address, over all workers. A refused one is closed; without TLS it gets
    // 429 with Retry-After before. A connection of a trusted proxy counts for each client that it
    // carries requests of, one after the other; the refused request gets 429.
    Rate connections = {};
    // Open connections of an address, over all workers, counted and refused like these. 0: no limit.
    uint32_t connections_per_address_max = 10'000;
    // Addresses without these two limits, as in ServerOptions::trusted_proxies.
    std::vector<std::string> exempt = {"127.0.0.0/8", "::1", "unix"};

    // Messages of a WebSocket, and packets of a Socket.IO session over either transport; and the
    // bytes of their payloads. One message may exceed the bytes that are left.
    Rate messages = {}, message_bytes = {};
    // For WebSockets. `close`: with 1008. `drop`: the message is ignored and counted. A Socket.IO
    // session always ends, since the acks and attachments of a dropped packet would be missing.
    enum class Excess : uint8_t { close, drop };
    Excess excess = Excess::close;

    // Channels that a connection of starling.v1 subscribes to: the request gets the error 429.
    Rate joins = {};
    // Publications of a channel, from clients and POST /api/publish together, over all workers: the
    // client gets the error 429, the API the status 429 with Retry-After.
    Rate channel_publishes = {};
    // Requests to the API with the same key, over all workers: 429 with Retry-After.
    Rate key_publishes = {};
};

}  // namespace starling
