#include "server/ws_connection.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/text.h"
#include "net/loop.h"
#include "server/connection_facts.h"
#include "server/worker.h"
#include "server/ws_extras.h"
#include "server/ws_handler.h"
#include "ws/endpoint.h"
#include "ws/frame.h"

namespace starling::server {

namespace {

constexpr uint64_t close_timeout_ms = 5000;
constexpr uint8_t subprotocol_in_extras = 255;

}  // namespace

WsConnection::WsConnection(const WsContext& context, std::string_view subprotocol,
                           const std::optional<ws::DeflateParams>& deflate, WsData data)
    : context_(&context),
      data_(std::move(data)),
      receiver_(ws::Role::server, context.site.receiver_limits),
      heartbeat_(0) {
    if (!subprotocol.empty()) {
        const auto& names = context.route().subprotocols;
        const auto index =
            static_cast<size_t>(std::ranges::find(names, subprotocol) - names.begin());
        subprotocol_ = static_cast<uint8_t>(std::min<size_t>(index + 1, subprotocol_in_extras));
        if (index == names.size()) subprotocol_ = subprotocol_in_extras;
        if (subprotocol_ == subprotocol_in_extras) extras().subprotocol = subprotocol;
    }
    if (!deflate) return;
    extras().deflate = deflate;
    if (!deflate->client_no_context_takeover)
        extras_->inflater = std::make_unique<ws::Inflater>(ws::Inflater::Context::takeover,
                                                           deflate->client_max_window_bits);
    ws::Inflater* inflater =
        extras_->inflater ? extras_->inflater.get() : &context.worker.shared_inflater();
    receiver_ = ws::Receiver(ws::Role::server, context.site.receiver_limits, inflater);
}

WsConnection::~WsConnection() {
    if (data_.is_borrowed()) context_->handler().on_freed(*this);
}

void WsConnection::start() {
    heartbeat_ = ws::Heartbeat(now_ms());
    if (const auto interval = context_->site.heartbeat.interval_ms) stream_->set_timeout(interval);
    Counters& counters = context_->worker.counters();
    counters.websockets_opened.add();
    counters.websockets_open.add();
    if (Inflows* const inflows = context_->worker.inflows())
        inflows->begin(stream_->slot_key().slot);
    // After a reset the kernel does not know the address any more.
    if (context_->handler().remembers().close_reason)
        context_->worker.addresses().keep(stream_->slot_key().slot, remote_address());
    call("open", [&] { context_->handler().on_open(*this); });
}

ws::Socket WsConnection::socket() const noexcept {
    // Two sockets that are open on two workers at a time differ in the worker's index.
    return {context_->worker.lifetime(), base::pack(stream_->slot_key(), context_->worker.index())};
}

Worker& WsConnection::worker() const noexcept { return context_->worker; }

WsConnection::Extras& WsConnection::extras() {
    if (!extras_) extras_ = std::make_unique<Extras>();
    return *extras_;
}

detail::Scope& WsConnection::coroutines() {
    auto& scope = extras().coroutines;
    if (!scope) scope = std::make_unique<detail::Scope>();
    return *scope;
}

uint32_t WsConnection::now_ms() const noexcept {
    return static_cast<uint32_t>(stream_->loop().now_ms());
}

// An exception from a handler ends that handler's connection, and no other.
template <class F>
void WsConnection::call(std::string_view where, F&& handler) {
    try {
        handler();
    } catch (...) {
        handler_threw(where, detail::describe(std::current_exception()));
    }
}

void WsConnection::run(const Callback<void(ws::Socket)>& posted) {
    if (is_open()) call("post", [&] { posted(socket()); });
}

void WsConnection::handler_threw(std::string_view where, std::string_view what) {
    context_->worker.log_exception(where, what);
    // A closing connection continues to close: its close frame may still be queued.
    if (is_open()) violate(ws::close_code::internal_error, "internal error");
}

// ---- receiving ----------------------------------------------------------------------------------

void WsConnection::on_bytes(std::span<std::byte>& input) {
    heartbeat_.on_bytes(now_ms());
    ws::receive(*this, *stream_, receiver_, input);
}

// The stream keeps the bytes that it has read. The rest stays in the kernel, whose full buffer
// slows the peer down.
void WsConnection::pause() {
    if (is_open()) stream_->pause_receiving();
}

void WsConnection::resume() { ws::resume_receiving(*stream_, heartbeat_, now_ms()); }

void WsConnection::on_message(const ws::Event& event) {
    context_->worker.counters().messages_received.add();
    if (!closing_.may_send()) return;
    const std::span<const std::byte> bytes = event.bytes;
    Inflows* const inflows = context_->worker.inflows();
    if (inflows && !takes_message(*inflows, bytes.size())) [[unlikely]]
        return;
    call("message", [&] {
        context_->handler().on_message(*this, event.opcode == ws::Opcode::text
                                                  ? ws::Message(base::text_of(bytes))
                                                  : ws::Message(bytes));
    });
}

bool WsConnection::takes_message(Inflows& inflows, size_t bytes) {
    if (inflows.takes_message(stream_->slot_key().slot, bytes, stream_->loop().now_ms()))
        return true;
    context_->worker.counters().limited_messages.add();
    if (inflows.drops() && context_->handler().may_drop()) return false;
    constexpr std::string_view reason = "too many messages";
    log_fault(ws::close_code::policy_violation, reason);
    call("violation", [&] { context_->handler().on_violation(*this); });
    violate(ws::close_code::policy_violation, reason);
    return false;
}

bool WsConnection::takes_join() {
    Inflows* const inflows = context_->worker.inflows();
    if (!inflows || inflows->takes_join(stream_->slot_key().slot, stream_->loop().now_ms()))
        return true;
    context_->worker.counters().limited_joins.add();
    return false;
}

void WsConnection::on_ping(std::string_view payload) {
    call("ping", [&] { context_->handler().on_ping(*this, payload); });
}

void WsConnection::on_pong(std::span<const std::byte> payload) {
    if (const auto took = heartbeat_.on_pong(payload, now_ms())) round_trip_.took(*took);
    call("pong", [&] { context_->handler().on_pong(*this, base::text_of(payload)); });
}

void WsConnection::on_peer_close(uint16_t code, std::string_view reason) {
    note_reason(reason);
    act(closing_.on(ws::Closing::Event::peer_close, ws::Role::server, code), code, {});
    // The queue is sent before the stream ends, so the answer counts as flushed.
    (void)closing_.on(ws::Closing::Event::flushed, ws::Role::server);
    stream_->close();
    release_codecs();
}

void WsConnection::on_violation(uint16_t code, std::string_view reason) {
    context_->worker.counters().protocol_errors.add();
    log_fault(code, reason);
    call("violation", [&] { context_->handler().on_violation(*this); });
    violate(code, reason);
}

void WsConnection::owe_pong(std::string_view payload) { extras().pong = payload; }

void WsConnection::write_pong_owed() {
    if (!extras_ || !extras_->pong) return;
    const std::string payload = *std::exchange(extras_->pong, std::nullopt);
    write_control(ws::Opcode::pong, base::bytes_of(payload));
    release_extras();
}

// A connection that only waits for its end needs little memory.
void WsConnection::release_codecs() noexcept {
    if (!extras_) return;
    extras_->inflater.reset();
    extras_->deflater.reset();
}

// Frees the extras if nothing is left in them, for example after a single ping.
void WsConnection::release_extras() noexcept {
    const Extras& e = *extras_;
    if (!e.following && !e.deflate && e.subprotocol.empty() && e.close_reason.empty() && !e.pong &&
        !e.dropped && !e.coroutines)
        extras_.reset();
}

void WsConnection::on_drained() {
    note_queue();
    write_pong_owed();
    call("drain", [&] { context_->handler().on_drained(*this); });
}

void WsConnection::on_timeout() {
    if (!closing_.may_send()) {
        // The time to answer our close frame starts when the peer has received it.
        if (stream_->peer_takes()) return stream_->set_timeout(close_timeout_ms);
        return act(closing_.on(ws::Closing::Event::timeout, ws::Role::server), 0, {});
    }
    if (!ws::keep_alive(*this, *stream_, heartbeat_, context_->site.heartbeat, now_ms()))
        act(closing_.on(ws::Closing::Event::timeout, ws::Role::server), 0, {});
}

// ---- closing ------------------------------------------------------------------------------------

void WsConnection::act(const ws::Closing::Actions& actions, uint16_t code,
                       std::string_view reason) {
    if (actions.send_close || actions.echo_close) write_close(code, reason);
    if (actions.start_timer) {
        resume();  // To read the peer's close frame.
        stream_->set_timeout(close_timeout_ms);
        (void)stream_->peer_takes();  // Starts the measurement.
    }
    if (actions.reset_transport) return stream_->close(net::Stream::Close::reset);
    if (actions.shut_down) {
        stream_->close();
        release_codecs();
    }
}

void WsConnection::write_close(uint16_t code, std::string_view reason) {
    write_pong_owed();
    ws::write_close(*this, code, reason);
}

void WsConnection::violate(uint16_t code, std::string_view reason) {
    note_reason(reason);
    act(closing_.on(ws::Closing::Event::violation, ws::Role::server, code), code, reason);
}

void WsConnection::note_reason(std::string_view reason) {
    if (closing_.may_send() && context_->handler().remembers().close_reason && !reason.empty())
        extras().close_reason = reason;
}

void WsConnection::close(uint16_t code, std::string_view reason) {
    context_->worker.hub().catch_up(*this);
    note_reason(reason);
    act(closing_.on(ws::Closing::Event::local_close, ws::Role::server, code), code, reason);
}

void WsConnection::terminate() {
    closing_.terminated();
    stream_->close(net::Stream::Close::reset);
}

void WsConnection::go_away() {
    call("close", [&] { context_->handler().on_server_stops(*this); });
    const auto [code, reason] = context_->worker.farewell();
    close(code, reason);
}

void WsConnection::on_ended() { stream_->close(); }

void WsConnection::on_closed(net::CloseReason reason) {
    (void)closing_.on(ws::Closing::Event::transport_gone, ws::Role::server);
    if (extras_) extras_->coroutines.reset();
    Counters& counters = context_->worker.counters();
    counters.websockets_open.subtract();
    counters.closes[close_place(closing_.reported_code())].add();
    context_->worker.connection_closed(*stream_, reason);
    context_->worker.hub().leave_all(*this);
    const std::string text = extras_ ? extras_->close_reason : std::string();
    call("close", [&] {
        context_->handler().on_closed(*this, closing_.reported_code(), text, closed_by());
    });
    context_->worker.addresses().forget(stream_->slot_key().slot);
}

ws::ClosedBy WsConnection::closed_by() const noexcept {
    switch (closing_.closer()) {
        case ws::Closing::Closer::peer: return ws::ClosedBy::peer;
        case ws::Closing::Closer::local: return ws::ClosedBy::local;
        case ws::Closing::Closer::nobody: break;
    }
    return ws::ClosedBy::lost;
}

std::string WsConnection::remote_address() const { return context_->worker.address_of(*stream_); }

void WsConnection::log_fault(uint16_t code, std::string_view reason) {
    context_->worker.log_fault(code, reason, remote_address());
}

// ---- for operators ------------------------------------------------------------------------------

void WsConnection::describe(ConnectionFacts& facts) {
    facts.kind = "websocket";
    facts.path = context_->site.pattern;
    facts.subprotocol = subprotocol();
    facts.address = remote_address();
    facts.round_trip_ms = round_trip_ms();
    for (std::string& topic : context_->worker.hub().topics_of(*this))
        facts.add_room(std::move(topic));
    context_->handler().describe(*this, facts);
}

// Called between two events of the connection.
void WsConnection::follow(std::shared_ptr<WsFollower> follower) {
    unfollow();
    extras().following = std::make_unique<WsFollowing>(*context_, std::move(follower));
    context_ = &extras_->following->context();
}

void WsConnection::unfollow() {
    if (!extras_ || !extras_->following) return;
    context_ = &extras_->following->original();
    extras_->following.reset();
    release_extras();
}

void WsConnection::tell_dropped() {
    const uint64_t messages = std::exchange(extras().dropped, 0);
    release_extras();
    call("dropped", [&] { context_->handler().on_dropped(*this, messages); });
}

// ---- what ws::Socket reports --------------------------------------------------------------------

size_t WsConnection::buffered_amount() const noexcept { return stream_->queued_bytes(); }

std::string_view WsConnection::subprotocol() const noexcept {
    if (subprotocol_ == 0) return {};
    if (subprotocol_ == subprotocol_in_extras) return extras_->subprotocol;
    return context_->route().subprotocols[subprotocol_ - 1u];
}

}  // namespace starling::server
