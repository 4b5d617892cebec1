#include "server/gateway/log.h"

#include <starling/http.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "base/text.h"
#include "fetch/fetcher.h"
#include "server/gateway/log_event.h"
#include "server/gateway/log_queue.h"
#include "server/gateway/part.h"
#include "server/http_connection.h"

namespace starling::server {
namespace {

// Time until the next try to write, if the reader has not read what was sent.
constexpr uint64_t retry_ms = 20;
// After each such time, a comment line keeps proxies from closing a quiet log.
constexpr uint64_t heartbeat_ms = 15'000;

int64_t unix_time_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

LogEvent& about(LogEvent& event, const GatewayClient& client) {
    event.text("conn_id", client.fields.conn_id())
        .text("user", client.fields.user())
        .flag("public", client.fields.is_public());
    if (const auto nsp = client.fields.nsp(); !nsp.empty()) event.text("namespace", nsp);
    return event;
}

// A public client's token is random, and no client knows it.
std::string_view secret_of(const GatewayClient& client) noexcept {
    return client.fields.is_public() ? std::string_view() : client.fields.token();
}

struct Describe {
    LogEvent& event;
    void operator()(const webhook::SendRequest& send) const {
        event.text("action", "send").selector(send.to).payload(send.payload);
    }
    void operator()(const webhook::EmitRequest& emit) const {
        event.text("action", "emit").selector(emit.to).emitted(emit.event);
    }
    void operator()(const webhook::CloseRequest& close) const {
        event.text("action", "close").selector(close.of).number("code", close.code);
        event.text("reason", close.reason);
    }
    void operator()(const JoinRequest& join) const {
        event.text("action", "join").text("topic", join.topic.topic).selector(join.topic.of);
    }
    void operator()(const LeaveRequest& leave) const {
        event.text("action", "leave").text("topic", leave.topic.topic).selector(leave.topic.of);
    }
    void operator()(const webhook::PublishRequest& publish) const {
        event.text("action", "publish").text("topic", publish.topic);
        publish.event ? event.emitted(*publish.event) : event.payload(publish.payload);
        event.names("except", publish.except);
    }
};

}  // namespace

// One answer with the log. Owner: GatewayLog until the request ends, and the posted calls. Thread:
// any for add(), else the thread of the connection's worker.
class LogReader : public std::enable_shared_from_this<LogReader> {
public:
    LogReader(uint32_t n, Worker& worker, http::Reply reply)
        : number(n), worker_(worker), reply_(std::move(reply)) {}

    void add(std::string_view event) {
        if (queue_.add(event)) worker_.post([self = shared_from_this()] { self->pump(); });
    }
    void keep_alive() {
        worker_.loop().after(heartbeat_ms, [self = shared_from_this()] {
            if (self->reply_.closed()) return;
            (void)self->reply_.write(":\n\n");
            self->keep_alive();
        });
    }
    void end() const { reply_.end(); }

    const uint32_t number;

private:
    void pump() {
        for (;;) {
            if (unsent_.empty()) unsent_ = queue_.take();
            if (unsent_.empty()) return;
            if (!reply_.write(unsent_)) break;
            unsent_.clear();
        }
        if (reply_.closed()) return;
        worker_.loop().after(retry_ms, [self = shared_from_this()] { self->pump(); });
    }

