#include "server/cluster/messages.h"

#include <boost/json/array.hpp>
#include <utility>

#include "cluster/names.h"
#include "socketio/codec/values.h"

namespace starling::server {
namespace {

using socketio::Command;
using Kind = cluster::Kind;

Kind kind_of(Command::Kind kind) noexcept {
    switch (kind) {
        case Command::Kind::emit: return Kind::emit;
        case Command::Kind::ask: return Kind::ask;
        case Command::Kind::join: return Kind::join;
        case Command::Kind::leave: return Kind::leave;
        case Command::Kind::disconnect: return Kind::disconnect;
        case Command::Kind::fetch: return Kind::fetch;
        case Command::Kind::server_event: break;
    }
    return Kind::server_event;
}

Command::Kind kind_of(Kind kind) noexcept {
    switch (kind) {
        case Kind::ask: return Command::Kind::ask;
        case Kind::join: return Command::Kind::join;
        case Kind::leave: return Command::Kind::leave;
        case Kind::disconnect: return Command::Kind::disconnect;
        case Kind::fetch:
        case Kind::list_sockets: return Command::Kind::fetch;
        default: return Command::Kind::emit;
    }
}

bool encode(const cluster::Message& message, const socketio::Settings& settings,
            std::string_view offset, Command& command) {
    socketio::Encoder encoder(settings.codec, settings.decode.attachments_max);
    const auto ack_id =
        command.kind == Command::Kind::ask ? std::optional(command.ack_id) : std::nullopt;
    encoder.begin(settings.codec, socketio::Type::event, command.nsp, ack_id);
    for (const sio::Json& value : message.data.get_array()) encoder.value(value);
    if (!offset.empty()) encoder.value(offset);
    if (!encoder.finish()) return false;
    command.packet = encoder.take();
    return true;
}

// The event was encoded once before, without its offset.
socketio::Encoded packet_of(const Command& event, const socketio::Settings& settings,
                            std::string_view offset) {
    socketio::Encoder encoder(settings.codec, settings.decode.attachments_max);
    encoder.begin(settings.codec, socketio::Type::event, event.nsp);
    for (const sio::Json& value : event.args) encoder.value(value);
    if (!offset.empty()) encoder.value(offset);
    static_cast<void>(encoder.finish());
    return encoder.take();
}

}  // namespace

bool ends_in_text(const cluster::Message& message) noexcept {
    const auto* const event = message.data.if_array();
    return event && !event->empty() && event->back().is_string();
}

cluster::Message to_message(const Command& command, std::string nsp) {
    cluster::Message message;
    message.kind = kind_of(command.kind);
    message.nsp = std::move(nsp);
    message.target = command.target;
    message.rooms = command.rooms;
    message.close = command.close;
    if (!command.args.empty()) message.take_data(sio::Json(command.args));
    return message;
}

std::shared_ptr<Command> to_command(cluster::Message& message, socketio::Adapter& adapter,
                                    std::string_view offset) {
    auto command = std::make_shared<Command>();
    command->kind = kind_of(message.kind);
    command->nsp = message.nsp;
    command->target = std::move(message.target);
    command->target.flags.local = true;
    command->rooms = std::move(message.rooms);
    command->close = message.close;
    if (command->kind == Command::Kind::ask) command->ack_id = adapter.new_ack_id();
    const bool event = command->kind == Command::Kind::emit || command->kind == Command::Kind::ask;
    // An event without an entry of its own: each worker adds the offset of its newest event.
    if (command->kind == Command::Kind::emit && offset.empty() && adapter.history() &&
        ends_in_text(message)) {
        command->args = boost::json::array(message.data.get_array(), boost::json::storage_ptr());
        return command;
    }
    if (event && !encode(message, adapter.settings(), offset, *command)) return nullptr;
    return command;
}

uint64_t timeout_ms_of(const Command& command, const socketio::Settings& settings,
                       uint64_t request_timeout_ms) noexcept {
    switch (command.kind) {
        case Command::Kind::ask: return command.target.flags.timeout_ms;
        case Command::Kind::server_event: return settings.ack_timeout_ms;
        default: return request_timeout_ms;
    }
}

cluster::OnReport joint_report(size_t requests, cluster::OnReport report) {
    if (requests == 0) {
        report({.first = true});
        return {};
    }
    struct Sum {
        size_t left;
        socketio::Report all;
    };
    return [sum = std::make_shared<Sum>(Sum{requests, {.first = true}}),
            report = std::move(report)](socketio::Report one) {
        if (!one.first) return report(std::move(one));
        sum->all.expected += one.expected;
        sum->all.complete = sum->all.complete && one.complete;
        sum->all.missing_nodes = std::max(sum->all.missing_nodes, one.missing_nodes);
        if (--sum->left == 0) report(std::move(sum->all));
    };
}

std::shared_ptr<Command> stamped(const Command& event, const socketio::Adapter& adapter,
                                 socketio::StreamPlace place) {
    auto command = std::make_shared<Command>();
    command->setup = event.setup;
    command->nsp = event.nsp;
    command->target = event.target;
    command->place = place;
    command->packet = packet_of(event, adapter.settings(), cluster::to_text(place.id));
    return command;
}

void deliver_here(const Command& event, socketio::Adapter& adapter) {
    auto command = std::make_shared<Command>();
    command->setup = event.setup;
    command->nsp = event.nsp;
    command->target = event.target;
    command->target.flags.local = true;
    if (event.args.back().is_string())
        command->args = event.args;
    else
        command->packet = packet_of(event, adapter.settings(), {});
    adapter.send(std::move(command));
}

void deliver_event(cluster::Message& message, socketio::Adapter& adapter) {
    const auto& event = message.data.get_array();
    const auto* const name = event.empty() ? nullptr : event.front().if_string();
    if (!adapter.records(message.nsp) || message.target.flags.volatile_packet || !name) {
        if (auto command = to_command(message, adapter)) adapter.send(std::move(command));
        return;
    }
    auto command = std::make_shared<Command>();
    command->nsp = message.nsp;
    command->target = std::move(message.target);
    command->target.flags.local = true;
    adapter.send_recoverable(std::move(command), {name->data(), name->size()},
                             socketio::to_values(event, 1));
}

}  // namespace starling::server
