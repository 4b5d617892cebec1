// tests/fake/nodes.h: a cluster in memory: the Nodes of several Servers of one test process.
//
// What a node publishes is posted to the first worker of each node that gets it, so nothing is lost and
// nothing overtakes. A room that is joined is known to all nodes at once. A test may lose a node: then
// nothing reaches it or comes from it any more, and its open questions end without it.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/keyed_hash.h"
#include "server/nodes.h"
#include "server/state.h"
#include "server/worker.h"

namespace starling::server::test {

class FakeCluster {
public:
    // Must live longer than the server; before the server starts.
    void add(Server& server, std::string name) {
        const std::lock_guard lock(mutex_);
        const Nodes::Id id = (nodes_.size() + 1) * 0x9E37'79B9'7F4A'7C15u;
        nodes_.push_back(std::make_unique<Node>(*this, id, std::move(name)));
        Node& node = *nodes_.back();
        use_nodes(server, std::make_unique<Joined>(node), node);
    }
    // The next start() of the node that was added as number `index` throws.
    void fail_start(size_t index) { nodes_[index]->fails_to_start = true; }
    // When all servers run: each node hears of the others.
    void meet() {
        const std::lock_guard lock(mutex_);
        for (const auto& one : nodes_)
            for (const auto& other : nodes_)
                if (one != other) tell(*one, *other, Nodes::Change::here);
    }
    // The node that was added as number `index` is cut off.
    void lose(size_t index) {
        const std::lock_guard lock(mutex_);
        Node& lost = *nodes_[index];
        lost.lost = true;
        for (const auto& other : nodes_) tell(*other, lost, Nodes::Change::away);
        for (auto& [id, question] : questions_)
            if (std::erase(question.open, lost.id)) ++question.outcome.missing;
        finish_questions();
    }
    // Publications and questions that went from one node to another.
    [[nodiscard]] size_t sent(Nodes::Kind kind) {
        const std::lock_guard lock(mutex_);
        return sent_[static_cast<size_t>(kind)];
    }
    [[nodiscard]] uint64_t members(size_t index, Nodes::Kind kind, std::string_view room) {
        const std::lock_guard lock(mutex_);
        return nodes_[index]->members_of(kind, room);
    }
    // Fences wait until they are released; or, with false, pass at once again.
    void hold_fences(bool hold) {
        const std::lock_guard lock(mutex_);
        hold_fences_ = hold;
        if (hold) return;
        for (auto& [worker, done] : fences_) worker->post(std::move(done));
        fences_.clear();
    }

    [[nodiscard]] size_t held_fences() {
        const std::lock_guard lock(mutex_);
        return fences_.size();
    }
    // From now on no publication reaches another node, as if its publisher knew of no rooms.
    void lose_publications() {
        const std::lock_guard lock(mutex_);
        loses_publications_ = true;
    }
    // The channels of all nodes share it. It lives longer than the servers. Before they start.
    void share(hub::History& history) { history_ = &history; }

    // From now on each answer comes twice, as from a node that is none of starling.
    void repeat_answers() {
        const std::lock_guard lock(mutex_);
        answers_come_ = 2;
    }

    // As if a stranger had sent it.
    void inject(size_t index, Nodes::Kind kind, const std::string& room, std::string payload,
                bool as_question) {
        inject(index, kind, std::vector<std::string>{room}, std::move(payload), as_question);
    }
    void inject(size_t index, Nodes::Kind kind, std::vector<std::string> rooms, std::string payload,
                bool as_question) {
        const std::lock_guard lock(mutex_);
        uint64_t question = 0;
        if (as_question) {
            question = ++last_question_;
            questions_[question].open = {nodes_[index]->id};
        }
        deliver(*nodes_[index], kind, 0x999, std::move(rooms), std::move(payload), question);
    }

private:
    struct Question {
        std::vector<Nodes::Id> open{};  // Nodes whose last answer is missing.
        Nodes::Outcome outcome{};
        Worker* asker = nullptr;  // Null: nobody hears the answers.
        std::function<void(Nodes::Id, std::string_view)> answer{};
        std::function<void(const Nodes::Outcome&)> done{};
    };

