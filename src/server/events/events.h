// server/events/events.h: server events on a server: the channels, one broker per worker, and the
// delivery of a publication to every worker.
//
// Owner: Server; outlives its workers. Thread: declarations are made before the server starts and
//        are read-only afterwards; publish() may be called on any thread.
#pragma once

#include <starling/events.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/api_key.h"
#include "events/broker.h"
#include "events/publish_request.h"
#include "events/table.h"
#include "server/extension.h"
#include "ws/origin.h"

namespace starling::server {

struct Site;
struct WorkerGroup;
class Worker;

// Events that are published together: posted once to each worker.
struct EventBatch {
    struct Item {
        std::string channel, text;
        std::atomic<size_t> delivered{0}, limited{0};
        [[nodiscard]] events::Published published() const noexcept {
            return {delivered.load(), limited.load()};
        }
    };
    explicit EventBatch(size_t count) : items(count) {}
    [[nodiscard]] size_t bytes() const noexcept {
        size_t sum = sizeof(*this);
        for (const auto& item : items) sum += sizeof item + item.channel.size() + item.text.size();
        return sum;
    }

    std::vector<Item> items;
    std::function<void(const EventBatch&)> done;
    std::atomic<size_t> workers_left{0};
};

// One worker's part. Thread: the worker's.
class EventsWorker {
public:
    explicit EventsWorker(Worker& w) noexcept : worker(w) {}

    void publish(EventBatch& batch);
    // Any thread. Counts this worker as done with a batch that it will not receive.
    static void give_up(EventBatch& batch);
    void enter(events::Member& member, const events::Rule& rule, std::string_view channel);
    void add_listener(events::Member& member, hub::Subscriber& subscriber);
    void log_in(events::Member& member, const auth::Identity& identity);
    [[nodiscard]] bool may_refresh(events::Member& member);

    Worker& worker;

private:
    void set_timer();

    events::Broker broker_;
    uint64_t timer_ = 0, timer_ms_ = 0;  // 0: no timer is set.
};

// The decision on a listener's request. `status`: 200, or that of the refusal: 400, 401, 403, 404.
struct Admission {
    int status = 200;
    std::string_view reason;
    const events::Rule* rule = nullptr;
    std::string channel;
    std::optional<auth::Identity> identity;  // Set if the channel requires a login.
};

class Events final : public events::Channels, public Extension {
public:
    explicit Events(events::Options options);  // Throws std::invalid_argument.

    void declare(events::Channel channel) override;
    void on_client_event(std::function<std::string(std::string_view)> answer) override;
    bool publish(std::string_view channel, std::string_view event,
                 PlainCallback<void(events::Published)> done) override;
    void publish(std::shared_ptr<EventBatch> batch);

    [[nodiscard]] const std::string& api_key() const noexcept override { return options_.api_key; }

    void mount(Site& site) override;
    void attach(WorkerGroup& group) override;
    void detach() noexcept override;

    [[nodiscard]] Admission admit(const http::Request& request, int64_t now_s) const;
    // `message`: {"token":"..."}. If the new token is valid and names the same user, the member's
    // login lasts as long as that token.
    void refresh(events::Member& member, std::string_view message);
    [[nodiscard]] EventsWorker* here() const noexcept;  // The part of the calling thread's worker.
    [[nodiscard]] std::string answer(std::string_view input) const { return answer_(input); }
    [[nodiscard]] bool allows_origin(const http::Request& request) const;
    // Adds the CORS fields that a page of Options::origins needs to read an answer. True: the
    // request was a preflight, and the response is its answer.
    bool apply_cors(const http::Request& request, http::Response& response) const;

    [[nodiscard]] const events::Options& options() const noexcept { return options_; }
    [[nodiscard]] const auth::ApiKeys& accepted_keys() const noexcept { return accepted_keys_; }
    [[nodiscard]] const events::Table& table() const noexcept { return table_; }

private:
    void require_not_attached() const;
    [[nodiscard]] bool declared(std::string_view channel) const;

    const events::Options options_;
    const auth::ApiKeys accepted_keys_;
    const auth::Authenticator authenticator_;
    const ws::OriginPolicy origins_;
    events::Table table_;
    std::function<std::string(std::string_view)> answer_;
    WorkerGroup* group_ = nullptr;                        // Null until attach().
    std::vector<std::unique_ptr<EventsWorker>> workers_;  // Index: the worker's.
    std::atomic<bool> attached_{false};
    mutable std::mutex declaring_;  // Guards the declarations against publish() before the start.
};

}  // namespace starling::server
