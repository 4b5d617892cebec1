// cluster/engine/upgrade.h: a client's WebSocket at the node that was asked, while the session is of
// another node: the lock, the probe, the upgrade, and what follows. A table; it holds no connection.
//
// Use: `actions = upgrade.on(event)`; carry out the actions in the order of their declaration.
// Owner: the WebSocket. Pure. Thread: the owner's.
#pragma once

#include <cstdint>

namespace starling::cluster::engine {

class Upgrade {
public:
    enum class State : uint8_t {
        asking,     // The owner was asked for the lock.
        asked,      // The same; the client has sent its probe.
        probing,    // The lock is held here.
        upgrading,  // The owner was told that the client's WebSocket has taken over.
        open,       // The client's packets go to the owner, and the owner's to the client.
        moved,      // The session is this node's.
        ended,
    };
    enum class Event : uint8_t {
        granted,       // The lock.
        refused,       // The lock; or nobody has answered.
        probe,         // The client: "2probe".
        upgrade,       // The client: "5".
        packet,        // The client: any other packet.
        fault,         // The client: no packet.
        left,          // The client's WebSocket has ended.
        stays,         // The owner: the session stays with it.
        moves,         // The owner: the session is this node's from now on.
        silence,       // The owner has not answered the upgrade, or the client has not upgraded.
        owner_closed,  // The owner: the session has ended.
        owner_lost,    // The owner is gone, or messages between the nodes are lost.
    };
    struct Actions {
        bool give_up = false;    // The question for the lock.
        bool give_back = false;  // Tell the owner that the client has not upgraded.
        bool answer_probe = false;
        bool tell_upgrade = false;
        bool forward = false;     // The packet of the client goes to the owner.
        bool hold = false;        // It waits for the owner's answer.
        bool release = false;     // What waits goes to the owner.
        bool take_over = false;   // Make the session here; what waits is for it.
        bool tell_close = false;  // Tell the owner that the client's WebSocket has ended.
        bool close = false;       // Close the client's WebSocket.

        friend bool operator==(const Actions&, const Actions&) = default;
    };

    [[nodiscard]] Actions on(Event event) noexcept;
    [[nodiscard]] State state() const noexcept { return state_; }
    // Packets of the owner are for the client.
    [[nodiscard]] bool takes_drains() const noexcept {
        return state_ == State::upgrading || state_ == State::open;
    }

private:
    struct Row;
    static const Row rows[];

    State state_ = State::asking;
};

}  // namespace starling::cluster::engine
