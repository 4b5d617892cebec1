// cluster/node.h: a node of a Socket.IO cluster: it says what this process does, does what other nodes
// say, asks and answers. What differs between the adapters of Node.js is behind Dialect.
//
//     Node node(options, bus, host);
//     node.open("/");                                  // for each namespace
//     node.up(now_ms);                                 // every subscription is confirmed
//     node.send(message, now_ms);                      // what a worker of this process has done
//     node.on_message({medium, name, channel, payload}, now_ms);
//     if (const auto due = node.due_ms()) ... node.on_time(now_ms);
//
// Other nodes and whoever can publish are not trusted: what they send is bounded, counted and refused,
// and costs nothing else.
//
// Owner: the code that owns the connection to Redis. Pure. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/text.h"
#include "cluster/dialect.h"
#include "cluster/message.h"
#include "cluster/outbox.h"
#include "cluster/questions.h"

namespace starling::cluster {

// What a node needs of Redis. The calls of `done` come later, or never.
class Bus {
public:
    virtual void subscribe(const Subscription& to) = 0;
    virtual void unsubscribe(const Subscription& from) = 0;
    // `done` may be empty. It gets the number of receivers; nothing: the message was not sent.
    using Count = Outbox::Count;
    virtual void send(Sending sending, Count done) = 0;
    // An answer of Redis is late: what is sent now is lost if the connection is given up.
    [[nodiscard]] virtual bool is_late() const { return false; }
    // How many connections are subscribed to the name.
    virtual void count(const Subscription& name, Count done) = 0;

protected:
    ~Bus() = default;
};

// Who asked a question of another node.
struct Asker {
    std::string nsp, uid, request_id;
};

// What a node needs of its process.
class Host {
public:
    // Does an emit, join, leave, disconnect, or server_event without an answer. The message and its
    // data end with the call.
    virtual void perform(Message& message) = 0;
    // Answers a question by Node::answer(), any number of times, and then calls Node::answered(). The
    // message and its data end with the call.
    virtual void ask(Message& question, Asker asker) = 0;
    // A line for the log, at most one a second. `refused`: how many messages since the last line.
    virtual void warn(std::string_view what, uint64_t refused) = 0;

protected:
    ~Host() = default;
};

struct NodeOptions {
    std::string uid;  // Random; 6 characters for the classic adapter, 16 for the others.
    DialectOptions dialect = {};
    OutboxOptions outbox = {};
    Limits limits = {};
    Questions::Limits questions = {};
    size_t foreign_questions_max = 10'000;  // Questions of other nodes that are not answered yet.
    uint64_t request_timeout_ms = 5000;     // Of the questions that set no time of their own.
    uint64_t table_seed = 0;                // Random and secret, see Arena.
};

struct NodeStats {
    uint64_t sent = 0, received = 0;  // Messages; received without this node's own.
    uint64_t unwritable = 0;          // Messages of this process that no adapter can carry.
    uint64_t malformed = 0, unknown_type = 0, too_large = 0;
    uint64_t wrong_namespace = 0;    // The message and its channel name different namespaces.
    uint64_t strange_answers = 0;    // Late, a second one, or to nobody's question.
    uint64_t unheard_questions = 0;  // Of other nodes, above foreign_questions_max.
    uint64_t impostors = 0;          // Messages with this node's uid that it has not sent.
    uint64_t dropped = 0;            // Messages that did not fit while Redis was away.
    uint64_t incomplete = 0;         // Questions that not every node has answered.
    uint64_t waiting = 0;            // Messages that wait for Redis.
    uint64_t hearing = 0;            // Nodes at the last count, this one included.
};

class Node {
public:
    Node(NodeOptions options, Bus& bus, Host& host);
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    // ---- This process -----------------------------------------------------------------------------
    // Each call of open() counts, and so does each of room_opened(). Not within a call of the Host.
    void open(std::string_view nsp);
    void close(std::string_view nsp);
    [[nodiscard]] bool is_open(std::string_view nsp) const { return members_.contains(nsp); }
    // A worker's first member of a room came; its last one left.
    void room_opened(std::string_view nsp, std::string_view room, bool of_one_socket);
    void room_closed(std::string_view nsp, std::string_view room);
    // An operation without an answer. The namespace need not be open.
    void send(Message& message);
    // A question. The answers go to `report`, at once if Redis is away.
    void ask(Message& message, uint64_t timeout_ms, uint64_t now_ms, OnReport report);
    // `answer` has its kind and content.
    void answer(const Asker& to, Message& answer);
    void answered() noexcept { --foreign_questions_; }
    // Calls `call` with the name of each open namespace.
    void each_namespace(const std::function<void(const std::string&)>& call) const;

