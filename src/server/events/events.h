// server/events/events.h: server events on a server: the channels, one broker per worker, and the
// delivery of a publication to every worker. An event of a channel with a history is appended to the
// history first; each worker then delivers in the order of the history, see hub/feeds.h.
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
#include <unordered_map>
#include <utility>
#include <vector>

#include "auth/api_key.h"
#include "base/cache_line.h"
#include "base/replaceable.h"
#include "events/broker.h"
#include "events/publish_request.h"
#include "events/table.h"
#include "hub/feeds.h"
#include "server/events/channel_nodes.h"
#include "server/events/history.h"
#include "server/events/history_link.h"
#include "server/events/presence.h"
#include "server/extension.h"
#include "server/random_pool.h"
#include "server/refused_handshakes.h"
#include "ws/origin.h"

namespace starling::server {

struct Site;
struct WorkerGroup;
class Worker;

// What clients are told when the history of a cluster does not answer.
inline constexpr std::string_view history_away =
    "the history of the channel is away: try again later";

// Events that are published together: posted once to each worker.
struct EventBatch {
    struct Item {
        std::string channel, text;
        std::atomic<size_t> delivered{0}, limited{0};
        hub::KeptPtr kept;     // Null: the channel has no history, or the history is away.
        bool refused = false;  // The history is away.
        [[nodiscard]] events::Published published() const {
            if (kept)
                return {kept->delivered.load(), 0, hub::position_text(kept->epoch, kept->offset)};
            return {delivered.load(), limited.load(), {}, refused};
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
    std::atomic<size_t> appends_left{1};  // Items that the history has not answered for, and 1.
};

// One worker's part. Thread: the worker's.
class alignas(base::cache_line_bytes) EventsWorker final : private hub::Feeds::Sink,
                                                           private events::RoomWatcher {
public:
    // `nodes`: that share the history; null: this node has it alone.
    EventsWorker(Worker& w, hub::History& history, Nodes* nodes, size_t page_bytes_max) noexcept;

    void publish(EventBatch& batch);
    // Any thread. Counts this worker as done with a batch that it will not receive.
    static void give_up(EventBatch& batch);
    void enter(events::Member& member, const events::Rule& rule, std::string_view channel);
    // Starts to deliver to the member, from `since` on if its channel has a history. `begun` gets
    // what the member missed; false: it has removed the member. Runs before listen() returns,
    // unless the history answers later.
    void listen(events::Member& member, hub::Subscriber& subscriber,
                std::optional<hub::Position> since, std::function<bool(hub::Beginning)> begun);
    void presence_changed(const hub::PresenceChange& change) { broker_.presence_changed(change); }
    // Any thread. A post to this worker was dropped: reads what it has missed from the history.
    void must_catch_up();
    // Calls expire() of `history` now and then.
    void keep_expiring(SharedHistory& history);
    // Another node has published to a channel with a history.
    void published(const hub::KeptPtr& kept);
    // Reads each channel's history now and then, for what was lost between the nodes.
    void keep_checking();
    [[nodiscard]] std::string make_client_id() { return random_.hex(8); }
    // How long a listener waits before it connects again, when the server sends it away: 1 to 5 s,
    // as other clients do.
    [[nodiscard]] uint32_t draw_retry_ms();
    // Before the workers run.
    void use_nodes(ChannelNodes& nodes) noexcept { channel_nodes_ = &nodes; }
    // Keeps a listener of the program until drop_listener().
    void keep_listener(uint64_t id, std::unique_ptr<events::Member> listener) {
        listeners_.emplace(id, std::move(listener));
    }
    void drop_listener(uint64_t id) { listeners_.erase(id); }
    void add_figures(Figures& figures) const;
    [[nodiscard]] const events::Broker& broker() const noexcept { return broker_; }
    void log_in(events::Member& member, const auth::Identity& identity);
    [[nodiscard]] bool may_refresh(events::Member& member);

    Worker& worker;
    RefusedHandshakes refused_streams, refused_requests;  // Event streams, and those of the API.

private:
    void deliver(const hub::KeptPtr& kept) override;
    void lost(std::string_view channel) override;
    void opened(std::string_view channel) override;
    void closed(std::string_view channel) override;
    void room_opened(const events::Room& room) noexcept override;
    void room_closed(const events::Room& room) noexcept override;
    void set_timer();

    Nodes* const nodes_;                     // That share the history.
    ChannelNodes* channel_nodes_ = nullptr;  // Null: no cluster.
    hub::Feeds feeds_;
    uint64_t checks_ = 0;
    events::Broker broker_{&feeds_, this};
    RandomPool random_;
    std::string text_;  // Of the event that is delivered.
    uint64_t publications_ = 0, deliveries_ = 0, limited_ = 0;
    std::atomic<bool> catching_up_{false};
    uint64_t timer_ = 0, timer_ms_ = 0;  // 0: no timer is set.
    std::unordered_map<uint64_t, std::unique_ptr<events::Member>> listeners_;
};

// The decision on a listener's request. `status`: 200, or that of the refusal: 400, 401, 403, 404.
struct Admission {
    int status = 200;
    std::string_view reason;
    const events::Rule* rule = nullptr;
    std::string channel;
    // Set if the channel requires a login, or if a member of its presence has one.
    std::optional<auth::Identity> identity;
};

class Events final : public events::Channels, public Extension {
public:
    explicit Events(events::Options options);  // Throws std::invalid_argument.
    ~Events() override;

