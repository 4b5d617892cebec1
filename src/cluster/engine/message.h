// cluster/engine/message.h: what nodes with @socket.io/cluster-engine 0.1 say to each other about
// sessions of Engine.IO: a client's request may reach another node than the one that owns the
// session. docs/cluster-engine.md has the table of messages.
//
// Values and pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/message.h"
#include "engineio/packet.h"

namespace starling::cluster::engine {

// The numbers are those on the wire.
enum class Type : uint8_t {
    acquire_lock,    // To all: who owns `sid`, and may a client's request go to it?
    lock_answer,     // From the owner: `success`.
    drain,           // From the owner: `packets` for the client.
    packet,          // To the owner: a packet of the client, in `packets`.
    upgrade,         // To the owner: the client's WebSocket has taken over; or has not: `success`.
    upgrade_answer,  // From the owner: `take_over`: the session is the other node's from now on.
    close,           // To the owner: the client's request or WebSocket ended, for `reason`.
};

enum class Access : uint8_t { read, write };

// The transport of a client's request, as a lock names it.
enum class Carrier : uint8_t { polling, websocket, other };

// engineio::Packet with its own bytes. Only the types ping, pong, message, close, noop and upgrade
// are on the wire.
struct Packet {
    engineio::Type type = engineio::Type::message;
    bool binary = false;
    std::string data = {};

    [[nodiscard]] engineio::Packet view() const noexcept { return {type, binary, data}; }
    friend bool operator==(const Packet&, const Packet&) = default;
};

struct Message {
    Type type = Type::acquire_lock;
    std::string sender = {};     // A node.
    std::string recipient = {};  // A node; "": all of them.
    uint64_t request = 0;        // Of acquire_lock and upgrade, and of their answers.
    std::string sid = {};        // "": the answers have none.
    Carrier carrier = Carrier::polling;
    Access access = Access::read;
    bool success = false;
    bool take_over = false;
    std::string reason = {};
    std::vector<Packet> packets = {};

    friend bool operator==(const Message&, const Message&) = default;
};

struct Limits {
    size_t message_bytes_max = size_t{16} * 1024 * 1024;
    size_t packets_max = 16'384;  // Of one message.
    static constexpr size_t name_bytes_max = 64;
};

// The only form in which a session can be asked for: other ids are not asked for by Node.js.
inline constexpr size_t sid_bytes = 20;

// From MessagePack. What the bytes hold besides the fields of the type is ignored.
[[nodiscard]] base::Result<Message, Refusal> decode(std::string_view bytes, const Limits& limits,
                                                    Arena& arena);
[[nodiscard]] std::string encode(const Message& message);

// The channel of all nodes, and of one.
[[nodiscard]] std::string channel_of_all(std::string_view prefix);
[[nodiscard]] std::string channel_of(std::string_view prefix, std::string_view node);

}  // namespace starling::cluster::engine
