// socketio/broadcast_target.h: what a sio::Broadcast holds. Immutable once shared; any thread.
#pragma once

#include <starling/socketio.h>

#include <string>

#include "socketio/adapter.h"
#include "socketio/target.h"

namespace starling::sio {

struct Broadcast::Target {
    base::Lifetime<socketio::Adapter>* adapter = nullptr;  // Null: no receivers.
    socketio::NamespaceSetup* setup = nullptr;
    std::string nsp = {};  // "" for all children of a pattern.
    socketio::Target who = {};
};

}  // namespace starling::sio