    void declare(events::Channel channel) override;
    void change(events::Options options, std::vector<events::Channel> channels) override;
    void on_client_event(std::function<std::string(std::string_view)> answer) override;
    bool publish(std::string_view channel, std::string_view event,
                 PlainCallback<void(events::Published)> done) override;
    void publish(std::shared_ptr<EventBatch> batch);
    // To the listeners of this process alone.
    void deliver(const std::shared_ptr<EventBatch>& batch);
    [[nodiscard]] bool has_history(std::string_view channel) const {
        if (!keeps_history_) return false;
        const auto* const rule = table_->find(channel).rule;
        return rule && rule->history;
    }
    bool history(std::string_view channel, events::HistoryQuery query,
                 PlainCallback<void(events::HistoryPage)> done) override;
    // For a channel with a history. `since` is a text of a client. At most recovery_bytes_max.
    void read(std::string_view channel, const std::optional<std::string>& since, size_t limit,
              const std::function<void(const hub::HistoryPage&, bool recovered)>& done);
    [[nodiscard]] events::PresenceList presence(std::string_view channel,
                                                size_t limit) const override;
    void presence(std::string_view channel, size_t limit,
                  PlainCallback<void(events::PresenceList)> done) override;
    [[nodiscard]] std::unique_ptr<events::Listener> listen(
        std::string_view channel, std::function<void(const events::Event&)> handler,
        events::Listening options) override;
    void on_subscribe(PlainCallback<bool(const events::ClientRequest&)> allows) override;
    void on_publish(PlainCallback<bool(const events::ClientRequest&)> allows) override;
    [[nodiscard]] events::Permission permission(
        events::Use use, const events::ClientRequest& request) const override;
    void on_join(MemberHandler handler) override;
    void on_leave(MemberHandler handler) override;

    [[nodiscard]] const std::string& api_key() const noexcept override { return options_.api_key; }

    void mount(Site& site) override;
    void attach(WorkerGroup& group) override;
    void detach() noexcept override;
    void add_stats(ServerStats& stats) const override;
    void add_figures(Figures& figures) const override;
    void add_figures(Worker& worker, Figures& figures) override;
    [[nodiscard]] std::string_view room_kind() const noexcept override { return "channel"; }
    void each_room(Worker& worker, const std::function<void(const RoomFacts&)>& call) override;
    void close_handles() noexcept override {
        workers_ended_.store(true);
        presence_.close();
    }

