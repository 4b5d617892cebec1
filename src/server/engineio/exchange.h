// server/engineio/exchange.h: a polling request as its session sees it: of a connection of the
// session's worker, or of a client of another node (RelayedRequest).
//
// Thread: the worker's. An Exchange is valid during one call; a session keeps its key.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/slot_table.h"
#include "engineio/relay.h"
#include "server/http_connection.h"
#include "server/nodes.h"

namespace starling::server {

class EngineWorker;
struct RelayedRequest;

// Keys of requests of other nodes have this bit, and those of Worker::replies() do not. Keys of
// requests that are in ForeignSessions have the second one as well.
inline constexpr uint32_t relayed_slot_bit = uint32_t{1} << 31;
inline constexpr uint32_t foreign_slot_bit = uint32_t{1} << 30;
[[nodiscard]] inline bool is_relayed(base::SlotKey key) noexcept {
    return (key.slot & relayed_slot_bit) != 0;
}
[[nodiscard]] inline bool is_foreign(base::SlotKey key) noexcept {
    return is_relayed(key) && (key.slot & foreign_slot_bit) != 0;
}

// Has requests of clients of other nodes.
class RelayedRequests {
public:
    // Sends the response, and ends the request.
    virtual void finish(RelayedRequest& request) = 0;

protected:
    ~RelayedRequests() = default;
};

// A request of a client of another node. Owner: the RelayPart of the worker that owns the session, or
// its ForeignSessions.
struct RelayedRequest {
    RelayedRequests& part;
    const base::SlotKey key;
    const Nodes::Id from;  // Of a RelayPart, as the next one.
    const engineio::relay::Head answer_head;
    http::Response response{};
    bool is_answering = true;      // The engine is being called.
    EngineWorker* host = nullptr;  // Is told about the end of the request. Null: nobody.
    base::SlotKey session{};
};

class Exchange {
public:
    explicit Exchange(HttpConnection& connection) noexcept : connection_(&connection) {}
    explicit Exchange(RelayedRequest& relayed) noexcept : relayed_(&relayed) {}

    [[nodiscard]] base::SlotKey key() const noexcept {
        return connection_ ? connection_->slot_key() : relayed_->key;
    }
    // The worker is told when the request ends, see RequestWatcher.
    void watch(EngineWorker& host, base::SlotKey session) const noexcept;
    [[nodiscard]] http::Response& response() const noexcept {
        return connection_ ? connection_->response() : relayed_->response;
    }
    // Sends the response, if it was promised.
    void end_later() const;
    // What the client has not taken yet. The client of another node is that node's concern.
    [[nodiscard]] size_t queued_bytes() const noexcept {
        return connection_ ? connection_->queued_bytes() : 0;
    }

private:
    HttpConnection* connection_ = nullptr;  // One of the two is set.
    RelayedRequest* relayed_ = nullptr;
};

}  // namespace starling::server
