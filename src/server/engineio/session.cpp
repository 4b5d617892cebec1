#include <algorithm>
#include <exception>
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

EngineSession::EngineSession(EngineWorker& host, base::SlotKey key,
                             const engineio::SidSecret& secret, engineio::Revision revision,
                             engineio::Transport transport, bool supports_binary)
    : host_(host),
      core_(revision, transport, host.engine.session_options_, host.worker.loop().now_ms()),
      secret_(secret),
      supports_binary_(supports_binary),
      key_(key) {}

EngineSession::~EngineSession() = default;

EngineSession::Extras& EngineSession::extras() {
    if (!extras_) extras_ = std::make_unique<Extras>();
    return *extras_;
}

void EngineSession::release_extras() noexcept {
    // Over a WebSocket no further poll comes.
    if (!extras_ || core_.state() != State::websocket) return;
    const bool used = extras_->post.generation || extras_->answered.generation;
    if (!used && !extras_->unjoined) extras_.reset();
}

bool EngineSession::takes_join() {
    Inflows* const inflows = host_.inflows();
    if (!inflows || inflows->takes_join(key_.slot, now_ms())) return true;
    host_.worker.counters().limited_joins.add();
    return false;
}

void EngineSession::keep() noexcept {
    STARLING_ASSERT(on_own_thread());
    if (!extras_) return;
    extras_->unjoined.reset();
    release_extras();
}

engineio::Sid EngineSession::sid() const noexcept { return host_.sid_of(key_.slot, secret_); }

Worker& EngineSession::worker() const noexcept { return host_.worker; }

bool EngineSession::on_own_thread() const noexcept {
    return host_.worker.loop().touched_by_own_thread();
}

uint64_t EngineSession::now_ms() const noexcept { return host_.worker.loop().now_ms(); }

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
    host_.worker.log_exception("session", what);
    drop(EngineClose::forced_server_close);
}

bool EngineSession::make_user(const EngineFactory& factory, const http::Request& request) {
    call([&] { user_ = factory(*this, request); });
    return user_ && is_open();
}

void EngineSession::open() {
    const EngineOptions& options = host_.engine.options_;
    const engineio::Sid id = sid();
    const engineio::OpenPacket packet{
        .sid = id.view(),
        .upgrade_to_websocket = engineio::may_upgrade(core_.transport(), host_.engine.policy_),
        .ping_interval_ms = host_.engine.session_options_.ping_interval_ms,
        .ping_timeout_ms = host_.engine.session_options_.ping_timeout_ms,
        .max_payload_bytes = options.max_http_buffer_size,
    };
    host_.engine.sessions_opened_.fetch_add(1, std::memory_order_relaxed);
    send_now("0" + engineio::open_data(packet));
    call([&] { user_->on_open(); });
}

// ---- sending ------------------------------------------------------------------------------------

void EngineSession::send_text(std::string_view packet, bool compress) {
    STARLING_ASSERT(on_own_thread());
    if (core_.may_send()) send_now(packet, compress);
}

void EngineSession::send_now(std::string_view packet, bool compress) {
    if (core_.state() != State::websocket || !socket())
        return enqueue(base::SharedBytes::copy(base::bytes_of(packet)), false);
    if (fits_beside_reply(packet.size())) [[likely]]
        socket()->send(ws::Message(packet), compress);
}

void EngineSession::send_binary(std::span<const std::byte> bytes, bool compress) {
    STARLING_ASSERT(on_own_thread());
    if (!core_.may_send()) return;
    if (core_.state() != State::websocket || !socket())
        return enqueue(base::SharedBytes::copy(bytes), true);
    if (fits_beside_reply(bytes.size())) send_binary_frame(bytes, compress);
}

// After an upgrade the answer to the last poll may still wait for a client that does not read it.
// The answer counts against the limit as well. False: the session has ended.
bool EngineSession::fits_beside_reply(size_t bytes) {
    if (!extras_) [[likely]]
        return true;
    const size_t unsent = unsent_reply_bytes();
    const size_t queued = socket()->buffered_amount();
    if (unsent == 0 || unsent + queued + bytes <= host_.engine.options_.send_queue_bytes_max)
        return true;
    host_.worker.counters().messages_dropped.add();
    drop(EngineClose::transport_error);
    return false;
}

