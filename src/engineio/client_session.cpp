#include "engineio/client_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"

namespace starling::engineio {
namespace {

constexpr uint64_t never = UINT64_MAX;
// Volatile messages are dropped while so many bytes wait for the server.
constexpr uint64_t writable_bytes_max = 64 * 1024;
constexpr std::string_view close_packet = "1";
constexpr std::string_view close_packet3 = "1:1";

// The size of a packet within a payload: the separator (revision 3: the length), its type, and its
// data, as base64 if it is binary.
size_t payload_bytes(bool binary, size_t data_bytes, Revision revision) {
    const size_t frame_bytes = revision == Revision::eio4 ? 2 : 14;
    return frame_bytes + (binary ? (data_bytes + 2) / 3 * 4 : data_bytes);
}

}  // namespace

std::string_view reason_text(ClientReason reason) noexcept {
    constexpr std::array<std::string_view, 5> texts = {
        "transport error", "transport close", "ping timeout", "forced close", "parse error"};
    return texts[static_cast<size_t>(reason)];
}

struct ClientSession::Answer {
    Answer(std::string text, Revision revision, PayloadKind kind, size_t limit)
        : body(std::move(text)),
          // Servers 2.x encode text once.
          reader(body, revision, kind, {.packets_max = limit, .decode_twice = false}) {}