    [[nodiscard]] Admission admit(const http::Request& request, int64_t now_s) const;
    // `message`: {"token":"..."}. If the new token is valid and names the same user, the member's
    // login lasts as long as that token.
    void refresh(events::Member& member, std::string_view message);
    // 0: ServerOptions::limits let the channel be published to now, by a client or by the API on
    // this worker. Otherwise the seconds until then.
    [[nodiscard]] static uint64_t publish_wait_s(Worker& worker, std::string_view channel);
    [[nodiscard]] EventsWorker* here() const noexcept;  // The part of the calling thread's worker.
    [[nodiscard]] std::string answer(std::string_view input) const { return answer_(input); }
    [[nodiscard]] bool allows_origin(const http::Request& request) const;
    // Adds the CORS fields that a page of Options::origins needs to read an answer. True: the
    // request was a preflight, and the response is its answer.
    bool apply_cors(const http::Request& request, http::Response& response) const;

    [[nodiscard]] const events::Options& options() const noexcept { return options_; }
    [[nodiscard]] const auth::Authenticator& authenticator() const noexcept {
        return *authenticator_;
    }
    [[nodiscard]] SharedPresence& shared_presence() noexcept { return presence_; }
    [[nodiscard]] const SharedPresence& shared_presence() const noexcept { return presence_; }
    // Handlers of the application; empty: none.
    struct Handlers {
        PlainCallback<bool(const events::ClientRequest&)> subscribe, publish;
        MemberHandler join, leave;
    };
    [[nodiscard]] const Handlers& handlers() const noexcept { return handlers_; }
    // Calls the handler for a change, on the worker of the member's connection.
    void report(const hub::PresenceChange& change) const;
    // The same; logs what the handler throws.
    void report_safely(const hub::PresenceChange& change) const noexcept;
    // Runs a function of the application, which `where` names. On a worker, whose caller may be in
    // the middle of its work, what it throws is logged.
    template <class F>
    void guarded(std::string_view where, F&& call) const {
        try {
            call();
        } catch (...) {
            if (!log_exception(where)) throw;
        }
    }
    [[nodiscard]] const auth::ApiKeys& accepted_keys() const noexcept { return *accepted_keys_; }
    [[nodiscard]] const events::Table& table() const noexcept { return *table_; }

private:
    void require_not_attached() const;
    [[nodiscard]] bool declared(std::string_view channel) const;
    void append(EventBatch::Item& item, const events::Rule& rule,
                const std::shared_ptr<EventBatch>& batch);
    void appended(const std::shared_ptr<EventBatch>& batch);
    void tell(const hub::PresenceChange& change);
    // False: the caller's thread is no worker.
    bool log_exception(std::string_view where) const noexcept;
    [[nodiscard]] uint64_t now_ms() const;

    const bool makes_key_;  // No key was configured.
    const events::Options options_;
    base::Replaceable<const auth::ApiKeys> accepted_keys_;
    base::Replaceable<const auth::Authenticator> authenticator_;
    base::Replaceable<const ws::OriginPolicy> origins_;
    base::Replaceable<events::Table> table_;
    Site* site_ = nullptr;                       // Null until mount().
    size_t first_endpoint_ = 0, endpoints_ = 0;  // Of the events, in Site::websockets.
    std::function<std::string(std::string_view)> answer_;
    Handlers handlers_;
    SharedHistory memory_;
    hub::History* history_ = &memory_;   // Or that of a cluster.
    std::unique_ptr<HistoryLink> link_;  // Null: the history is this node's alone.
    SharedPresence presence_;
    std::atomic<uint64_t> listener_ids_{1};
    std::atomic<bool> workers_ended_{false};  // Nobody is told about changes any more.
    bool keeps_history_ = false;              // A channel has a history. Set by declare().
    WorkerGroup* group_ = nullptr;            // Null until attach().
    std::vector<std::unique_ptr<EventsWorker>> workers_;  // Index: the worker's.
    std::optional<ChannelNodes> nodes_;                   // Nothing: no cluster.
    std::atomic<bool> attached_{false};
    mutable std::mutex declaring_;  // Guards the declarations against publish() before the start.
};

}  // namespace starling::server
