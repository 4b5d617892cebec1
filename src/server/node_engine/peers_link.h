// server/node_engine/peers_link.h: the way between the PeersParts of a server's workers and Redis, by the
// connection that the first worker has anyway.
//
// Owner: the code that joins the cluster; it lives longer than the workers. Thread: the first worker's,
// where no comment says otherwise.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/engine/message.h"
#include "redis/client/client.h"
#include "server/node_engine/bus.h"
#include "server/node_engine/peers_part.h"
#include "server/refusals.h"
#include "server/worker_group.h"

namespace starling::server {

class PeersLink final : public PeerBus {
public:
    PeersLink(PeerSettings settings, uint64_t table_seed);

    // When the workers exist and none of them runs: gives each a part.
    void attach(WorkerGroup& group, Engine& engine);
    // From here on nothing reaches the first worker, which is destroyed soon.
    void close() noexcept { group_ = nullptr; }

    void begin(redis::client::Client& client);  // It subscribes.
    void end() noexcept;                        // Before the end of that client.
    void up(bool is_deaf);                      // The client is ready.
    void down();
    // True: the message is for the PeersParts, or for nobody.
    [[nodiscard]] bool take(const redis::Message& message);
    // Messages that Redis has not confirmed.
    [[nodiscard]] uint64_t under_way() const noexcept { return under_way_; }

    // PeerBus
    [[nodiscard]] bool publish(uint32_t from, std::string channel, std::string message,
                               PeerReceipt receipt) override;
    [[nodiscard]] bool is_connected() const noexcept override {
        return connected_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] const PeerSettings& settings() const noexcept override { return settings_; }

private:
    void publish_now(uint32_t from, const std::string& channel, const std::string& message,
                     const PeerReceipt& receipt);
    void confirm(uint32_t from, const PeerReceipt& receipt, PeerReach reach) noexcept;
    void route(cluster::engine::Message message, size_t bytes);
    // Calls it with the part, on its worker.
    template <class F>
    void on_part(uint32_t worker, F&& call);
    void refuse();

    const PeerSettings settings_;
    const std::string all_, own_;  // Channels.
    const cluster::engine::Limits limits_;
    cluster::Arena arena_;
    WorkerGroup* group_ = nullptr;  // Null: there are no workers, or not all any more.
    std::vector<PeersPart*> parts_;
    redis::client::Client* client_ = nullptr;
    std::atomic<bool> connected_{false};
    std::atomic<size_t> bytes_{0};  // Of messages that Redis has not confirmed.
    uint64_t under_way_ = 0;
    Refusals refusals_;
};

}  // namespace starling::server
