// The methods of sio::Broadcast: each sends a command to all workers.
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

using Use = base::Lifetime<socketio::Adapter>::Use;

constexpr uint64_t fetch_timeout_ms = 10'000;

std::shared_ptr<Command> command_of(Command::Kind kind, const socketio::Adapter& adapter,
                                    socketio::NamespaceSetup* setup, const std::string& nsp,
                                    const socketio::Target& who) {
    auto command = std::make_shared<Command>();
    command->kind = kind;
    command->setup = setup;
    command->nsp = nsp;
    command->target = who;
    const socketio::Server* const here = adapter.here();
    command->target.flags.untold = here && here->tells_outgoing();
    return command;
}

// The event itself goes to the other nodes of a cluster, and to the children of a pattern, each of
// which encodes the packet with its own name.
void keep_event(Command& command, const socketio::Adapter& adapter, std::string_view name,
                std::span<const Value> values) {
    if (command.nsp.empty() || (adapter.cluster() && !command.target.flags.local))
        command.args = socketio::to_array(values, name);
}

void encode(Command& command, const socketio::Adapter& adapter, std::string_view name,
            std::span<const Value> values, std::optional<uint64_t> ack_id) {
    const socketio::Settings& settings = adapter.settings();
    socketio::Encoder encoder(settings.codec, settings.decode.attachments_max);
    socketio::encode_event(encoder, settings.codec, command.nsp, name, values, ack_id);
    keep_event(command, adapter, name, values);
    // Each worker adds the offset of its own newest event.
    const bool adds_offset =
        adapter.settings().recovery && !ack_id && socketio::ends_in_text(values);
    if (adds_offset && command.args.empty()) command.args = socketio::to_array(values, name);
    if (!command.nsp.empty() && !adds_offset) command.packet = encoder.take();
}

}  // namespace

Broadcast Broadcast::from(const Broadcast& other) {
    return Broadcast(std::make_shared<Target>(*other.target_));
}
Broadcast Broadcast::from(const Emitter& emitter) {
    Broadcast others = from(emitter.socket_);
    others.flags() = emitter.flags_;
    return others;
}
Broadcast Broadcast::from(const Namespace& nsp) {
    socketio::NamespaceSetup& setup = *nsp.setup_;
    return Broadcast(std::make_shared<Target>(
        Target{&setup.adapter.lifetime(), &setup, setup.accept ? "" : setup.name, {}}));
}
detail::Flags& Broadcast::flags() noexcept { return target_->who.flags; }
std::vector<std::string>& Broadcast::rooms() noexcept { return target_->who.rooms; }
std::vector<std::string>& Broadcast::excepted() noexcept { return target_->who.except; }

void Broadcast::emit_values(std::string_view name, std::span<const Value> values) const {
    const Target& to = *target_;
    const Use adapter(to.adapter);
    if (!adapter) return;
    auto command = command_of(Command::Kind::emit, *adapter, to.setup, to.nsp, to.who);
    if (adapter->history() && !to.nsp.empty() && !to.who.flags.volatile_packet) {
        keep_event(*command, *adapter, name, values);
        return adapter->send_recoverable(std::move(command), name, values);
    }
    encode(*command, *adapter, name, values, std::nullopt);
    adapter->send(std::move(command));
}

void Broadcast::ask_values(std::string_view name, std::span<const Value> values,
                           OnAnswers done) const {
    const Target& to = *target_;
    const Use adapter(to.adapter);
    if (!adapter) return done({});
    auto command = command_of(Command::Kind::ask, *adapter, to.setup, to.nsp, to.who);
    command->ack_id = adapter->new_ack_id();
    uint64_t& timeout_ms = command->target.flags.timeout_ms;
    if (timeout_ms == 0) timeout_ms = adapter->settings().ack_timeout_ms;
    encode(*command, *adapter, name, values, command->ack_id);
    const auto ask = [command, done](socketio::Server& server) {
        server.ask(command, command->target.flags.timeout_ms, [done](bool complete, Report& all) {
            done({complete, std::move(all.responses), all.missing_nodes});
        });
    };
    if (!adapter->on_any_server(ask, command->bytes())) done({.complete = false});
}

// ---- sockets of all workers ---------------------------------------------------------------------

void Broadcast::sockets_join(std::string_view room) const {
    sockets_join(std::vector{std::string(room)});
}
void Broadcast::sockets_join(std::vector<std::string> rooms) const {
    const Use adapter(target_->adapter);
    if (!adapter) return;
    auto command =
        command_of(Command::Kind::join, *adapter, target_->setup, target_->nsp, target_->who);
    std::erase_if(rooms, [](const auto& room) {
        return room.empty() || room.size() > socketio::room_bytes_max;
    });
    command->rooms = std::move(rooms);
    adapter->send(std::move(command));
}
void Broadcast::sockets_leave(std::string_view room) const {
    sockets_leave(std::vector{std::string(room)});
}
void Broadcast::sockets_leave(std::vector<std::string> rooms) const {
    const Use adapter(target_->adapter);
    if (!adapter) return;
    auto command =
        command_of(Command::Kind::leave, *adapter, target_->setup, target_->nsp, target_->who);
    command->rooms = std::move(rooms);
    adapter->send(std::move(command));
}
void Broadcast::disconnect_sockets(bool close) const {
    const Use adapter(target_->adapter);
    if (!adapter) return;
    auto command =
        command_of(Command::Kind::disconnect, *adapter, target_->setup, target_->nsp, target_->who);
    command->close = close;
    adapter->send(std::move(command));
}

void Broadcast::fetch_sockets(Callback<void(RemoteSockets)> done) const {
    const Use adapter(target_->adapter);
    if (!adapter) return done({});
    auto command =
        command_of(Command::Kind::fetch, *adapter, target_->setup, target_->nsp, target_->who);
    const auto ask = [command, done](socketio::Server& server) {
        server.ask(command, fetch_timeout_ms, [done](bool complete, Report& all) {
            done({std::move(all.sockets), complete, all.missing_nodes});
        });
    };
    if (!adapter->on_any_server(ask, command->bytes())) done({{}, false, 0});
}

Future<RemoteSockets> Broadcast::fetch_sockets() const {
    const auto promise = std::make_shared<Promise<RemoteSockets>>();
    auto future = promise->future();
    fetch_sockets([promise](RemoteSockets all) { promise->set_value(std::move(all)); });
    return future;
}

}  // namespace starling::sio
