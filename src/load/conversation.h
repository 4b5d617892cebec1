// load/conversation.h: the WebSockets of a scenario: whole messages arrive, pings are answered, and a
// close or a fault ends the link. With Socket.IO a link joins the namespace / before it can be used.
// With permessage-deflate each message refers to itself alone, so that all links of a worker share
// one inflater, and a message is compressed once.
//
// Owner: the LoadTest. Thread: the worker's.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "load/measure/message_reader.h"
#include "load/measure/socketio_session.h"
#include "load/worker.h"
#include "ws/deflate.h"

namespace starling::load {

class Conversation : public Worker {
public:
    // The size of a message of the server, inflated, has a limit.
    Conversation(const Plan& plan, const Places& places, Shared& shared, uint32_t number,
                 uint64_t bytes_max = message_bytes_max);
    void on_bytes(Link& link, std::span<std::byte> bytes) override;

protected:
    struct Talker : Link {
        MessageReader reader;
        SocketIoSession session;
        uint32_t replies_unsent_bytes = 0;  // At most so many of Link::unsent.
    };

    void ready(Link& link) override;
    // All handshakes are over. The link may be ended and opened again.
    virtual void usable(Talker& talker) { became_ready(talker); }
    // A whole message; with Socket.IO an event or an ack. refuse() if it is wrong.
    virtual bool message(Talker& /*talker*/, std::string_view /*text*/, bool /*binary*/) {
        return true;
    }
    // Sends what a ping wants. Refuses a server that pings and does not read.
    bool reply(Talker& talker, std::string_view frame);
    // The link fails, and nothing more is read from it. Returns false.
    bool refuse(Link& link, Fault::Kind kind, uint16_t code, std::string_view text);

    // A frame for links with this Link::deflate_bits.
    [[nodiscard]] std::string frame(uint8_t deflate_bits, bool binary, std::string_view message);
    [[nodiscard]] bool speaks_socketio() const noexcept { return speaks_socketio_; }

private:
    static constexpr size_t replies_unsent_bytes_max = 64 * 1024;

    bool take(Talker& talker, const ws::Event& event);
    bool take_packet(Talker& talker, std::string_view packet);

    const bool speaks_socketio_;
    const ws::ReceiverLimits limits_;
    ws::Inflater inflater_{ws::Inflater::Context::shared};
    std::array<std::unique_ptr<ws::Deflater>, ws::window_bits_max + 1> deflaters_;
};

}  // namespace starling::load
