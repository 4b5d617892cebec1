// cluster/native/node.h: a node of starling's own cluster mode, without I/O: bytes and time in, bytes
// and events out. docs/cluster-native.md has the design and what is guaranteed.
//
//     native::Node node(options, events);
//     node.link(true, now);                       // Redis is there, subscribed to channels().
//     node.joined(room);                          // A socket is in the room.
//     node.publish({.rooms = rooms}, payload);    // To other nodes. The own sockets are the caller's.
//     node.received(bytes, now);                  // A message of any channel.
//     node.tick(now);                             // After each of these, and when next_tick() says.
//
// Nothing is sent before tick(), which sends one message to each node that gets anything.
//
// Owner: the code that connects it to Redis; an event must not destroy the Node. Events may call it.
// Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/native/own_rooms.h"
#include "cluster/native/peer.h"
#include "cluster/native/questions.h"
#include "cluster/native/room_table.h"
#include "cluster/native/streams.h"
#include "cluster/native/types.h"
#include "cluster/native/wire.h"

namespace starling::cluster::native {

// A publication or a question of another node. Valid during the call.
struct Incoming {
    NodeId from = 0;
    std::span<const std::string_view> rooms;  // All that it was sent to, also rooms not held here.
    std::string_view payload;
};

class Events {
public:
    // To be published on the channel. `bytes` is valid during the call.
    virtual void send(const Channel& channel, std::string_view bytes) = 0;
    virtual void on_publication(const Incoming& publication) = 0;
    // To be answered by Node::answer(), at once or later.
    virtual void on_question(uint64_t id, const Incoming& question) = 0;
    virtual void on_answer(uint64_t /*id*/, NodeId /*from*/, std::string_view /*payload*/) {}
    virtual void on_answered(uint64_t /*id*/, const Outcome& /*outcome*/) {}
    // See Node::fence(). `missing`: nodes that are away and do not know of the rooms.
    virtual void on_fence(uint64_t /*ticket*/, size_t /*missing*/) {}
    // A count that was asked for by Node::count() is known.
    virtual void on_count(RoomHash /*room*/, const Count& /*count*/) {}
    // `publications` of `from` will never come; 0: their number is not known.
    virtual void on_gap(NodeId /*from*/, uint64_t /*publications*/) {}
    virtual void on_node(NodeId /*node*/, std::string_view /*name*/, NodeChange /*change*/) {}
    // A message of another process with this node's id: it must end, or draw another id.
    virtual void on_impostor() {}
    // The node of this name has another `groups` or `settings_check`; `messages`: of all such nodes.
    virtual void on_other_settings(std::string_view name, uint64_t messages) {
        static_cast<void>(name), static_cast<void>(messages);
    }

protected:
    ~Events() = default;
};

class Node {
public:
    Node(Options options, Events& events);
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    // The channels to subscribe to.
    [[nodiscard]] std::vector<Channel> channels() const;

    // ---- Time and bytes ---------------------------------------------------------------------------
    void link(bool is_up, Millis now);
    void received(std::string_view bytes, Millis now);
    void tick(Millis now);
    // When tick() has something to do, if nothing happens before.
    [[nodiscard]] Millis next_tick() const noexcept;
    // Says good-bye. Nothing may follow.
    void leave(Millis now);

    // ---- Rooms ------------------------------------------------------------------------------------
    // A member of the room more, or fewer, on this node.
    void joined(std::string_view room) { own_.joined(hash(room)); }
    void left(std::string_view room) { own_.left(hash(room)); }
    [[nodiscard]] RoomHash hash(std::string_view room) const noexcept {
        return room_hash(options_.hash_key, room);
    }
    // on_fence() tells when every node that is there sends to this node what it publishes to the
    // rooms that were joined before. Returns the ticket; 0: too many fences wait, and this one is
    // refused.
    [[nodiscard]] uint64_t fence();

    // ---- To other nodes ---------------------------------------------------------------------------
    // Returns the number of nodes that get it. nullopt: the target or the payload is over a limit.
    std::optional<size_t> publish(const Target& target, std::string_view payload);
    // The id of the question; on_answered() ends it, possibly in the next tick. nullopt: as above, or
    // too many questions. `wait_ms`: in place of Options::question_ms, unless it is 0.
    std::optional<uint64_t> ask(const Target& target, std::string_view payload, Millis now,
                                Millis wait_ms = 0);
    // `is_last`: this node has no more to say.
    void answer(NodeId to, uint64_t id, std::string_view payload, bool is_last);

    // ---- What is known ----------------------------------------------------------------------------
    // Members of the room on all nodes. If that is older than count_ms, it is asked for again, and
    // on_count() tells the answer.
    [[nodiscard]] Count count(std::string_view room, Millis now);
    [[nodiscard]] Holders holders(std::string_view room, Millis now) const;
    struct Known {
        NodeId id;
        std::string_view name;
        bool is_away;
        uint64_t rooms, members;
        Millis silent_ms;
    };
    [[nodiscard]] std::vector<Known> nodes(Millis now) const;
    // Since the first tick that is beat_ms after the first own beat came back: each node that is there
    // has heard of this one, and has answered or beaten meanwhile. So a node alone does not wait longer.
    [[nodiscard]] bool has_met_others() const noexcept { return has_met_others_; }
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }
    // Nodes that are there have not confirmed all that was sent to them. Worth waiting for before leave().
    [[nodiscard]] bool has_unconfirmed() const noexcept;
    // Publications that their receivers have not confirmed, also receivers that are away.
    [[nodiscard]] uint64_t unconfirmed() const noexcept;
    // Waiting, or sent and not confirmed.
    [[nodiscard]] size_t queued_bytes() const noexcept { return pool_.queued_bytes; }
    // Bytes of rooms, queues and nodes.
    [[nodiscard]] size_t memory() const noexcept;

private:
    // An own beat that comes back proves that the link works until so long after the next one is due.
    static constexpr Millis echo_slack_ms = 150;
    struct Fence {
        uint64_t ticket;
        uint64_t version;
        bool is_announced;
    };
    struct Accusation {
        NodeId node;
        Millis at;
        Millis again_ms;
    };