void EngineSession::send_binary_frame(std::span<const std::byte> bytes, bool compress) {
    const engineio::Packet packet{engineio::Type::message, true, base::text_of(bytes)};
    EngineSocket& to = *socket();
    if (supports_binary_ && core_.revision() == engineio::Revision::eio4) {
        to.send(ws::Message(bytes), compress);
        return;
    }
    // Not the worker's scratch buffer: compression may use that.
    std::string frame;
    if (!supports_binary_) {
        engineio::append_text(frame, packet, core_.revision());
        to.send(ws::Message(frame), compress);
        return;
    }
    const auto parts = engineio::frame_of(packet, core_.revision());
    frame.append(parts.head).append(parts.data);
    to.send(ws::Message(base::bytes_of(frame)), compress);
}

void EngineSession::deliver(hub::Publication& publication) {
    STARLING_ASSERT(on_own_thread());
    if (!core_.may_send()) return;
    const bool binary = publication.message.binary;
    const bool to_websocket = core_.state() == State::websocket && socket();
    if (to_websocket && !fits_beside_reply(publication.message.bytes.size())) return;
    // A WebSocket carries the message as it is, except binary data in revision 3 or as base64.
    if (to_websocket &&
        (!binary || (supports_binary_ && core_.revision() == engineio::Revision::eio4)))
        return socket()->deliver(publication);
    ++publication.taken;
    if (to_websocket) return send_binary_frame(publication.message.bytes, publication.compress);
    auto& shared = publication.encodings[binary ? binary_encoding : text_encoding];
    if (!shared) shared = base::SharedBytes::copy(publication.message.bytes);
    enqueue(shared, binary);
}

void EngineSession::enqueue(base::SharedBytes bytes, bool binary) {
    if (!queue_) queue_ = std::make_unique<EngineQueue>();
    queue_->bytes += bytes.size();
    queue_->packets.push_back({std::move(bytes), binary});
    // As on a WebSocket: a single message may exceed the limit.
    const size_t cost =
        queue_->bytes + queue_->packets.size() * queued_packet_bytes + unsent_reply_bytes();
    if (cost > host_.engine.options_.send_queue_bytes_max && queue_->packets.size() > 1) {
        host_.worker.counters().messages_dropped.add();
        return drop(EngineClose::transport_error);
    }
    if (core_.outlet() == Outlet::poll) host_.flush_soon(*this);
}

void EngineSession::flush() {
    flush_due_ = false;
    if (queue_ && core_.outlet() == Outlet::poll && poll_has_room() && core_.claim_poll())
        answer_poll(true, {});
}

void EngineSession::flush_websocket() {
    release_extras();
    const std::unique_ptr<EngineQueue> queue = std::move(queue_);
    if (!queue || !socket()) return;
    for (const auto& packet : queue->packets) {
        if (packet.binary)
            send_binary_frame(packet.bytes.view());
        else
            socket()->send(ws::Message(base::text_of(packet.bytes.view())));
    }
}

bool EngineSession::writable() const noexcept {
    if (!core_.may_send()) return false;
    if (core_.state() == State::websocket) return socket() && socket()->is_writable();
    return core_.outlet() == Outlet::poll;
}

size_t EngineSession::queued_bytes() const noexcept {
    const size_t waiting = (queue_ ? queue_->bytes : 0) + unsent_reply_bytes();
    const bool websocket = core_.state() == State::websocket && socket();
    return waiting + (websocket ? socket()->buffered_amount() : 0);
}

// ---- backpressure -------------------------------------------------------------------------------

void EngineSession::pause() {
    if (!core_.may_send() || core_.paused()) return;
    core_.pause(now_ms());
    if (on_websocket() && socket()) socket()->pause();
    schedule();
}

void EngineSession::resume() {
    if (!core_.may_send() || !core_.paused()) return;
    core_.resume(now_ms());
    if (on_websocket() && socket()) socket()->resume();
    if (extras_ && extras_->post_held) {
        // Before the answer: the next POST may be there already.
        (void)core_.on(Event::post_done, now_ms());
        answer_held_post();
    }
    if (core_.state() != State::closed) schedule();
}

