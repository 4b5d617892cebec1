// app/config/schema_operations.cpp: the keys of those who run the program: drain, rights, access log.
#include "app/config/schema.h"

namespace starling::app {
namespace {

constexpr Row rows[] = {
    {.key = "drain.announce_s",
     .slot = [](Settings& s) -> Slot { return &s.server.drain.announce; },
     .max = day_ms,
     .help = "before a stop, this long `/readyz` answers 503 and all else goes on; see "
             "[operations](operations.md#drain)"},
    {.key = "drain.seconds",
     .slot = [](Settings& s) -> Slot { return &s.server.drain.over; },
     .max = day_ms,
     .help =
         "then clients are closed evenly over this time, WebSockets with 1012; 0: a stop closes "
         "them as fast as it can"},
    {.key = "user",
     .slot = [](Settings& s) -> Slot { return &s.user; },
     .help = "user to become once the addresses are bound, a name or a number; empty: none; needs "
             "root"},
    {.key = "group",
     .slot = [](Settings& s) -> Slot { return &s.group; },
     .help = "group to become; empty: that of `user`"},
    {.key = "access_log_format",
     .slot = [](Settings& s) -> Slot { return &s.server.access_format; },
     .help =
         "`fields`: lines of the log; `common`, `combined`: those of Apache and nginx; `json`: an "
         "object for each request"},
    {.key = "access_log_path",
     .slot = [](Settings& s) -> Slot { return &s.access_log_path; },
     .path = true,
     .help = "file of these lines; empty: with `fields` the log, else standard error"},
    {.key = "io",
     .slot = [](Settings& s) -> Slot { return &s.server.io; },
     .help =
         "how the workers talk to the kernel; `auto`: `epoll`. `io_uring` needs Linux 6.1; where "
         "it is refused, a warning says why, and epoll is used"},
};

}  // namespace

std::span<const Row> operation_rows() noexcept { return rows; }

}  // namespace starling::app
