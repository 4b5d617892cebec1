// load/socketio_polling.h: the scenario socketio-polling: each connection has a session of Socket.IO over
// HTTP long-polling, and repeats a POST with an event and the GET that returns its ack. Requests are
// counted, and a latency is that of one request.
//
// Owner: the LoadTest. Thread: the worker's.
#pragma once

#include <memory>
#include <string>

#include "load/measure/polling_session.h"
#include "load/worker.h"

namespace starling::load {

class SocketIoPolling final : public Worker {
public:
    SocketIoPolling(const Plan& plan, const Places& places, Shared& shared, uint32_t number);
    void on_bytes(Link& link, std::span<std::byte> bytes) override;

private:
    struct Client : Link {
        Responses responses;
        PollingSession session;
        uint64_t sent_ns = 0;
        bool waits = false;    // For the answer to a request.
        bool counted = false;  // That request is one of the load, and not of the opening.
    };

    std::unique_ptr<Link> make_link() override { return std::make_unique<Client>(); }
    void ready(Link& link) override;
    void lost(Link& link) override;
    void begin(uint64_t now) override;
    Pause rest() override;
    [[nodiscard]] uint64_t outstanding() const override { return under_way_; }
    void give_up() override { note({Fault::Kind::unanswered}, under_way_); }
    void request(Client& client);
    // False: nothing more may be read.
    bool answered(Client& client, const Response& response);

    const PollingText text_;
    uint64_t under_way_ = 0;  // Requests of the load.
    bool sending_ = false;
};

}  // namespace starling::load
