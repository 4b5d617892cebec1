// load/echo.h: the scenario echo: a WebSocket server that returns each message. Each reply's opcode
// and length are checked, and all bytes of the first one on each connection.
//
// Owner: the LoadTest. Thread: the worker's.
#pragma once

#include <memory>
#include <string>

#include "load/exchange.h"
#include "load/measure/replies.h"

namespace starling::load {

class Echo final : public Exchange {
public:
    Echo(const Plan& plan, const Places& places, Shared& shared, uint32_t number);
    void on_bytes(Link& link, std::string_view bytes) override;

private:
    struct EchoPeer : Peer {
        ReplyCounter replies;
    };

    std::unique_ptr<Link> make_link() override { return std::make_unique<EchoPeer>(); }
    void lost(Link& link) override;
    void send_messages(Peer& peer, uint32_t count) override;

    const std::string frame_;
    const ReplyForm form_;
    std::string frames_;  // Several, to be sent together.
};

}  // namespace starling::load
