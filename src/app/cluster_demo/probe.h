// app/cluster_demo/probe.h: asks a node for its health, over HTTP on a connection of its own.
//
// Owner: the supervisor; destroying a probe ends it without a call. Thread: its loop's.
#pragma once

#include "base/descriptor.h"

#include <starling/client.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace starling::app::cluster_demo {

struct Health {
    bool ready = false;
    uint64_t clients = 0;
    uint64_t received = 0, sent = 0;  // Messages since the start of the node.
    uint64_t nodes = 0;               // Of the cluster, as the node knows it; 0: not yet.
    bool operator==(const Health&) const = default;
};

// The answers to GET /readyz and GET /healthz, in this order. nullopt: they are incomplete or malformed.
[[nodiscard]] std::optional<Health> health_in(std::string_view answers);

class Probe {
public:
    using Done = std::function<void(std::optional<Health>)>;
    // Calls `done` once, in a later tick: nullopt if there is no such answer. The owner ends a probe that
    // takes too long.
    Probe(ClientLoop& loop, uint16_t port, Done done);
    ~Probe();
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;

private:
    void on_ready(ClientLoop::Readiness ready);
    void finish(std::optional<Health> health);

    ClientLoop& loop_;
    Done done_;
    base::Descriptor socket_;
    ClientLoop::Watch watch_ = 0;
    ClientLoop::Timer failure_ = 0;
    bool asked_ = false;
    std::string answers_;
};

// True: something accepts connections on the Unix-domain socket at `path`.
[[nodiscard]] bool accepts(const std::string& path);
// A port of 127.0.0.1 on which nothing listens: the first one from `first` on, or 0.
[[nodiscard]] uint16_t free_port(uint16_t first);

}  // namespace starling::app::cluster_demo
