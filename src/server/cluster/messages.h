// server/cluster/messages.h: the commands of this process as messages to other nodes, and the other
// way round.
//
// Pure. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/message.h"
#include "cluster/questions.h"
#include "socketio/adapter.h"
#include "socketio/command.h"

namespace starling::server {

// `nsp`: the namespace, which a command to the children of a pattern does not name.
[[nodiscard]] cluster::Message to_message(const socketio::Command& command, std::string nsp);

// True: `message` is an event whose last item is a text, which clients take for an offset.
[[nodiscard]] bool ends_in_text(const cluster::Message& message) noexcept;

// For the workers of this process alone. Nothing: the event cannot be encoded. `message` is an emit,
// ask, join, leave, disconnect, fetch or list_sockets.
// `offset`: the last value of the event, for the clients.
[[nodiscard]] std::shared_ptr<socketio::Command> to_command(cluster::Message& message,
                                                            socketio::Adapter& adapter,
                                                            std::string_view offset = {});

// An event of this process as an entry of the stream, which its place numbers.
[[nodiscard]] std::shared_ptr<socketio::Command> stamped(const socketio::Command& event,
                                                         const socketio::Adapter& adapter,
                                                         socketio::StreamPlace place);
// Delivers an event of this process that the stream does not hold: here alone, and to nobody later.
void deliver_here(const socketio::Command& event, socketio::Adapter& adapter);

// How long the answers to the command may take.
[[nodiscard]] uint64_t timeout_ms_of(const socketio::Command& command,
                                     const socketio::Settings& settings,
                                     uint64_t request_timeout_ms) noexcept;

// For a request that is sent as several: the report that each of them gets. The reports with `first`
// become one; if there is no request, it comes at once. Thread: one.
[[nodiscard]] cluster::OnReport joint_report(size_t requests, cluster::OnReport report);

// Delivers an event of another node here; in the order of the recovery log, if there is one.
void deliver_event(cluster::Message& message, socketio::Adapter& adapter);

}  // namespace starling::server
