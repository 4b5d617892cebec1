// load/connect.h: the scenarios connect and idle, and those with Socket.IO.
//
// connect: a number of connections at a time; each connects, shakes hands, and ends. Then the next
//          one takes its place. A latency is the time from connect() until the connection can be used:
//          the whole answer to the upgrade, with Socket.IO the answer to CONNECT. After a failure
//          a slot waits before it tries again, from 10 ms on and twice as long each time, up to 1 s:
//          a server that is gone is not asked as fast as this machine can ask.
// idle:    connections stay open; their pings are answered.
//
// Owner: the LoadTest. Thread: the worker's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <utility>
#include <vector>

#include "load/conversation.h"

namespace starling::load {

class Connect final : public Conversation {
public:
    using Conversation::Conversation;

private:
    struct Slot final : Talker {
        uint32_t failures = 0;  // Since the last success.
    };
    using Waiting = std::pair<uint64_t, Slot*>;  // Until this time.

    std::unique_ptr<Link> make_link() override { return std::make_unique<Slot>(); }
    [[nodiscard]] bool opens_first() const noexcept override { return false; }
    // Each link is ended and opened again here, so it never becomes ready.
    void usable(Talker& talker) override;
    void lost(Link& link) override;
    void begin(uint64_t now) override;
    Pause turn(uint64_t now) override;
    Pause rest() override;
    [[nodiscard]] uint64_t outstanding() const override { return opening(); }
    void give_up() override { note({Fault::Kind::timeout}, opening()); }

    std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_;
    bool opening_ = true;
};

class Idle final : public Conversation {
public:
    using Conversation::Conversation;

private:
    std::unique_ptr<Link> make_link() override { return std::make_unique<Talker>(); }
    void finish(Outcome& outcome) override { outcome.count = open_links(); }
};

}  // namespace starling::load
