#include "server/nodes/part.h"

#include <algorithm>
#include <random>
#include <stdexcept>
#include <utility>

#include "base/exception_text.h"

namespace starling::server {
namespace {

namespace native = cluster::native;

// At a stop: how long other nodes may take to confirm what they were sent.
constexpr uint64_t confirm_ms_max = 1000;
constexpr uint64_t count_ms_max = 6000;

native::Options node_options(const NodesSettings& settings, Nodes::Id self) {
    native::Options options = settings.node;
    options.id = self;
    std::random_device random;
    options.seed = uint64_t{random()} << 32 | random();
    return options;
}

Nodes::Change change_of(native::NodeChange change) noexcept {
    switch (change) {
        case native::NodeChange::here: return Nodes::Change::here;
        case native::NodeChange::away:
        case native::NodeChange::leaves: return Nodes::Change::away;
        case native::NodeChange::back: return Nodes::Change::back;
        case native::NodeChange::gone: break;
    }
    return Nodes::Change::gone;
}

std::string_view words_of(native::NodeChange change) noexcept {
    switch (change) {
        case native::NodeChange::here: return "is here";
        case native::NodeChange::away: return "is away";
        case native::NodeChange::leaves: return "stops";
        case native::NodeChange::back: return "is back";
        case native::NodeChange::gone: break;
    }
    return "is gone";
}

Nodes::Count count_of(const native::Count& count) noexcept {
    return {count.members, count.missing, std::chrono::milliseconds(count.age_ms)};
}

}  // namespace

NodesPart::NodesPart(const NodesSettings& settings, Nodes::Id self, const Members& members,
                     Worker& worker, NodesFigures& figures)
    : settings_(settings),
      members_(members),
      worker_(worker),
      figures_(figures),
      reports_(worker, "cluster", "nodes"),
      outage_(worker, "native",
              [this] {
                  const native::Stats& stats = node_->stats();
                  return ClusterLosses{stats.dropped - stats.forgotten, gaps_, stats.lost};
              }),
      resolver_(net::make_system_resolver(worker.loop())),
      node_(std::make_unique<native::Node>(node_options(settings, self),
                                           static_cast<native::Events&>(*this))) {
    auto made = redis::client::Client::make(worker.loop(), *resolver_, settings.redis, *this);
    if (!made) throw std::runtime_error("cluster: " + made.error());
    client_ = *std::move(made);
    for (const auto& channel : node_->channels())
        client_->subscribe(redis::Topic::channel, native::channel_name(settings.prefix, channel));
}

NodesPart::~NodesPart() = default;

void NodesPart::loop_ended() noexcept {
    if (timer_) worker_.loop().cancel_timer(timer_);
    timer_ = 0;
    if (node_) outage_.end(node_->unconfirmed());
    client_.reset();
    node_.reset();
    resolver_.reset();
    figures_.connected.store(false, std::memory_order_relaxed);
}

// ---- the end ------------------------------------------------------------------------------------

void NodesPart::connections_are_gone() {
    if (stop_ms_ == 0) stop_ms_ = now_ms();
}

bool NodesPart::others_run() const noexcept {
    return std::ranges::any_of(worker_.group().workers, [this](const auto& each) {
        return each.get() != &worker_ && !each->has_ended();
    });
}

// What the end of the last connections caused is still to be sent, also from other workers: rooms that
// were left, messages like "ann has left". Then this node says good-bye, so that nobody waits for it.
bool NodesPart::needs_loop() noexcept {
    if (others_run()) return true;
    if (!is_linked() || has_left_) return false;
    const bool waits = node_->has_unconfirmed() && now_ms() - stop_ms_ < confirm_ms_max;
    if (waits) return true;
    guarded([this] {
        has_left_ = true;
        node_->leave(now_ms());
    });
    return true;  // Once more: the message leaves at the end of the tick.
}

// ---- from this process --------------------------------------------------------------------------

void NodesPart::joined(std::string_view room) {
    if (!node_) return;
    node_->joined(room);
    touched();
}

void NodesPart::left(std::string_view room) {
    if (!node_) return;
    node_->left(room);
    touched();
}

native::Target NodesPart::target_of(const Nodes::Target& target) {
    rooms_.assign(target.rooms.begin(), target.rooms.end());
    return {.rooms = rooms_, .nodes = target.nodes, .everyone = target.everyone};
}

void NodesPart::publish(const Nodes::Target& target, std::string_view payload) {
    if (!node_ || has_left_) return;
    if (!node_->publish(target_of(target), payload)) refused();
    touched();
}

void NodesPart::ask(const Nodes::Target& target, std::string_view payload, Answer answer,
                    Done done) {
    const auto id = is_linked() ? node_->ask(target_of(target), payload, now_ms(),
                                             static_cast<uint64_t>(target.wait.count()))
                                : std::nullopt;
    if (id) {
        questions_.emplace(*id, Question{std::move(answer), std::move(done)});
        return touched();
    }
    if (is_linked()) refused();
    ++incomplete_;
    // Without Redis, this node does not know whether there are others.
    const size_t others = node_ ? node_->nodes(now_ms()).size() : 0;
    done({.answered = 0, .missing = std::max<size_t>(others, 1)});
}

void NodesPart::answer(Nodes::Id to, uint64_t question, std::string_view payload, bool is_last) {
    if (!node_) return;
    node_->answer(to, question, payload, is_last);
    touched();
}

void NodesPart::count(std::string_view room, Counted done) {
    if (!node_) return;
    const native::Count known = node_->count(room, now_ms());
    const bool is_fresh = known.known && known.age_ms <= settings_.node.count_ms;
    if (is_fresh || !is_linked()) return done(count_of(known));
    counting_.emplace(node_->hash(room), Counting{now_ms() + count_ms_max, std::move(done)});
    touched();
}

void NodesPart::fence(std::function<void()> done) {
    if (!node_) return;
    const uint64_t ticket = node_->fence();
    // Posted, because the caller may be in the middle of its work.
    if (ticket == 0) return worker_.post(std::move(done));
    fences_.emplace(ticket, std::move(done));
    touched();
}

void NodesPart::refused() {
    reports_.failed("a message was not sent",
                    "it is too long, is for too many rooms, or too many questions are open");
}

// ---- cluster::native::Events --------------------------------------------------------------------

void NodesPart::send(const native::Channel& channel, std::string_view bytes) {
    if (!client_) return;
    client_->publish(native::channel_name(settings_.prefix, channel), bytes,
                     [this](const redis::Answer& answer) {
                         // What a connection loses is sent again.
                         if (answer.value && !answer.error.empty())
                             failed("Redis refuses a message", answer.error);
                     });
}

// A handler's exception must not leave the node half way through a batch.
template <class F>
void NodesPart::guarded(F&& call) noexcept {
    try {
        call();
    } catch (...) {
        worker_.log_exception("cluster", base::describe_current_exception());
    }
}

template <class F>
void NodesPart::each_member(F&& call) noexcept {
    for (Nodes::Member* const member : members_)
        if (member) guarded([&] { call(*member); });
}

Nodes::Member* NodesPart::unpack(const native::Incoming& in, Nodes::Incoming& unpacked) {
    const size_t kind =
        in.payload.empty() ? Nodes::kinds : static_cast<size_t>(in.payload.front() - '0');
    if (kind >= Nodes::kinds) {
        ++strange_;
        return nullptr;
    }
    if (!members_[kind]) return nullptr;  // The other node serves what this one does not.
    in_rooms_.clear();
    for (const std::string_view room : in.rooms)
        if (!room.empty() && room.front() == in.payload.front())
            in_rooms_.push_back(room.substr(1));
    unpacked.from = in.from;
    unpacked.rooms = in_rooms_;
    unpacked.payload = in.payload.substr(1);
    return members_[kind];
}

void NodesPart::on_publication(const native::Incoming& publication) {
    Nodes::Incoming unpacked;
    Nodes::Member* const member = unpack(publication, unpacked);
    if (member) guarded([&] { member->on_publication(unpacked); });
}

void NodesPart::on_question(uint64_t id, const native::Incoming& question) {
    Nodes::Incoming unpacked;
    Nodes::Member* const member = unpack(question, unpacked);
    if (!member) return answer(question.from, id, {}, true);
    unpacked.question = id;
    guarded([&] { member->on_question(unpacked); });
}

void NodesPart::on_answer(uint64_t id, Nodes::Id from, std::string_view payload) {
    const auto found = questions_.find(id);
    if (found == questions_.end()) return;
    const Answer answer = found->second.answer;  // It may ask, and so move the table.
    guarded([&] { answer(from, payload); });
}

void NodesPart::on_answered(uint64_t id, const native::Outcome& outcome) {
    auto question = questions_.extract(id);
    if (question.empty()) return;
    incomplete_ += outcome.missing.empty() ? 0 : 1;
    guarded([&] { question.mapped().done({outcome.answered, outcome.missing.size()}); });
}

void NodesPart::on_fence(uint64_t ticket, size_t) {
    auto fence = fences_.extract(ticket);
    if (!fence.empty()) guarded(fence.mapped());
}

void NodesPart::on_count(native::RoomHash room, const native::Count& count) {
    while (true) {
        auto one = counting_.extract(room);
        if (one.empty()) return;
        guarded([&] { one.mapped().done(count_of(count)); });
    }
}

void NodesPart::on_gap(Nodes::Id from, uint64_t publications) {
    ++gaps_;
    each_member([&](Nodes::Member& member) { member.on_gap(from, publications); });
}

void NodesPart::on_node(Nodes::Id node, std::string_view name, native::NodeChange change) {
    std::string line = "cluster: node " + std::string(name) + " (" + native::to_text(node) + ") " +
                       std::string(words_of(change));
    const uint64_t all = node_ ? node_->stats().forgotten : forgotten_;
    const uint64_t forgotten = all - std::exchange(forgotten_, all);
    if (forgotten > 0)
        line += "; publications that waited for it are dropped: " + std::to_string(forgotten);
    if (forgotten > 0 || reports_.may_tell_change())
        worker_.log(forgotten > 0 ? log::Level::warn : log::Level::info, line);
    {
        const std::lock_guard lock(figures_.mutex);
        auto& nodes = figures_.nodes;
        std::erase_if(nodes, [node](const ClusterNode& one) { return one.id == node; });
        const bool is_away = change_of(change) == Nodes::Change::away;
        if (change != native::NodeChange::gone) nodes.push_back({node, std::string(name), is_away});
        figures_.away.store(static_cast<uint64_t>(std::ranges::count_if(
                                nodes, [](const ClusterNode& one) { return one.is_away; })),
                            std::memory_order_relaxed);
    }
    each_member([&](Nodes::Member& member) { member.on_node(node, name, change_of(change)); });
}

// Its messages are ignored. This node goes on, because whoever can publish could end it otherwise.
void NodesPart::on_impostor() {
    reports_.failed("another process has the id of this node",
                    "was a running machine copied? Start one of the two again");
}

// They hear each other, and understand nothing: a room has another hash there, or another home.
void NodesPart::on_other_settings(std::string_view name, uint64_t messages) {
    reports_.tell_lasting("node " + std::string(name) + " has other settings",
                          "mode, secret and groups must be the same on all nodes", messages);
}

// ---- redis::client::ClientEvents ----------------------------------------------------------------

void NodesPart::on_message(const redis::Message& message) {
    if (!node_) return;
    node_->received(message.payload, now_ms());
    touched();
}

void NodesPart::on_ready() {
    if (!node_) return;
    // It comes again when a subscription that Redis refused is there at last.
    if (!client_->is_deaf() && !figures_.connected.exchange(true)) reports_.connected();
    outage_.up();
    if (std::exchange(linked_, true)) return;
    node_->link(true, now_ms());
    touched();
}

void NodesPart::on_down(const std::string& why, bool is_final) {
    figures_.connected.store(false, std::memory_order_relaxed);
    if (node_) outage_.down();
    if (node_ && std::exchange(linked_, false)) node_->link(false, now_ms());
    touched();
    reports_.away(why, is_final);
}

void NodesPart::on_refused(redis::Topic, const std::string& name, std::string_view error) {
    figures_.connected.store(false, std::memory_order_relaxed);
    failed("no subscription to " + name, error);
}

// Redirections are the life of a cluster; what it says otherwise is a fault.
void NodesPart::on_bounced(std::string_view error) {
    const redis::ErrorKind kind = redis::error_kind(error);
    if (redis::reaction(kind) == redis::Reaction::redirect) return;
    ++errors_[static_cast<size_t>(kind)];
    reports_.tell("Redis does not take messages now, and gets them again", error, ++bounced_);
}

void NodesPart::failed(std::string_view what, std::string_view error) {
    ++errors_[static_cast<size_t>(redis::error_kind(error))];
    reports_.failed(what, error);
}

// ---- time and figures ---------------------------------------------------------------------------

void NodesPart::add_figures(Figures& figures) const {
    add_redis_errors(figures, "nodes", errors_);
    figures.counter("starling_nodes_other_settings_total",
                    "Messages of nodes with another mode, secret or number of groups",
                    figures_.other_settings.load(std::memory_order_relaxed));
}

// Once for all calls and messages of this tick of the loop.
void NodesPart::touched() {
    if (std::exchange(tick_posted_, true)) return;
    worker_.loop().post([this] { tick(); });
}

void NodesPart::tick() {
    tick_posted_ = false;
    if (!node_ || has_left_) return;
    node_->tick(now_ms());
    if (node_->has_met_others()) figures_.has_met_others.store(true, std::memory_order_relaxed);
    end_late_counts();
    show_figures();
    set_timer();
}

void NodesPart::set_timer() {
    const uint64_t due_ms = node_->next_tick();
    if (timer_ && timer_ms_ <= due_ms) return;
    net::Loop& loop = worker_.loop();
    if (timer_) loop.cancel_timer(timer_);
    timer_ms_ = due_ms;
    timer_ = loop.after(due_ms - std::min(due_ms, loop.now_ms()), [this] {
        timer_ = 0;
        tick();
    });
}

// The node asks for no more counts while too many questions are open.
void NodesPart::end_late_counts() {
    std::vector<Counting> late;
    for (auto at = counting_.begin(); at != counting_.end();) {
        const auto next = std::next(at);
        if (at->second.deadline_ms <= now_ms())
            late.push_back(std::move(counting_.extract(at).mapped()));
        at = next;
    }
    for (const Counting& one : late) guarded([&] { one.done({.members = 0, .missing = 1}); });
}

void NodesPart::show_figures() {
    const native::Stats& stats = node_->stats();
    constexpr auto relaxed = std::memory_order_relaxed;
    figures_.sent.store(stats.batches, relaxed);
    figures_.received.store(stats.messages_received, relaxed);
    figures_.queued_bytes.store(node_->queued_bytes(), relaxed);
    figures_.dropped.store(stats.dropped, relaxed);
    figures_.resent.store(stats.resent, relaxed);
    figures_.gaps.store(gaps_, relaxed);
    figures_.lost.store(stats.lost, relaxed);
    figures_.refused.store(stats.malformed + stats.refused + strange_, relaxed);
    figures_.impostors.store(stats.impostors, relaxed);
    figures_.incomplete.store(incomplete_, relaxed);
    figures_.failed.store(reports_.failures(), relaxed);
    if (client_) figures_.losses.store(client_->stats().losses, relaxed);
    figures_.other_settings.store(stats.other_settings, relaxed);
    tell_growth(stats);
}

void NodesPart::tell_growth(const native::Stats& stats) {
    // on_node() has told what waited for a node that is gone.
    reports_.grown(told_.dropped, stats.dropped - stats.forgotten,
                   "publications to other nodes were dropped",
                   "the queue is full, see queue_bytes_max");
    reports_.grown(told_.lost, stats.lost, "publications of other nodes were lost",
                   "the queue of their node was full, or Redis was away for too long");
    reports_.grown(told_.malformed, stats.malformed + strange_,
                   "messages of other nodes are refused", "they have no meaning");
    reports_.grown(told_.refused, stats.refused, "nodes or messages are refused",
                   "they are over a limit of this cluster");
}

}  // namespace starling::server
