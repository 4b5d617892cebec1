// load/echo.h: the scenario echo: a WebSocket server that returns each message. Each reply's opcode
// and length are checked, and all bytes of the first one on each connection; with permessage-deflate
// each reply is inflated, and all its bytes are compared.
//
// Owner: the LoadTest. Thread: the worker's.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "load/exchange.h"
#include "load/measure/replies.h"

namespace starling::load {

class Echo final : public Exchange {
public:
    Echo(const Plan& plan, const Places& places, Shared& shared, uint32_t number);
    void on_bytes(Link& link, std::span<std::byte> bytes) override;

private:
    struct EchoPeer : Peer {
        ReplyCounter replies;
    };
    // The message as it is sent.
    struct Frames {
        size_t bytes = 0;      // Of one frame.
        std::string together;  // Several.
    };

    std::unique_ptr<Link> make_link() override { return std::make_unique<EchoPeer>(); }
    void lost(Link& link) override;
    void send_messages(Peer& peer, uint32_t count) override;
    bool message(Talker& talker, std::string_view text, bool binary) override;

    const std::string message_;
    const ReplyForm form_;
    std::array<Frames, ws::window_bits_max + 1> frames_;  // By Link::deflate_bits.
};

}  // namespace starling::load
