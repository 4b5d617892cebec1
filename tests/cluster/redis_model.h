// A model of Redis and of the processes around it, for tests of cluster::Node: time is a number, and
// what is random comes from a seed, so that each run can be repeated.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cluster/node.h"
#include "shown.h"

namespace starling::cluster::test {

class Process;

// Pub/sub and streams. Each subscriber gets messages in the order of their publication, after a delay.
class RedisModel {
public:
    explicit RedisModel(uint64_t seed = 1) : random_(seed) {}

    uint64_t now_ms = 1000;
    uint64_t delay_ms_max = 0;
    bool here = true;

    void run_until(uint64_t when_ms);
    void run_for(uint64_t ms) { run_until(now_ms + ms); }
    uint64_t draw(uint64_t below) { return random_() % below; }

    // To all subscribers; returns their number.
    uint64_t publish(const Sending& sending);
    uint64_t count(const Subscription& name) const;
    void at(uint64_t when_ms, std::function<void()> call) {
        later_.emplace(when_ms, std::move(call));
    }

    std::vector<Process*> processes;
    std::string watched;            // A channel.
    std::vector<std::string> seen;  // What was published to it.

private:
    std::mt19937_64 random_;
    std::multimap<uint64_t, std::function<void()>> later_;
};

// A process with a node, whose sockets are names with rooms in the namespace "/".
class Process final : Bus, Host {
public:
    Process(RedisModel& redis, std::string uid, NodeOptions options) : redis_(redis) {
        options.uid = std::move(uid);
        node = std::make_unique<Node>(std::move(options), static_cast<Bus&>(*this),
                                      static_cast<Host&>(*this));
        node->open("/");
        redis.processes.push_back(this);
        connect();
    }
    ~Process() { std::erase(redis_.processes, this); }

    void connect() {
        connected = true;
        node->up(redis_.now_ms);
    }
    // The connection to Redis is lost: what is on its way to this process, too.
    void disconnect() {
        connected = false;
        late = false;
        for (const Count& done : std::exchange(counts_, {})) done(std::nullopt);
        ++connection_;
        inbox_ms_ = 0;
        node->down();
    }
    void join(const std::string& id, const std::string& room) {
        if (sockets[id].empty()) {
            sockets[id].insert(id);
            node->room_opened("/", id, true);
        }
        const bool first = !holds(room);
        if (sockets[id].insert(room).second && first) node->room_opened("/", room, false);
    }
    void leave(const std::string& id, const std::string& room) {
        if (sockets[id].erase(room) > 0 && !holds(room)) node->room_closed("/", room);
    }
    bool holds(const std::string& room) const {
        return std::ranges::any_of(sockets, [&](auto& one) { return one.second.contains(room); });
    }
    void emit(std::vector<std::string> rooms, std::string text,
              std::vector<std::string> except = {}) {
        Message message;
        message.kind = Kind::emit;
        message.target.rooms = std::move(rooms);
        message.target.except = std::move(except);
        message.data = boost::json::array{"said", text};
        node->send(message);
    }
    void change(Kind kind, std::vector<std::string> targets, std::vector<std::string> rooms) {
        Message message;
        message.kind = kind;
        message.target.rooms = std::move(targets);
        message.rooms = std::move(rooms);
        node->send(message);
    }
    // The answers are in `answers`, sorted, and the last of them says whether they are complete.
    void ask(Kind kind, std::vector<std::string> rooms, uint64_t timeout_ms = 0) {
        answers.clear();
        Message message;
        message.kind = kind;
        message.target.rooms = std::move(rooms);
        if (kind != Kind::fetch) message.data = boost::json::array{"question", "why"};
        node->ask(message, timeout_ms, redis_.now_ms, [this](socketio::Report report) {
            for (const auto& socket : report.sockets) answers.push_back(socket.id);
            for (const auto& response : report.responses) answers.push_back(shown(response));
            std::ranges::sort(answers);
            if (!report.first) return;
            answers.push_back(report.complete ? "complete" : "incomplete");
            if (report.missing_nodes > 0)
                answers.back() += ", missing " + std::to_string(report.missing_nodes);
        });
    }
    // Answers a question of the node `asker` that is over.
    void late_answer(std::string request_id, std::string asker) {
        Message one;
        one.kind = Kind::fetched;
        node->answer({"/", std::move(asker), std::move(request_id)}, one);
    }
    std::string all_answers() const { return joined(answers); }
    void receive(const Incoming& in) { node->on_message(in, redis_.now_ms); }

    std::unique_ptr<Node> node;
    bool connected = false;
    bool frozen = false;  // Reads nothing: SIGSTOP.
    bool late = false;    // An answer of Redis is late.
    std::map<std::string, std::set<std::string>> sockets;
    std::map<std::string, std::vector<std::string>> heard;  // By socket.
    std::vector<std::string> answers, warnings, events;
    std::set<Subscription> names;
    size_t acks_lost = 0;  // So many acks of this process do not come.

private:
    friend class RedisModel;
    void subscribe(const Subscription& to) override { names.insert(to); }
    void unsubscribe(const Subscription& from) override { names.erase(from); }
    void send(Sending sending, Count done) override {
        if (!redis_.here || !connected) return done ? done(std::nullopt) : void();
        const uint64_t receivers = redis_.publish(sending);
        if (!done) return;
        redis_.at(redis_.now_ms + redis_.draw(redis_.delay_ms_max + 1),
                  [done, receivers] { done(receivers); });
    }
    bool is_late() const override { return late; }
    void count(const Subscription& name, Count done) override {
        if (!redis_.here || !connected) return done(std::nullopt);
        if (late) return counts_.push_back(std::move(done));
        redis_.at(redis_.now_ms + redis_.draw(redis_.delay_ms_max + 1),
                  [this, name, done] { done(redis_.count(name)); });
    }

