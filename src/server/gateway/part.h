// server/gateway/part.h: the part of the gateway that runs on one worker: the worker's clients, the
// webhooks about these clients, and the actions and control requests that concern them.
//
// Owner: the worker. Thread: the worker's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/log_histogram.h"
#include "base/slot_table.h"
#include "fetch/fetcher.h"
#include "net/timers.h"
#include "server/connection.h"
#include "server/gateway/client.h"
#include "server/gateway/control_work.h"
#include "server/gateway/gateway.h"
#include "server/random_pool.h"
#include "server/worker.h"
#include "webhook/actions.h"
#include "webhook/deliveries.h"

namespace starling::server {

// A route on one worker.
struct GatewayRoutePart {
    GatewayRoutePart(GatewayPart& p, const GatewayRoute& r, const webhook::DeliveryOptions& options,
                     webhook::Budget& budget)
        : part(p), site(r), deliveries(options, budget) {}

    GatewayPart& part;
    const GatewayRoute& site;
    webhook::Deliveries deliveries;
    fetch::Target* application = nullptr;  // Null: no webhooks.
    std::deque<base::SlotKey> ready;       // Clients whose webhook waits for room in flight.
    size_t in_flight = 0;
    base::ListLink heard;  // The head: clients by the time at which the gateway last heard of them.
    net::TimerId silence_timer = 0;
};

class GatewayPart final : public WorkerPart, private fetch::Receiver, private RequestWatcher {
public:
    GatewayPart(Gateway& gateway, Worker& worker);
    ~GatewayPart() override;
    void loop_ended() noexcept override;

    // ---- clients; from the handlers of their connections ----------------------------------------
    [[nodiscard]] GatewayRoutePart& route(size_t index) noexcept { return *routes_[index]; }
    // The key that the next new client will have; the client's conn_id may contain it.
    [[nodiscard]] base::SlotKey next_key() { return clients_.next_key(); }
    [[nodiscard]] std::array<char, webhook::uuid_length> make_conn_id(base::SlotKey key);
    [[nodiscard]] std::array<char, webhook::uuid_length> make_token();

    // The decision about a client that was asked about: the admitted client, or a status that
    // refuses it.
    struct Decision {
        std::unique_ptr<GatewayClient> client;
        uint16_t status = 0;
    };
    // Asks the application about a client, see gateway::Admission::ask. From now on the part owns
    // the client, which waits for its request, or for the call of `decide`.
    using Decide = std::function<void(Decision)>;
    void ask(std::unique_ptr<GatewayClient> client, HttpConnection& connection);
    void ask(std::unique_ptr<GatewayClient> client, Decide decide);
    // The client does not wait any more, so `decide` is not called.
    void left_asking(base::SlotKey client) noexcept;
    // The client has left after the application admitted it.
    void left_admitted(std::unique_ptr<GatewayClient> client);
    // The decision about the client of this request; empty if the application was not asked.
    [[nodiscard]] Decision take_decision(const HttpConnection& connection);

    void opened(GatewayClient& client);
    void received(GatewayClient& client, ws::Message message);
    void received(GatewayClient& client, std::string data, std::optional<uint64_t> ack_id);
    // Its answer to an event with that number: the JSON array of its arguments.
    void acknowledged(GatewayClient& client, std::string data, uint64_t ack_id);
    void heard(GatewayClient& client);
    // The client's connection is gone. From here on the part owns the client.
    void closed(std::unique_ptr<GatewayClient> client);
    // Calls `call` from the loop, if the client is still there then.
    void post(GatewayClient& client, void (*call)(GatewayClient& client));

    // ---- the control API ------------------------------------------------------------------------
    // Each carries out a request on this worker's clients, and returns the number of the clients
    // that the request concerned.
    [[nodiscard]] size_t send(const webhook::SendRequest& request);
    [[nodiscard]] size_t emit(const webhook::EmitRequest& request);
    [[nodiscard]] size_t close(const webhook::CloseRequest& request);
    [[nodiscard]] size_t join(const webhook::TopicRequest& request);
    [[nodiscard]] size_t leave(const webhook::TopicRequest& request);
    [[nodiscard]] size_t publish(const webhook::PublishRequest& request);
    // The open client with that id; null: it is not on this worker.
    [[nodiscard]] GatewayClient* find(std::string_view conn_id) const noexcept;
    [[nodiscard]] GatewayClient* find(base::SlotKey key) const noexcept {
        return clients_.find(key);
    }
    // The message that publish() is delivering to a topic; null: publish() is not running.
    [[nodiscard]] Outgoing* publishing() const noexcept { return publishing_; }
    [[nodiscard]] const GatewayIndex& index() const noexcept { return index_; }

