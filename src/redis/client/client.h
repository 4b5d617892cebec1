// redis/client/client.h: a client of Redis on one loop: a single server, the master that Sentinel
// names, or a cluster, whichever the URL says.
//
//     auto client = redis::client::Client::make(loop, resolver, {.url = *parse_url(text)}, events);
//     (*client)->subscribe(Topic::channel, "news");
//     (*client)->publish("news", "hello");
//
// What is guaranteed:
// - A command is executed at most once. If the connection is cut before the answer, Done gets the
//   reason and no value: the server may have executed the command. A command that the server refuses
//   for the moment (MOVED, ASK, TRYAGAIN, CLUSTERDOWN, LOADING, BUSY, READONLY and the like) was not
//   executed, and is sent again, before the commands of its slot that were submitted after it.
// - Commands wait while the server is away, in their order, within queue_bytes_max for each server;
//   the oldest are dropped and counted. They wait as well while an answer of the server is late.
// - After a loss, commands go out only when every subscription is confirmed again.
// - No message comes for a name after unsubscribe().
//
// Owner: the code that made it; it must not destroy the client within a call of the client, and
//        destroys it before the loop. Thread: the loop's.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/resolver.h"
#include "redis/client/context.h"
#include "redis/client/node.h"
#include "redis/client/sentinel_watch.h"
#include "redis/flows.h"
#include "redis/publish_queue.h"
#include "redis/slots.h"

namespace starling::redis::client {

class ClientEvents {
public:
    virtual void on_message(const Message& message) = 0;
    // Every server that is needed is there, with every subscription.
    virtual void on_ready() {}
    // A server is lost, or does not let this client in. Called again for each attempt that fails.
    // `is_final`: the configuration is wrong, such as the password.
    virtual void on_down(const std::string& /*why*/, bool /*is_final*/) {}
    // NOPERM and the like. The name is tried again at the next connection and once a second, and
    // on_ready() comes when none is refused any more.
    virtual void on_refused(Topic, const std::string& /*name*/, std::string_view /*error*/) {}
    // The server does not take a command now, which is sent again later.
    virtual void on_bounced(std::string_view /*error*/) {}

protected:
    ~ClientEvents() = default;
};

struct ClientStats {
    uint64_t dropped = 0;        // Commands that a full queue dropped.
    uint64_t silent_errors = 0;  // Errors of the server to commands without a Done.
    uint64_t losses = 0;         // Connections lost, and attempts that failed.
    uint64_t bounced = 0;        // Commands that were to be sent again.
    size_t waiting = 0;          // Commands in queues.
    size_t waiting_bytes = 0;
};

class Client final : NodeEvents {
public:
    // The error names the TLS file that cannot be used. The resolver must outlive the client.
    [[nodiscard]] static base::Result<std::unique_ptr<Client>> make(net::Loop& loop,
                                                                    net::Resolver& resolver,
                                                                    ClientOptions options,
                                                                    ClientEvents& events);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // The value of the answer is the number of receivers on that server.
    void publish(std::string_view channel, std::string_view payload, Done done = {});
    // To the node of a cluster that owns the channel's slot.
    void spublish(std::string_view channel, std::string_view payload, Done done = {});
    // `key` chooses the node of a cluster; nothing: any node.
    void command(std::span<const std::string_view> arguments, Done done);
    void command(std::span<const std::string_view> arguments, Done done, std::string_view key);
    // At `until_ms`, or soon after, the command is withdrawn: it was not executed and will not be, and
    // Done gets `withdrawn`. But while the command is under way, its answer or the loss of the
    // connection is waited for.
    void command(std::span<const std::string_view> arguments, Done done, std::string_view key,
                 uint64_t until_ms);
    static constexpr std::string_view withdrawn = "withdrawn: the server did not take it in time";

    // A name that is there already changes nothing.
    void subscribe(Topic topic, std::string_view name);
    void unsubscribe(Topic topic, std::string_view name);

