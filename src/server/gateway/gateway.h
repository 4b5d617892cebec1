// server/gateway/gateway.h: the gateway on a server: its routes, its control API, and a part on each worker.
//
// Owner: Server. Lives longer than its workers. Thread: options are read-only once the workers run;
// everything else says which.
#pragma once

#include <starling/gateway.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/address_set.h"
#include "server/extension.h"
#include "server/gateway/application.h"
#include "webhook/answer.h"
#include "webhook/body.h"
#include "webhook/budget.h"
#include "webhook/fields.h"
#include "webhook/signing.h"

namespace starling::server {

class GatewayPart;
struct WorkerGroup;

// A gateway::Route, and what the gateway made of its members.
struct GatewayRoute {
    GatewayRoute(const gateway::Route& options, gateway::Olares olares);

    const gateway::Route options;
    std::optional<Application> application;  // Nothing: no webhooks.
    auth::AddressSet proxies;
    std::optional<webhook::SigningKey> signing_key;
    webhook::Data data;  // What the application gets for a message that is no JSON object.
};

// The sum over all workers; each worker adds to it with relaxed order.
struct GatewayCounters {
    std::atomic<uint64_t> connections{0}, delivered{0}, retried{0}, given_up{0}, closes_dropped{0},
        actions_done{0}, actions_refused{0};
};

class Gateway final : public gateway::Gateway, public Extension {
public:
    explicit Gateway(gateway::Options options);  // Throws std::invalid_argument.
    ~Gateway() override;

    [[nodiscard]] const std::string& api_key() const noexcept override { return api_key_; }
    [[nodiscard]] gateway::Stats stats() const override;

    void mount(Site& site) override;
    void attach(WorkerGroup& group) override;
    void detach() noexcept override;

    [[nodiscard]] const gateway::Options& options() const noexcept { return options_; }
    [[nodiscard]] bool olares() const noexcept { return options_.olares != gateway::Olares::off; }
    [[nodiscard]] webhook::Reading reading() const noexcept {
        return olares() ? webhook::Reading::lenient : webhook::Reading::strict;
    }
    [[nodiscard]] const std::vector<std::unique_ptr<GatewayRoute>>& routes() const noexcept {
        return routes_;
    }
    [[nodiscard]] webhook::Budget& budget() noexcept { return budget_; }
    [[nodiscard]] GatewayCounters& counters() noexcept { return counters_; }
    [[nodiscard]] WorkerGroup& group() noexcept { return *group_; }
    [[nodiscard]] GatewayPart& part(size_t worker) noexcept { return *parts_[worker]; }
    [[nodiscard]] GatewayPart& here() noexcept;  // That of the calling worker's thread.

    // Keys configured, or the one that was made. Empty: peers on loopback need none.
    [[nodiscard]] const std::vector<std::string>& api_keys() const noexcept { return api_keys_; }

    struct Idempotency {
        std::mutex mutex;  // Requests of one application arrive at several workers.
        webhook::IdempotencyCache answers;
    };
    [[nodiscard]] Idempotency& idempotency() noexcept { return idempotency_; }

private:
    const gateway::Options options_;
    std::vector<std::unique_ptr<GatewayRoute>> routes_;
    std::vector<std::string> api_keys_;
    std::string api_key_;
    webhook::Budget budget_;
    GatewayCounters counters_;
    Idempotency idempotency_;
    WorkerGroup* group_ = nullptr;      // Null until attach().
    std::vector<GatewayPart*> parts_;   // By the workers' indices; the workers own them.
};

}  // namespace starling::server
