#include "server/nodes/redis_nodes.h"

#include <algorithm>
#include <new>
#include <random>
#include <stdexcept>
#include <utility>

#include "base/keyed_hash.h"
#include "server/nodes/refusal.h"

namespace starling::server {
namespace {

// What a posted call costs besides its payload and rooms.
constexpr size_t call_bytes = 256;

Nodes::Id draw_id() {
    std::random_device random;
    for (;;)
        if (const Nodes::Id id = uint64_t{random()} << 32 | random()) return id;
}

// Rooms and payloads of two kinds never meet.
char mark_of(Nodes::Kind kind) noexcept {
    return static_cast<char>('0' + static_cast<uint8_t>(kind));
}

std::string marked(Nodes::Kind kind, std::string_view text) {
    std::string made;
    made.reserve(text.size() + 1);
    made.push_back(mark_of(kind));
    made.append(text);
    return made;
}

void mark(Nodes::Kind kind, Nodes::Target& target, std::string& payload) {
    for (std::string& room : target.rooms) room.insert(room.begin(), mark_of(kind));
    payload.insert(payload.begin(), mark_of(kind));
}

size_t bytes_of(const Nodes::Target& target, const std::string& payload) noexcept {
    size_t sum = call_bytes + payload.size() + target.nodes.size() * sizeof(Nodes::Id);
    for (const std::string& room : target.rooms) sum += sizeof(std::string) + room.size();
    return sum;
}

}  // namespace

RedisNodes::RedisNodes(NodesSettings settings) : settings_(std::move(settings)), self_(draw_id()) {}

void RedisNodes::attach(WorkerGroup& group) {
    const std::string refusal = refusal_of_redis(settings_.redis);
    if (!refusal.empty()) throw std::runtime_error("cluster: Redis refuses this node: " + refusal);
    group_ = &group;
    worker_ = group.workers.front().get();
    auto part = std::make_unique<NodesPart>(settings_, self_, members_, *worker_, figures_);
    part_ = part.get();
    worker_->add_part(std::move(part));
}

void RedisNodes::add_figures(const Worker& worker, Figures& figures) const {
    if (history_) history_->add_figures(worker, figures);
    if (part_ && &worker == worker_) part_->add_figures(figures);
}

ClusterStats RedisNodes::stats() const {
    ClusterStats stats;
    {
        const std::lock_guard lock(figures_.mutex);
        stats.nodes = 1 + figures_.nodes.size() - figures_.away;
    }
    stats.connected = figures_.connected;
    stats.away = figures_.away;
    stats.sent = figures_.sent;
    stats.received = figures_.received;
    stats.queued_bytes = figures_.queued_bytes;
    stats.dropped = figures_.dropped;
    stats.resent = figures_.resent;
    stats.gaps = figures_.gaps;
    stats.lost = figures_.lost;
    stats.refused = figures_.refused;
    stats.impostors = figures_.impostors;
    stats.incomplete = figures_.incomplete;
    stats.failed = figures_.failed;
    stats.losses = figures_.losses;
    return stats;
}

std::vector<ClusterNode> RedisNodes::nodes() const {
    const std::lock_guard lock(figures_.mutex);
    return figures_.nodes;
}

bool RedisNodes::is_here(Id node) const {
    const std::lock_guard lock(figures_.mutex);
    return std::ranges::any_of(
        figures_.nodes, [node](const ClusterNode& one) { return one.id == node && !one.is_away; });
}

bool RedisNodes::is_known(Id node) const {
    const std::lock_guard lock(figures_.mutex);
    return std::ranges::find(figures_.nodes, node, &ClusterNode::id) != figures_.nodes.end();
}

uint64_t RedisNodes::keyed_hash(std::string_view text) const noexcept {
    return base::siphash13(settings_.node.hash_key, text);
}

void RedisNodes::add(Kind kind, Member& member) { members_[static_cast<size_t>(kind)] = &member; }

// ---- from any thread to the part ----------------------------------------------------------------

template <class F>
bool RedisNodes::on_part(size_t bytes, F&& call) {
    NodesPart* const part = part_;
    if (!part) return false;
    if (worker_->loop().in_loop_thread()) {
        call(*part);
        return true;
    }
    return worker_->post_bounded(bytes,
                                 [part, call = std::forward<F>(call)]() mutable { call(*part); });
}

template <class F>
void RedisNodes::on_part_always(F&& call) {
    NodesPart* const part = part_;
    if (!part) return;
    if (worker_->loop().in_loop_thread()) return call(*part);
    worker_->post([part, call = std::forward<F>(call)]() mutable { call(*part); });
}

Worker* RedisNodes::caller() const noexcept {
    Worker* const here = group_ ? group_->here() : nullptr;
    return here == worker_ ? nullptr : here;
}

void RedisNodes::joined(Kind kind, std::string_view room) noexcept {
    try {
        on_part_always([room = marked(kind, room)](NodesPart& part) { part.joined(room); });
    } catch (const std::bad_alloc&) {
        // The room is heard of too late, or not at all: the next member that joins announces it.
    }
}

void RedisNodes::left(Kind kind, std::string_view room) noexcept {
    try {
        on_part_always([room = marked(kind, room)](NodesPart& part) { part.left(room); });
    } catch (const std::bad_alloc&) {
        // The other nodes still send what is for the room.
    }
}

bool RedisNodes::publish(Kind kind, Target target, std::string payload) {
    mark(kind, target, payload);
    const size_t bytes = bytes_of(target, payload);
    return on_part(bytes, [target = std::move(target), payload = std::move(payload)](
                              NodesPart& part) { part.publish(target, payload); });
}

void RedisNodes::ask(Kind kind, Target target, std::string payload,
                     std::function<void(Id from, std::string_view payload)> answer,
                     std::function<void(const Outcome&)> done) {
    if (Worker* const to = caller()) {
        const auto lost = std::make_shared<size_t>(0);  // Of the first worker alone.
        answer = [to, lost, call = std::move(answer)](Id from, std::string_view text) {
            if (!to->post_bounded(call_bytes + text.size(),
                                  [call, from, text = std::string(text)] { call(from, text); }))
                ++*lost;
        };
        done = [to, lost, call = std::move(done)](const Outcome& outcome) {
            to->post(
                [call, sum = Outcome{outcome.answered, outcome.missing + *lost}] { call(sum); });
        };
    }
    mark(kind, target, payload);
    const size_t bytes = bytes_of(target, payload);
    const bool is_asked = on_part(bytes, [target = std::move(target), payload = std::move(payload),
                                          answer, done](NodesPart& part) mutable {
        part.ask(target, payload, std::move(answer), std::move(done));
    });
    if (!is_asked) done({.answered = 0, .missing = 1});
}

void RedisNodes::answer(Id to, uint64_t question, std::string payload, bool is_last) {
    const size_t bytes = call_bytes + payload.size();
    on_part(bytes, [to, question, is_last, payload = std::move(payload)](NodesPart& part) {
        part.answer(to, question, payload, is_last);
    });
}

void RedisNodes::count(Kind kind, std::string_view room, std::function<void(const Count&)> done) {
    if (Worker* const to = caller())
        done = [to, call = std::move(done)](const Count& count) {
            to->post([call, count] { call(count); });
        };
    const bool is_asked =
        on_part(call_bytes + room.size(),
                [room = marked(kind, room), done](NodesPart& part) { part.count(room, done); });
    if (!is_asked) done({.members = 0, .missing = 1});
}

void RedisNodes::fence(std::function<void()> done) {
    if (Worker* const to = caller()) done = [to, call = std::move(done)] { to->post(call); };
    on_part_always([done = std::move(done)](NodesPart& part) { part.fence(done); });
}

hub::History* RedisNodes::share_history(WorkerGroup& group, std::function<void()> ready) {
    const HistorySettings settings{.redis = settings_.redis, .prefix = settings_.prefix + ":"};
    history_ = std::make_unique<RedisHistory>(settings, group, std::move(ready));
    return history_.get();
}

}  // namespace starling::server