    // True: webhooks wait or are under way, or clients are open.
    [[nodiscard]] bool is_busy() const noexcept { return clients_.size() != 0; }
    [[nodiscard]] const base::LogHistogram& webhook_time() const noexcept { return webhook_time_; }
    [[nodiscard]] size_t in_flight() const noexcept {
        return flights_.size() - free_flights_.size();
    }

    Gateway& gateway;
    Worker& worker;

private:
    friend class GatewayClient;

    // A webhook under way.
    struct Flight {
        base::SlotKey client;
        GatewayRoutePart* route = nullptr;
        uint64_t started_ms = 0;
        size_t bytes = 0;  // Of the request, which the budget counts.
    };
    // Limits a log line to one per second; `count` counts the lines in between.
    struct LimitedLog {
        uint64_t logged_ms = 0;  // 0: not yet.
        uint64_t count = 0;
    };

    // Clients.
    void answer_ping(GatewayClient& client);
    void watch_silence(GatewayRoutePart& route);
    void close_silent(GatewayRoutePart& route);
    void drop_excess(GatewayRoutePart& route);
    template <class F>
    void each(const webhook::Selector& selector, F&& call);

    // Functions for webhooks. act() may destroy the client.
    void act(GatewayClient& client, webhook::Delivery::Effects effects);
    void make_ready(GatewayClient& client);
    void start_ready(GatewayRoutePart& route);
    void try_start(GatewayClient& client);
    void start(GatewayClient& client);
    void give_up(GatewayClient& client);
    [[nodiscard]] std::string headers_of(const GatewayClient& client,
                                         const webhook::Delivery::Due& due,
                                         std::string_view body) const;
    void fetched(uint64_t tag, const fetch::Answer& answer) override;
    void take_answer(GatewayClient& client, const fetch::Answer& answer, uint64_t duration_ms);

    // Admission.
    struct Asked {
        Decision decision;
        base::SlotKey request;  // Key of no request, and no `decide`: the client has left.
        Decide decide;
    };
    [[nodiscard]] bool waits(const Asked& asked) const noexcept;
    void decided(GatewayClient& client, const fetch::Answer& answer);
    void admitted(GatewayClient& client, const fetch::Answer& answer);
    void left_waiting(GatewayClient& client);
    void refused(GatewayClient& client, uint16_t status);
    void go_on(base::SlotKey client);
    void request_ended(base::SlotKey client, base::SlotKey request, RequestEnd how) override;
    void request_must_end(base::SlotKey client, base::SlotKey request) override;

    // Actions.
    void perform(GatewayClient& client, webhook::ActionRequest& action);
    void join(GatewayClient& client, const std::vector<std::string>& topics);
    void leave(GatewayClient& client, const std::vector<std::string>& topics);
    void spread(ControlRequest request);

    [[nodiscard]] webhook::Actions read_answer(const GatewayClient& client,
                                               const fetch::Answer& answer, bool admission);
    void perform_all(GatewayClient& client, webhook::Actions actions);

    [[nodiscard]] bool may_log(LimitedLog& log) noexcept;
    void log_failure(const GatewayClient& client, webhook::Action action,
                     const fetch::Answer& answer, bool lost);
    void refuse_actions(const GatewayClient& client, std::string_view problem);

    base::SlotTable<GatewayClient> clients_;
    GatewayIndex index_;  // Open clients.
    std::vector<std::unique_ptr<GatewayRoutePart>> routes_;
    std::unordered_map<uint32_t, Asked> asked_;  // Index: the client's slot.
    std::vector<Flight> flights_;                // Index: the tag of the request.
    std::vector<uint32_t> free_flights_;
    base::LogHistogram webhook_time_;
    Outgoing* publishing_ = nullptr;
    RandomPool random_;
    LimitedLog failures_, losses_, refusals_, drops_;
    std::unique_ptr<fetch::Fetcher> fetcher_;  // Null once the loop has ended.
};

}  // namespace starling::server
