// server/engineio/polling.h: a pending poll: a GET that waits for packets.
//
// Owner: the session. Thread: its worker's.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <optional>
#include <string>

#include "base/slot_table.h"
#include "server/engineio/engine.h"
#include "server/engineio/exchange.h"

namespace starling::server {

// Refers to its request by a key, which finds nothing once the request has ended.
class EnginePoll {
public:
    EnginePoll(const EngineSession& session, const Exchange& exchange, const http::Request& request,
               const engineio::Query& query);
    EnginePoll(const EnginePoll&) = delete;
    EnginePoll& operator=(const EnginePoll&) = delete;
    ~EnginePoll();  // If answer() was not called, sends an empty answer.

    // May be called within the request's handler, or later.
    void answer(std::string payload, std::string_view type);
    [[nodiscard]] base::SlotKey request() const noexcept { return request_; }
    [[nodiscard]] bool supports_binary() const noexcept { return supports_binary_; }
    // The largest factor by which escapes lengthen an answer.
    [[nodiscard]] size_t growth() const noexcept { return jsonp_ ? 2 : 1; }

private:
    const EngineWorker& host_;
    const base::SlotKey request_;
    const std::string j_;
    const bool jsonp_, supports_binary_;
    std::optional<size_t> threshold_;  // Replies of at least this size are gzipped; nothing: never.
};

}  // namespace starling::server
