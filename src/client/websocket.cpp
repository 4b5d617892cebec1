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

void set_handler(SocketCore& core, EventType type, Callback call) {
    if (core.loop()) core.loop()->check_thread();
    core.listeners().set_handler(type, std::move(call));
}

bool has_handler(const SocketCore& core, EventType type) noexcept {
    return core.listeners().has_handler(type);
}

}  // namespace detail

namespace {

base::Ref<SocketCore> started(LoopCore& loop, std::string_view url, WebSocketOptions options) {
    base::Ref<SocketCore> core(new SocketCore(loop, url, std::move(options)));
    core->start();
    return core;
}

detail::EventType type_of(std::string_view name) {
    if (name == "open") return detail::EventType::open;
    if (name == "message") return detail::EventType::message;
    if (name == "error") return detail::EventType::error;
    if (name == "close") return detail::EventType::close;
    if (name == "ping") return detail::EventType::ping;
    if (name == "pong") return detail::EventType::pong;
    if (name == "drain") return detail::EventType::drain;
    throw std::invalid_argument("no event of a WebSocket: " + std::string(name));
}

}  // namespace

// The WebSocket is one of the references to its core.
WebSocket::WebSocket(ClientLoop& loop, std::string_view url, WebSocketOptions options)
    : onopen(*started(LoopCore::of(loop), url, std::move(options)).release()) {}

WebSocket::~WebSocket() {
    auto held = base::Ref<SocketCore>::adopt(&core());
    LoopCore* const loop = held->loop();
    if (loop && loop->is_elsewhere())
        loop->post([held] { held->abandon(); });
    else
        held->abandon();
}

// The core, for a call that belongs to the loop's thread.
SocketCore& WebSocket::here() const {
    if (core().loop()) core().loop()->check_thread();
    return core();
}

WebSocket::ListenerId WebSocket::add_listener(std::string_view name, detail::AnyListener listener) {
    const detail::EventType type = type_of(name);
    if (!listener.takes[static_cast<size_t>(type)])
        throw std::invalid_argument("the listener does not take the event " + std::string(name));
    const ListenerId id = here().listeners().add(std::move(listener), type);
    if (type == detail::EventType::drain) here().listens_for_drain();
    return id;
}

void WebSocket::remove_event_listener(ListenerId id) { here().listeners().remove(id); }

void WebSocket::remove_event_listener(std::string_view, ListenerId id) {
    remove_event_listener(id);
}

void WebSocket::send(ws::Message message) { here().send(message); }

void WebSocket::send(const std::shared_ptr<const std::string>& text) {
    if (text) send(ws::Message(*text));
}

void WebSocket::send(const std::shared_ptr<const std::vector<std::byte>>& bytes) {
    if (bytes) send(ws::Message(*bytes));
}

void WebSocket::close() { here().close(false, ws::close_code::none_received, {}); }

void WebSocket::close(uint16_t code, std::string_view reason) { here().close(true, code, reason); }

WebSocket::ReadyState WebSocket::ready_state() const noexcept {
    return static_cast<ReadyState>(core().state());
}

uint64_t WebSocket::buffered_amount() const noexcept { return core().buffered_amount(); }
const std::string& WebSocket::protocol() const noexcept { return core().terms().protocol; }
const std::string& WebSocket::extensions() const noexcept { return core().terms().extensions; }
const std::string& WebSocket::url() const noexcept { return core().terms().url; }

std::string_view WebSocket::binary_type() const noexcept {
    return core().blob() ? "blob" : "arraybuffer";
}

void WebSocket::binary_type(std::string_view type) {
    if (type == "blob" || type == "arraybuffer") core().blob(type == "blob");
}

void WebSocket::pause() { here().pause(); }
void WebSocket::resume() { here().resume(); }
void WebSocket::ping(std::string_view payload) { here().ping(payload); }
void WebSocket::terminate() { here().terminate(); }

std::optional<std::chrono::milliseconds> WebSocket::round_trip_time() const noexcept {
    const client::Connection* const connection = core().connection();
    return connection ? connection->round_trip_time() : std::nullopt;
}

}  // namespace starling