    class Node final : public Nodes {
    public:
        Node(FakeCluster& c, Id i, std::string n) : id(i), name(std::move(n)), cluster_(c) {}

        void add(Kind kind, Member& member) override {
            members[static_cast<size_t>(kind)] = &member;
        }
        [[nodiscard]] Id self() const noexcept override { return id; }
        [[nodiscard]] bool is_here(Id node) const override {
            const std::lock_guard lock(cluster_.mutex_);
            return std::ranges::any_of(cluster_.nodes_, [node](const auto& each) {
                return each->id == node && !each->lost;
            });
        }
        [[nodiscard]] bool is_linked() const noexcept override { return !lost; }
        [[nodiscard]] uint64_t keyed_hash(std::string_view text) const noexcept override {
            return base::siphash13({1, 2}, text);
        }
        [[nodiscard]] size_t node_queue_bytes_max() const noexcept override { return 32u << 20; }
        void joined(Kind kind, std::string_view room) noexcept override {
            const std::lock_guard lock(cluster_.mutex_);
            ++rooms[static_cast<size_t>(kind)][std::string(room)];
        }
        void left(Kind kind, std::string_view room) noexcept override {
            const std::lock_guard lock(cluster_.mutex_);
            auto& all = rooms[static_cast<size_t>(kind)];
            const auto found = all.find(room);
            if (found != all.end() && --found->second == 0) all.erase(found);
        }
        bool publish(Kind kind, Target target, std::string payload) override {
            const std::lock_guard lock(cluster_.mutex_);
            for (Node* const to : cluster_.targets(*this, kind, target))
                if (!to->lost && !cluster_.loses_publications_)
                    cluster_.deliver(*to, kind, id, target.rooms, payload, 0);
            return true;
        }
        void ask(Kind kind, Target target, std::string payload,
                 std::function<void(Id, std::string_view)> answer,
                 std::function<void(const Outcome&)> done) override {
            const std::lock_guard lock(cluster_.mutex_);
            const uint64_t number = ++cluster_.last_question_;
            Question& question = cluster_.questions_[number];
            question.asker = group ? group->here() : nullptr;
            question.answer = std::move(answer);
            question.done = std::move(done);
            for (Node* const to : cluster_.targets(*this, kind, target)) {
                if (to->lost) {
                    ++question.outcome.missing;
                    continue;
                }
                question.open.push_back(to->id);
                cluster_.deliver(*to, kind, id, target.rooms, payload, number);
            }
            cluster_.finish_questions();
        }
        void answer(Id to, uint64_t question, std::string payload, bool is_last) override {
            (void)to;
            const std::lock_guard lock(cluster_.mutex_);
            cluster_.take_answer(*this, question, std::move(payload), is_last);
        }
        void count(Kind kind, std::string_view room,
                   std::function<void(const Count&)> done) override {
            Count sum;
            {
                const std::lock_guard lock(cluster_.mutex_);
                for (const auto& node : cluster_.nodes_) {
                    const uint64_t here = node->members_of(kind, room);
                    if (!node->lost)
                        sum.members += here;
                    else if (here > 0)
                        ++sum.missing;
                }
            }
            done(sum);
        }
        void fence(std::function<void()> done) override {
            {
                const std::lock_guard lock(cluster_.mutex_);
                if (cluster_.hold_fences_ && group)
                    return (void)cluster_.fences_.emplace_back(group->here(), std::move(done));
            }
            done();
        }

        [[nodiscard]] hub::History* share_history(WorkerGroup& workers,
                                                  std::function<void()> ready) override {
            (void)workers, (void)ready;
            return cluster_.history_;
        }

        [[nodiscard]] uint64_t members_of(Kind kind, std::string_view room) const {
            const auto& all = rooms[static_cast<size_t>(kind)];
            const auto found = all.find(room);
            return found == all.end() ? 0 : found->second;
        }

