// server/node_engine/bus.h: the way from the workers to the other nodes of @socket.io/cluster-engine,
// and what becomes of each message.
//
// Owner: the code that joins the cluster; it lives longer than the workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace starling::server {

// What a message was about, for the part that sent it.
struct PeerReceipt {
    enum class Of : uint8_t { nothing, question, post, forward, poll, socket };
    Of of = Of::nothing;
    uint64_t id = 0;
    size_t bytes = 0;  // Of the message.
};

// What Redis says.
enum class PeerReach : uint8_t {
    reached,  // Somebody hears the channel; or that is not known.
    nobody,
    lost,  // The message was not sent, or perhaps not.
};

struct PeerSettings {
    std::string prefix;  // RedisEngine's channelPrefix.
    std::string self;    // senderId of this node: random.
    // Redis tells how many hear a message: not in a Redis Cluster.
    bool counts_receivers = true;
    uint64_t answer_ms_max = 1000;  // How long a question waits. Node.js waits as long.
    // Messages on their way to Redis, of all workers.
    size_t bytes_max = size_t{8} * 1024 * 1024;
};

class PeerBus {
public:
    // On the thread of the worker `from`, whose part gets the receipt later, within no call of its own;
    // messages keep their order. False: too much is on its way, or the server ends.
    [[nodiscard]] virtual bool publish(uint32_t from, std::string channel, std::string message,
                                       PeerReceipt receipt) = 0;
    // Redis is there, with the subscriptions of this node. Any thread.
    [[nodiscard]] virtual bool is_connected() const noexcept = 0;
    [[nodiscard]] virtual const PeerSettings& settings() const noexcept = 0;

protected:
    ~PeerBus() = default;
};

}  // namespace starling::server
