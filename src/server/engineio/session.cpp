#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "base/assert.h"
#include "base/exception_text.h"
#include "base/text.h"
#include "server/engineio/engine_worker.h"
#include "server/engineio/polling.h"
#include "server/engineio/queue.h"
#include "server/engineio/websocket.h"
#include "ws/frame.h"

namespace starling::server {

using State = engineio::Session::State;
using Outlet = engineio::Session::Outlet;

namespace {

// Indices in hub::Publication::encodings (WebSockets use 0 and 1), for packets without a frame.
constexpr size_t text_encoding = 2, binary_encoding = 3;

// Memory of a queued packet besides its bytes: a pong has only one byte.
constexpr size_t queued_packet_bytes = sizeof(EngineQueue::Packet) + 48;

}  // namespace

EngineSession::EngineSession(uint32_t generation, const EngineWorker& host,
                             const engineio::SidSecret& secret, engineio::Revision revision,
                             engineio::Transport transport, bool supports_binary) noexcept
    : core_(revision, transport, {host.engine.session_options_, host.worker.loop().now_ms()}),
      generation_(generation),
      secret_(secret),
      supports_binary_(supports_binary) {}

// First the handler: it may send, which needs the other members.
EngineSession::~EngineSession() {
    user_.reset();
    STARLING_ASSERT(!websocket_);  // It would keep a pointer to this session.
}

EngineSession::Extras& EngineSession::extras() {
    if (!extras_) extras_ = std::make_unique<Extras>();
    return *extras_;
}

void EngineSession::release_extras() noexcept {
    // Over a WebSocket no further poll comes.
    if (!extras_ || core_.state() != State::websocket) return;
    const bool used =
        extras_->post.generation || extras_->answered.generation || extras_->timer_due_low;
    if (!used && !extras_->unjoined && !extras_->poll && !extras_->queue) extras_.reset();
}

bool EngineSession::takes_join() {
    Inflows* const inflows = host().inflows();
    if (!inflows || inflows->takes_join(slot_key().slot, now_ms())) return true;
    host().worker.counters().limited_joins.add();
    return false;
}

void EngineSession::keep() noexcept {
    STARLING_ASSERT(on_own_thread());
    if (!extras_) return;
    extras_->unjoined.reset();
    release_extras();
}

engineio::Sid EngineSession::sid() const noexcept {
    return host().sid_of(slot_key().slot, secret_);
}

Worker& EngineSession::worker() const noexcept { return host().worker; }

EngineProtocolPart& EngineSession::protocol_part() const noexcept { return *host().protocol_part; }

bool EngineSession::on_own_thread() const noexcept {
    return host().worker.loop().touched_by_own_thread();
}

uint64_t EngineSession::now_ms() const noexcept { return host().worker.loop().now_ms(); }

engineio::Moment EngineSession::now() const noexcept {
    return {host().engine.session_options_, now_ms()};
}

bool EngineSession::on_websocket() const noexcept { return core_.state() == State::websocket; }

// An exception from the handler ends its session; other sessions are not affected.
template <class F>
void EngineSession::call(F&& call_user) {
    try {
        call_user();
    } catch (...) {
        user_threw(base::describe_current_exception());
    }
}

void EngineSession::user_threw(std::string_view what) {
    host().worker.log_exception("session", what);
    drop(EngineClose::forced_server_close);
}

bool EngineSession::make_user(const EngineFactory& factory, const http::Request& request) {
    call([&] { user_ = factory(*this, request); });
    return user_ && is_open();
}

void EngineSession::open() {
    const EngineOptions& options = host().engine.options_;
    const engineio::Sid id = sid();
    const engineio::OpenPacket packet{
        .sid = id.view(),
        .upgrade_to_websocket = engineio::may_upgrade(core_.transport(), host().engine.policy_),
        .ping_interval_ms = host().engine.session_options_.ping_interval_ms,
        .ping_timeout_ms = host().engine.session_options_.ping_timeout_ms,
        .max_payload_bytes = options.max_http_buffer_size,
    };
    host().engine.sessions_opened_.fetch_add(1, std::memory_order_relaxed);
    send_now("0" + engineio::open_data(packet));
    call([&] { user_->on_open(); });
}

void EngineSession::open_taken_over(SessionWebSocket websocket) {
    websocket_ = websocket;
    host().engine.sessions_opened_.fetch_add(1, std::memory_order_relaxed);
    call([&] { user_->on_open(); });
}

// ---- sending ------------------------------------------------------------------------------------

void EngineSession::send_text(std::string_view packet, bool compress) {
    STARLING_ASSERT(on_own_thread());
    if (core_.may_send()) send_now(packet, compress);
}

void EngineSession::send_now(std::string_view packet, bool compress) {
    if (core_.state() != State::websocket || !websocket_)
        return enqueue(base::SharedBytes::copy(base::bytes_of(packet)), false);
    if (fits_beside_reply(packet.size())) [[likely]]
        websocket_.send(ws::Message(packet), compress);
}

void EngineSession::send_binary(std::span<const std::byte> bytes, bool compress) {
    STARLING_ASSERT(on_own_thread());
    if (!core_.may_send()) return;
    if (core_.state() != State::websocket || !websocket_)
        return enqueue(base::SharedBytes::copy(bytes), true);
    if (fits_beside_reply(bytes.size())) send_binary_frame(bytes, compress);
}

// After an upgrade the answer to the last poll may still wait for a client that does not read it.
// The answer counts against the limit as well. False: the session has ended.
bool EngineSession::fits_beside_reply(size_t bytes) {
    if (!extras_) [[likely]]
        return true;
    const size_t unsent = unsent_reply_bytes();
    const size_t queued = websocket_.buffered_amount();
    if (unsent == 0 || unsent + queued + bytes <= host().engine.options_.send_queue_bytes_max)
        return true;
    host().worker.counters().messages_dropped.add();
    drop(EngineClose::transport_error);
    return false;
}

void EngineSession::send_binary_frame(std::span<const std::byte> bytes, bool compress) {
    const engineio::Packet packet{engineio::Type::message, true, base::text_of(bytes)};
    if (supports_binary_ && core_.revision() == engineio::Revision::eio4) {
        websocket_.send(ws::Message(bytes), compress);
        return;
    }
    // Not the worker's scratch buffer: compression may use that.
    std::string frame;
    if (!supports_binary_) {
        engineio::append_text(frame, packet, core_.revision());
        websocket_.send(ws::Message(frame), compress);
        return;
    }
    const auto parts = engineio::frame_of(packet, core_.revision());
    frame.append(parts.head).append(parts.data);
    websocket_.send(ws::Message(base::bytes_of(frame)), compress);
}

void EngineSession::deliver(hub::Publication& publication) {
    STARLING_ASSERT(on_own_thread());
    if (!core_.may_send()) return;
    const bool binary = publication.message.binary;
    const bool to_websocket = core_.state() == State::websocket && static_cast<bool>(websocket_);
    if (to_websocket && !fits_beside_reply(publication.message.bytes.size())) return;
    // A WebSocket carries the message as it is, except binary data in revision 3 or as base64.
    if (to_websocket &&
        (!binary || (supports_binary_ && core_.revision() == engineio::Revision::eio4)))
        return websocket_.deliver(publication);
    ++publication.taken;
    if (to_websocket) return send_binary_frame(publication.message.bytes, publication.compress);
    auto& shared = publication.encodings[binary ? binary_encoding : text_encoding];
    if (!shared) shared = base::SharedBytes::copy(publication.message.bytes);
    enqueue(shared, binary);
}

void EngineSession::enqueue(base::SharedBytes bytes, bool binary) {
    auto& queue = extras().queue;
    if (!queue) queue = std::make_unique<EngineQueue>();
    queue->bytes += bytes.size();
    queue->packets.push_back({std::move(bytes), binary});
    // As on a WebSocket: a single message may exceed the limit.
    const size_t cost =
        queue->bytes + queue->packets.size() * queued_packet_bytes + unsent_reply_bytes();
    if (cost > host().engine.options_.send_queue_bytes_max && queue->packets.size() > 1) {
        host().worker.counters().messages_dropped.add();
        return drop(EngineClose::transport_error);
    }
    if (core_.outlet() == Outlet::poll) host().flush_soon(*this);
}

void EngineSession::flush() {
    flush_due_ = false;
    if (queue() && core_.outlet() == Outlet::poll && poll_has_room() && core_.claim_poll())
        answer_poll(true, {});
}

void EngineSession::flush_websocket() {
    const std::unique_ptr<EngineQueue> queue = extras_ ? std::move(extras_->queue) : nullptr;
    release_extras();
    if (!queue || !websocket_) return;
    for (const auto& packet : queue->packets) {
        if (packet.binary)
            send_binary_frame(packet.bytes.view());
        else
            websocket_.send(ws::Message(base::text_of(packet.bytes.view())));
    }
}

bool EngineSession::writable() const noexcept {
    if (!core_.may_send()) return false;
    if (core_.state() == State::websocket) return websocket_ && websocket_.is_writable();
    return core_.outlet() == Outlet::poll;
}

size_t EngineSession::queued_bytes() const noexcept {
    const size_t waiting = (queue() ? queue()->bytes : 0) + unsent_reply_bytes();
    const bool websocket = core_.state() == State::websocket && static_cast<bool>(websocket_);
    return waiting + (websocket ? websocket_.buffered_amount() : 0);
}

// ---- backpressure -------------------------------------------------------------------------------

void EngineSession::pause() {
    if (!core_.may_send() || core_.paused()) return;
    core_.pause(now());
    if (on_websocket() && websocket_) websocket_.pause();
    schedule();
}

void EngineSession::resume() {
    if (!core_.may_send() || !core_.paused()) return;
    core_.resume(now());
    if (on_websocket() && websocket_) websocket_.resume();
    if (extras_ && extras_->post_held) {
        // Before the answer: the next POST may be there already.
        (void)core_.on(Event::post_done, now());
        answer_held_post();
    }
    if (core_.state() != State::closed) schedule();
}

void EngineSession::ping() {
    STARLING_ASSERT(on_own_thread());
    act(core_.ping(now()));
}

// ---- what happens -------------------------------------------------------------------------------

void EngineSession::websocket_opened(SessionWebSocket websocket) {
    websocket_ = websocket;
    if (core_.state() == State::websocket) return open();  // This WebSocket opened the session.
    const Actions actions = core_.on(Event::websocket_attached, now());
    if (actions.refuse_websocket) return close_websocket(ws::close_code::normal);
    act(actions);
}

void EngineSession::on_frame(std::span<const std::byte> bytes, bool binary) {
    const std::string_view text = base::text_of(bytes);
    if (core_.state() == State::websocket) {  // Fast path for messages, nearly all frames.
        if (!binary && text.starts_with('4')) return call([&] { user_->on_text(text.substr(1)); });
        if (binary && core_.revision() == engineio::Revision::eio4)
            return call([&] { user_->on_binary(bytes); });
    }
    std::string scratch;
    const auto decoded = binary ? engineio::decode_binary(text, core_.revision())
                                : engineio::decode_text(text, core_.revision(), scratch);
    if (decoded.fault != engineio::Fault::none) {
        log_fault(decoded.fault, websocket_.remote_address());
        return act(core_.on(Event::websocket_fault, now()));
    }
    take(engineio::Link::websocket, decoded.packet);
}

void EngineSession::untie() noexcept {
    if (websocket_) websocket_.untie();
}

void EngineSession::close_websocket(uint16_t code) {
    const SessionWebSocket websocket = websocket_;
    untie();
    websocket.close(code);
}

void EngineSession::websocket_ended(Event event) {
    untie();
    // The server stops and accepts no further request that could find this session.
    if (host().worker.stopping() && (core_.state() == State::websocket || !poll()))
        return drop(EngineClose::server_shutting_down);
    act(core_.on(event, now()));
}

void EngineSession::close(EngineClose reason) {
    STARLING_ASSERT(on_own_thread());
    // In a reply of its own: clients process packets that come with a close only after the close.
    flush();
    act(core_.close(reason, now()));
}

void EngineSession::drop(EngineClose reason) { act(core_.drop(reason, now())); }

void EngineSession::set_timer(uint64_t delay_ms) {
    STARLING_ASSERT(on_own_thread());
    if (core_.state() == State::closed) return;
    constexpr uint64_t delay_ms_max = INT32_MAX;  // A longer one is told early.
    const uint64_t due_ms = now_ms() + std::min(delay_ms, delay_ms_max);
    extras().timer_due_low = std::max<uint32_t>(static_cast<uint32_t>(due_ms), 1);
    schedule();
}

void EngineSession::cancel_timer() noexcept {
    if (!extras_) return;
    extras_->timer_due_low = 0;
    release_extras();
}

uint64_t EngineSession::timer_due_ms() const noexcept {
    const uint64_t at_ms = now_ms();
    const auto left = static_cast<int32_t>(extras_->timer_due_low - static_cast<uint32_t>(at_ms));
    return at_ms + static_cast<uint64_t>(std::max(left, 0));
}

void EngineSession::schedule() {
    const uint64_t due_ms = core_.deadline_ms();
    host().set_deadline(*this, has_timer() ? std::min(due_ms, timer_due_ms()) : due_ms);
    // The wheel is too coarse for the noop on which an upgrade waits.
    if (core_.state() == State::probed && core_.poll_pending()) host().call_exactly(*this, due_ms);
}

void EngineSession::on_due() {
    while (core_.state() != State::closed && core_.deadline_ms() <= now_ms())
        act(core_.on_timer(now()));
    if (core_.state() == State::closed) return;
    if (has_timer() && timer_due_ms() <= now_ms()) {
        cancel_timer();
        if (core_.may_send()) call([&] { user_->on_timer(); });
    }
    if (core_.state() != State::closed && !host().has_deadline(*this)) schedule();
}

// Runs a part of the session's end. An exception does not stop the other parts.
template <class F>
void EngineSession::attempt(F&& part) noexcept {
    try {
        part();
    } catch (...) {
        try {
            host().worker.log_exception("session", base::describe_current_exception());
        } catch (const std::bad_alloc&) {  // The process has no memory for a line.
        }
    }
}

void EngineSession::act(const Actions& actions, const engineio::Packet* packet) {
    if (actions.deliver) return give(*packet);
    if (actions.closed) return act_and_end(actions);
    send_answers(actions);
    if (actions.close_websocket && websocket_) close_websocket(ws::close_code::normal);
    if (core_.state() != State::closed) schedule();
}

// The core takes no event once it is closed, so end() must be called now, even without memory for
// the last answers. A poll without its answer is dropped by end().
void EngineSession::act_and_end(const Actions& actions) {
    attempt([&] { send_answers(actions); });
    attempt([&] {
        if (!actions.close_websocket || !websocket_) return;
        const bool stops = core_.reason() == EngineClose::server_shutting_down;
        close_websocket(stops ? ws::close_code::going_away : ws::close_code::normal);
    });
    end();
}

void EngineSession::send_answers(const Actions& actions) {
    if (actions.send_probe_answer) websocket_.send(ws::Message("3probe"));
    if (actions.send_ping) send_now("2");
    if (actions.send_pong) send_now("3");
    if (actions.answer_noop) answer_poll(false, "6");
    if (actions.answer_close) answer_poll(true, "1");
    if (actions.flush_poll && queue() && poll_has_room() && core_.claim_poll())
        answer_poll(true, {});
    if (actions.flush_websocket) {
        flush_websocket();
        // A paused session that upgrades to a WebSocket pauses that WebSocket, too.
        if (core_.paused() && on_websocket() && websocket_) websocket_.pause();
    }
    if (actions.upgraded && user_) call([&] { user_->on_upgrade(); });
}

void EngineSession::take(engineio::Link link, const engineio::Packet& packet) {
    const bool awaited = core_.awaits_pong();
    act(core_.on_packet(link, packet, now()), &packet);
    if (awaited && !core_.awaits_pong() && core_.may_send()) call([&] { user_->on_pong(); });
}

void EngineSession::give(const engineio::Packet& packet) {
    call([&] {
        if (packet.binary)
            user_->on_binary(base::bytes_of(packet.data));
        else
            user_->on_text(packet.data);
    });
}

void EngineSession::log_fault(engineio::Fault fault, std::string_view address) const {
    host().log_fault("Engine.IO: a client broke the protocol", engineio::fault_text(fault),
                     address);
}

void EngineSession::end() {
    attempt([&] { answer_held_post(); });
    extras_.reset();
    untie();
    host().ended(*this);
    if (user_) attempt([&] { user_->on_close(core_.reason()); });
}

}  // namespace starling::server
