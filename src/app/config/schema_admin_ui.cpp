// app/config/schema_admin_ui.cpp: the keys of Socket.IO's Admin UI.
#include "app/config/checks.h"
#include "app/config/schema.h"

namespace starling::app {
namespace {

constexpr int64_t events_max = 100'000, sockets_max = 1'000'000;

constexpr Row rows[] = {
    {.key = "admin.socketio_ui.enabled",
     .slot = [](Settings& s) -> Slot { return &s.admin_ui_enabled; },
     .help = "let the page of Socket.IO's [Admin UI](admin-ui.md) see the Socket.IO server"},
    {.key = "admin.socketio_ui.namespace",
     .slot = [](Settings& s) -> Slot { return &s.admin_ui.namespace_name; },
     .help = "namespace that the page connects to"},
    {.key = "admin.socketio_ui.username",
     .slot = [](Settings& s) -> Slot { return &s.admin_ui.username; },
     .help = "user name of its login"},
    {.key = "admin.socketio_ui.password_hash",
     .slot = [](Settings& s) -> Slot { return &s.admin_ui.password_hash; },
     .secret = true,
     .help =
         "hash of its password by bcrypt, yescrypt, scrypt or SHA-512, as `mkpasswd` prints it; "
         "needed"},
    {.key = "admin.socketio_ui.readonly",
     .slot = [](Settings& s) -> Slot { return &s.admin_ui.readonly; },
     .help = "the page cannot emit, join, leave or disconnect"},
    {.key = "admin.socketio_ui.server_id",
     .slot = [](Settings& s) -> Slot { return &s.admin_ui.server_id; },
     .help = "name of this server on the page; empty: the name of the host"},
    {.key = "admin.socketio_ui.mode",
     .slot = [](Settings& s) -> Slot { return &s.admin_ui_mode; },
     .check = check_admin_ui_mode,
     .help = "`production`: figures alone; `development`: all sockets, rooms and events too, with "
             "payloads"},
    {.key = "admin.socketio_ui.events_per_second_max",
     .slot = [](Settings& s) -> Slot { return &s.admin_ui.events_per_second_max; },
     .min = 1,
     .max = events_max,
     .help = "what one worker tells the pages each second; the rest is left out"},
    {.key = "admin.socketio_ui.sockets_max",
     .slot = [](Settings& s) -> Slot { return &s.admin_ui.sockets_max; },
     .min = 1,
     .max = sockets_max,
     .help = "sockets that the list of a page begins with"},
    {.key = "admin.socketio_ui.payload_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.admin_ui.payload_bytes_max; },
     .min = 0,
     .max = 64 * kibi,
     .help = "a larger event is shown without its arguments"},
};

}  // namespace

std::span<const Row> admin_ui_rows() noexcept { return rows; }

}  // namespace starling::app
