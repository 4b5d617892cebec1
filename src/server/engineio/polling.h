// server/engineio/polling.h: a request of long-polling that waits for its answer.
//
// Owner: the session. Thread: its worker's.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <optional>
#include <string>

#include "base/slot_table.h"
#include "server/engineio/engine.h"

namespace starling::server {

// A GET that waits for packets. It knows its request by a key, which finds nothing once the request has ended.
class EnginePoll {
public:
    EnginePoll(const EngineSession& session, const HttpConnection& connection,
               const http::Request& request, const engineio::Query& query);
    EnginePoll(const EnginePoll&) = delete;
    EnginePoll& operator=(const EnginePoll&) = delete;
    ~EnginePoll();  // Ends a promise that was not kept with an empty answer.

    // From within the handler of the request, or later.
    void answer(std::string payload, std::string_view type);
    [[nodiscard]] base::SlotKey request() const noexcept { return request_; }
    [[nodiscard]] bool supports_binary() const noexcept { return supports_binary_; }
    // Escapes may make an answer so many times as long as its packets.
    [[nodiscard]] size_t growth() const noexcept { return jsonp_ ? 2 : 1; }

private:
    Worker& worker_;
    const base::SlotKey request_;
    const std::string j_;
    const bool jsonp_, supports_binary_;
    std::optional<size_t> threshold_;  // From this size on gzip; nothing: never.
};

}  // namespace starling::server
