// server/gateway/log.h: the gateway's live log, GET /tapr/ws/log: the events of all workers, as
// Server-Sent Events (WHATWG HTML section 9.2) with one JSON object each. docs/gateway.md lists the
// objects.
//
// Texts are cut at 256 bytes. Tokens, cookies, API keys and signatures are never shown: a token
// that the client repeats in its data becomes "***", and for `tokens` in a request the log shows
// only their number.
//
// Owner: Gateway. Thread: any. A call costs one relaxed load while the log has no reader.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "server/connection.h"
#include "webhook/actions.h"
#include "webhook/control.h"

namespace starling::http {
class Request;
class Response;
}  // namespace starling::http
namespace starling::fetch {
struct Answer;
}
namespace starling::ws {
class Message;
}

namespace starling::server {

class GatewayClient;
class HttpConnection;
class LogReader;

class GatewayLog final : private RequestWatcher {
public:
    static constexpr size_t readers_max = 16;

    // The origin of a control request: the control API, an action of the application, or another node
    // of the cluster.
    enum class By : uint8_t { api, application, node };

    GatewayLog();
    ~GatewayLog();

    void opened(const GatewayClient& client) noexcept {
        if (is_read()) log_opened(client);
    }
    void closed(const GatewayClient& client) noexcept {
        if (is_read()) log_closed(client);
    }
    // A message of a client whose route has no application.
    void message(const GatewayClient& client, const ws::Message& message) noexcept {
        if (is_read()) log_message(client, message);
    }
    // The same of Socket.IO, as the JSON of a webhook's `data`.
    void event(const GatewayClient& client, std::string_view data) noexcept {
        if (is_read()) log_event(client, data);
    }
    // Call webhook() before Delivery::finished(), which ends the views of the webhook.
    void webhook(const GatewayClient& client, const fetch::Answer& answer,
                 uint64_t duration_ms) noexcept {
        if (is_read()) log_webhook(client, answer, duration_ms);
    }
    void given_up(const GatewayClient& client, std::string_view action) noexcept {
        if (is_read()) log_given_up(client, action);
    }
    // For actions without a selector, which concern the client itself.
    void sent(const GatewayClient& client, const webhook::Payload& payload) noexcept {
        if (is_read()) log_sent(client, payload);
    }
    void emitted(const GatewayClient& client, const webhook::Event& sent) noexcept {
        if (is_read()) log_emitted(client, sent);
    }
    void closing(const GatewayClient& client, const webhook::CloseRequest& close) noexcept {
        if (is_read()) log_closing(client, close);
    }
    void acked(const GatewayClient& client, const webhook::AckRequest& ack) noexcept {
        if (is_read()) log_acked(client, ack);
    }
    void joined(const GatewayClient& client, std::string_view topic) noexcept {
        if (is_read()) log_topic(client, "join", topic);
    }
    void left(const GatewayClient& client, std::string_view topic) noexcept {
        if (is_read()) log_topic(client, "leave", topic);
    }
    // `complete` false: some workers were not reached.
    void carried_out(const webhook::ControlRequest& request, size_t connections, bool complete,
                     By by) noexcept {
        if (is_read()) log_request(request, connections, complete, by);
    }
    void refused(std::string_view path, uint16_t status, std::string_view problem) noexcept {
        if (is_read()) log_refused(path, status, problem);
    }

    // Answers with the log, from this moment on. The first event names the paths of clients. False:
    // there are too many readers.
    [[nodiscard]] bool read(HttpConnection& connection, http::Response& response,
                            const webhook::NameSet& paths);
    // Ends all answers. Call it while the workers exist.
    void end() noexcept;
    [[nodiscard]] bool is_read() const noexcept {
        return count_.load(std::memory_order_relaxed) != 0;
    }

private:
    void log_opened(const GatewayClient& client) noexcept;
    void log_closed(const GatewayClient& client) noexcept;
    void log_message(const GatewayClient& client, const ws::Message& message) noexcept;
    void log_event(const GatewayClient& client, std::string_view data) noexcept;
    void log_webhook(const GatewayClient& client, const fetch::Answer& answer,
                     uint64_t duration_ms) noexcept;
    void log_given_up(const GatewayClient& client, std::string_view action) noexcept;
    void log_sent(const GatewayClient& client, const webhook::Payload& payload) noexcept;
    void log_emitted(const GatewayClient& client, const webhook::Event& sent) noexcept;
    void log_closing(const GatewayClient& client, const webhook::CloseRequest& close) noexcept;
    void log_acked(const GatewayClient& client, const webhook::AckRequest& ack) noexcept;
    void log_topic(const GatewayClient& client, std::string_view action,
                   std::string_view topic) noexcept;
    void log_request(const webhook::ControlRequest& request, size_t connections, bool complete,
                     By by) noexcept;
    void log_refused(std::string_view path, uint16_t status, std::string_view problem) noexcept;
    template <class F>
    void log(std::string_view type, F&& describe) noexcept;
    void publish(std::string_view event);

    [[nodiscard]] std::shared_ptr<LogReader> find(uint32_t number);
    void request_ended(base::SlotKey reader, base::SlotKey request, RequestEnd how) override;
    void request_must_end(base::SlotKey reader, base::SlotKey request) override;

    std::mutex mutex_;
    std::vector<std::shared_ptr<LogReader>> readers_;
    uint32_t last_number_ = 0;
    std::atomic<uint32_t> count_{0};  // readers_.size()
};

}  // namespace starling::server
