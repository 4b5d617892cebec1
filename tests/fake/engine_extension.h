// tests/fake/engine_extension.h: a feature that consists of an Engine, for workers without a
// Server.
#pragma once

#include "server/engineio/engine.h"
#include "server/extension.h"
#include "server/worker_group.h"

namespace starling::server::test {

// Must live longer than the workers.
class EngineExtension final : public Extension {
public:
    explicit EngineExtension(Engine& engine) noexcept : engine_(engine) {}

    void mount(Site& site) override { engine_.mount(site); }
    // Without a Server the extension adds itself to the group.
    void attach(WorkerGroup& group) override {
        group.extensions.push_back(this);
        engine_.attach(group);
    }
    void detach() noexcept override {}
    void server_stops(Worker& worker) override { engine_.server_stops(worker); }
    void successor_serves(Worker& worker) override { engine_.successor_serves(worker); }
    void connections_ended(Worker& worker) override { engine_.connections_ended(worker); }
    [[nodiscard]] bool is_busy(Worker& worker) override { return engine_.is_busy(worker); }

private:
    Engine& engine_;
};

}  // namespace starling::server::test
