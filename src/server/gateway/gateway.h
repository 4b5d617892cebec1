// server/gateway/gateway.h: the gateway on a server: its routes, its control API, and a part on
// each worker.
//
// Owner: Server. Lives longer than its workers. Thread: what the options say is read-only once the
// workers run; any thread may use the budget, the counters and the idempotency keys.
#pragma once

#include <starling/gateway.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/api_key.h"
#include "base/cache_line.h"
#include "base/replaceable.h"
#include "peer/address_set.h"
#include "server/extension.h"
#include "server/gateway/application.h"
#include "server/gateway/conn_id.h"
#include "server/gateway/log.h"
#include "webhook/answer.h"
#include "webhook/body.h"
#include "webhook/budget.h"
#include "webhook/deliveries.h"
#include "webhook/fields.h"
#include "webhook/signing.h"

namespace starling::sio {
class Server;
}

namespace starling::server {

class GatewayNodes;
class GatewayPart;
class SioRoute;
class Worker;
struct WorkerGroup;

// A gateway::Route, and the values that follow from its members.
struct GatewayRoute {
    GatewayRoute(gateway::Route route, gateway::Olares olares);  // Throws std::invalid_argument.

    const gateway::Route options;
    std::optional<Application> application;  // Nothing: no webhooks.
    base::Replaceable<const peer::AddressSet> proxies;
    std::optional<webhook::SigningKey> signing_key;
    webhook::Data data;  // How the application gets a message that is no JSON object.
    bool any_origin;
    bool watches_silence;  // A client that sends nothing is closed.
    bool binary_ping;      // A ping may come in a binary message.
    bool always_cookie;    // A client without cookies has an empty Cookie field in its webhooks.
    uint64_t message_bytes_max;
    webhook::RetryOptions retry;
};

// Sums over all workers, added to with relaxed order.
struct alignas(base::cache_line_bytes) GatewayCounters {
    std::atomic<uint64_t> connections{0}, delivered{0}, retried{0}, given_up{0}, closes_dropped{0},
        actions_done{0}, actions_refused{0};
};

class Gateway final : public gateway::Gateway, public Extension {
public:
    explicit Gateway(gateway::Options options);  // Throws std::invalid_argument.
    ~Gateway() override;

    [[nodiscard]] const std::string& api_key() const noexcept override;
    [[nodiscard]] gateway::Stats stats() const override;
    // The Socket.IO server of that route; null: it is none of that kind.
    [[nodiscard]] sio::Server* socketio(size_t route) const noexcept;
    void change_keys(const std::vector<std::string>& keys) override;
    void change_trusted_proxies(size_t route, const std::vector<std::string>& proxies) override;

    void mount(Site& site) override;
    void attach(WorkerGroup& group) override;
    void detach() noexcept override;
    void server_stops(Worker& worker) override;
    void successor_serves(Worker& worker) override;
    [[nodiscard]] bool is_busy(Worker& worker) override;
    void connections_ended(Worker& worker) override;
    void add_stats(ServerStats& stats) const override;
    void add_figures(Figures& figures) const override;
    void add_figures(Worker& worker, Figures& figures) override;
    [[nodiscard]] std::string_view room_kind() const noexcept override { return "room"; }
    void each_room(Worker& worker, const std::function<void(const RoomFacts&)>& call) override;
    void close_handles() noexcept override;

    [[nodiscard]] const gateway::Options& options() const noexcept { return options_; }
    [[nodiscard]] bool olares() const noexcept { return options_.olares != gateway::Olares::off; }
    [[nodiscard]] webhook::Reading reading() const noexcept {
        return olares() ? webhook::Reading::lenient : webhook::Reading::strict;
    }
    // True: the request may use the control API.
    [[nodiscard]] bool allows(const http::Request& request) const;
    [[nodiscard]] bool has_key(const http::Request& request) const;

    [[nodiscard]] const std::vector<std::unique_ptr<GatewayRoute>>& routes() const noexcept {
        return routes_;
    }
    [[nodiscard]] const ConnIds& conn_ids() const noexcept { return conn_ids_; }
    [[nodiscard]] webhook::Budget& budget() noexcept { return budget_; }
    [[nodiscard]] GatewayCounters& counters() noexcept { return counters_; }
    [[nodiscard]] GatewayLog& log() noexcept { return log_; }
    // Valid while the workers exist.
    [[nodiscard]] WorkerGroup& group() noexcept { return *group_; }
    [[nodiscard]] GatewayNodes* nodes() const noexcept {
        return nodes_.get();
    }  // Null: no cluster.
    [[nodiscard]] GatewayPart& part(const Worker& worker) const noexcept;
    [[nodiscard]] GatewayPart& part(size_t worker) const noexcept { return *parts_[worker]; }
    // The options of a route's deliveries on one worker.
    [[nodiscard]] webhook::DeliveryOptions delivery_options(
        const GatewayRoute& route) const noexcept;

    struct Idempotency {
        std::mutex mutex;  // Requests with one key may arrive at several workers.
        webhook::IdempotencyCache answers;
    };
    [[nodiscard]] Idempotency& idempotency() noexcept { return idempotency_; }

private:
    const gateway::Options options_;
    std::vector<std::unique_ptr<GatewayRoute>> routes_;
    std::map<size_t, std::unique_ptr<SioRoute>> socketio_;  // By route; those of that kind.
    const std::vector<std::string> api_keys_;  // The keys of the options, or the random key.
    base::Replaceable<const auth::ApiKeys> accepted_keys_;  // At first the same keys.
    const bool trusts_loopback_;                            // Peers on this machine need no key.
    ConnIds conn_ids_;
    webhook::Budget budget_;
    GatewayCounters counters_;
    GatewayLog log_;
    Idempotency idempotency_;
    WorkerGroup* group_ = nullptr;     // Null until attach().
    std::vector<GatewayPart*> parts_;  // By worker index. Each worker owns its part.
    std::unique_ptr<GatewayNodes> nodes_;
};

}  // namespace starling::server
