// What a client sends: events, their acks, the buffer of a socket that is not connected, and the
// queue of `retries`.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "socketio/client/manager.h"
#include "socketio/client/socket.h"
#include "socketio/codec/values.h"

namespace starling::socketio::client {

std::string_view error_text(AckResult result) noexcept {
    constexpr std::array<std::string_view, 4> texts = {"", "operation has timed out",
                                                       "socket has been disconnected",
                                                       "too many events wait for a connection"};
    return texts[static_cast<size_t>(result)];
}

bool Socket::emit(std::string_view name, std::span<const sio::Value> values, const EmitFlags& flags,
                  AckCallback ack) {
    if (options_.retries > 0 && !flags.is_volatile)
        return enqueue(name, values, flags, std::move(ack));
    return emit_now(name, values, flags, std::move(ack));
}

bool Socket::can_send() const noexcept {
    const engineio::ClientSession* const session = manager_.session();
    return connected_ && session && !session->ping_expired(manager_.host_.now_ms());
}

bool Socket::emit_now(std::string_view name, std::span<const sio::Value> values,
                      const EmitFlags& flags, AckCallback ack) {
    bool now = can_send();
    const bool dropped = flags.is_volatile && !(now && manager_.session()->writable());
    if (now && !dropped && events_.wants_outgoing()) {
        const boost::json::array args = to_array(values, name);
        events_.on_outgoing({args.data(), args.size()});
        now = can_send();  // The listener may have disconnected.
    }
    // What cannot be sent throws here, before anything has changed.
    const auto id = ack ? std::optional(next_ack_) : std::nullopt;
    encode_event(manager_.encoder_, manager_.options_.codec, nsp_, name, values, id);
    if (!now && !dropped && buffer_.size() >= options_.buffered_events_max) {
        if (ack) ack(AckResult::dropped, {});
        return false;
    }
    if (ack) register_ack(flags, std::move(ack));
    if (dropped) return true;
    if (now)
        manager_.send_event(manager_.encoder_, flags.compress);
    else
        buffer_.push_back({to_array(values, name), id, flags.compress});
    return true;
}

void Socket::send_buffered() {
    while (connected_ && !buffer_.empty()) {
        Buffered one = std::move(buffer_.front());
        buffer_.pop_front();
        if (events_.wants_outgoing()) events_.on_outgoing({one.args.data(), one.args.size()});
        if (!connected_) return buffer_.push_front(std::move(one));
        const auto& name = one.args.front().get_string();
        encode_event(manager_.encoder_, manager_.options_.codec, nsp_, {name.data(), name.size()},
                     to_values(one.args, 1), one.id);
        manager_.send_event(manager_.encoder_, one.compress);
    }
}

// ---- Acks ---------------------------------------------------------------------------------------

void Socket::register_ack(const EmitFlags& flags, AckCallback callback) {
    const uint64_t id = next_ack_++;
    const auto timeout_ms = flags.timeout_ms ? flags.timeout_ms : options_.ack_timeout_ms;
    Timers::Id timer;
    if (timeout_ms)
        timer = manager_.timers_.at(manager_.host_.now_ms() + *timeout_ms,
                                    [this, id] { time_out_ack(id); });
    acks_.emplace(id, Ack{std::move(callback), timer});
}

void Socket::settle_ack(uint64_t id, AckResult result, Arguments args) {
    const auto found = acks_.find(id);
    if (found == acks_.end()) return;  // Nobody asked for it, or it comes too late.
    const Ack ack = std::move(found->second);
    acks_.erase(found);
    manager_.timers_.cancel(ack.timer);
    ack.callback(result, args);
}

void Socket::time_out_ack(uint64_t id) {
    std::erase_if(buffer_, [id](const Buffered& one) { return one.id == id; });
    settle_ack(id, AckResult::timed_out, {});
}

// An event that is still buffered will be sent: its ack waits on.
void Socket::clear_acks() {
    std::vector<uint64_t> lost;
    for (const auto& entry : acks_) {
        const uint64_t id = entry.first;
        if (std::ranges::none_of(buffer_, [id](const Buffered& one) { return one.id == id; }))
            lost.push_back(id);
    }
    for (const uint64_t id : lost) settle_ack(id, AckResult::disconnected, {});
}

// ---- Retries ------------------------------------------------------------------------------------

bool Socket::enqueue(std::string_view name, std::span<const sio::Value> values,
                     const EmitFlags& flags, AckCallback ack) {
    encode_event(manager_.encoder_, manager_.options_.codec, nsp_, name, values);  // May throw.
    if (queue_.size() >= options_.buffered_events_max) {
        if (ack) ack(AckResult::dropped, {});
        return false;
    }
    queue_.push_back({next_queued_++, to_array(values, name), flags, std::move(ack)});
    drain_queue();
    return true;
}

// One event at a time is under way. A disconnection ends its ack, so that it is not pending when the
// socket is connected anew.
void Socket::drain_queue() {
    if (queue_.empty() || queue_.front().pending || !can_send()) return;
    Queued& first = queue_.front();
    first.pending = true;
    ++first.tries;
    // Copies: a listener of outgoing events may change the queue.
    const boost::json::array args = first.args;
    const EmitFlags flags = first.flags;
    const auto& name = args.front().get_string();
    emit_now({name.data(), name.size()}, to_values(args, 1), flags,
             [this, number = first.number](AckResult result, Arguments answer) {
                 queue_answered(number, result, answer);
             });
}

void Socket::queue_answered(uint64_t number, AckResult result, Arguments args) {
    if (queue_.empty() || queue_.front().number != number) return;
    Queued& first = queue_.front();
    if (result == AckResult::answered || first.tries > options_.retries) {
        const AckCallback ack = std::move(first.ack);
        queue_.pop_front();
        if (ack) ack(result, args);
    } else {
        first.pending = false;
    }
    drain_queue();
}

}  // namespace starling::socketio::client