    Worker& worker_;
    const http::Reply reply_;
    LogQueue queue_;
    std::string unsent_;  // Taken from the queue, and not written yet.
};

GatewayLog::GatewayLog() = default;
GatewayLog::~GatewayLog() = default;

// ---- events
// ---------------------------------------------------------------------------------------

// If memory runs out, the event is lost.
template <class F>
void GatewayLog::log(std::string_view type, F&& describe) noexcept {
    try {
        LogEvent event(type, unix_time_ms());
        describe(event);
        publish(event.finish());
    } catch (const std::bad_alloc&) {}
}

void GatewayLog::publish(std::string_view event) {
    const std::lock_guard lock(mutex_);
    for (const auto& reader : readers_) reader->add(event);
}

void GatewayLog::log_opened(const GatewayClient& client) noexcept {
    log("opened", [&](LogEvent& event) {
        about(event, client)
            .text("path", client.route.site.options.path)
            .text("user_agent", client.fields.user_agent());
    });
}

void GatewayLog::log_closed(const GatewayClient& client) noexcept {
    log("closed", [&](LogEvent& event) { about(event, client); });
}

void GatewayLog::log_message(const GatewayClient& client, const ws::Message& message) noexcept {
    log("message", [&](LogEvent& event) {
        about(event, client);
        if (message.is_binary())
            event.binary(base::text_of(message.bytes()));
        else
            event.data(message.text(), secret_of(client));
    });
}

void GatewayLog::log_event(const GatewayClient& client, std::string_view data) noexcept {
    log("message", [&](LogEvent& event) { about(event, client).data(data, secret_of(client)); });
}

void GatewayLog::log_webhook(const GatewayClient& client, const fetch::Answer& answer,
                             uint64_t duration_ms) noexcept {
    log("webhook", [&](LogEvent& event) {
        const webhook::Delivery::Due due = client.due();
        event.text("action", webhook::action_text(due.action));
        about(event, client).data(due.data, secret_of(client));
        event.number("status", answer.status);
        if (!answer.error.empty()) event.text("error", answer.error);
        event.number("duration_ms", static_cast<int64_t>(duration_ms))
            .number("tries", static_cast<int64_t>(due.tries) + 1);
    });
}

void GatewayLog::log_given_up(const GatewayClient& client, std::string_view action) noexcept {
    log("given_up", [&](LogEvent& event) { about(event.text("action", action), client); });
}

void GatewayLog::log_sent(const GatewayClient& client, const webhook::Payload& payload) noexcept {
    log("request", [&](LogEvent& event) {
        event.text("by", "application").text("action", "send");
        about(event, client).payload(payload).number("connections", 1);
    });
}

void GatewayLog::log_emitted(const GatewayClient& client, const webhook::Event& sent) noexcept {
    log("request", [&](LogEvent& event) {
        event.text("by", "application").text("action", "emit");
        about(event, client).emitted(sent).number("connections", 1);
    });
}

void GatewayLog::log_acked(const GatewayClient& client, const webhook::AckRequest& ack) noexcept {
    log("request", [&](LogEvent& event) {
        event.text("by", "application").text("action", "ack");
        about(event, client).number("ack_id", static_cast<int64_t>(ack.ack_id));
        event.data(ack.args.json).number("connections", 1);
    });
}

void GatewayLog::log_topic(const GatewayClient& client, std::string_view action,
                           std::string_view topic) noexcept {
    log("request", [&](LogEvent& event) {
        event.text("by", "application").text("action", action).text("topic", topic);
        about(event, client).number("connections", 1);
    });
}

void GatewayLog::log_closing(const GatewayClient& client,
                             const webhook::CloseRequest& close) noexcept {
    log("request", [&](LogEvent& event) {
        event.text("by", "application").text("action", "close");
        about(event, client).number("code", close.code).text("reason", close.reason);
        event.number("connections", 1);
    });
}

void GatewayLog::log_request(const webhook::ControlRequest& request, size_t connections,
                             bool complete, By by) noexcept {
    log("request", [&](LogEvent& event) {
        event.text("by", by == By::api ? "api" : by == By::node ? "node" : "application");
        std::visit(Describe{event}, request);
        event.number("connections", static_cast<int64_t>(connections));
        if (!complete) event.flag("complete", false);
    });
}

void GatewayLog::log_refused(std::string_view path, uint16_t status,
                             std::string_view problem) noexcept {
    log("refused", [&](LogEvent& event) {
        event.text("path", path).number("status", status).text("message", problem);
    });
}

// ---- readers
// --------------------------------------------------------------------------------------

bool GatewayLog::read(HttpConnection& connection, http::Response& response,
                      const webhook::NameSet& paths) {
    Worker& worker = connection.worker();
    std::shared_ptr<LogReader> reader;
    {
        const std::lock_guard lock(mutex_);
        if (readers_.size() >= readers_max) return false;
        reader = std::make_shared<LogReader>(++last_number_, worker, response.later());
        readers_.push_back(reader);
        count_.store(static_cast<uint32_t>(readers_.size()), std::memory_order_relaxed);
    }
    connection.watch(*this, {reader->number, 1});
    // This reader gets every event from here on. The first event of the answer says so.
    reader->add(LogEvent("started", unix_time_ms()).names("paths", paths).finish());
    reader->keep_alive();
    return true;
}

std::shared_ptr<LogReader> GatewayLog::find(uint32_t number) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(
        readers_, number, [](const std::shared_ptr<LogReader>& reader) { return reader->number; });
    return found == readers_.end() ? nullptr : *found;
}

void GatewayLog::request_ended(base::SlotKey reader, base::SlotKey, RequestEnd) {
    const auto ended = find(reader.slot);  // Destroyed after the lock is released.
    const std::lock_guard lock(mutex_);
    std::erase(readers_, ended);
    count_.store(static_cast<uint32_t>(readers_.size()), std::memory_order_relaxed);
}

void GatewayLog::request_must_end(base::SlotKey reader, base::SlotKey) {
    if (const auto found = find(reader.slot)) found->end();
}

void GatewayLog::end() noexcept {
    std::vector<std::shared_ptr<LogReader>> ended;
    const std::lock_guard lock(mutex_);
    ended.swap(readers_);
    count_.store(0, std::memory_order_relaxed);
}

}  // namespace starling::server
