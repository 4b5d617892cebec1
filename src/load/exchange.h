// load/exchange.h: messages that are answered one by one, in order: what the scenarios echo and
// socketio-ack share.
//
// Closed model: each connection sends `depth` messages together, and the next ones when all have been
// answered. A latency counts from the send.
// Open model: messages are due at a fixed rate, whatever the server does; connections take turns. A
// latency counts from the moment at which its message was due, also if the message waited in this
// process because the server or the kernel took nothing. So a server that stops for a second has
// all messages of that second late, and not one of each connection.
//
// Owner: the LoadTest. Thread: the worker's.
#pragma once

#include <cstdint>
#include <vector>

#include "load/conversation.h"
#include "load/measure/schedule.h"
#include "load/measure/times.h"

namespace starling::load {

class Exchange : public Conversation {
public:
    Exchange(const Plan& plan, const Places& places, Shared& shared, uint32_t number,
             uint64_t bytes_max = message_bytes_max);
    void on_writable(Link& link) final;

protected:
    struct Peer : Talker {
        Times sent;             // Of the messages on the way, or due.
        uint32_t returned = 0;  // Closed model: answers since the last send.
        uint32_t waiting = 0;   // Open model: due, and not yet given to the kernel.
    };

    // Sends the next messages of this peer.
    virtual void send_messages(Peer& peer, uint32_t count) = 0;
    // So many answers have arrived and are right. May call send_messages(). False: there were more
    // answers than messages, and the link fails.
    bool answered(Peer& peer, uint32_t answers);

    void lost(Link& link) override;
    void begin(uint64_t now) final;
    Pause turn(uint64_t now) final;
    void last_turn(uint64_t end) final;
    Pause rest() final;
    [[nodiscard]] uint64_t outstanding() const final { return in_flight_; }
    void give_up() final { note({Fault::Kind::unanswered}, in_flight_); }

private:
    static constexpr uint64_t in_flight_max = 2'000'000;
    static constexpr uint32_t sent_in_a_turn_max = 256;

    [[nodiscard]] bool open_model() const noexcept { return plan().rate > 0; }
    void send_together(Peer& peer, uint32_t count, uint64_t now);
    void send_due(uint64_t due);

    Schedule schedule_;
    std::vector<Peer*> alive_;
    size_t next_ = 0;
    uint64_t in_flight_ = 0;
    bool sending_ = false;
};

}  // namespace starling::load