void EngineSession::ping() {
    STARLING_ASSERT(on_own_thread());
    act(core_.ping(now_ms()));
}

// ---- what happens -------------------------------------------------------------------------------

void EngineSession::socket_opened(EngineSocket& socket) {
    if (core_.state() == State::websocket) return open();  // This WebSocket opened the session.
    const Actions actions = core_.on(Event::websocket_attached, now_ms());
    if (actions.refuse_websocket) return socket.close(ws::close_code::normal);
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
        log_fault(decoded.fault, socket()->remote_address());
        return act(core_.on(Event::websocket_fault, now_ms()));
    }
    take(engineio::Link::websocket, decoded.packet);
}

void EngineSession::socket_ended(Event event) {
    untie();
    // The server stops and accepts no further request that could find this session.
    if (host_.worker.stopping() && (core_.state() == State::websocket || !poll_))
        return drop(EngineClose::server_shutting_down);
    act(core_.on(event, now_ms()));
}

void EngineSession::close(EngineClose reason) {
    STARLING_ASSERT(on_own_thread());
    // In a reply of its own: clients process packets that come with a close only after the close.
    flush();
    act(core_.close(reason, now_ms()));
}

void EngineSession::drop(EngineClose reason) { act(core_.drop(reason, now_ms())); }

void EngineSession::set_timer(uint64_t delay_ms) {
    STARLING_ASSERT(on_own_thread());
    if (core_.state() == State::closed) return;
    timer_due_ms_ = std::max<uint64_t>(now_ms() + delay_ms, 1);
    schedule();
}

void EngineSession::schedule() {
    const uint64_t due_ms = core_.deadline_ms();
    host_.set_deadline(*this, timer_due_ms_ ? std::min(due_ms, timer_due_ms_) : due_ms);
    // The wheel is too coarse for the noop on which an upgrade waits.
    if (core_.state() == State::probed && core_.poll_pending()) host_.call_exactly(*this, due_ms);
}

void EngineSession::on_due() {
    while (core_.state() != State::closed && core_.deadline_ms() <= now_ms())
        act(core_.on_timer(now_ms()));
    if (core_.state() == State::closed) return;
    if (timer_due_ms_ && timer_due_ms_ <= now_ms()) {
        timer_due_ms_ = 0;
        if (core_.may_send()) call([&] { user_->on_timer(); });
    }
    if (core_.state() != State::closed && !linked()) schedule();
}

void EngineSession::act(const Actions& actions, const engineio::Packet* packet) {
    if (actions.deliver) return give(*packet);
    if (actions.send_probe_answer) socket()->send(ws::Message("3probe"));
    if (actions.send_ping) send_now("2");
    if (actions.send_pong) send_now("3");
    if (actions.answer_noop) answer_poll(false, "6");
    if (actions.answer_close) answer_poll(true, "1");
    if (actions.flush_poll && queue_ && poll_has_room() && core_.claim_poll())
        answer_poll(true, {});
    if (actions.flush_websocket) {
        flush_websocket();
        // A paused session that upgrades to a WebSocket pauses that WebSocket, too.
        if (core_.paused() && on_websocket() && socket()) socket()->pause();
    }
    if (actions.upgraded && user_) call([&] { user_->on_upgrade(); });
    if (actions.close_websocket && socket()) {
        const bool stops = actions.closed && core_.reason() == EngineClose::server_shutting_down;
        socket()->close(stops ? ws::close_code::going_away : ws::close_code::normal);
    }
    if (actions.closed) return end();
    if (core_.state() != State::closed) schedule();
}

void EngineSession::take(engineio::Link link, const engineio::Packet& packet) {
    const bool awaited = core_.awaits_pong();
    act(core_.on_packet(link, packet, now_ms()), &packet);
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
    host_.log_fault("Engine.IO: a client broke the protocol", engineio::fault_text(fault), address);
}

void EngineSession::end() {
    unlink();
    timer_due_ms_ = 0;
    answer_held_post();
    extras_.reset();
    poll_.reset();
    queue_.reset();
    untie();
    host_.ended(*this);
    if (!user_) return;
    try {
        user_->on_close(core_.reason());
    } catch (...) {
        host_.worker.log_exception("session", base::describe_current_exception());
    }
}

}  // namespace starling::server
