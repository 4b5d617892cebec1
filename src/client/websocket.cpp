// client/websocket.cpp: the public class WebSocket over its SocketCore.
#include <starling/client.h>

#include "base/text.h"
#include "client/connection.h"
#include "client/loop_core.h"
#include "client/socket_core.h"

namespace starling {

using client::LoopCore;
using client::SocketCore;

namespace detail {

void set_handler(SocketCore& core, EventType type, RawListener call) {
    if (core.loop()) core.loop()->check_thread();
    core.listeners().set_handler(type, std::move(call));
}

bool has_handler(const SocketCore& core, EventType type) noexcept {
    return core.listeners().has_handler(type);
}

}  // namespace detail

namespace {

// The core, for a call of the application.
SocketCore& here(const std::shared_ptr<SocketCore>& core) {
    if (core->loop()) core->loop()->check_thread();
    return *core;
}

detail::EventType type_of(std::string_view name) {
    if (name == "open") return detail::EventType::open;
    if (name == "message") return detail::EventType::message;
    if (name == "error") return detail::EventType::error;
    if (name == "close") return detail::EventType::close;
    throw std::invalid_argument("no event of a WebSocket: " + std::string(name));
}

}  // namespace

WebSocket::WebSocket(ClientLoop& loop, std::string_view url, WebSocketOptions options)
    : core_(std::make_shared<SocketCore>(LoopCore::of(loop), url, std::move(options))),
      onopen(*core_),
      onmessage(*core_),
      onerror(*core_),
      onclose(*core_) {
    core_->start();
}

WebSocket::~WebSocket() {
    LoopCore* const loop = core_->loop();
    if (loop && loop->is_elsewhere())
        loop->post([core = core_] { core->abandon(); });
    else
        core_->abandon();
}

WebSocket::ListenerId WebSocket::add_listener(std::string_view name, detail::AnyListener listener) {
    const detail::EventType type = type_of(name);
    if (!listener.takes[static_cast<size_t>(type)])
        throw std::invalid_argument("the listener does not take the event " + std::string(name));
    return here(core_).listeners().add(std::move(listener), type);
}

void WebSocket::remove_event_listener(ListenerId id) { here(core_).listeners().remove(id); }

void WebSocket::remove_event_listener(std::string_view, ListenerId id) {
    remove_event_listener(id);
}

void WebSocket::send(ws::Message message) { here(core_).send(message); }

void WebSocket::send(const std::shared_ptr<const std::string>& text) {
    if (text) send(ws::Message(*text));
}

void WebSocket::send(const std::shared_ptr<const std::vector<std::byte>>& bytes) {
    if (bytes) send(ws::Message(*bytes));
}

void WebSocket::close() { here(core_).close(false, ws::close_code::none_received, {}); }

void WebSocket::close(uint16_t code, std::string_view reason) {
    here(core_).close(true, code, reason);
}

WebSocket::ReadyState WebSocket::ready_state() const noexcept {
    return static_cast<ReadyState>(core_->state());
}

uint64_t WebSocket::buffered_amount() const noexcept { return core_->buffered_amount(); }
const std::string& WebSocket::protocol() const noexcept { return core_->protocol(); }
const std::string& WebSocket::extensions() const noexcept { return core_->extensions(); }
const std::string& WebSocket::url() const noexcept { return core_->url(); }

std::string_view WebSocket::binary_type() const noexcept {
    return core_->blob ? "blob" : "arraybuffer";
}

void WebSocket::binary_type(std::string_view type) {
    if (type == "blob" || type == "arraybuffer") core_->blob = type == "blob";
}

void WebSocket::pause() { here(core_).pause(); }
void WebSocket::resume() { here(core_).resume(); }
void WebSocket::ping(std::string_view payload) { here(core_).ping(payload); }
void WebSocket::terminate() { here(core_).terminate(); }

std::optional<std::chrono::milliseconds> WebSocket::round_trip_time() const noexcept {
    const client::Connection* const connection = core_->connection();
    return connection ? connection->round_trip_time() : std::nullopt;
}

}  // namespace starling
