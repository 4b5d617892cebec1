// hub/presence_nodes.h: presence over the nodes of a cluster. Each node that has a member of a channel
// (it holds the channel) keeps the members of all nodes, and tells the others that hold it of its own.
//
// A node's claims about a channel have a version. A change names the version before it; a node that
// lacks that one asks for all claims. When a channel gets its first member here, this node joins it,
// waits until the others know that (the fence), and asks them for their claims. Its own come with the
// question. Of two nodes that begin at the same time, the one whose fence passes later finds the
// other one.
//
// A user may have connections on several nodes, and the node of the last one reports that the user
// left. If the last ones leave on two nodes at the same time, each node still sees the other's claim. So
// a node whose member remains on other nodes (its heirs) hands it over: it asks them to confirm that they
// know, and keeps the channel until they have. A claim that ends before its node has confirmed has
// crossed the handover, and then one of the two nodes reports.
//
// A node that is away takes its members with it. It brings them back when it returns: both sides
// send the versions of their channels (a digest), and ask for what they lack. Digests are sent again now
// and then, so that nothing stays wrong for ever. A node whose digest does not come is forgotten.
//
// Without a Link, this node is alone.
//
// Owner: server::SharedPresence. Thread: one at a time. Pure: the time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/presence.h"
#include "hub/presence_wire.h"

namespace starling::hub {

class PresenceNodes {
public:
    using NodeId = Presence::NodeId;

    // The calls may not come back within a call.
    class Link {
    public:
        virtual void joined(const std::string& channel) = 0;
        virtual void left(const std::string& channel) = 0;
        virtual void publish(const std::string& channel, std::string bytes) = 0;  // To its holders.
        virtual void send(NodeId to, std::string bytes) = 0;
        // fenced() when all nodes know what was joined.
        virtual void fence(const std::string& channel, uint64_t serial) = 0;
        // answered() for each holder, then asked().
        virtual void ask(const std::string& channel, uint64_t serial, std::string bytes) = 0;
        // confirmed() for each of the nodes that answers, then settled().
        virtual void confirm(const std::string& channel, uint64_t ticket, std::vector<NodeId> nodes,
                             std::string bytes) = 0;
        // There are changes to be sent by flush().
        virtual void changed() noexcept = 0;

    protected:
        ~Link() = default;
    };
    // `reports`: this node calls the handlers of the application for a change that no connection of
    // its own made.
    using Tell = std::function<void(const PresenceChange& change, bool reports)>;

    static constexpr uint64_t tick_ms = 1000;
    static constexpr uint64_t digest_ticks = 30;    // Between two digests of a channel.
    static constexpr uint64_t forget_ms = 100'000;  // Without a digest.
    static constexpr uint64_t wait_ms_max = 5000;   // For the claims of the others.
    // So long after a channel began here, each node with members of it has sent a digest.
    static constexpr uint64_t all_heard_ms = wait_ms_max + (digest_ticks + 1) * tick_ms;
    static constexpr size_t gone_max = 4096;         // Nodes that are away, and known to be so.
    static constexpr uint64_t handover_ticks = 100;  // After that an heir is not waited for.
    // Questions to heirs that are open. More wait for a tick, since other features ask as well.
    static constexpr size_t asking_max = 1024;

    // `tell` gets the changes that other nodes cause. Null: nobody is told.
    PresenceNodes(const Presence::Limits& limits, Tell tell);
    ~PresenceNodes();
    PresenceNodes(const PresenceNodes&) = delete;
    PresenceNodes& operator=(const PresenceNodes&) = delete;
    void connect(Link& link, NodeId self) noexcept { link_ = &link, self_ = self; }

    // Throws std::bad_alloc, and then the connection is no member.
    Presence::Entered enter(std::string_view channel, Presence::Form form, PresenceMember member,
                            uint64_t now_ms);
    // Takes no memory that it cannot do without.
    std::optional<PresenceChange> leave(Presence::Leaving&& leaving) noexcept;
    // Has the channel a member here? If not, this node does not know the members of the others.
    [[nodiscard]] bool is_held(std::string_view channel) const;
    [[nodiscard]] bool is_known(std::string_view channel) const;
    // `known` runs when the claims of the other nodes are known, at once or later.
    void when_known(std::string_view channel, std::function<void()> known);
    [[nodiscard]] const Presence& members() const noexcept { return members_; }
    // The members of all nodes, if the channel is held, with the age of what they say. While the
    // channel is not known, one node at least is missing.
    [[nodiscard]] PresenceList list(std::string_view channel, size_t limit, uint64_t now_ms) const;

    // Sends what has changed.
    void flush();
    void tick(uint64_t now_ms);