    // node.cpp
    [[nodiscard]] Peer* find(NodeId id) noexcept;
    Peer* find_or_add(NodeId id);
    void set_away(Peer& peer);
    void heard(Peer& peer);
    void forget(Peer& peer);
    void activate(Peer& peer);
    void check_silence();
    void count_groups();
    [[nodiscard]] bool beats_to_all() const noexcept;
    [[nodiscard]] Millis silence_max(const Peer& peer) const noexcept;
    void accuse(Peer& peer, Millis delay);
    void accused(Accusation& accusation);
    void send_accusations();
    void send_streams();
    void send_batch(Peer& peer, OutStream::Batch* batch);
    void end_questions();
    [[nodiscard]] uint64_t random(uint64_t below) noexcept;

    // node_publish.cpp
    template <class Visit>
    void for_each_target(const Target& target, Visit visit);
    [[nodiscard]] bool encode(const Item& item, std::span<const std::string_view> rooms);
    void put(Peer& peer, bool is_publication);
    void put(Peer& peer, const Item& item);

    // node_receive.cpp
    void on_own(const Wire& wire);
    void on_echo();
    void on_silent(const Wire& wire);
    void on_bye(NodeId from);
    void on_batch(Peer& peer, const Wire& wire);
    void on_foreign_epoch(Peer& peer, uint32_t epoch);
    [[nodiscard]] uint32_t next_epoch() noexcept;
    void on_items(Peer& peer, std::string_view items);
    void on_item(Peer& peer, const Item& item);
    void on_publication(Peer& peer, const Item& item);
    void on_question(Peer& peer, const Item& item);
    void on_answer(Peer& peer, const Item& item);
    [[nodiscard]] bool read_names(const Item& item);

    // node_rooms.cpp
    void on_status(Peer& peer, const Status& status);
    void on_gossip(Peer& peer, const Wire& wire);
    void apply(Peer& peer, Change change);
    void on_sync(Peer& peer, uint64_t version);
    void on_snapshot(Peer& peer, const Item& item);
    void end_snapshot(Peer& peer);
    void send_snapshot(Peer& peer, uint64_t version, uint64_t offset);
    [[nodiscard]] bool add_room(Peer& peer, RoomTable::Index& index, RoomHash room);
    void relieve();
    void drop_rooms(Peer& peer);
    void update_flooded(Peer& peer);
    void update_floods();
    void retire(RoomTable::Index& index);
    [[nodiscard]] bool is_seen(uint64_t version) const noexcept;
    void ask_for_rooms();
    void gossip();
    void beat(bool to_all);
    void check_fences();
    [[nodiscard]] Status status(bool confirm);
    [[nodiscard]] Millis gossip_ms() const noexcept;
    [[nodiscard]] Millis summary_ms() const noexcept;

    const Options options_;
    Events& events_;
    Millis now_ = 0;
    uint64_t random_;
    Stats stats_;

    // The link to Redis. Own messages that come back show that it works.
    bool is_up_ = false;
    Millis linked_at_ = 0, echo_at_ = 0, first_echo_at_ = 0;
    bool has_met_others_ = false;
    uint64_t number_ = 0;  // Of the last own status.
    Millis beat_at_ = 0, summary_at_ = 0, check_at_ = 0;
    bool is_accused_ = false;

    // Rooms.
    OwnRooms own_;
    RoomTable table_;
    Millis gossip_at_ = 0;
    uint64_t gossiped_version_ = 0;
    uint64_t gossip_from_ = UINT64_MAX;  // Some node asked for the changes since this version.
    bool floods_ = false;
    std::deque<Fence> fences_;
    uint64_t last_ticket_ = 0;
    Millis snapshot_at_ = 0;

    // Nodes.
    Pool pool_;
    std::unordered_map<NodeId, std::unique_ptr<Peer>> peers_;
    std::vector<Peer*> by_index_;
    std::vector<Peer*> flooded_, active_;
    std::vector<size_t> group_nodes_;  // That are there, of each group.
    std::vector<Accusation> accusations_;
    // Said good-bye. Late messages do not bring them back. What comes when no message can be late any
    // more is from a node that goes on: another process had its id, and has ended.
    struct Departed {
        NodeId id;
        Millis until;
    };
    std::deque<Departed> departed_;
    uint32_t epochs_ = 0;
    uint64_t mark_ = 0;

    Questions questions_;
    Questions::Ended ended_;
    Counts counts_;

    // Used again by each message.
    std::string scratch_, item_;
    std::vector<std::string_view> names_;
};

}  // namespace starling::cluster::native
