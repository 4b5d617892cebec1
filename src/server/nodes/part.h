// server/nodes/part.h: the node of this process among the other nodes of starling: the state machine
// cluster::native::Node with its connection to Redis, on the loop of the first worker.
//
// What is done within a tick of the loop is sent in one tick of the node: one message of Redis for
// each node that gets anything.
//
// Owner: the first worker. Thread: the worker's.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/native/node.h"
#include "net/resolver.h"
#include "redis/client/client.h"
#include "server/figures.h"
#include "server/history/redis_errors.h"
#include "server/history/redis_reports.h"
#include "server/nodes.h"
#include "server/nodes/figures.h"
#include "server/nodes/outage_report.h"
#include "server/nodes/settings.h"
#include "server/worker.h"

namespace starling::server {

class NodesPart final : public WorkerPart, cluster::native::Events, redis::client::ClientEvents {
public:
    using Members = std::array<Nodes::Member*, Nodes::kinds>;
    using Answer = std::function<void(Nodes::Id from, std::string_view payload)>;
    using Done = std::function<void(const Nodes::Outcome&)>;
    using Counted = std::function<void(const Nodes::Count&)>;

    NodesPart(const NodesSettings& settings, Nodes::Id self, const Members& members, Worker& worker,
              NodesFigures& figures);
    ~NodesPart() override;

    // WorkerPart.
    void loop_ended() noexcept override;
    void connections_are_gone() override;
    [[nodiscard]] bool needs_loop() noexcept override;

    // As those of Nodes. `room` and `payload` begin with the mark of their kind.
    void joined(std::string_view room);
    void left(std::string_view room);
    void publish(const Nodes::Target& target, std::string_view payload);
    void ask(const Nodes::Target& target, std::string_view payload, Answer answer, Done done);
    void answer(Nodes::Id to, uint64_t question, std::string_view payload, bool is_last);
    void count(std::string_view room, Counted done);
    void fence(std::function<void()> done);
    // Errors of Redis.
    void add_figures(Figures& figures) const;

private:
    struct Question {
        Answer answer;
        Done done;
    };
    struct Counting {
        uint64_t deadline_ms;
        Counted done;
    };

    // cluster::native::Events
    void send(const cluster::native::Channel& channel, std::string_view bytes) override;
    void on_publication(const cluster::native::Incoming& publication) override;
    void on_question(uint64_t id, const cluster::native::Incoming& question) override;
    void on_answer(uint64_t id, Nodes::Id from, std::string_view payload) override;
    void on_answered(uint64_t id, const cluster::native::Outcome& outcome) override;
    void on_fence(uint64_t ticket, size_t missing) override;
    void on_count(cluster::native::RoomHash room, const cluster::native::Count& count) override;
    void on_gap(Nodes::Id from, uint64_t publications) override;
    void on_node(Nodes::Id node, std::string_view name,
                 cluster::native::NodeChange change) override;
    void on_impostor() override;
    void on_other_settings(std::string_view name, uint64_t messages) override;
    // redis::client::ClientEvents
    void on_message(const redis::Message& message) override;
    void on_ready() override;
    void on_down(const std::string& why, bool is_final) override;
    void on_refused(redis::Topic topic, const std::string& name, std::string_view error) override;
    void on_bounced(std::string_view error) override;

    [[nodiscard]] uint64_t now_ms() const noexcept { return worker_.loop().now_ms(); }
    [[nodiscard]] bool is_linked() const noexcept { return node_ && linked_; }
    [[nodiscard]] bool others_run() const noexcept;
    [[nodiscard]] cluster::native::Target target_of(const Nodes::Target& target);
    // The member that the payload is for, and what it gets. Null: there is none.
    [[nodiscard]] Nodes::Member* unpack(const cluster::native::Incoming& in,
                                        Nodes::Incoming& unpacked);
    template <class F>
    void guarded(F&& call) noexcept;
    template <class F>
    void each_member(F&& call) noexcept;
    void refused();
    void failed(std::string_view what, std::string_view error);
    void touched();
    void tick();
    void set_timer();
    void end_late_counts();
    void show_figures();
    void tell_growth(const cluster::native::Stats& stats);

    const NodesSettings& settings_;
    const Members& members_;
    Worker& worker_;
    NodesFigures& figures_;
    RedisReports reports_;
    OutageReport outage_;
    struct Told {
        uint64_t dropped = 0, lost = 0, malformed = 0, refused = 0;
    } told_;  // The counts of the last lines in the log.
    std::unique_ptr<net::Resolver> resolver_;
    std::unique_ptr<cluster::native::Node> node_;  // Null: the loop has ended.
    std::unique_ptr<redis::client::Client> client_;
    std::vector<std::string_view> rooms_, in_rooms_;  // Used again by each call.
    std::unordered_map<uint64_t, Question> questions_;
    std::unordered_map<uint64_t, std::function<void()>> fences_;  // By ticket.
    std::multimap<cluster::native::RoomHash, Counting> counting_;
    bool linked_ = false;
    bool tick_posted_ = false;
    net::TimerId timer_ = 0;
    uint64_t timer_ms_ = 0;
    uint64_t incomplete_ = 0, gaps_ = 0, strange_ = 0, bounced_ = 0;
    uint64_t forgotten_ = 0;  // Of NodeStats, as far as it is logged.
    RedisErrorCounts errors_{};
    uint64_t stop_ms_ = 0;  // When the connections of this worker were gone; 0: not yet.
    bool has_left_ = false;
};

}  // namespace starling::server
