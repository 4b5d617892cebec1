// server/cluster/messages.h: the commands of this process as messages to other nodes, and the other
// way round.
//
// Pure. Thread: any.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cluster/message.h"
#include "socketio/adapter.h"
#include "socketio/command.h"

namespace starling::server {

// `nsp`: the namespace, which a command to the children of a pattern does not name.
[[nodiscard]] cluster::Message to_message(const socketio::Command& command, std::string nsp);

// For the workers of this process alone. Nothing: the event cannot be encoded. `message` is an emit,
// ask, join, leave, disconnect, fetch or list_sockets.
[[nodiscard]] std::shared_ptr<socketio::Command> to_command(cluster::Message& message,
                                                            socketio::Adapter& adapter);

// Delivers an event of another node here; in the order of the recovery log, if there is one.
void deliver_event(cluster::Message& message, socketio::Adapter& adapter);

}  // namespace starling::server
