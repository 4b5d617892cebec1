// sio::Broadcast and sio::Namespace: what they ask of all workers.
#include <starling/socketio.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "socketio/broadcast_target.h"
#include "socketio/codec/values.h"
#include "socketio/server.h"

namespace starling::sio {
namespace {

using socketio::Command;
using socketio::Report;

constexpr uint64_t fetch_timeout_ms = 10'000;

std::shared_ptr<Command> command_of(Command::Kind kind, socketio::NamespaceSetup* setup,
                                    const std::string& nsp, const socketio::Target& who) {
    auto command = std::make_shared<Command>();
    command->kind = kind;
    command->setup = setup;
    command->nsp = nsp;
    command->target = who;
    return command;
}

// For all children of a pattern each child's packet names that child.
void encode(Command& command, socketio::Codec codec, std::string_view name,
            std::span<const Value> values, std::optional<uint64_t> ack_id) {
    socketio::Encoder encoder(codec);
    socketio::encode_event(encoder, codec, command.nsp, name, values, ack_id);
    if (command.nsp.empty())
        command.args = socketio::to_array(values, name);
    else
        command.packet = encoder.take();
}

}  // namespace

template <class F>
Broadcast Broadcast::with(F&& change) const {
    auto copy = std::make_shared<Target>(*target_);
    change(copy->who);
    return Broadcast(std::move(copy));
}

Broadcast Broadcast::to(std::string_view room) const {
    return with([&](socketio::Target& who) { who.rooms.emplace_back(room); });
}
Broadcast Broadcast::to(std::vector<std::string> rooms) const {
    return with(
        [&](socketio::Target& who) { std::ranges::move(rooms, std::back_inserter(who.rooms)); });
}
Broadcast Broadcast::except(std::string_view room) const {
    return with([&](socketio::Target& who) { who.except.emplace_back(room); });
}
Broadcast Broadcast::except(std::vector<std::string> rooms) const {
    return with(
        [&](socketio::Target& who) { std::ranges::move(rooms, std::back_inserter(who.except)); });
}
Broadcast Broadcast::volatile_() const {
    return with([](socketio::Target& who) { who.flags.volatile_packet = true; });
}
Broadcast Broadcast::compress(bool on) const {
    return with([on](socketio::Target& who) { who.flags.compress = on; });
}
Broadcast Broadcast::local() const {
    return with([](socketio::Target& who) { who.flags.local = true; });
}
Broadcast Broadcast::timeout(std::chrono::milliseconds ack_timeout) const {
    return with(
        [&](socketio::Target& who) { who.flags.timeout_ms = uint64_t(ack_timeout.count()); });
}

void Broadcast::emit_values(std::string_view name, std::span<const Value> values) const {
    const Target& to = *target_;
    if (!to.adapter) return;
    auto command = command_of(Command::Kind::emit, to.setup, to.nsp, to.who);
    if (to.adapter->history() && !to.nsp.empty() && !to.who.flags.volatile_packet)
        return to.adapter->send_recoverable(std::move(command), name, values);
    encode(*command, to.adapter->settings().codec, name, values, std::nullopt);
    to.adapter->send(std::move(command));
}

void Broadcast::ask_values(std::string_view name, std::span<const Value> values,
                           OnAnswers done) const {
    const Target& to = *target_;
    if (!to.adapter) return done({});
    auto command = command_of(Command::Kind::ask, to.setup, to.nsp, to.who);
    command->ack_id = to.adapter->new_ack_id();
    uint64_t& timeout_ms = command->target.flags.timeout_ms;
    if (timeout_ms == 0) timeout_ms = to.adapter->settings().ack_timeout_ms;
    encode(*command, to.adapter->settings().codec, name, values, command->ack_id);
    const auto ask = [command, done](socketio::Server& server) {
        command->origin = &server;
        command->request =
            server.open_request(server.runtime().now_ms() + command->target.flags.timeout_ms,
                                [done](bool complete, Report& all) {
                                    done({complete, std::move(all.responses)});
                                });
        server.adapter().send(command);
    };
    if (!to.adapter->on_any_server(ask, command->bytes())) done({.complete = false});
}

// ---- sockets of all workers -------------------------------------------------------------------------

void Broadcast::sockets_join(std::string_view room) const {
    sockets_join(std::vector{std::string(room)});
}
void Broadcast::sockets_join(std::vector<std::string> rooms) const {
    if (!target_->adapter) return;
    auto command = command_of(Command::Kind::join, target_->setup, target_->nsp, target_->who);
    std::erase_if(rooms, [](const auto& room) {
        return room.empty() || room.size() > socketio::room_bytes_max;
    });
    command->rooms = std::move(rooms);
    target_->adapter->send(std::move(command));
}
void Broadcast::sockets_leave(std::string_view room) const {
    sockets_leave(std::vector{std::string(room)});
}
void Broadcast::sockets_leave(std::vector<std::string> rooms) const {
    if (!target_->adapter) return;
    auto command = command_of(Command::Kind::leave, target_->setup, target_->nsp, target_->who);
    command->rooms = std::move(rooms);
    target_->adapter->send(std::move(command));
}
void Broadcast::disconnect_sockets(bool close) const {
    if (!target_->adapter) return;
    auto command =
        command_of(Command::Kind::disconnect, target_->setup, target_->nsp, target_->who);
    command->close = close;
    target_->adapter->send(std::move(command));
}

void Broadcast::fetch_sockets(std::function<void(std::vector<RemoteSocket>)> done) const {
    if (!target_->adapter) return done({});
    auto command = command_of(Command::Kind::fetch, target_->setup, target_->nsp, target_->who);
    const auto ask = [command, done](socketio::Server& server) {
        command->origin = &server;
        command->request =
            server.open_request(server.runtime().now_ms() + fetch_timeout_ms,
                                [done](bool, Report& all) { done(std::move(all.sockets)); });
        server.adapter().send(command);
    };
    if (!target_->adapter->on_any_server(ask, command->bytes())) done({});
}

std::future<std::vector<RemoteSocket>> Broadcast::fetch_sockets() const {
    auto promise = std::make_shared<std::promise<std::vector<RemoteSocket>>>();
    auto future = promise->get_future();
    fetch_sockets([promise](std::vector<RemoteSocket> all) { promise->set_value(std::move(all)); });
    return future;
}

}  // namespace starling::sio
