// client/reconnect.cpp: the public class ReconnectingWebSocket over its ReconnectCore.
#include <starling/client_reconnect.h>

#include <utility>

#include "client/reconnect_core.h"
#include "ws/frame.h"

namespace starling {

using client::ReconnectCore;

namespace {

// The core, for a call of the application.
ReconnectCore& here(ReconnectCore& core) {
    if (core.loop()) core.loop()->check_thread();
    return core;
}

}  // namespace

namespace detail {

void set_handler(ReconnectCore& core, EventType type, Callback call) {
    here(core).set_handler(type, std::move(call));
}

bool has_handler(const ReconnectCore& core, EventType type) noexcept {
    return core.has_handler(type);
}

}  // namespace detail

bool worth_reconnecting(uint16_t code, int status) noexcept {
    return ws::worth_reconnecting(code, status);
}

ReconnectingWebSocket::ReconnectingWebSocket(ClientLoop& loop, std::string_view url,
                                             WebSocketOptions options, ReconnectOptions reconnect)
    : core_(std::make_shared<ReconnectCore>(loop, url, std::move(options), std::move(reconnect))),
      onopen(*core_),
      onmessage(*core_),
      onerror(*core_),
      onlost(*core_),
      onclose(*core_) {}

ReconnectingWebSocket::~ReconnectingWebSocket() {
    client::LoopCore* const loop = core_->loop();
    if (loop && loop->is_elsewhere())
        loop->post([core = core_] { core->abandon(); });
    else
        core_->abandon();
}

bool ReconnectingWebSocket::send(ws::Message message) { return here(*core_).send(message); }

void ReconnectingWebSocket::close() {
    here(*core_).close(false, ws::close_code::none_received, {});
}

void ReconnectingWebSocket::close(uint16_t code, std::string_view reason) {
    here(*core_).close(true, code, reason);
}

void ReconnectingWebSocket::terminate() { here(*core_).terminate(); }

WebSocket::ReadyState ReconnectingWebSocket::ready_state() const noexcept { return core_->state(); }

uint64_t ReconnectingWebSocket::buffered_amount() const noexcept {
    const WebSocket* const socket = core_->open();
    return socket ? socket->buffered_amount() : 0;
}

std::string ReconnectingWebSocket::protocol() const {
    const WebSocket* const socket = core_->open();
    return socket ? socket->protocol() : "";
}

std::optional<std::chrono::milliseconds> ReconnectingWebSocket::round_trip_time() const noexcept {
    const WebSocket* const socket = core_->open();
    return socket ? socket->round_trip_time() : std::nullopt;
}

uint64_t ReconnectingWebSocket::unconfirmed() const noexcept { return core_->unconfirmed(); }

}  // namespace starling
