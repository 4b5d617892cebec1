// <starling/socketio_admin_ui.h>: the server side of Socket.IO's Admin UI (npm @socket.io/admin-ui
// 0.5): its page shows the sockets, rooms, clients, events and servers, and acts on them.
//
//     sio::instrument(server.socketio(), {.password_hash = "$2b$10$..."});
//
// The page connects to a namespace of the server, "/admin", with a user name and a password. See
// docs/admin-ui.md.
#pragma once

#include <starling/socketio.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::sio {

// Names and defaults are those of the npm package; comments mark the safer defaults.
struct AdminUiOptions {
    std::string namespace_name = "/admin";
    std::string username = "admin";
    // What crypt(5) makes of the password with bcrypt ("$2b$10$...", as in Node), yescrypt
    // ("$y$..."), scrypt or SHA-512; see hash_password(). There is no way to leave it out.
    std::string password_hash = {};
    bool readonly = false;       // True: the page cannot emit, join, leave or disconnect.
    std::string server_id = {};  // Shown for this server. "": the name of the host.
    enum class Mode : uint8_t {
        production,   // Figures of the server alone. Node's default is development.
        development,  // All sockets, rooms and events besides, with their payloads.
    };
    Mode mode = Mode::production;

    // ---- Limits of the mode development ---------------------------------------------------------
    // What one worker tells the pages each second: sockets, rooms and events that change. What is
    // above it is left out; a page whose sockets or rooms are out of date then gets a new list.
    uint32_t events_per_second_max = 1'000;
    uint32_t sockets_max = 10'000;        // Sockets that the list of a page begins with.
    size_t payload_bytes_max = 4 * 1024;  // A larger event is shown without its arguments.
};

// Before the server starts. Throws std::invalid_argument for wrong options, and std::logic_error
// when called again, or when the namespace is "/". Sessions of the page are valid for a day, on all
// servers with the same user name and password hash.
void instrument(Server& io, AdminUiOptions options);

// A hash for AdminUiOptions::password_hash, by yescrypt. Takes about 0.1 s, on purpose. Throws
// std::invalid_argument for an empty password, and for one of more than 255 bytes or with a NUL.
[[nodiscard]] std::string hash_password(std::string_view password);

}  // namespace starling::sio
