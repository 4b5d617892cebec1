#include "server/events/presence.h"

#include <new>
#include <utility>

#include "server/worker.h"

namespace starling::server {

using hub::PresenceNodes;

SharedPresence::SharedPresence(const hub::Presence::Limits& limits, Change tell, Change report)
    : limits_(limits),
      tell_(std::move(tell)),
      report_(std::move(report)),
      presence_(limits, [this](const hub::PresenceChange& change, bool reports) {
          pass_on(change, reports);
      }) {}

void SharedPresence::pass_on(const hub::PresenceChange& change, bool reports) noexcept {
    try {
        tell_(change);
        if (reports) group_->workers.front()->post([this, change] { report_(change); });
    } catch (const std::bad_alloc&) {}
}

void SharedPresence::join(WorkerGroup& group) {
    group_ = &group;
    closed_.store(false);  // A start may have failed before.
    flushing_.store(false);
    presence_.connect(*this, group.nodes->self());
    group.nodes->add(Nodes::Kind::presence, *this);
    group.workers.front()->post([this] { tick(); });
}

// The clock of the loops, for any thread.
uint64_t SharedPresence::now_ms() const {
    static const auto clock = net::Loop::steady_clock();
    return clock();
}

template <class F>
void SharedPresence::later(F&& call) {
    group_->workers.front()->post([this, call = std::forward<F>(call)]() mutable {
        const std::lock_guard lock(mutex_);
        call();
    });
}

void SharedPresence::tick() {
    group_->workers.front()->loop().after(PresenceNodes::tick_ms, [this] { tick(); });
    const std::lock_guard lock(mutex_);
    presence_.tick(now_ms());
}

// ---- the workers of this process ----------------------------------------------------------------

hub::Presence::Entered SharedPresence::enter(std::string_view channel, hub::Presence::Form form,
                                             hub::PresenceMember member) {
    const std::lock_guard lock(mutex_);
    auto entered = presence_.enter(channel, form, std::move(member), now_ms());
    if (entered.change) pass_on(*entered.change);
    return entered;
}

std::optional<hub::PresenceChange> SharedPresence::leave(
    hub::Presence::Leaving&& leaving) noexcept {
    const std::lock_guard lock(mutex_);
    auto change = presence_.leave(std::move(leaving));
    if (change) pass_on(*change);
    return change;
}

hub::PresenceList SharedPresence::list(std::string_view channel, size_t limit) const {
    const std::lock_guard lock(mutex_);
    return presence_.list(channel, limit, now_ms());
}

void SharedPresence::list(std::string_view channel, size_t limit,
                          std::function<void(const hub::PresenceList&)> done) {
    std::string name(channel);
    bool held = true;
    hub::PresenceList known;
    {
        const std::lock_guard lock(mutex_);
        if (group_ && !presence_.is_known(channel)) {
            Worker* const here = group_->here();
            Worker& to = here ? *here : *group_->workers.front();
            return presence_.when_known(channel, [this, &to, name, limit, done = std::move(done)] {
                to.post([this, name, limit, done] { list(name, limit, done); });
            });
        }
        held = presence_.is_held(channel);
        if (held) known = presence_.list(channel, limit, now_ms());
    }
    if (held) return done(known);
    const auto merged = std::make_shared<hub::Presence>(limits_);
    group_->nodes->ask(
        Nodes::Kind::presence, {.rooms = {name}}, PresenceNodes::question_about(channel),
        [merged, name](Nodes::Id from, std::string_view payload) {
            PresenceNodes::merge(*merged, from, name, payload);
        },
        [this, merged, name, limit, asked_ms = now_ms(),
         done = std::move(done)](const Nodes::Outcome& outcome) {
            hub::PresenceList all = merged->list(name, limit);
            all.missing = outcome.missing;
            all.age_ms = now_ms() - asked_ms;
            done(all);
        });
}

bool SharedPresence::is_known(std::string_view channel, std::function<void()> later) {
    const std::lock_guard lock(mutex_);
    if (presence_.is_known(channel)) return true;
    presence_.when_known(channel, std::move(later));
    return false;
}

hub::PresenceStats SharedPresence::stats() const {
    const std::lock_guard lock(mutex_);
    return presence_.members().stats();
}

// ---- to other nodes -----------------------------------------------------------------------------

void SharedPresence::joined(const std::string& channel) {
    group_->nodes->joined(Nodes::Kind::presence, channel);
}

void SharedPresence::left(const std::string& channel) {
    group_->nodes->left(Nodes::Kind::presence, channel);
}

void SharedPresence::publish(const std::string& channel, std::string bytes) {
    group_->nodes->publish(Nodes::Kind::presence, {.rooms = {channel}}, std::move(bytes));
}

void SharedPresence::send(PresenceNodes::NodeId to, std::string bytes) {
    group_->nodes->publish(Nodes::Kind::presence, {.nodes = {to}}, std::move(bytes));
}

// The Nodes may answer within the call, which has the lock: so what they say is posted.
void SharedPresence::fence(const std::string& channel, uint64_t serial) {
    group_->nodes->fence([this, channel, serial] {
        later([this, channel, serial] { presence_.fenced(channel, serial); });
    });
}

void SharedPresence::ask(const std::string& channel, uint64_t serial, std::string bytes) {
    group_->nodes->ask(
        Nodes::Kind::presence, {.rooms = {channel}}, std::move(bytes),
        [this](Nodes::Id from, std::string_view payload) {
            later([this, from, copy = std::string(payload)] {
                presence_.answered(from, copy, now_ms());
            });
        },
        [this, channel, serial](const Nodes::Outcome& outcome) {
            later([this, channel, serial, missing = outcome.missing] {
                presence_.asked(channel, serial, missing);
            });
        });
}

// An answer never comes within the call, and is taken at once: what the node says next must find it.
void SharedPresence::confirm(const std::string& channel, uint64_t ticket,
                             std::vector<PresenceNodes::NodeId> nodes, std::string bytes) {
    group_->nodes->ask(
        Nodes::Kind::presence, {.nodes = std::move(nodes)}, std::move(bytes),
        [this, channel, ticket](Nodes::Id from, std::string_view) {
            const std::lock_guard lock(mutex_);
            presence_.confirmed(channel, ticket, from);
        },
        [this, channel, ticket](const Nodes::Outcome& outcome) {
            later([this, channel, ticket, missing = outcome.missing] {
                presence_.settled(channel, ticket, missing);
            });
        });
}

// What several members do in one tick is one message.
void SharedPresence::changed() noexcept {
    if (closed_.load() || flushing_.exchange(true)) return;
    try {
        later([this] {
            flushing_.store(false);
            presence_.flush();
        });
    } catch (const std::bad_alloc&) {
        flushing_.store(false);  // The next tick() flushes.
    }
}

// ---- from other nodes, on the first worker ------------------------------------------------------

void SharedPresence::on_publication(const Nodes::Incoming& publication) {
    const std::lock_guard lock(mutex_);
    presence_.on_message(publication.from, publication.payload, now_ms());
}

void SharedPresence::on_question(const Nodes::Incoming& question) {
    std::string answer;
    {
        const std::lock_guard lock(mutex_);
        answer = presence_.on_question(question.from, question.payload, now_ms());
    }
    group_->nodes->answer(question.from, question.question, std::move(answer), true);
}

void SharedPresence::on_gap(Nodes::Id from, uint64_t) {
    const std::lock_guard lock(mutex_);
    presence_.on_gap(from);
}

void SharedPresence::on_node(Nodes::Id node, std::string_view, Nodes::Change change) {
    using enum Nodes::Change;
    const std::lock_guard lock(mutex_);
    if (change == here || change == back)
        presence_.on_node(node, PresenceNodes::Change::here);
    else
        presence_.on_node(
            node, change == gone ? PresenceNodes::Change::gone : PresenceNodes::Change::away);
}

}  // namespace starling::server