    // What the link hears.
    void fenced(const std::string& channel, uint64_t serial);
    void answered(NodeId from, std::string_view bytes, uint64_t now_ms);
    // `missing`: nodes that did not answer.
    void asked(const std::string& channel, uint64_t serial, size_t missing);
    void confirmed(const std::string& channel, uint64_t ticket, NodeId from);
    // `missing`: as of asked().
    void settled(const std::string& channel, uint64_t ticket, size_t missing);
    void on_message(NodeId from, std::string_view bytes, uint64_t now_ms);
    // The answer to a question of another node.
    [[nodiscard]] std::string on_question(NodeId from, std::string_view bytes, uint64_t now_ms);
    enum class Change : uint8_t { here, away, gone };
    void on_node(NodeId node, Change change);
    void on_gap(NodeId from);

    // Adds the claims of an answer to those of a channel that is not held here.
    static void merge(Presence& into, NodeId from, std::string_view channel,
                      std::string_view bytes);
    [[nodiscard]] static std::string question_about(std::string_view channel);
    [[nodiscard]] uint64_t malformed() const noexcept { return malformed_; }

private:
    struct Replica {
        uint64_t version = 0, heard_ms = 0;
        uint64_t matched_ms = 0;  // When the node last had no newer version than this one.
        size_t claims = 0;
        bool is_complete = true;  // False: there was no place for some of the claims.
    };
    struct Handover {
        std::set<NodeId> heirs;  // Those that have not confirmed.
        uint64_t ticket = 0;     // Of the question. 0: it must be asked.
        uint64_t ticks = 0;      // Since it began.
    };
    struct Channel {
        uint64_t serial = 0;   // A late answer finds only the channel that asked.
        uint64_t version = 0;  // Last sent. 0: nothing yet.
        uint64_t since_ms = 0;
        size_t connections = 0;  // Of this node.
        size_t missing = 1;  // Nodes that did not answer; until the question ends, one at least.
        bool is_known = false;
        std::map<std::string, NodeId, std::less<>> changed = {};  // Keys of claims, and the heirs.
        bool all_changed = false;  // There was no memory for a key: all claims are sent.
        std::map<NodeId, Replica> replicas = {};
        std::map<std::string, Handover, std::less<>> handovers = {};  // By the key of the member.
        std::vector<std::function<void()>> waiting = {};
    };
    using Channels = std::unordered_map<std::string, Channel, base::KeyedTextHash, std::equal_to<>>;

    void hold(std::string_view channel, std::string key, uint64_t now_ms);
    void note_leaving(const Presence::Leaving& leaving) noexcept;
    void flush(const std::string& name, Channel& channel);
    [[nodiscard]] PresenceTable table_of(const std::string& name, const Channel& channel) const;
    void apply(NodeId from, const PresenceTable& table, uint64_t now_ms);
    void claim(const std::string& name, Channel& channel, Replica& replica, NodeId from,
               const PresenceClaim& claim);
    void replace(const std::string& name, Channel& channel, Replica& replica, NodeId from,
                 const PresenceTable& table);
    // The node takes its members with it. `died`: it could not say so.
    void drop(const std::string& name, Channel& channel, NodeId node, bool died);
    void compare(NodeId from, const PresenceMessage& message, uint64_t now_ms);
    void want(NodeId from, std::vector<std::string> channels);
    void send_digests(NodeId to);
    void become_known(Channel& channel);
    void close(const std::string& name, Channel& channel);
    // presence_handover.cpp
    // PresenceClaim::heir.
    NodeId hand_over(Channel& channel, const Presence::Leaving& leaving);
    void ask_heirs(const std::string& name, Channel& channel, const PresenceMessage& message);
    struct Ended {
        std::string_view key;
        NodeId from;
        bool is_last;  // No other node claims the member.
        NodeId heir;
    };
    [[nodiscard]] bool crosses_handover(const std::string& name, Channel& channel,
                                        const Ended& ended);
    void check_handovers(const std::string& name, Channel& channel);
    void close_later(const std::string& name, const Channel& channel);
    void check(const std::string& name, Channel& channel, uint64_t now_ms);
    [[nodiscard]] bool is_lowest(const Channel& channel, NodeId without) const;
    [[nodiscard]] PresenceMessage answer_to(const PresenceMessage& message);

    Presence members_;
    const Tell tell_;
    Link* link_ = nullptr;
    NodeId self_ = 0;
    uint64_t serials_ = 0, versions_ = 0, ticks_ = 0, malformed_ = 0, tickets_ = 0;
    size_t asking_ = 0;
    Channels channels_;  // Those with a member here. Without a link: none.
    std::set<std::string, std::less<>> changed_;
    bool any_changed_ = false;  // There was no memory for a name in `changed_`.
    std::set<NodeId> away_;
    std::deque<NodeId> away_order_;
    // Members whose leave this node reported when their node died, by node: a channel and a key.
    std::map<NodeId, std::set<std::pair<std::string, std::string>>> reported_;
};

}  // namespace starling::hub
