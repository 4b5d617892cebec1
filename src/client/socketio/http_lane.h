// client/socketio/http_lane.h: sends one HTTP/1.1 request after the other to one server, over a
// connection that stays open between them if the server keeps it (RFC 9112 section 9.3).
//
// Owner: a SioWire. Destroying a lane drops its request. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "client/loop_core.h"
#include "http/response_reader.h"
#include "net/dialer.h"
#include "ws/client_url.h"

namespace starling::client {

class HttpLane final : private net::DialReceiver {
public:
    struct Request {
        std::string head;  // Request line and fields, with the empty line behind them.
        std::string body;
        bool may_repeat = false;  // A GET: it is sent again if an idle connection turns out closed.
    };
    struct Response {
        uint32_t status = 0;  // 0: none; then `failure` says why.
        std::string body = {}, content_type = {}, failure = {};
    };
    // Called once for each request, never within send(). It may send the next request, and may
    // destroy the lane.
    using Done = std::function<void(Response response)>;

    // The references live longer than the lane, or until hand_over().
    HttpLane(LoopCore& loop, const ws::ClientUrl& url, const WebSocketOptions& options,
             uint64_t body_bytes_max);
    ~HttpLane();

    void send(Request request, Done done);  // While no other request is under way.
    [[nodiscard]] bool busy() const noexcept { return done_ != nullptr; }
    void pause();  // Stops and resumes receiving.
    void resume();
    // Somebody else waits for the response under way, and the references to the constructor need not
    // live on: the request is not sent again.
    void hand_over(Done done) {
        done_ = std::move(done);
        request_.may_repeat = false;
    }

private:
    class Handler;

    void on_connected(net::Dialed dialed) override;
    void on_failed(const net::DialError& error) override;
    void dial();
    void write();
    void on_bytes(std::span<std::byte>& input);
    void on_closed();
    void let_go() noexcept;
    void release_hold() noexcept;
    void finish(Response response);

    LoopCore& loop_;
    const ws::ClientUrl& url_;
    const WebSocketOptions& options_;
    http::ResponseReader reader_;
    std::unique_ptr<net::Dial> dial_;
    Handler* handler_ = nullptr;  // Owned by its stream.
    // Keeps ClientLoop::run() from ending while the lane dials and has no stream yet.
    ClientLoop::Timer hold_ = 0;
    Request request_;
    Response response_;
    Done done_;
    bool paused_ = false;
    bool reused_ = false;  // The connection has carried another request before.
    std::shared_ptr<HttpLane*> self_;
};

}  // namespace starling::client
