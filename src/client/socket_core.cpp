#include "client/socket_core.h"

#include <algorithm>
#include <utility>

#include "base/exception_text.h"
#include "base/text.h"
#include "client/connection.h"
#include "client/loop_core.h"
#include "client/opening.h"
#include "client/options.h"
#include "net/stream.h"

namespace starling::client {

using Life = ws::ClientLife;

SocketCore::SocketCore(LoopCore& loop, std::string_view url, WebSocketOptions options)
    : loop_(&loop) {
    loop.check_thread();
    const Settings settings = client::settings(options);
    auto opening = client::opening_options(options);
    aside().asked = std::make_unique<const Asked>(Asked{std::move(options), std::move(opening)});
    auto parsed = ws::parse_client_url(url);
    if (!parsed) throw SyntaxError(parsed.error());
    terms_ = loop.terms().of({.settings = settings, .url = parsed->href});
    aside().opening = std::make_unique<Opening>(*this, loop, *std::move(parsed));
    insert_before(loop.sockets());
}

SocketCore::~SocketCore() = default;

// Events come from the loop, never from within the constructor.
void SocketCore::start() {
    loop_->post([core = self()] {
        if (!core->aside_ || !core->aside_->opening) return;
        if (const std::string_view refusal = core->loop_->refusal(); !refusal.empty())
            return core->open_failed(refusal, 0, {});
        core->aside_->opening->dial();
    });
}

SocketCore::Aside& SocketCore::aside() {
    if (!aside_) aside_ = std::make_unique<Aside>();
    return *aside_;
}

void SocketCore::drop_opening() noexcept {
    if (aside_) aside_->opening.reset();
}

void SocketCore::drop_connection() {
    auto* const connection = std::exchange(connection_, nullptr);
    if (!connection) return;
    if (const uint64_t bytes = connection->buffered_bytes()) refused(bytes);
    connection->leave();
}

void SocketCore::refused(uint64_t payload_bytes) { aside().refused_bytes += payload_bytes; }

std::string SocketCore::take_close_reason() {
    return aside_ ? std::exchange(aside_->close_reason, {}) : std::string();
}

// ---- telling the application --------------------------------------------------------------------

template <class Event>
void SocketCore::tell(const Event& event) {
    listeners_.tell(detail::event_type<Event>, &event, [&](auto&& call) {
        try {
            call();
        } catch (...) {
            handler_threw(base::describe_current_exception());
        }
    });
}

// The connection is closed from the loop, when all listeners of this event have run.
void SocketCore::handler_threw(std::string_view what) {
    if (!loop_) return;
    if (life_.state() == Life::State::closed) return loop_->tell_exception(what);
    loop_->post([core = self(), text = std::string(what)] {
        if (core->life_.state() == Life::State::closed) {
            if (core->loop_) core->loop_->tell_exception(text);
        } else {
            core->fail(ws::close_code::internal_error, "internal error",
                       "a handler has thrown: " + text);
        }
    });
}

void SocketCore::tell_open() { tell(OpenEvent{}); }

void SocketCore::tell_failure(const Life::Actions& actions, std::string_view message, int status,
                              std::string_view body) {
    if (!actions.tell_close) return;
    const auto self = this->self();  // A handler may destroy the WebSocket.
    drop_opening();
    drop_connection();
    if (actions.tell_error) tell(ErrorEvent{message, status, body});
    tell_close();
}

void SocketCore::tell_close() {
    const std::string reason = take_close_reason();
    tell(CloseEvent{life_.code(), reason, life_.was_clean()});
    leave_loop();
}

void SocketCore::leave_loop() noexcept {
    unlink();
    loop_ = nullptr;
}

// ---- opening ------------------------------------------------------------------------------------

void SocketCore::opened(net::Stream& stream, const ws::ClientOpening& opening) {
    const auto self = this->self();
    const auto actions = life_.on(Life::Event::established);
    if (!actions.tell_open) return stream.close(net::Stream::Close::reset);
    if (!opening.subprotocol().empty() || !opening.extensions().empty())
        terms_ = loop_->terms().of({.settings = settings(),
                                    .url = terms().url,
                                    .protocol = std::string(opening.subprotocol()),
                                    .extensions = std::string(opening.extensions())});
    auto connection = std::make_unique<Connection>(self, opening.deflate());
    connection_ = connection.get();
    stream.replace_handler(std::move(connection));
    connection_->start();
    aside_.reset();
    tell_open();
}

void SocketCore::open_failed(std::string_view message, int status, std::string_view body) {
    tell_failure(life_.on(Life::Event::failure), message, status, body);
}

// ---- the connection -----------------------------------------------------------------------------

void SocketCore::on_message(const ws::Event& event) {
    if (life_.state() != Life::State::open) return;
    const std::span<const std::byte> bytes = event.bytes;
    tell(MessageEvent(event.opcode == ws::Opcode::text ? ws::Message(base::text_of(bytes))
                                                       : ws::Message(bytes)));
}

void SocketCore::on_ping(std::string_view payload) {
    if (life_.state() == Life::State::open) tell(PingEvent{payload});
}

// No on... attribute takes it.
void SocketCore::on_pong(std::string_view payload,
                         std::optional<std::chrono::milliseconds> round_trip) {
    if (listeners_.has_listeners()) tell(PongEvent{payload, round_trip});
}

void SocketCore::on_drained() {
    if (life_.state() == Life::State::open) tell(DrainEvent{});
}

void SocketCore::on_peer_close(uint16_t code, std::string_view reason) {
    aside().close_reason = reason;
    connection_->act(life_.on(Life::Event::peer_close, code).wire, code, {});
}

void SocketCore::fail(uint16_t code, std::string_view reason, std::string_view message) {
    const auto actions = life_.on(Life::Event::failure, code);
    (void)take_close_reason();
    if (connection_) connection_->act(actions.wire, code, reason);
    tell_failure(actions, message);
}

void SocketCore::on_timeout(std::string_view message) {
    const auto actions = life_.on(Life::Event::timeout);
    if (connection_) connection_->act(actions.wire, 0, {});
    tell_failure(actions, message);
}

void SocketCore::on_gone(bool ended) {
    tell_failure(life_.on(ended ? Life::Event::ended : Life::Event::lost), "");
}

void SocketCore::overflowed() {
    if (overflowed_) return;
    overflowed_ = true;
    loop_->post([core = self()] {
        core->fail(ws::close_code::policy_violation, "send queue full",
                   "the server does not read: the send queue is full");
    });
}

// ---- WebSocket ----------------------------------------------------------------------------------

void SocketCore::send(ws::Message message) {
    if (life_.state() == Life::State::connecting)
        throw InvalidStateError("send() while the WebSocket is CONNECTING");
    if (may_send() && connection_)
        connection_->send(message);
    else
        refused(message.size());
}

void SocketCore::close(bool has_code, uint16_t code, std::string_view reason) {
    check_close(has_code, code, reason);
    start_closing(has_code, code, reason,
                  "the WebSocket was closed before the connection was made");
}

void SocketCore::go_away() {
    start_closing(true, ws::close_code::going_away, {}, loop_->refusal());
}

// `message`: of the error event, if there is no connection yet. It lives for ever.
void SocketCore::start_closing(bool has_code, uint16_t code, std::string_view reason,
                               std::string_view message) {
    const auto actions = life_.on(Life::Event::local_close, code);
    if (connection_) connection_->act(actions.wire, has_code ? code : uint16_t{1005}, reason);
    if (!actions.cancel_opening) return;
    drop_opening();
    loop_->post([core = self(), message] { core->open_failed(message, 0, {}); });
}

void SocketCore::terminate() {
    if (connection_) return connection_->terminate();
    close(false, 0, {});
}

void SocketCore::ping(std::string_view payload) {
    if (may_send() && connection_) connection_->ping(base::bytes_of(payload));
}

void SocketCore::pause() {
    if (connection_) connection_->pause();
}

void SocketCore::resume() {
    if (connection_) connection_->resume();
}

// What was sent before the listener came is told, too.
void SocketCore::listens_for_drain() {
    if (connection_ && connection_->buffered_bytes() > 0) connection_->want_drain();
}

uint64_t SocketCore::buffered_amount() const noexcept {
    return (aside_ ? aside_->refused_bytes : 0) + (connection_ ? connection_->buffered_bytes() : 0);
}

// The connection says good-bye by itself; this object ends when nothing refers to it any more.
void SocketCore::abandon() {
    listeners_.remove_all();
    drop_opening();
    if (auto* const connection = std::exchange(connection_, nullptr)) {
        const auto actions = life_.on(Life::Event::local_close, ws::close_code::going_away);
        connection->act(actions.wire, ws::close_code::going_away, {});
        connection->leave();
    }
    leave_loop();
}

void SocketCore::loop_ends() noexcept {
    drop_opening();
    drop_connection();
    life_.end();
    leave_loop();
}

}  // namespace starling::client
