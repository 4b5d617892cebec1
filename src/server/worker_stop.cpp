// server/worker_stop.cpp: how a Worker stops: its connections are told, its features finish, its
// loop ends.
#include <algorithm>
#include <utility>

#include "base/checked_cast.h"
#include "server/connection.h"
#include "server/extension.h"
#include "server/worker.h"
#include "ws/frame.h"

namespace starling::server {
namespace {

// Connections are closed spread over time, so that clients do not all reconnect at once: 1,000 per
// second and worker, or as many as needed to finish within half of the drain timeout.
constexpr uint64_t closed_per_round_min = 10;

// Null: the stream is not the server's, but that of a client on this loop.
Connection* connection_of(const net::Stream& stream) noexcept {
    return dynamic_cast<Connection*>(stream.handler());
}

}  // namespace

void Worker::stop(bool at_once) {
    if (!std::exchange(stopping_, true)) {
        end_drain();
        // If a feature still answers requests, the listeners stay open until it has finished; new
        // clients get 503 from them.
        if (!site().answers_while_stopping) stop_listening();
        const auto drain_ms = static_cast<uint64_t>(site().ending->timeout.count());
        deadline_ms_ = loop_.now_ms() + drain_ms;
        const uint64_t rounds = std::max<uint64_t>(drain_ms / 2 / close_round_ms, 1);
        closed_per_round_ = static_cast<uint32_t>(
            std::max(closed_per_round_min, loop_.streams().size() / rounds + 1));
        for (Extension* const extension : group_.extensions) extension->server_stops(*this);
        loop_.every(close_round_ms, [this] { close_some(); });
        close_some();
    }
    if (at_once) force_close();
}

std::pair<uint16_t, std::string_view> Worker::farewell() const noexcept {
    if (restarts_) return {ws::close_code::service_restart, "the server restarts"};
    return {ws::close_code::going_away, "the server is stopping"};
}

void Worker::close_told() {
    for (const base::SlotKey key : std::exchange(told_, {})) {
        net::Stream* stream = loop_.streams().find(key);
        if (stream && stream->is_open())
            base::checked_cast<Connection>(*stream->handler()).close_idle();
    }
}

// False: the slot has no connection.
bool Worker::tell(uint32_t slot) {
    net::Stream* stream = loop_.streams().object_at(slot);
    if (!stream || !stream->is_open()) return false;
    Connection* const connection = connection_of(*stream);
    if (!connection) return false;
    connection->go_away();
    told_.push_back(stream->slot_key());
    return true;
}

void Worker::close_some() {
    const auto& streams = loop_.streams();
    close_told();
    uint32_t closed = 0;
    for (; close_from_slot_ < streams.slots() && closed < closed_per_round_; ++close_from_slot_)
        if (tell(close_from_slot_)) ++closed;
    if (loop_.now_ms() >= deadline_ms_) return force_close();
    if (close_from_slot_ < streams.slots() || is_busy()) return;
    if (!listeners_.empty()) {  // The connections accepted meanwhile are told as well.
        stop_listening();
        close_from_slot_ = 0;
        return;
    }
    // The streams of clients may stay; see WorkerPart::needs_loop().
    if (placed() != 0) return;
    connections_ended();
    // The newest first: what the cluster's part says at the end follows what the others send.
    bool needed = false;
    for (size_t i = parts_.size(); i-- > 0 && !needed;) needed = parts_[i]->needs_loop();
    if (!needed && !is_busy()) loop_.stop();
}

void Worker::force_close() {
    const auto& streams = loop_.streams();
    for (uint32_t slot = 0; slot < streams.slots(); ++slot)
        if (net::Stream* stream = streams.object_at(slot); stream && connection_of(*stream))
            stream->close(net::Stream::Close::reset);
    stop_listening();
    connections_ended();
    loop_.stop();
}

bool Worker::is_busy() {
    return std::ranges::any_of(group_.extensions,
                               [this](Extension* each) { return each->is_busy(*this); });
}

void Worker::connections_ended() {
    for (Extension* const extension : group_.extensions) extension->connections_ended(*this);
    // By index: a call may add a part.
    for (size_t i = 0; i < parts_.size(); ++i) parts_[i]->connections_are_gone();
}

}  // namespace starling::server
