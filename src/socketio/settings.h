// socketio/settings.h: the settings that all cores of a Socket.IO server share. Read-only once the
// workers run; any thread.
#pragma once

#include <starling/socketio_options.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "socketio/codec/packet.h"
#include "socketio/transport.h"

namespace starling::socketio {

// The decision of a login: whether the client may connect to a namespace, and as which user.
struct Login {
    bool allowed = true;
    std::string user;
    std::optional<int64_t> expires_s;  // Unix time; nothing: never.
    std::string_view code;             // Reason of a refusal, for example "token_expired".
};

class EventSink;

struct Settings {
    Codec codec = Codec::json;
    DecodeLimits decode = {};
    uint64_t connect_timeout_ms = 10'000;
    uint64_t ack_timeout_ms = 10'000;
    uint32_t namespaces_max = 100;
    uint32_t pending_acks_max = 1'000;
    std::vector<std::string> namespaces = {};  // Patterns for is_allowed().
    std::vector<sio::NamespaceLimits> namespace_limits = {};
    std::optional<sio::Recovery> recovery = {};
    std::string initial_packet = {};  // Sent to each client first; "": none.
    EventSink* events = nullptr;      // Null: events go to the listeners.
    // Empty: every client may connect. Called on any worker.
    std::function<Login(const Json& auth, const ConnectInfo& info, int64_t now_s)> login = {};
};

}  // namespace starling::socketio
