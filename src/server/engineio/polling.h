// server/engineio/polling.h: the two requests of long-polling that a session may have under way.
//
// Owner: the session. Thread: its worker's.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <optional>
#include <string>

#include "server/connection.h"
#include "server/engineio/engine.h"

namespace starling::server {

// A GET that waits for packets.
class EnginePoll final : public RequestWatcher {
public:
    EnginePoll(EngineSession& session, HttpConnection& connection, const http::Request& request,
               const engineio::Query& query, http::Response& response);
    ~EnginePoll();  // Ends a promise that was not kept with an empty answer.

    void client_left() override;
    void body_refused() override {}
    void server_stops() override { session_.drop(EngineClose::server_shutting_down); }

    // The handler returns without an answer.
    void wait();
    void answer(std::string payload, std::string_view type);
    [[nodiscard]] bool supports_binary() const noexcept { return supports_binary_; }

private:
    EngineSession& session_;
    HttpConnection* connection_;  // Null once answered, or gone.
    http::Response* response_;    // While the handler runs; null: promised.
    std::string j_;
    bool jsonp_, supports_binary_;
    std::optional<size_t> threshold_;  // From this size on gzip; nothing: never.
};

// A POST whose body is on its way.
class EnginePost final : public RequestWatcher {
public:
    EnginePost(EngineSession& session, HttpConnection& connection);
    ~EnginePost();

    void client_left() override;
    void body_refused() override;
    void server_stops() override {}

    [[nodiscard]] bool is_of(const HttpConnection& connection) const noexcept {
        return connection_ == &connection;
    }

private:
    EngineSession& session_;
    HttpConnection* connection_;
};

}  // namespace starling::server
