// server/admin/live.h: the WebSocket of the admin page, /admin/live: a sample each second, and the
// messages of the connections that the page follows. Messages are JSON, see docs/admin.md.
//
// Owner: Admin. Thread: that of the admin listener.
#pragma once

#include <starling/websocket.h>

#include <cstddef>
#include <string_view>
#include <vector>

#include "server/admin/connection_id.h"

namespace starling::server {

class Admin;

class AdminLive {
public:
    static constexpr size_t pages_max = 50, follows_max = 20;
    static constexpr size_t shown_bytes_max = 4096;  // Of a payload.

    explicit AdminLive(Admin& admin) : admin_(admin) {}
    void mount();

private:
    struct Follow {
        ws::Socket page;
        ConnectionId connection;
    };

    void opened(ws::Socket page);
    void received(ws::Socket page, std::string_view text);
    void left(ws::Socket page);
    void tell_all();
    void follow(ws::Socket page, ConnectionId connection);
    // False: the page does not follow the connection.
    bool forget(ws::Socket page, ConnectionId connection);
    void unfollow(ws::Socket page, ConnectionId connection);
    void stop(ConnectionId connection);

    Admin& admin_;
    std::vector<ws::Socket> pages_;
    std::vector<Follow> follows_;  // A connection has one follower at most.
};

}  // namespace starling::server
