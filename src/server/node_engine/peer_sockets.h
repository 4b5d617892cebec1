// server/node_engine/peer_sockets.h: the two ends of a WebSocket whose client is at one node and whose
// session is at another, in the protocol of @socket.io/cluster-engine. PeersPart carries what they say.
//
// Thread: the worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cluster/engine/message.h"
#include "cluster/engine/upgrade.h"
#include "peer/client_network.h"
#include "server/engineio/session_websocket.h"
#include "server/engineio/websocket.h"
#include "server/node_engine/peer_shares.h"

namespace starling::server {

class EngineWorker;
class PeersPart;

// The client's connection. Owner: the WsConnection; the PeersPart knows it by its serial number.
class PeerForward final : public ForwardedData {
public:
    PeerForward(PeersPart& part, uint64_t serial, std::string sid,
                const peer::ClientNetwork& network, bool supports_binary, std::string request)
        : part_(part),
          serial_(serial),
          sid_(std::move(sid)),
          network_(network),
          supports_binary_(supports_binary),
          request_(std::move(request)) {}
    ~PeerForward() override;

    // ForwardedData
    void opened(WsConnection& connection) override;
    void received(ws::Message message) override;
    void drained() override {}
    void ended(Event event) override;

private:
    friend class PeersPart;

    PeersPart& part_;
    const uint64_t serial_;
    const std::string sid_;
    const peer::ClientNetwork network_;
    const bool supports_binary_;
    bool is_paused_ = false;
    std::string request_;  // As in kept_request.h, until the session is known to stay.
    WsConnection* connection_ = nullptr;  // Null: not opened yet, or ended.
    PeerShares::Place place_;             // While it is open.
    cluster::engine::Upgrade steps_;
    uint64_t question_ = 0;  // The last one.
    std::string owner_;
    uint64_t due_ms_ = 0;
    std::vector<cluster::engine::Packet> held_;
    size_t on_way_ = 0;  // Bytes that Redis has not taken.
};

// The session's end. Owner: the PeersPart of the session's worker. It lives until the end of the tick
// in which it ended.
class PeerSocket final : public FarWebSocket {
public:
    PeerSocket(PeersPart& part, EngineWorker& host, EngineSession& session, uint64_t serial,
               std::string sid, std::string peer);
    ~PeerSocket();
    PeerSocket(const PeerSocket&) = delete;
    PeerSocket& operator=(const PeerSocket&) = delete;

    // FarWebSocket
    void send(ws::Message message, bool compress) override;
    [[nodiscard]] size_t buffered_amount() const noexcept override {
        return on_way_ + pending_bytes_;
    }
    [[nodiscard]] bool is_writable() const noexcept override {
        return is_open_ && buffered_amount() < writable_bytes_max;
    }
    // The protocol has no way to stop the client: what it sends arrives nevertheless.
    void pause(bool) override {}
    [[nodiscard]] std::string remote_address() const override { return "node " + peer_; }
    void close(uint16_t code) override;
    void untied() noexcept override { session_ = nullptr; }

private:
    friend class PeersPart;
    static constexpr size_t writable_bytes_max = size_t{64} * 1024;

    EngineSession* session_;  // Null: it has ended, or has no WebSocket any more.
    PeersPart& part_;
    EngineWorker& host_;
    const uint64_t serial_;
    const std::string sid_;
    const std::string peer_;
    bool is_upgraded_ = false;  // Before that, the probe is the other node's matter.
    bool is_open_ = true;
    bool is_flushing_ = false;
    std::vector<cluster::engine::Packet> pending_;  // Of this tick.
    size_t pending_bytes_ = 0;
    size_t on_way_ = 0;  // Bytes that Redis has not taken.
};

}  // namespace starling::server
