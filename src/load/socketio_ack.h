// load/socketio_ack.h: the scenario socketio-ack: Socket.IO 5 over WebSocket. Each connection joins
// the namespace / and emits an event that asks for an ack, which must hold the event's argument.
//
// Owner: the LoadTest. Thread: the worker's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "load/exchange.h"
#include "load/measure/frame_reader.h"

namespace starling::load {

class SocketIoAck final : public Exchange {
public:
    SocketIoAck(const Plan& plan, const Places& places, Shared& shared, uint32_t number);
    void on_bytes(Link& link, std::string_view bytes) override;

private:
    enum class Step : uint8_t { opening, joining, joined };
    struct Client : Peer {
        FrameReader frames;
        Step step = Step::opening;
        uint32_t next = 0, due = 0;  // Ids, without first_id.
    };

    std::unique_ptr<Link> make_link() override { return std::make_unique<Client>(); }
    [[nodiscard]] bool is_ready(const Link& link) const override;
    void lost(Link& link) override;
    void send_messages(Peer& peer, uint32_t count) override;
    // False: nothing more may be read.
    bool take(Client& client, const Frame& frame);
    bool take_opening(Client& client, std::string_view packet);
    bool refuse(Client& client, Fault::Kind kind, uint16_t code, std::string text);

    const uint32_t ids_;  // They repeat after so many. All have the same number of digits.
    const std::string connect_, pong_;
    std::string frames_;  // Of all ids, in order; all have one length.
    size_t frame_bytes_ = 0;
    std::vector<std::string> acks_;
};

}  // namespace starling::load