    // ---- Redis ------------------------------------------------------------------------------------
    void up(uint64_t now_ms);
    void down();
    // An answer of Redis has come. What waited because it was late is sent when the other nodes hear;
    // true: something does, so due_ms() has changed.
    bool resume(uint64_t now_ms);
    void on_message(const Incoming& in, uint64_t now_ms);
    void on_entry(const Entry& entry, uint64_t now_ms);
    // A message of which Redis' client has read no more than that it is there.
    void on_too_large(uint64_t now_ms);

    // ---- Time -------------------------------------------------------------------------------------
    [[nodiscard]] std::optional<uint64_t> due_ms() const noexcept;
    void on_time(uint64_t now_ms);

    [[nodiscard]] NodeStats stats() const;
    [[nodiscard]] const std::string& uid() const noexcept { return options_.uid; }

private:
    struct Room {
        uint32_t holders = 0;  // Workers on which the room has members.
        std::optional<Subscription> subscription;
    };
    // The node in one namespace.
    struct Member {
        std::string nsp;
        std::unique_ptr<Dialect> dialect;
        uint32_t holders = 0;
        std::unordered_map<std::string, Room, base::TextHash, std::equal_to<>> rooms;
    };

    [[nodiscard]] Member* find(std::string_view nsp) noexcept;
    void listen(const Subscription& to, Member& member);
    void unlisten(const Subscription& from, const Member& member);
    [[nodiscard]] bool write(const Message& message, std::string_view asker, Sending& to);
    [[nodiscard]] bool comes_back(const Message& message, const Sending& sending) const;
    void submit(Sending sending, Bus::Count done = {});
    void on_own(uint64_t now_ms);
    void flush();
    void execute(Member& member, Decoded decoded, uint64_t now_ms);
    void take_question(Member& member, Message& message);
    [[nodiscard]] bool is_own_question(std::string_view request_id) const noexcept;
    void list_rooms(const Member& member, const Asker& to);
    void refuse(std::string_view what, uint64_t& count, uint64_t now_ms);

    const NodeOptions options_;
    Bus& bus_;
    Host& host_;
    Arena arena_;
    std::map<std::string, std::unique_ptr<Member>, std::less<>> members_;
    // Who hears a name. Names of several namespaces can be the same: "/a" with the room "b#c", and a
    // namespace that a client has named "/a#b#c".
    std::map<Subscription, std::vector<Member*>> listeners_;
    Outbox outbox_;
    bool is_held_ = false;  // What waits is kept because an answer is late: until resume().
    Questions questions_;
    uint64_t last_question_ = 0;
    uint64_t now_ms_ = 0;  // Of the newest call of resume().
    size_t foreign_questions_ = 0;
    NodeStats stats_;
    // Messages that Redis will send back, and those of the time before. What comes with this node's
    // uid beyond them is forged. A few do not come back, so the numbers are forgotten with time.
    uint64_t echoes_ = 0, old_echoes_ = 0, echoes_ms_ = 0;
    bool own_ = false;  // The message that is being read has this node's uid.
    uint64_t warned_ms_ = 0, refused_ = 0;
};

}  // namespace starling::cluster
