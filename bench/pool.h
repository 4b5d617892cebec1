// bench/pool.h: the connections of a load that only these benchmarks need, on the engine of src/load:
// WebSockets (with Socket.IO after CONNECT), and keep-alive connections for HTTP requests. Such a load
// expects no fault: the first one ends the program.
//
// Owner: the load, which derives from it. Thread: the one that calls.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/text.h"
#include "load/engine.h"
#include "load/measure/frames.h"
#include "load/measure/message_reader.h"
#include "load/measure/replies.h"
#include "load/measure/responses.h"
#include "load/measure/socketio_packets.h"
#include "load/measure/socketio_session.h"
#include "load/measure/times.h"
#include "load/usage.h"
#include "load_plan.h"

namespace starling::bench {

class Pool : public LinkHandler {
public:
    explicit Pool(const Options& options)
        : options_(options),
          plan_(plan_of(options)),
          socketio_(options.mode == "socketio-idle"),
          endpoint_(endpoint_of(plan_)),
          engine_(plan_, *this) {
        if (socketio_)
            endpoint_.upgrade.target = engine_target(endpoint_.upgrade.target, "websocket");
        websocket_.request = upgrade_request(endpoint_.upgrade);
    }

    virtual ~Pool() = default;
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // Opens so many WebSockets, some of them at the same time, and waits until all can be used.
    void open(uint32_t count) {
        const size_t wanted = peers_.size() + count;
        while (ready_ < wanted) {
            for (; peers_.size() < wanted && peers_.size() - ready_ < options_.connect_batch;) {
                Peer& peer = peers_.emplace_back();
                peer.index = static_cast<uint32_t>(peers_.size() - 1);
                engine_.open(peer, websocket_);
            }
            wait();
        }
    }
    // The body of the answer. The connection for such questions stays open, so it does not count as
    // growth of the server.
    std::string ask(std::string_view request) {
        if (!asker_.is_open()) engine_.open(asker_, http_);
        while (!asker_.is_open()) wait();
        answer_.reset();
        engine_.send(asker_, request);
        while (!answer_) wait();
        return *std::move(answer_);
    }
    std::string ask(std::string_view method, std::string_view path) {
        Upgrade request = endpoint_.upgrade;
        request.target = path;
        return ask(request_head(method, request, ""));
    }

protected:
    struct Peer : Link {
        ReplyCounter replies;
        Times sent;  // When the messages on the way were due.
        MessageReader reader;
        SocketIoSession session;
    };
    struct Caller : Link {
        Responses responses;
        std::string request;
        uint64_t sent_ns = 0;
    };

    // Bytes of a WebSocket that can be used.
    virtual void received(Peer& peer, std::span<std::byte> bytes) = 0;
    // A response of status 200.
    virtual void answered(Caller& /*caller*/, std::string_view body) { answer_ = body; }

    void open_caller(Caller& caller) {
        engine_.open(caller, http_);
        while (!caller.is_open()) wait();
    }
    // Waits for whatever is due.
    void wait() {
        constexpr uint64_t patience_ns = 30'000'000'000;
        if (engine_.poll(patience_ns) == 0) fail("the server does not answer");
    }
    [[nodiscard]] Engine& engine() noexcept { return engine_; }
    [[nodiscard]] std::deque<Peer>& peers() noexcept { return peers_; }
    [[nodiscard]] const Options& options() const noexcept { return options_; }
    [[nodiscard]] const Upgrade& upgrade() const noexcept { return endpoint_.upgrade; }
    [[nodiscard]] bool speaks_socketio() const noexcept { return socketio_; }

private:
    static Endpoint endpoint_of(const Plan& plan) {
        auto endpoint = find_endpoint(plan, plan.url);
        if (!endpoint) fail(endpoint.error().fault.text);
        return *std::move(endpoint);
    }

    void on_open(Link& link) final {
        if (link.target == &http_) return;
        auto& peer = static_cast<Peer&>(link);
        peer.reader.begin(limits_, nullptr);
        if (!socketio_) usable(peer);
    }
    void on_bytes(Link& link, std::span<std::byte> bytes) final {
        if (link.target == &http_) return take_responses(static_cast<Caller&>(link), bytes);
        auto& peer = static_cast<Peer&>(link);
        if (!peer.ready) return join(peer, bytes);
        received(peer, bytes);
    }
    void on_failed(Link& /*link*/, const Fault& fault) final {
        fail(name_of(fault.kind, fault.code) + (fault.text.empty() ? "" : ": " + fault.text));
    }

    void take_responses(Caller& caller, std::span<std::byte> bytes) {
        const std::string_view wrong = caller.responses.read(bytes, [&](const Response& response) {
            if (response.status != 200)
                fail("not what was due: status " + std::to_string(response.status) + ": " +
                     std::string(response.body));
            answered(caller, response.body);
            return true;
        });
        if (!wrong.empty()) fail(std::string(wrong));
    }
    // The opening of Socket.IO.
    void join(Peer& peer, std::span<std::byte> bytes) {
        peer.reader.read(bytes, [&](const ws::Event& event) {
            const SocketIoSession::Taken taken = peer.session.take(base::text_of(event.bytes));
            if (taken.told == SocketIoSession::Told::fault) fail(std::string(taken.text));
            if (taken.told == SocketIoSession::Told::refused)
                fail(packet::refusal_text(base::text_of(event.bytes)));
            if (taken.told == SocketIoSession::Told::reply)
                engine_.send(peer, client_frame(false, taken.text));
            if (taken.told == SocketIoSession::Told::joined) usable(peer);
            return true;
        });
    }
    void usable(Peer& peer) noexcept {
        peer.ready = true;
        ++ready_;
    }

    const Options& options_;
    const Plan plan_;
    const bool socketio_;
    const ws::ReceiverLimits limits_{};
    Endpoint endpoint_;
    Engine engine_;
    Target websocket_{&endpoint_}, http_{&endpoint_};
    std::deque<Peer> peers_;  // Does not move its elements.
    size_t ready_ = 0;
    Caller asker_;
    std::optional<std::string> answer_;
};

}  // namespace starling::bench
