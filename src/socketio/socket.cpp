#include "socketio/socket.h"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "socketio/codec/values.h"
#include "socketio/connection.h"
#include "socketio/event_sink.h"
#include "socketio/namespace.h"
#include "socketio/observer.h"
#include "socketio/server.h"
#include "socketio/socket_extras.h"

namespace starling::socketio {

using sio::Ack;
using Answer = sio::Answer::Status;
using sio::Value;

Socket::Socket(uint32_t generation, Connection& connection, Namespace& nsp, SocketId&& id) noexcept
    : connection_(connection), nsp_(nsp), id_(std::move(id)), generation_(generation) {}

Socket::~Socket() = default;

void Socket::Free::operator()(Socket* socket) const noexcept { socket->server().free(*socket); }

void Socket::give_up() noexcept {
    // Only if memory ran out while the socket was leaving.
    if (index != nowhere) nsp_.abandon(*this);
    state_ = State::freed;
    listeners_.drop();
    std::unique_ptr<Extras> extras;  // Destroyed without the lock.
    {
        const auto lock = server().lifetime().lock();  // Another thread may ask for the user.
        extras.swap(extras_);
    }
}

Server& Socket::server() const noexcept { return nsp_.server(); }

sio::Socket Socket::handle() const noexcept {
    return {server().lifetime(), base::pack(slot_key())};
}

// ---- from the client ----------------------------------------------------------------------------

void Socket::on_event(const Packet& packet) {
    if (Observer* const observer = server().observer()) [[unlikely]]
        observer->event_received(*this, packet);
    EventSink* const sink = server().settings().events;
    if (sink && nsp_.setup().listeners.empty())
        return run("event", [&] { sink->on_event(*this, {packet.text, packet.data, packet.id}); });
    const auto& items = packet.data.get_array();
    const std::span<const Json> args(items.data() + 1, items.size() - 1);
    const Ack ack = packet.id ? Ack(handle(), *packet.id) : Ack();
    if (const auto* name = items.front().if_string())
        return dispatch({name->data(), name->size()}, args, ack);
    // An event's name may be a number.
    Encoded text;
    append_json_number(text.text, items.front().to_number<double>());
    dispatch(text.text, args, ack);
}

bool Socket::within_quota(size_t packet_bytes) {
    Quota* const quota = nsp_.quota();
    if (!quota) return true;
    const sio::NamespaceLimits& limits = quota->limits;
    constexpr uint64_t ns_per_ms = 1'000'000;
    std::string_view exceeded;
    if (limits.message_bytes_max != 0 && packet_bytes > limits.message_bytes_max) {
        Quota::count(quota->refused_bytes);
        exceeded = "message_bytes_max";
    } else if (quota->messages.is_on() &&
               connection_.messages_of(*quota).take(quota->messages,
                                                    server().runtime().now_ms() * ns_per_ms)) {
        Quota::count(quota->refused_messages);
        exceeded = "messages";
    } else {
        return true;
    }
    const std::array<log::Field, 3> fields{{{"namespace", nsp_.name()},
                                            {"limit", exceeded},
                                            {"address", connection_.transport().info().address()}}};
    server().warn("clients exceeded a limit of their namespace; the latest", fields);
    disconnect(true);  // Packets that are under way would find no socket of this namespace.
    return false;
}

void Socket::dispatch(std::string_view name, std::span<const Json> args, const Ack& ack) {
    run(name, [&] { call_listeners(name, args, ack); });
}

void Socket::threw(std::string_view where, std::string_view what) {
    connection_.threw(where, what);
}

void Socket::call_listeners(std::string_view name, std::span<const Json> args, const Ack& ack) {
    if (extras_ && !guarded(name, args)) return;
    if (state_ == State::gone) return;  // A listener or the middleware ended the socket.
    const sio::Socket self = handle();
    const sio::detail::Event event{self, name, args, ack};
    const auto on_misfit = [&](const sio::detail::ArgumentMismatch& why) {
        argument_mismatch(name, why, ack);
    };
    const uint32_t number = server().names().find(name);
    if (number != Names::none && !listeners_.empty()) listeners_.call(number, event, on_misfit);
    const auto& shared = nsp_.setup().listeners;
    if (shared.empty() || state_ == State::gone) return;
    const auto found = shared.find(name);
    if (found == shared.end()) return;
    for (const auto& listener : found->second)
        if (const auto why = listener(event); why.index) on_misfit(why);
}

// Calls the catch-all listeners, then the middleware. False: the middleware refused the event.
bool Socket::guarded(std::string_view name, std::span<const Json> values) {
    if (extras_->any.empty() && extras_->middleware.empty()) return true;
    const std::vector<Json> args = own_values(values);
    // Iterate over copies: a call may add or remove listeners, with effect from the next event on.
    if (!extras_->any.empty())
        for (const auto& call : std::vector(extras_->any)) (*call)(name, args);
    if (extras_->middleware.empty()) return true;
    for (const auto& guard : std::vector(extras_->middleware)) {
        if (const auto error = (*guard)(name, args)) {
            local_event("error", error->message);
            return false;
        }
    }
    return true;
}

void Socket::argument_mismatch(std::string_view name, const sio::detail::ArgumentMismatch& why,
                               const Ack& ack) const {
    const std::string position = std::to_string(why.index), own_id = id();
    const std::array<log::Field, 4> fields{
        {{"event", name}, {"argument", position}, {"expected", why.expected}, {"socket", own_id}}};
    server().warn("an event's arguments do not fit its handler", fields);
    if (!ack) return;
    ack(Json({{"error", "bad arguments"},
              {"message", "argument " + position + " must be " + why.expected}}));
}

// Dispatches an event of the server's own, without a packet and without middleware.
void Socket::local_event(std::string_view name, std::string_view text) {
    const uint32_t number = server().names().find(name);
    if (number == Names::none || listeners_.empty()) return;
    const sio::Socket self = handle();
    const Ack nobody;
    const std::array<Json, 1> args{Json(text)};
    listeners_.call(number, {self, name, args, nobody},
                    [](const sio::detail::ArgumentMismatch&) {});
}

// ---- to the client ------------------------------------------------------------------------------

void Socket::emit(std::string_view name, std::span<const Value> values, const Flags& flags,
                  sio::OnAnswer done) {
    if (state_ != State::connected) return answer_later(std::move(done), Answer::disconnected);
    Adapter& adapter = server().adapter();
    if (adapter.history() && !done && !flags.volatile_packet) {
        auto command = std::make_shared<Command>();
        command->setup = &nsp_.setup();
        command->nsp = nsp_.name();
        command->target = {.rooms = {id()}, .flags = flags};
        command->target.flags.untold = server().tells_outgoing();
        return adapter.send_recoverable(std::move(command), name, values);
    }
    std::optional<uint64_t> ack_id;
    if (done) ack_id = adapter.new_ack_id();
    Encoder& encoder = server().encoder();
    const std::string offset = !done && adapter.history() && ends_in_text(values)
                                   ? server().newest_offset(nsp_.name())
                                   : std::string();
    encode_event(encoder, server().settings().codec, nsp_.name(), name, values, ack_id, offset);
    if (done) {
        const uint64_t timeout_ms =
            flags.timeout_ms ? flags.timeout_ms : server().settings().ack_timeout_ms;
        if (!await(*ack_id, server().runtime().now_ms() + timeout_ms, done))
            return answer_later(std::move(done), Answer::refused);
    }
    send(encoder, flags);
}

void Socket::answer_later(sio::OnAnswer done, sio::Answer::Status status) const {
    if (!done) return;
    server().call_later([done = std::move(done), status] { done({.status = status}); });
}

void Socket::ack(uint64_t id, std::span<const Value> values) {
    if (state_ != State::connected) return;
    Encoder& encoder = server().encoder();
    encoder.begin(server().settings().codec, Type::ack, nsp_.name(), id);
    write_values(encoder, values);
    if (!encoder.finish()) throw std::invalid_argument("ack: the arguments cannot be sent");
    send(encoder, {});
}

void Socket::send(const Encoder& packet, const Flags& flags) {
    Transport& transport = connection_.transport();
    if (flags.volatile_packet && !transport.writable()) return;
    if (flags.untold || !watches_outgoing())
        return transport.send(packet.text(), packet.text_is_binary(), packet.attachments(),
                              flags.compress);
    // A copy, because a listener may send with the same encoder.
    const Encoded kept{std::string(packet.text()),
                       {packet.attachments().begin(), packet.attachments().end()},
                       packet.text_is_binary()};
    send(kept, flags);
}

void Socket::send(const Encoded& packet, const Flags& flags) {
    if (!flags.untold && watches_outgoing())
        notify_outgoing(packet.text, packet.text_is_binary, packet.attachments);
    connection_.transport().send(packet.text, packet.text_is_binary, packet.attachments,
                                 flags.compress);
}

void Socket::deliver(hub::Publication& publication) {
    connection_.transport().deliver(publication);
}

// ---- membership ---------------------------------------------------------------------------------

void Socket::join(std::string_view room) {
    if (state_ != State::gone) nsp_.join(*this, room);
}

void Socket::leave(std::string_view room) { nsp_.leave(*this, room); }

std::vector<std::string> Socket::rooms() const { return nsp_.rooms_of(*this); }

void Socket::disconnect(bool close) {
    if (state_ == State::gone) return;
    if (close) return connection_.disconnect();
    const bool told = state_ == State::connected;
    if (told) connection_.send_packet(Type::disconnect, nsp_.name(), nullptr);
    closed("server namespace disconnect");
}

void Socket::closed(std::string_view reason) {
    if (state_ == State::gone) return;
    const State before = std::exchange(state_, State::gone);
    try {
        server().leave(*this, reason, before == State::connected);
    } catch (...) {  // Out of memory: the socket has not left.
        state_ = before;
        throw;
    }
}

void Socket::finish_leaving(std::string_view reason, bool was_connected) {
    end_coroutines();
    bool any_threw = false;
    const auto tell = [&](auto&& call) {
        any_threw |= !server().log_if_throws("disconnect", call);
    };
    if (was_connected) tell([&] { local_event("disconnecting", reason); });
    if (was_connected) tell([&] { server().keep_for_return(*this, reason); });
    any_threw |= !cancel_timers();
    if (Observer* const observer = server().observer(); observer && was_connected)
        observer->disconnected(*this, reason);
    if (index == nowhere)
        nsp_.forget(*this);
    else
        nsp_.remove(*this);
    if (was_connected) {
        for (const auto& call : nsp_.setup().on_disconnect) tell([&] { call(handle(), reason); });
        tell([&] { local_event("disconnect", reason); });
    }
    server().left(*this);
    if (any_threw) connection_.handler_threw();
}

}  // namespace starling::socketio