    std::vector<std::string> targets(const Target& target) const {
        const auto in = [](const std::set<std::string>& rooms,
                           const std::vector<std::string>& list) {
            return std::ranges::any_of(list,
                                       [&](const auto& room) { return rooms.contains(room); });
        };
        std::vector<std::string> ids;
        for (const auto& [id, rooms] : sockets)
            if ((target.rooms.empty() || in(rooms, target.rooms)) && !in(rooms, target.except))
                ids.push_back(id);
        return ids;
    }
    void perform(Message& message) override {
        if (message.kind == Kind::server_event) events.push_back(shown(message.data));
        for (const auto& id : targets(message.target)) {
            if (message.kind == Kind::emit) heard[id].push_back(shown(message.data.at(1)));
            // As in a server, where these calls are posted.
            redis_.at(redis_.now_ms, [this, id, kind = message.kind, rooms = message.rooms] {
                for (const auto& room : rooms)
                    kind == Kind::join ? join(id, room) : leave(id, room);
                if (kind != Kind::disconnect) return;
                for (const auto& room : std::set(sockets[id])) leave(id, room);
                sockets.erase(id);
            });
        }
    }
    void ask(Message& question, Asker asker) override {
        const auto ids = targets(question.target);
        Message one;
        if (question.kind == Kind::fetch) {
            one.kind = Kind::fetched;
            for (const auto& id : ids) {
                one.sockets.push_back({});
                one.sockets.back().id = id;
                one.sockets.back().rooms = {sockets[id].begin(), sockets[id].end()};
            }
            node->answer(asker, one);
        } else if (question.kind == Kind::list_sockets) {
            one.kind = Kind::ids;
            one.rooms = ids;
            node->answer(asker, one);
        } else if (question.kind == Kind::server_event) {
            one.kind = Kind::server_answer;
            one.data = boost::json::string(node->uid());
            node->answer(asker, one);
        } else {
            for (size_t i = acks_lost; i < ids.size(); ++i) {
                Message ack;
                ack.kind = Kind::ask_ack;
                ack.data = boost::json::string("ack of " + ids[i]);
                node->answer(asker, ack);
            }
            one.kind = Kind::ask_count;
            one.clients = ids.size();
            node->answer(asker, one);
        }
        node->answered();
    }
    void warn(std::string_view what, uint64_t refused) override {
        warnings.push_back(std::string(what) + " " + std::to_string(refused));
    }

    RedisModel& redis_;
    uint64_t connection_ = 0;    // The number of the connection; messages of older ones are lost.
    std::vector<Count> counts_;  // Without an answer.
    uint64_t inbox_ms_ = 0;      // When the last message on its way arrives.
};

inline bool matches(const Subscription& name, const std::string& channel, Sending::Way way) {
    if ((name.medium == Medium::shard) != (way == Sending::Way::spublish)) return false;
    if (name.medium != Medium::pattern) return name.name == channel;
    return channel.starts_with(std::string_view(name.name).substr(0, name.name.size() - 1));
}

inline uint64_t RedisModel::publish(const Sending& sending) {
    uint64_t receivers = 0;
    if (sending.name == watched) seen.push_back(sending.body);
    for (Process* const to : processes) {
        if (!to->connected) continue;
        std::vector<Subscription> names;
        if (sending.way == Sending::Way::stream)
            names.emplace_back();
        else
            std::ranges::copy_if(to->names, std::back_inserter(names), [&](const auto& name) {
                return matches(name, sending.name, sending.way);
            });
        for (const auto& name : names) {
            ++receivers;
            to->inbox_ms_ = std::max(to->inbox_ms_, now_ms + draw(delay_ms_max + 1));
            at(to->inbox_ms_, [this, to, name, sending, connection = to->connection_] {
                if (to->connection_ != connection || to->frozen) return;
                if (sending.way == Sending::Way::stream)
                    to->node->on_entry(sending.entry, now_ms);
                else
                    to->node->on_message({name.medium, name.name, sending.name, sending.body},
                                         now_ms);
            });
        }
    }
    return receivers;
}

inline uint64_t RedisModel::count(const Subscription& name) const {
    return static_cast<uint64_t>(std::ranges::count_if(
        processes, [&](auto* one) { return one->connected && one->names.contains(name); }));
}

inline void RedisModel::run_until(uint64_t when_ms) {
    for (;;) {
        uint64_t next = later_.empty() ? when_ms + 1 : later_.begin()->first;
        for (Process* const one : processes)
            if (const auto due = one->node->due_ms()) next = std::min(next, std::max(now_ms, *due));
        if (next > when_ms) break;
        now_ms = next;
        while (!later_.empty() && later_.begin()->first <= now_ms) {
            const auto call = std::move(later_.begin()->second);
            later_.erase(later_.begin());
            call();
        }
        for (Process* const one : processes) one->node->on_time(now_ms);
    }
    now_ms = when_ms;
}

}  // namespace starling::cluster::test
