// socketio/broadcast_target.h: the adapter, the namespace, the receivers and the flags of a
// sio::Broadcast. It does not change after the Broadcast was returned, so any thread may read it.
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
