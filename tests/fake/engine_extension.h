// tests/fake/engine_extension.h: an Engine as the whole of a feature, for workers without a Server.
#pragma once

#include "server/engineio/engine.h"
#include "server/extension.h"
#include "server/worker_group.h"

namespace starling::server::test {

// Lives longer than the workers.
class EngineExtension final : public Extension {
public:
    explicit EngineExtension(Engine& engine) noexcept : engine_(engine) {}

    void mount(Site& site) override { engine_.mount(site); }
    // In place of the Server the extension joins the group by itself.
    void attach(WorkerGroup& group) override {
        group.extensions.push_back(this);
        engine_.attach(group);
    }
    void detach() noexcept override {}
    void server_stops(Worker& worker) override { engine_.server_stops(worker); }
    void connections_ended(Worker& worker) override { engine_.connections_ended(worker); }

private:
    Engine& engine_;
};

}  // namespace starling::server::test
