// cluster/message.h: what the nodes of a Socket.IO cluster say to each other about one namespace, in
// one form for all adapters. classic_codec.h, sharded_codec.h and streams_codec.h read and write the
// forms that the adapters of Node.js have on the wire.
#pragma once

#include <starling/socketio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "socketio/codec/json_reader.h"
#include "socketio/codec/packet.h"
#include "socketio/target.h"

namespace starling::cluster {

using sio::Binary;
using sio::Json;
using sio::RemoteSocket;
using socketio::Arena;
using socketio::Target;

enum class Kind : uint8_t {
    // A node is there: its first message; every few seconds; its last one.
    hello,
    heartbeat,
    bye,
    // To all nodes.
    emit,          // `data`, an event, goes to the sockets of `target`.
    ask,           // Like emit. Each client acks: one ask_count, then an ask_ack for each ack.
    join,          // The sockets of `target` join `rooms`.
    leave,         // The sockets of `target` leave `rooms`.
    disconnect,    // The sockets of `target` are disconnected; `close`: with their connections.
    fetch,         // Which sockets does `target` have? Answer: fetched.
    list_rooms,    // Which rooms are there? Answer: rooms. Classic adapter only.
    list_sockets,  // Which ids are in the rooms of `target`? Answer: ids. Classic adapter only.
    server_event,  // `data`, an array, is for on_server_side(). With request_id: server_answer.
    // Answers to the node that asked, each with the request_id of the question.
    fetched,        // `sockets`
    rooms,          // `rooms`
    ids,            // `rooms` holds the ids.
    done,           // The socket `sid` of an older join, leave or disconnect was here.
    ask_count,      // The number of clients that will answer: `clients`.
    ask_ack,        // `data`: what one client answered.
    server_answer,  // `data`: what one node answered.
};

// `data` is valid until the Arena that decoded it is used or cleared again. All else is owned.
struct Message {
    Message() = default;
    Message(Message&&) noexcept = default;
    Message& operator=(Message&& other) noexcept {
        if (this != &other) {
            std::destroy_at(this);
            std::construct_at(this, std::move(other));
        }
        return *this;
    }
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;
    ~Message() = default;

    Kind kind = Kind::heartbeat;
    // The node that sent it. "emitter": a program that is no node. "": the sender does not say.
    std::string uid;
    std::string nsp = "/";
    std::string request_id;
    Target target;
    std::vector<std::string> rooms;
    std::string sid;  // A join, leave or disconnect in the older form: of this socket alone.
    bool close = false;
    uint64_t clients = 0;
    Json data;
    std::vector<RemoteSocket> sockets;  // Their handles are null: the sockets are elsewhere.

    // Moves `json` to `data`. An assignment would copy, because a Json keeps its memory resource.
    void take_data(Json&& json) noexcept {
        std::destroy_at(&data);
        std::construct_at(&data, std::move(json));
    }
};

// Why a message has no meaning. The sender may be older, newer or hostile: it is counted, and
// nothing else happens.
enum class Refusal : uint8_t {
    malformed,     // Not MessagePack or JSON, or a field has the wrong shape.
    unknown_type,  // A type that only other versions know.
    too_large,     // More than a limit allows.
};

struct Limits {
    size_t message_bytes_max = 67'108'864;  // 64 MiB: one message, in base64 as well.
    size_t rooms_max = 16'384;              // Rooms in one list of a message.
    size_t answer_items_max =
        1'000'000;  // Sockets with all their rooms and headers, in one answer.
    size_t uid_bytes_max = 64;
    size_t request_id_bytes_max = 128;
};

// The sender of emitters, which are no nodes: nothing waits for their answers.
inline constexpr std::string_view emitter_uid = "emitter";

// An Arena for messages. The message around an event adds levels to the depth of the event.
[[nodiscard]] inline socketio::DecodeLimits decode_limits(uint64_t table_seed) noexcept {
    socketio::DecodeLimits limits;
    limits.depth_max += 8;
    limits.table_seed = table_seed;
    return limits;
}

}  // namespace starling::cluster
