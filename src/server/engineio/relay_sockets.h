// server/engineio/relay_sockets.h: the two ends of a WebSocket that reached another node than the
// one that owns its session: ForwardedSocket at the node that was asked, RelayedSocket at the
// owner. RelayPart carries what they say to each other.
//
// A node sends each frame at once. Credits tell it how many bytes have arrived at the other node,
// and how many the client's connection, or the session, has taken. With too many bytes without a
// credit the node that was asked does not read its client, and the owner keeps packets. When one
// end is gone, the other one is told and ends as well.
//
// Thread: the worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "base/slab.h"
#include "peer/client_network.h"
#include "server/engineio/session_websocket.h"
#include "server/engineio/websocket.h"
#include "server/nodes.h"

namespace starling::server {

class EngineWorker;
class RelayPart;

// The owner of a session of another node.
struct SessionHome {
    Nodes::Id node = 0;
    uint16_t worker = 0;
};

// Frames of the other side since the last credit.
struct FramesReceived {
    uint32_t arrived = 0;
    uint32_t held = 0;    // Arrived, and not taken yet.
    bool is_due = false;  // A credit is to be sent at the end of the tick.
};

// The client's connection. Owner: the WsConnection; the RelayPart knows it by its number.
class ForwardedSocket final : public ForwardedData {
public:
    // `upgrade` is the message for the owner.
    ForwardedSocket(RelayPart& part, uint64_t id, const SessionHome& home,
                    const peer::ClientNetwork& network, std::string upgrade)
        : part_(part), id_(id), home_(home), network_(network), upgrade_(std::move(upgrade)) {}
    ~ForwardedSocket() override;

    // ForwardedData
    void opened(WsConnection& connection) override;
    void received(ws::Message message) override;
    void drained() override;
    void ended(Event event) override;

private:
    friend class RelayPart;

    RelayPart& part_;
    const uint64_t id_;
    const SessionHome home_;
    const peer::ClientNetwork network_;
    std::string upgrade_;                 // Until it is sent.
    WsConnection* connection_ = nullptr;  // Null: not opened yet, or ended.
    uint64_t due_ms_ = 0;                 // Until when the owner accepts; 0: it has.
    size_t on_way_ = 0;                   // Bytes that have not arrived at the owner.
    size_t untaken_ = 0;                  // Bytes that the session has not taken.
    bool is_paused_ = false;
    FramesReceived received_;
};

// The session's end. Owner: the RelayPart of the session's worker. It lives until the end of the
// tick in which it ended, or, after a normal close, in which its last message has left.
class RelayedSocket final : public FarWebSocket, public base::InSlab {
public:
    struct Client {
        Nodes::Id node;
        uint64_t id;  // The number at that node.
        std::string address;
    };
    // The session does not know it before attach().
    RelayedSocket(RelayPart& part, const EngineSession& session, uint64_t serial, Client client);
    ~RelayedSocket();
    RelayedSocket(const RelayedSocket&) = delete;
    RelayedSocket& operator=(const RelayedSocket&) = delete;

    // FarWebSocket
    void send(ws::Message message, bool compress) override;
    [[nodiscard]] size_t buffered_amount() const noexcept override {
        return untaken_ + waiting_bytes_;
    }
    [[nodiscard]] bool is_writable() const noexcept override {
        return is_open_ && waiting_.empty() && untaken_ < writable_bytes_max;
    }
    void pause(bool pauses) override;
    [[nodiscard]] std::string remote_address() const override { return client_.address; }
    void close(uint16_t code) override;
    void untied() noexcept override { session_ = nullptr; }

private:
    friend class RelayPart;
    // With so much that the client has not taken, what is sent does not leave now.
    static constexpr size_t writable_bytes_max = size_t{64} * 1024;

    // Opens it for the session, or ends it if the session has another WebSocket.
    void attach(EngineSession& session);
    void received(ws::Message message);
    void ended(engineio::Session::Event event);

    EngineSession* session_ = nullptr;  // Null: it has ended, or has another WebSocket.
    RelayPart& part_;
    EngineWorker& host_;
    const uint64_t serial_;
    const Client client_;
    bool is_open_ = true;      // False: the session has closed it, or it is lost.
    bool is_told_ = false;     // The client's node was told of the end, or is gone.
    uint16_t close_code_ = 0;  // If it is not open: the client's node is told when all has left.
    bool is_paused_ = false;
    bool is_node_lost_ = false;        // Its bytes do not count any more.
    std::deque<std::string> waiting_;  // Messages for a node to which too much is on its way.
    size_t waiting_bytes_ = 0;
    size_t on_way_ = 0;   // Bytes that have not arrived at the client's node.
    size_t untaken_ = 0;  // Bytes that the client's connection has not taken.
    FramesReceived received_;
};

}  // namespace starling::server