        void begin(WorkerGroup& workers) {
            const std::lock_guard lock(cluster_.mutex_);
            group = &workers;
        }
        // The workers have ended, and will be destroyed while other nodes still send.
        void end() {
            const std::lock_guard lock(cluster_.mutex_);
            if (!group) return;
            const auto is_own = [this](Worker* worker) {
                return worker && &worker->group() == group;
            };
            for (auto& [number, question] : cluster_.questions_)
                if (is_own(question.asker)) question.asker = nullptr;
            std::erase_if(cluster_.fences_, [&](const auto& one) { return is_own(one.first); });
            group = nullptr;
        }

        WorkerGroup* group = nullptr;  // Null: the server does not run.
        const Id id;
        const std::string name;
        std::atomic<bool> lost{false};
        bool fails_to_start = false;
        std::array<Member*, kinds> members{};
        std::array<std::map<std::string, uint64_t, std::less<>>, kinds> rooms;

    private:
        FakeCluster& cluster_;
    };

    // The part of the server.
    class Joined final : public Extension {
    public:
        explicit Joined(Node& node) noexcept : node_(node) {}
        void mount(Site&) override {}
        ~Joined() override { node_.end(); }
        void attach(WorkerGroup& group) override {
            if (std::exchange(node_.fails_to_start, false))
                throw std::runtime_error("Redis refuses this node");
            node_.begin(group);
        }
        void detach() noexcept override { node_.end(); }
        void close_handles() noexcept override { node_.end(); }

    private:
        Node& node_;
    };

    std::vector<Node*> targets(const Node& from, Nodes::Kind kind, const Nodes::Target& target) {
        std::vector<Node*> list;
        if (from.lost) return list;
        for (const auto& node : nodes_) {
            const bool wanted = target.everyone ||
                                std::ranges::find(target.nodes, node->id) != target.nodes.end() ||
                                std::ranges::any_of(target.rooms, [&](const std::string& room) {
                                    return node->members_of(kind, room) > 0;
                                });
            if (wanted && node.get() != &from) list.push_back(node.get());
        }
        return list;
    }

    void deliver(Node& to, Nodes::Kind kind, Nodes::Id from, std::vector<std::string> rooms,
                 std::string payload, uint64_t question) {
        ++sent_[static_cast<size_t>(kind)];
        Nodes::Member* const member = to.members[static_cast<size_t>(kind)];
        if (!member || !to.group) {
            if (question != 0) take_answer(to, question, {}, true);
            return;
        }
        to.group->workers.front()->post(
            [&to, member, from, rooms = std::move(rooms), payload = std::move(payload), question] {
                if (to.lost) return;
                const std::vector<std::string_view> names(rooms.begin(), rooms.end());
                const Nodes::Incoming incoming{from, names, payload, question};
                question == 0 ? member->on_publication(incoming) : member->on_question(incoming);
            });
    }

    void take_answer(const Node& from, uint64_t number, std::string payload, bool is_last) {
        const auto found = questions_.find(number);
        if (found == questions_.end() || from.lost) return;
        Question& question = found->second;
        for (int i = 0; i < answers_come_ && question.asker && !payload.empty(); ++i)
            question.asker->post(
                [answer = question.answer, id = from.id, payload] { answer(id, payload); });
        if (is_last && std::erase(question.open, from.id)) ++question.outcome.answered;
        finish_questions();
    }

    void finish_questions() {
        for (auto at = questions_.begin(); at != questions_.end();) {
            Question& question = at->second;
            if (!question.open.empty()) {
                ++at;
                continue;
            }
            if (question.asker)
                question.asker->post([done = std::move(question.done), outcome = question.outcome] {
                    done(outcome);
                });
            at = questions_.erase(at);
        }
    }

    void tell(Node& to, const Node& about, Nodes::Change change) {
        if (&to == &about || !to.group) return;
        for (Nodes::Member* const member : to.members)
            if (member)
                to.group->workers.front()->post(
                    [member, &about, change] { member->on_node(about.id, about.name, change); });
    }

    std::mutex mutex_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::map<uint64_t, Question> questions_;
    uint64_t last_question_ = 0;
    std::array<size_t, Nodes::kinds> sent_{};
    bool hold_fences_ = false, loses_publications_ = false;
    hub::History* history_ = nullptr;
    int answers_come_ = 1;
    std::vector<std::pair<Worker*, std::function<void()>>> fences_;
};

}  // namespace starling::server::test
