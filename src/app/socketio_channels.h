// app/socketio_channels.h: connects the rooms of a Socket.IO namespace with the channels of server
// events: a client subscribes to a channel, which is then a room with the channel's name, and what is
// published to the channel, by whomever, reaches the room. See docs/socketio.md, "With the program alone".
//
// Owner: the handlers of the namespace; lives as long as the server. Thread: the workers'.
#pragma once

#include <starling/server.h>
#include <starling/socketio.h>

#include <chrono>
#include <cstddef>

namespace starling::app {

struct ChannelRules {
    size_t rooms_max = 100;              // Channels of one client.
    size_t event_bytes_max = 64 * 1024;  // Of what a client publishes.
    // With connection state recovery: how long a channel is listened to after its last client left,
    // since that client may come back for what it missed.
    std::chrono::milliseconds kept{0};
};

// Sets the handlers of `nsp`. All must outlive the server's workers.
void serve_channels(Server& server, sio::Namespace& nsp, events::Channels& channels,
                    ChannelRules rules);

}  // namespace starling::app