    [[nodiscard]] bool is_ready() const noexcept;
    // The oldest answer of a server is late_answer_ms late or more.
    [[nodiscard]] bool is_late() const noexcept;
    // The server refuses a subscription, so that this client misses messages.
    [[nodiscard]] bool is_deaf() const noexcept { return !refused_.empty(); }
    [[nodiscard]] ClientStats stats() const;

private:
    // A server, and what waits for it.
    struct Lane {
        std::unique_ptr<Node> node;
        PublishQueue queue;
        std::deque<PublishQueue::Entry> sent = {};  // Under way, in the order of their answers.
        // Of a cluster: a node that owns no slot is kept for what is under way, and for ASK.
        uint64_t kept_until_ms = 0;
    };
    using Entry = PublishQueue::Entry;

    Client(net::Loop& loop, net::Resolver& resolver, ClientOptions options, ClientEvents& events,
           std::shared_ptr<const net::TlsClientContext> tls);

    void on_node_ready(Node& node) override;
    void on_node_down(Node& node, const std::string& why, bool is_final) override;
    bool may_connect(Node& node) override;
    void on_node_progress(Node& node) override;
    void on_message(const Message& message) override { events_.on_message(message); }
    void on_refused(Node& node, Topic topic, const std::string& name,
                    std::string_view error) override;
    void on_lost(Node& node, std::string_view name) override;

    [[nodiscard]] bool is_cluster() const noexcept {
        return options_.url.mode == Url::Mode::cluster;
    }
    Lane& add_lane(const Endpoint& endpoint);
    [[nodiscard]] Lane* find_lane(const Endpoint& endpoint) noexcept;
    [[nodiscard]] Lane* lane_of(int32_t slot) noexcept;
    [[nodiscard]] bool takes(const Lane& lane) const noexcept;
    [[nodiscard]] bool is_late(const Lane& lane) const noexcept;
    void submit(Entry entry);
    void dispatch(Lane& lane, Entry entry);
    void on_answer(Lane& lane, const Answer& answer);
    void bounce(const Endpoint& asked, Entry entry, std::string_view error);
    void flush(Lane& lane);
    void release_later();
    void withdraw_later();
    void withdraw();
    void submit_again(std::vector<Entry> entries);
    void on_master(const Endpoint& master);
    [[nodiscard]] Node* node_of(Topic topic, std::string_view name) noexcept;
    void try_refused();

    // client_cluster.cpp
    [[nodiscard]] bool redirect(const Endpoint& asked, Entry& entry, std::string_view error);
    void choose_home();
    void move_names(Node& from, Node& to);
    void tell_ready();
    void refresh_slots(uint64_t delay_ms);
    void ask_for_slots();
    void apply_slots();
    [[nodiscard]] std::vector<std::unique_ptr<Lane>> take_idle_lanes();
    void place_shards();

    const ClientOptions options_;
    ClientEvents& events_;
    net::Loop& loop_;
    net::Dialer dialer_;
    Context context_;
    uint64_t losses_ = 0, gone_errors_ = 0, gone_drops_ = 0, bounced_ = 0;
    uint64_t last_number_ = 0;
    std::vector<std::unique_ptr<Lane>> lanes_;
    Lane* home_ = nullptr;  // Gets what has no slot: PUBLISH, SUBSCRIBE.
    bool awaiting_master_ = false;
    std::unique_ptr<SentinelWatch> sentinels_;
    Flows flows_;
    PublishQueue held_;  // Of blocked flows, and for slots that nobody owns, as far as it is known.
    std::set<std::pair<Topic, std::string>> refused_;  // Subscriptions.
    // Of a cluster.
    SlotMap slots_;
    std::set<std::string, std::less<>> shard_names_;
    bool asking_slots_ = false;
    Timer slots_timer_, poll_timer_, apply_timer_, release_timer_, refused_timer_, ready_timer_,
        withdraw_timer_;
    uint64_t release_ms_ = 0;
};

}  // namespace starling::redis::client
