// server/ws_socket.cpp: the methods of ws::Socket: a direct call on the socket's own thread, a
// posted call on other threads.
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

using Use = base::Lifetime<server::Worker>::Use;

// A message on its way to another thread.
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
    server::Worker* const worker = worker_ ? worker_->own() : nullptr;
    if (!worker) return nullptr;
    net::Stream* stream = worker->loop().find(base::unpack(key_));
    // A WsConnection made the key of this Socket, and remains the stream's handler to the end.
    return stream ? &server::WsConnection::of(*stream->handler()) : nullptr;
}

// For calls that are allowed on the socket's own thread only. Null if the socket is gone.
server::WsConnection* Socket::own(const char* what) const {
    if (worker_ && !worker_->here() && worker_->is_open())
        throw std::logic_error(std::string(what) + ": the socket belongs to another thread");
    return connection();
}

// True if the call was posted to the socket's thread.
template <class F>
bool Socket::elsewhere(F&& call) const {
    if (!worker_ || worker_->here()) return false;
    const Use worker(worker_);
    if (!worker || !worker->loop().streams().alive(base::unpack(key_))) return false;
    worker->post([socket = *this, call = std::forward<F>(call)]() mutable {
        if (server::WsConnection* connection = socket.connection()) call(*connection);
    });
    return true;
}

// Posts a message to the socket's thread, within the limit of posted bytes.
template <class F>
SendResult Socket::message_elsewhere(Message message, F&& call) const {
    if (!worker_ || worker_->here()) return SendResult::closed;
    const Use worker(worker_);
    if (!worker || !worker->loop().streams().alive(base::unpack(key_))) return SendResult::closed;
    auto room = worker->post_bytes(message.size());
    if (!room) return SendResult::dropped;
    const bool posted = elsewhere(
        [owned = OwnedMessage(message), room = std::move(*room),
         call = std::forward<F>(call)](server::WsConnection& there) { call(there, owned.view()); });
    return posted ? SendResult::posted : SendResult::closed;
}

SendResult Socket::send(Message message) const {
    if (auto* mine = connection()) return mine->send(message);
    return message_elsewhere(message,
                             [](server::WsConnection& there, Message owned) { there.send(owned); });
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

void Socket::pause() const {
    if (auto* mine = connection()) return mine->pause();
    elsewhere([](server::WsConnection& there) { there.pause(); });
}

void Socket::resume() const {
    if (auto* mine = connection()) return mine->resume();
    elsewhere([](server::WsConnection& there) { there.resume(); });
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

std::optional<size_t> Socket::publish(std::string_view topic, Message message) const {
    if (auto* mine = connection()) return mine->publish(topic, message);
    const auto posted = message_elsewhere(
        message, [name = std::string(topic)](server::WsConnection& there, Message owned) {
            static_cast<void>(there.publish(name, owned));
        });
    return posted == SendResult::posted ? std::nullopt : std::optional<size_t>(0);
}

bool Socket::is_open() const {
    if (auto* mine = connection()) return mine->is_open();
    if (!worker_ || worker_->here()) return false;
    const Use worker(worker_);
    return worker && worker->loop().streams().alive(base::unpack(key_));
}

size_t Socket::buffered_amount() const {
    if (auto* mine = connection()) return mine->buffered_amount();
    const Use worker(worker_);
    return worker ? worker->loop().streams().note(base::unpack(key_)) : 0;
}

std::string_view Socket::subprotocol() const {
    const auto* mine = own("subprotocol");
    return mine ? mine->subprotocol() : std::string_view();
}

std::string Socket::remote_address() const {
    const auto* mine = own("remote_address");
    return mine ? mine->remote_address() : std::string();
}

std::optional<std::chrono::milliseconds> Socket::round_trip_time() const {
    const auto* mine = own("round_trip_time");
    const auto took = mine ? mine->round_trip_ms() : std::nullopt;
    if (!took) return std::nullopt;
    return std::chrono::milliseconds(*took);
}

bool Socket::compresses() const {
    const auto* mine = own("compresses");
    return mine && mine->compresses();
}

void Socket::set_data(std::unique_ptr<detail::AnyData> data) const {
    auto* mine = own("emplace_data");
    if (!mine) throw std::logic_error("emplace_data: the socket is gone");
    mine->data() = std::move(data);
}

detail::AnyData* Socket::get_data() const {
    auto* mine = own("data");
    return mine ? mine->data().get() : nullptr;
}

}  // namespace starling::ws