    const std::string body;
    PayloadReader reader;
};

ClientSession::ClientSession(ClientSessionOptions options, UpgradeMemory& memory, ClientWire& wire,
                             ClientEvents& events)
    : options_(std::move(options)), memory_(memory), wire_(wire), events_(events) {}

ClientSession::~ClientSession() = default;

void ClientSession::open() {
    STARLING_ASSERT(state_ == State::idle);
    state_ = State::opening;
    if (options_.transports.empty()) return fail({.message = "No transports available"});
    const auto websocket = std::ranges::find(options_.transports, Transport::websocket);
    if (options_.remember_upgrade && memory_.websocket_worked &&
        websocket != options_.transports.end())
        std::rotate(options_.transports.begin(), websocket, websocket + 1);
    start();
}

void ClientSession::start() {
    transport_ = options_.transports.front();
    if (transport_ == Transport::websocket) return wire_.open_websocket();
    polling_ = true;
    wire_.poll();
}

// ---- Packets ------------------------------------------------------------------------------------

void ClientSession::take(const Packet& packet, uint64_t now_ms) {
    if (state_ == State::opening) {
        if (packet.type == Type::open && !packet.binary) return take_open(packet.data, now_ms);
        // Node's client waits for its timeout here.
        return fail({.message = "server error", .reason = "no open packet"});
    }
    if (revision() == Revision::eio3)
        expect_until(now_ms + open_.ping_interval_ms + open_.ping_timeout_ms);
    switch (packet.type) {
        case Type::message: return events_.on_message(packet.binary, packet.data, now_ms);
        case Type::ping:
        case Type::pong: return take_heartbeat(packet.type, now_ms);
        case Type::close:
            // Over a WebSocket, the end of the WebSocket follows.
            if (transport_ == Transport::polling)
                finish(ClientReason::transport_close, {.message = "transport closed by the server"},
                       false);
            return;
        case Type::open: return fail({.message = "server error", .reason = "a second open packet"});
        case Type::upgrade:
        case Type::noop: return;
    }
}

void ClientSession::take_open(std::string_view data, uint64_t now_ms) {
    auto open = read_open(data);
    if (!open) return fail({.message = "parse error"}, ClientReason::parse_error);
    open_ = std::move(*open);
    state_ = State::open;
    writable_ = true;
    expires_ms_ = now_ms + open_.ping_interval_ms + open_.ping_timeout_ms;
    if (revision() == Revision::eio3) ping_ms_ = now_ms + open_.ping_interval_ms;
    memory_.websocket_worked = transport_ == Transport::websocket;
    if (paused_) start_pause(now_ms);
    events_.on_open();
    flush();
    const auto& ours = options_.transports;
    if (state_ == State::open && options_.upgrade && open_.upgrade_to_websocket &&
        transport_ == Transport::polling &&
        std::ranges::find(ours, Transport::websocket) != ours.end())
        start_probe();
}

void ClientSession::take_heartbeat(Type type, uint64_t now_ms) {
    if (revision() == Revision::eio3) {
        if (type == Type::pong) ping_ms_ = now_ms + open_.ping_interval_ms;
        return;
    }
    if (type == Type::pong) return;
    send_packet(Type::pong, false, {}, false);
    expect_until(now_ms + open_.ping_interval_ms + open_.ping_timeout_ms);
    if (state_ != State::closed) events_.on_ping();
}

// The server's heartbeat does not make a closing session last longer.
void ClientSession::expect_until(uint64_t ms) noexcept {
    if (state_ == State::open) expires_ms_ = ms;
}

// ---- Sending ------------------------------------------------------------------------------------

void ClientSession::send(bool binary, std::string_view data, bool compress) {
    if (state_ != State::open) return;
    drain_due_ = true;
    send_packet(Type::message, binary, data, compress);
}

void ClientSession::send_packet(Type type, bool binary, std::string_view data, bool compress) {
    if (state_ != State::open) return;
    if (transport_ == Transport::websocket && can_flush() && queue_.empty())
        return send_frame({type, binary, data}, compress);
    const uint64_t waiting_bytes = queue_bytes_ + queue_.size() * queued_packet_bytes;
    if (!queue_.empty() &&
        waiting_bytes + queued_packet_bytes + data.size() > options_.queue_bytes_max)
        return fail({.message = "the server does not take what is sent"});
    queue_bytes_ += data.size();
    queue_.push_back({type, binary, compress, std::string(data)});
    flush();
}

void ClientSession::send_frame(const Packet& packet, bool compress) {
    writable_ = wire_.send(frame_of(packet, revision()), compress);
}

bool ClientSession::can_flush() const noexcept {
    return (state_ == State::open || state_ == State::closing) && writable_ &&
           probe_ != Probe::pausing;
}

bool ClientSession::writable() const noexcept {
    // What is sent while polling pauses for the upgrade waits for the upgrade, as in Node's client.
    if (probe_ == Probe::pausing)
        return state_ == State::open && writable_ && queue_bytes_ < writable_bytes_max;
    return can_flush() && queue_.empty() &&
           (transport_ == Transport::polling || wire_.buffered_bytes() < writable_bytes_max);
}

ClientSession::Queued ClientSession::unqueue() {
    Queued packet = std::move(queue_.front());
    queue_.pop_front();
    queue_bytes_ -= packet.data.size();
    return packet;
}

void ClientSession::flush() {
    if (transport_ == Transport::polling) return post_queued();
    while (can_flush() && !queue_.empty()) {
        const Queued packet = unqueue();
        send_frame({packet.type, packet.binary, packet.data}, packet.compress);
    }
}

// At least one packet leaves, even if it is longer than the server's limit: the server refuses it.
void ClientSession::post_queued() {
    if (!can_flush() || queue_.empty()) return;
    const size_t bytes_max = open_.max_payload_bytes == 0 ? SIZE_MAX : open_.max_payload_bytes;
    PayloadWriter payload(revision(), true, SIZE_MAX);
    size_t bytes = 0;
    while (!queue_.empty()) {
        const Queued& packet = queue_.front();
        bytes += payload_bytes(packet.binary, packet.data.size(), revision());
        // The first packet has no separator in front.
        if (in_flight_ > 0 && bytes - 1 > bytes_max) break;
        if (!payload.append({packet.type, packet.binary, packet.data})) break;
        posted_bytes_ += packet.data.size();
        (void)unqueue();
        ++in_flight_;
    }
    writable_ = false;
    const PayloadKind kind = payload.kind();
    wire_.post(payload.take(), kind);
}

void ClientSession::drained() {
    if (state_ == State::closed) return;
    in_flight_ = 0;
    posted_bytes_ = 0;
    writable_ = true;
    flush();
    upgrade_if_paused();
    close_if_drained();
    if (state_ != State::open || !drain_due_ || buffered_bytes() > 0) return;
    drain_due_ = false;
    events_.on_drain();
}

void ClientSession::on_post() { drained(); }

// The WebSocket of a probe carries one packet, for which nothing waits.
void ClientSession::on_websocket_drained() {
    if (transport_ == Transport::websocket && state_ != State::opening) drained();
}

// ---- Receiving ----------------------------------------------------------------------------------

void ClientSession::on_poll(std::string body, PayloadKind kind, uint64_t now_ms) {
    if (state_ == State::closed) return;
    take_answer(std::make_unique<Answer>(std::move(body), revision(), kind, options_.packets_max),
                now_ms);
}

// While receiving is paused, the rest of the answer is held, and no GET follows it. An upgrade that waits
// for the GET goes on.
void ClientSession::take_answer(std::unique_ptr<Answer> answer, uint64_t now_ms) {
    PayloadReader& reader = answer->reader;
    for (;;) {
        if (paused_ && state_ == State::open) {
            held_ = std::move(answer);
            if (probe_ == Probe::pausing) polling_ = false;
            return upgrade_if_paused();
        }
        const auto step = reader.next();
        if (step == PayloadReader::Step::end) break;
        if (step == PayloadReader::Step::fault)
            return fail(
                {.message = "server error", .reason = std::string(fault_text(reader.fault()))});
        take(reader.packet(), now_ms);
        if (state_ == State::closed || state_ == State::opening) return;
    }
    if (state_ == State::opening) return fail({.message = "server error"});
    resume_wire();
    if (transport_ == Transport::websocket) return;  // The answer was held until after the upgrade.
    polling_ = false;
    if (probe_ == Probe::pausing) return upgrade_if_paused();
    polling_ = true;
    wire_.poll();
}

void ClientSession::on_websocket_open() {
    if (state_ == State::closed) return;
    if (probe_ == Probe::none) return;  // The server sends the open packet.
    probe_ = Probe::asked;
    (void)wire_.send(frame_of({Type::ping, false, "probe"}, revision()), false);
}

void ClientSession::on_websocket_text(std::string_view text, uint64_t now_ms) {
    if (state_ == State::closed) return;
    const Decoded decoded = decode_text(text, revision(), scratch_);
    if (probe_ != Probe::none) return take_probe_frame(decoded);
    if (decoded.fault != Fault::none)
        return fail({.message = "server error", .reason = std::string(fault_text(decoded.fault))});
    take(decoded.packet, now_ms);
}

void ClientSession::on_websocket_bytes(std::string_view bytes, uint64_t now_ms) {
    if (state_ == State::closed) return;
    const Decoded decoded = decode_binary(bytes, revision());
    if (probe_ != Probe::none) return take_probe_frame(decoded);
    if (decoded.fault != Fault::none)
        return fail({.message = "server error", .reason = std::string(fault_text(decoded.fault))});
    take(decoded.packet, now_ms);
}

// ---- Pausing ------------------------------------------------------------------------------------

void ClientSession::pause(uint64_t now_ms) {
    if (!std::exchange(paused_, true) && state_ == State::open) start_pause(now_ms);
}

void ClientSession::start_pause(uint64_t now_ms) {
    if (revision() == Revision::eio4)
        ping_ms_ = expires_ms_ - open_.ping_timeout_ms;  // When the next ping of the server is due.
    else if (ping_ms_ == never)
        ping_ms_ = now_ms + open_.ping_interval_ms;
    expires_ms_ = never;
    pause_wire();
}

// The GET that an upgrade waits for is received, and held.
void ClientSession::pause_wire() {
    if (probe_ != Probe::pausing && !std::exchange(wire_paused_, true)) wire_.pause();
}

void ClientSession::resume_wire() {
    if (std::exchange(wire_paused_, false)) wire_.resume();
}

// Packets that are held come first: on_timer() delivers them at once.
void ClientSession::resume(uint64_t now_ms) {
    if (!std::exchange(paused_, false) || state_ != State::open) return;
    if (revision() == Revision::eio4) ping_ms_ = never;
    expires_ms_ = now_ms + open_.ping_interval_ms + open_.ping_timeout_ms;
    if (!held_) resume_wire();
}

// ---- Faults and the end -------------------------------------------------------------------------

void ClientSession::on_poll_error(uint32_t status, std::string_view why) {
    fail({.message = "xhr poll error", .code = status, .reason = std::string(why)});
}

void ClientSession::on_post_error(uint32_t status, std::string_view why) {
    fail({.message = "xhr post error", .code = status, .reason = std::string(why)});
}

void ClientSession::on_websocket_error(std::string_view why) {
    if (state_ == State::closed) return;
    if (probe_ != Probe::none) return probe_failed("websocket error");
    fail({.message = "websocket error", .reason = std::string(why)});
}

void ClientSession::on_websocket_closed(uint32_t code) {
    if (state_ == State::closed) return;
    if (probe_ != Probe::none) return probe_failed("transport closed");
    const ClientDetails details{.message = "websocket connection closed", .code = code};
    // Before the open packet, Node's client waits for its timeout.
    if (state_ == State::opening) return fail(details);
    finish(ClientReason::transport_close, details, false);
}

void ClientSession::fail(ClientDetails details, ClientReason reason) {
    if (state_ == State::closed) return;
    memory_.websocket_worked = false;
    if (options_.try_all_transports && options_.transports.size() > 1 && state_ == State::opening) {
        options_.transports.erase(options_.transports.begin());
        polling_ = false;
        wire_.reset();
        return start();
    }
    events_.on_error(details);
    finish(reason, details, false);
}

void ClientSession::close(uint64_t now_ms) {
    if (state_ == State::opening) return finish(ClientReason::forced_close, {}, false);
    if (state_ != State::open) return;
    state_ = State::closing;
    ping_ms_ = never;
    expires_ms_ = std::min(expires_ms_, now_ms + close_ms_max);
    close_if_drained();
}

void ClientSession::close_if_drained() {
    if (state_ != State::closing || !queue_.empty() || in_flight_ > 0 || probe_ == Probe::pausing)
        return;
    finish(ClientReason::forced_close, {}, true);
}

// `tell_server`: a polling session ends with a close packet. A WebSocket ends with a close frame.
void ClientSession::finish(ClientReason reason, const ClientDetails& details, bool tell_server) {
    if (state_ == State::closed) return;
    const bool was_open = state_ == State::open || state_ == State::closing;
    state_ = State::closed;
    expires_ms_ = ping_ms_ = never;
    if (tell_server && was_open && transport_ == Transport::polling && writable_)
        wire_.post(std::string(revision() == Revision::eio4 ? close_packet : close_packet3),
                   PayloadKind::text);
    wire_.finish();
    queue_.clear();
    held_.reset();
    queue_bytes_ = posted_bytes_ = 0;
    events_.on_close(reason, details);
}

// ---- Time ---------------------------------------------------------------------------------------

void ClientSession::on_timer(uint64_t now_ms) {
    if (held_ && !paused_) return take_answer(std::move(held_), now_ms);
    if (now_ms >= expires_ms_)
        return finish(
            state_ == State::closing ? ClientReason::forced_close : ClientReason::ping_timeout, {},
            true);
    if (now_ms < ping_ms_) return;
    ping_ms_ = paused_ ? now_ms + open_.ping_interval_ms : never;
    if (revision() == Revision::eio4) return send_packet(Type::pong, false, {}, false);
    if (!paused_) expect_until(now_ms + open_.ping_timeout_ms);
    send_packet(Type::ping, false, {}, false);
    events_.on_ping();
}

uint64_t ClientSession::deadline_ms() const noexcept {
    return held_ && !paused_ ? 0 : std::min(expires_ms_, ping_ms_);
}

bool ClientSession::ping_expired(uint64_t now_ms) const noexcept { return now_ms > expires_ms_; }

}  // namespace starling::engineio
