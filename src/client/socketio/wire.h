// client/socketio/wire.h: the connections of one Engine.IO session: a WebSocket, and a lane for GETs and
// one for POSTs.
//
// Owner: the session's Manager. The last POST belongs to the SioHub if it is still under way when the
//        session ends; the closing handshake of the WebSocket ends by itself. Thread: the loop's.
#pragma once

#include <starling/client.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/loop_core.h"
#include "client/socketio/http_lane.h"
#include "engineio/client_session.h"
#include "ws/client_url.h"

namespace starling::client {

// What all sessions of a manager have in common.
struct SioEndpoint {
    ws::ClientUrl url;  // Scheme, host, port and credentials; the target is made for each request.
    std::string path;   // "/socket.io/"
    std::string query;  // The application's fields, encoded.
    std::vector<std::pair<std::string, std::string>> headers;
    WebSocketOptions dialing;  // TLS, proxy, fixed addresses, limits.
    uint64_t poll_bytes_max = 16'000'000;
};

class SioHost;

class SioWire final : public engineio::ClientWire {
public:
    // The host's enter() runs what the connections report.
    SioWire(ClientLoop& loop, const SioEndpoint& endpoint, engineio::ClientSession& session,
            SioHost& host);
    ~SioWire() override;

    void poll() override;
    void post(std::string body, engineio::PayloadKind kind) override;
    void open_websocket() override;
    [[nodiscard]] bool send(const engineio::Frame& frame, bool compress) override;
    [[nodiscard]] uint64_t buffered_bytes() const noexcept override;
    void watch_drain() override;
    void pause() override;
    void resume() override;
    void close_websocket() override;
    void reset() override;
    void finish() override;

private:
    [[nodiscard]] HttpLane::Request request(std::string_view method, std::string body,
                                            std::string_view content_type) const;
    [[nodiscard]] std::string target(engineio::Transport transport) const;
    void listen(WebSocket& socket);
    void listen_for_drain(WebSocket& socket);

    ClientLoop& loop_;
    LoopCore& core_;
    const SioEndpoint& endpoint_;
    engineio::ClientSession& session_;
    SioHost& host_;
    std::unique_ptr<HttpLane> get_, post_;
    std::unique_ptr<WebSocket> websocket_;
    bool watches_drain_ = false;
};

}  // namespace starling::client
