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

#include "cluster/message.h"
#include "cluster/questions.h"
#include "socketio/adapter.h"
#include "socketio/command.h"

namespace starling::server {

// `nsp`: the namespace, which a command to the children of a pattern does not name.
[[nodiscard]] cluster::Message to_message(const socketio::Command& command, std::string nsp);

// For the workers of this process alone. Nothing: the event cannot be encoded. `message` is an emit,
// ask, join, leave, disconnect, fetch or list_sockets.
[[nodiscard]] std::shared_ptr<socketio::Command> to_command(cluster::Message& message,
                                                            socketio::Adapter& adapter);

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
