// server/nodes.h: the other nodes of the cluster, as the core and the features of this process see them.
// A process without a cluster has a null pointer in WorkerGroup::nodes.
//
// A room is what is published to: a topic, a channel, a room of Socket.IO. A node holds a room while it
// has a member in it, and gets the publications of the rooms that it holds, once and in the order of
// their publisher. docs/cluster-native.md says what is guaranteed at each failure.
//
// Owner: the code that joins the cluster; it lives longer than the workers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starling::hub {
class History;
}

namespace starling::server {

struct WorkerGroup;

class Nodes {
public:
    // Random, drawn at the start of a process. Never 0.
    using Id = uint64_t;

    // Whose rooms, publications and questions they are. Rooms of two kinds never meet.
    enum class Kind : uint8_t { topics, channels, gateway, socketio, presence, history, engineio };
    static constexpr size_t kinds = 7;

    // To whom. The members in this process are the caller's.
    struct Target {
        std::vector<std::string> rooms{};  // At most 16,384, of at most 1,023 bytes each.
        std::vector<Id> nodes{};           // These as well, whatever they hold.
        bool everyone = false;             // All nodes, whatever they hold.
        // Of a question: how long it waits for a node that is there. 0: as long as the cluster's
        // options say.
        std::chrono::milliseconds wait{0};
    };
    // A publication or a question of another node. Valid during the call.
    struct Incoming {
        Id from = 0;
        std::span<const std::string_view>
            rooms;  // All that it was sent to, also rooms not held here.
        std::string_view payload;
        uint64_t question = 0;  // For answer(); 0: a publication.
    };
    // What a question got. `missing`: nodes that are away, or did not answer in time; 1 at least if the
    // question was not sent.
    struct Outcome {
        size_t answered = 0;
        size_t missing = 0;
    };
    // Members of a room on all nodes.
    struct Count {
        uint64_t members = 0;
        size_t missing = 0;                // Nodes that hold the room and did not answer.
        std::chrono::milliseconds age{0};  // Of the oldest part.
    };
    enum class Change : uint8_t { here, away, back, gone };

    // A part of this process that has rooms: the topics, the server events, ... Its calls run on the
    // first worker's thread, and may call the Nodes.
    class Member {
    public:
        virtual void on_publication(const Incoming& publication) = 0;
        // To be answered by answer(), at once or later, and for the last time with `is_last`.
        virtual void on_question(const Incoming& question) = 0;
        // `publications` of `from` will never come; 0: their number is not known.
        virtual void on_gap(Id from, uint64_t publications) { (void)from, (void)publications; }
        virtual void on_node(Id node, std::string_view name, Change change) {
            (void)node, (void)name, (void)change;
        }

    protected:
        ~Member() = default;
    };

    // Before the workers run. One member for each kind, which lives longer than the workers.
    virtual void add(Kind kind, Member& member) = 0;

    [[nodiscard]] virtual Id self() const noexcept = 0;
    // False: the node is not known, or away. Any thread.
    [[nodiscard]] virtual bool is_here(Id node) const = 0;
    // Here, or away and not forgotten: what is published to it waits for it. Any thread.
    [[nodiscard]] virtual bool is_known(Id node) const { return is_here(node); }
    // What is published now leaves now; false: it waits for Redis. Any thread.
    [[nodiscard]] virtual bool is_linked() const noexcept = 0;
    // The same on all nodes; its key is the secret of the cluster. Any thread.
    [[nodiscard]] virtual uint64_t keyed_hash(std::string_view text) const noexcept = 0;
    // Calls of one thread keep their order. Where it is not the first worker's, they are posted, within
    // the bound of publications; joined() and left() without. Any thread, while the workers exist.
    virtual void joined(Kind kind,
                        std::string_view room) noexcept = 0;  // One member more, or fewer.
    virtual void left(Kind kind, std::string_view room) noexcept = 0;
    // False: too much waits for the first worker, so it is dropped.
    virtual bool publish(Kind kind, Target target, std::string payload) = 0;
    // `answer` for each answer, then `done` once, both on the calling worker; if the caller is none, on
    // the first one. Without a link to other nodes `done` comes at once, perhaps within the call. After
    // the end of the first worker's loop neither comes.
    virtual void ask(Kind kind, Target target, std::string payload,
                     std::function<void(Id from, std::string_view payload)> answer,
                     std::function<void(const Outcome&)> done) = 0;
    virtual void answer(Id to, uint64_t question, std::string payload, bool is_last) = 0;
    // `done` on the calling worker, at once or later.
    virtual void count(Kind kind, std::string_view room,
                       std::function<void(const Count&)> done) = 0;
    // When `done` runs, every node that is there sends to this one what it publishes to the rooms that
    // were joined before. On the calling worker. While Redis is away it waits; beyond 65,536 that wait,
    // `done` runs soon without that promise.
    virtual void fence(std::function<void()> done) = 0;

    // The history of channels that all nodes share, for the life of the workers. Null: there is none,
    // and each node has its own. Before the workers run, when they exist. `ready` runs on the first
    // worker's thread each time when the history was away and is there again.
    [[nodiscard]] virtual hub::History* share_history(WorkerGroup& group,
                                                      std::function<void()> ready) {
        (void)group, (void)ready;
        return nullptr;
    }

    // So many bytes may wait for one node; beyond, the oldest are dropped. Any thread.
    [[nodiscard]] virtual size_t node_queue_bytes_max() const noexcept = 0;

protected:
    ~Nodes() = default;
};

}  // namespace starling::server
