// load/socketio_ack.h: the scenario socketio-ack: Socket.IO 5 over WebSocket. Each connection joins
// the namespace / and emits an event that asks for an ack, which must hold the event's argument.
//
// Owner: the LoadTest. Thread: the worker's.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "load/exchange.h"

namespace starling::load {

class SocketIoAck final : public Exchange {
public:
    SocketIoAck(const Plan& plan, const Places& places, Shared& shared, uint32_t number);

private:
    struct Client : Peer {
        uint32_t next = 0, due = 0;  // Ids, without first_id.
    };
    // The events of all ids, in order.
    struct Frames {
        std::string bytes;
        std::vector<size_t> begins;  // And the end of the last one.
    };

    std::unique_ptr<Link> make_link() override { return std::make_unique<Client>(); }
    void lost(Link& link) override;
    void send_messages(Peer& peer, uint32_t count) override;
    bool message(Talker& talker, std::string_view text, bool binary) override;
    const Frames& frames_of(uint8_t deflate_bits);

    const uint32_t ids_;                                  // They repeat after so many.
    std::array<Frames, ws::window_bits_max + 1> frames_;  // By Link::deflate_bits.
    std::vector<std::string> acks_;
};

}  // namespace starling::load
