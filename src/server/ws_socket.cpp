// The methods of ws::Socket: on the socket's own thread a direct call, from elsewhere a posted one.
#include <starling/websocket.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "base/text.h"
#include "net/loop.h"
#include "server/worker.h"
#include "server/ws_connection.h"
#include "ws/frame.h"

namespace starling::ws {
namespace {

base::SlotKey slot_key(uint64_t key) noexcept { return {uint32_t(key >> 32), uint32_t(key)}; }

// A message that travels to another thread.
struct OwnedMessage {
    explicit OwnedMessage(Message message) : text(message.text()), binary(message.is_binary()) {}
    [[nodiscard]] Message view() const {
        return binary ? Message(base::bytes_of(text)) : Message(text);
    }
    std::string text;
    bool binary;
};

}  // namespace

server::WsConnection* Socket::connection() const {
    if (!worker_ || !worker_->loop().in_loop_thread()) return nullptr;
    net::Stream* stream = worker_->loop().find(slot_key(key_));
    // A key that a Socket holds was made by the WsConnection, which stays until the stream dies.
    return stream ? static_cast<server::WsConnection*>(stream->handler()) : nullptr;
}

// True where the call has been posted to the socket's thread.
template <class F>
bool Socket::elsewhere(F&& call) const {
    if (!worker_ || worker_->loop().in_loop_thread()) return false;
    if (!worker_->loop().streams().alive(slot_key(key_))) return false;
    worker_->loop().post([socket = *this, call = std::forward<F>(call)]() mutable {
        if (server::WsConnection* connection = socket.connection()) call(*connection);
    });
    return true;
}

SendResult Socket::send(Message message) const {
    if (auto* mine = connection()) return mine->send(message);
    if (!is_open()) return SendResult::closed;
    auto room = worker_->post_bytes(message.size());
    if (!room) return SendResult::dropped;
    const bool posted = elsewhere([owned = OwnedMessage(message), room = std::move(*room)](
                                      server::WsConnection& there) { there.send(owned.view()); });
    return posted ? SendResult::posted : SendResult::closed;
}

SendResult Socket::ping(std::string_view payload) const {
    if (auto* mine = connection()) return mine->ping(base::bytes_of(payload));
    const bool posted = elsewhere([owned = std::string(payload)](server::WsConnection& there) {
        there.ping(base::bytes_of(owned));
    });
    return posted ? SendResult::posted : SendResult::closed;
}

void Socket::close(uint16_t code, std::string_view reason) const {
    if (!close_code_is_valid(code))
        throw std::invalid_argument("close code " + std::to_string(code) + " may not be sent");
    if (auto* mine = connection()) return mine->close(code, reason);
    elsewhere([code, owned = std::string(reason)](server::WsConnection& there) {
        there.close(code, owned);
    });
}

void Socket::terminate() const {
    if (auto* mine = connection()) return mine->terminate();
    elsewhere([](server::WsConnection& there) { there.terminate(); });
}

bool Socket::join(std::string_view topic) const {
    if (auto* mine = connection()) return mine->join(topic);
    if (topic.empty() || topic.size() > hub::Hub::topic_bytes_max) return false;
    return elsewhere(
        [owned = std::string(topic)](server::WsConnection& there) { there.join(owned); });
}

bool Socket::leave(std::string_view topic) const {
    if (auto* mine = connection()) return mine->leave(topic);
    return elsewhere(
        [owned = std::string(topic)](server::WsConnection& there) { there.leave(owned); });
}

void Socket::publish(std::string_view topic, Message message) const {
    if (auto* mine = connection()) return mine->publish(topic, message);
    if (!is_open()) return;
    auto room = worker_->post_bytes(message.size());
    if (!room) return;
    elsewhere([name = std::string(topic), owned = OwnedMessage(message), room = std::move(*room)](
                  server::WsConnection& there) { there.publish(name, owned.view()); });
}

// Worker, slot, generation: what is open on two workers at a time differs in the first.
uint64_t Socket::id() const noexcept {
    static_assert(uint64_t(base::SlotTable<net::Stream>::page_slots) *
                      base::SlotTable<net::Stream>::pages_max <=
                  uint64_t(1) << 21);
    if (!worker_) return 0;
    return uint64_t(worker_->index()) << 53 | key_;
}

bool Socket::is_open() const {
    if (auto* mine = connection()) return mine->is_open();
    return worker_ && !worker_->loop().in_loop_thread() &&
           worker_->loop().streams().alive(slot_key(key_));
}

size_t Socket::buffered_amount() const {
    if (auto* mine = connection()) return mine->buffered_amount();
    return worker_ ? worker_->loop().streams().note(slot_key(key_)) : 0;
}

std::string_view Socket::subprotocol() const {
    const auto* mine = connection();
    return mine ? mine->subprotocol() : std::string_view();
}

std::string Socket::remote_address() const {
    const auto* mine = connection();
    return mine ? mine->remote_address() : std::string();
}

std::optional<std::chrono::milliseconds> Socket::round_trip_time() const {
    const auto* mine = connection();
    const auto took = mine ? mine->round_trip_ms() : std::nullopt;
    if (!took) return std::nullopt;
    return std::chrono::milliseconds(*took);
}

bool Socket::compresses() const {
    const auto* mine = connection();
    return mine && mine->compresses();
}

void Socket::set_data(std::unique_ptr<detail::AnyData> data) const {
    auto* mine = connection();
    if (!mine) throw std::logic_error("emplace_data: the socket is gone, or another thread's");
    mine->data() = std::move(data);
}

detail::AnyData* Socket::get_data() const {
    auto* mine = connection();
    return mine ? mine->data().get() : nullptr;
}

}  // namespace starling::ws
