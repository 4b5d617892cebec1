// server/engineio/polling.h: a pending poll: a GET that waits for packets.
//
// Owner: the session. Thread: its worker's.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <optional>
#include <string>

#include "base/slot_table.h"
#include "engineio/payload.h"
#include "server/engineio/engine.h"
#include "server/engineio/exchange.h"

namespace starling::server {

// The form of the answer to a poll.
class PollForm {
public:
    PollForm(const EngineOptions& options, const http::Request& request,
             const engineio::Query& query);

    void fill(http::Response& response, std::string payload, std::string_view type) const;
    [[nodiscard]] bool supports_binary() const noexcept { return supports_binary_; }
    // The largest factor by which escapes lengthen an answer.
    [[nodiscard]] size_t growth() const noexcept { return jsonp_ ? 2 : 1; }

private:
    std::string j_;
    bool jsonp_, supports_binary_;
    std::optional<size_t> threshold_;  // Replies of at least this size are gzipped; nothing: never.
};

// The payload in the body of a POST.
struct PostedPayload {
    PostedPayload(const http::Request& request, bool jsonp);

    std::string form;  // Of JSONP.
    engineio::PayloadKind kind;
    bool jsonp;
    [[nodiscard]] std::string_view text(std::string_view body) const noexcept {
        return jsonp ? std::string_view(form) : body;
    }
};

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
    [[nodiscard]] const PollForm& form() const noexcept { return form_; }

private:
    const EngineWorker& host_;
    const base::SlotKey request_;
    const PollForm form_;
};

}  // namespace starling::server
