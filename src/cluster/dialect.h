// cluster/dialect.h: how one adapter of Node.js speaks about one namespace: the channels that a node
// hears, where each message goes and in which form, and what arrives on a channel.
//
// Owner: the Node, one for each namespace. Pure. Thread: the owner's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/message.h"
#include "cluster/names.h"
#include "cluster/node_codec.h"

namespace starling::cluster {

enum class Adapter : uint8_t { classic, sharded, streams };

struct DialectOptions {
    Adapter adapter = Adapter::classic;
    std::string key = "socket.io";  // The option `key`; `channelPrefix` of the newer adapters.
    // Classic: one pattern for all emits, as Node.js nodes have. False: a channel for each room that
    // has members here.
    bool pattern = true;
    bool answer_to_asker = false;                      // Classic: publishOnSpecificResponseChannel.
    RoomChannels room_channels = RoomChannels::named;  // Sharded: subscriptionMode.
    std::string stream = "socket.io";                  // Streams: streamName, streamCount,
    uint32_t streams = 1;
    bool sharded_channels = false;  // and useShardedPubSub.
};

// How a name is subscribed to: SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE.
enum class Medium : uint8_t { channel, pattern, shard };

struct Subscription {
    Medium medium = Medium::channel;
    std::string name;
    friend auto operator<=>(const Subscription&, const Subscription&) = default;
};

// A message as it goes out: a body to a channel, or the fields of an entry to a stream.
struct Sending {
    enum class Way : uint8_t { publish, spublish, stream };
    Way way = Way::publish;
    std::string name;  // Of the channel or the stream.
    std::string body;
    Entry entry;
    [[nodiscard]] size_t bytes() const noexcept;
};

// A message as it arrived.
struct Incoming {
    Medium medium = Medium::channel;
    std::string_view name;  // What was subscribed to: the channel, or the pattern.
    std::string_view channel;
    std::string_view payload;
};

// True: the room has members on this node.
using HoldsRoom = std::function<bool(std::string_view room)>;

class Dialect {
public:
    virtual ~Dialect() = default;
    // What a node of the namespace hears from the beginning.
    [[nodiscard]] virtual std::vector<Subscription> subscriptions() const = 0;
    // What it hears while a room has members here. Nothing: the room has no name of its own.
    [[nodiscard]] virtual std::optional<Subscription> of_room(std::string_view room,
                                                              bool of_one_socket) const = 0;
    // The channel of the questions: all nodes hear it, and nobody else.
    [[nodiscard]] virtual Subscription questions() const = 0;
    // False: the message cannot be written: a value is too deep. `asker`: of an answer, the uid of
    // the node that gets it.
    [[nodiscard]] virtual bool write(const Message& message, std::string_view asker,
                                     Sending& to) const = 0;
    // Nothing: the message is for a room without members here.
    [[nodiscard]] virtual std::optional<Decoded> read(const Incoming& in, const Limits& limits,
                                                      Arena& arena,
                                                      const HoldsRoom& holds) const = 0;
};

// `uid`: that of this node.
[[nodiscard]] std::unique_ptr<Dialect> make_dialect(const DialectOptions& options,
                                                    std::string_view nsp, std::string_view uid);

}  // namespace starling::cluster
