// app/config/schema_admin.cpp: the keys of the admin listener.
#include "app/config/checks.h"
#include "app/config/schema.h"

namespace starling::app {
namespace {

constexpr Row rows[] = {
    {.key = "admin.enabled",
     .slot = [](Settings& s) -> Slot { return &s.admin_enabled; },
     .help = "serve [metrics](metrics.md), the admin API and the [admin page](admin.md)"},
    {.key = "admin.listen",
     .slot = [](Settings& s) -> Slot { return &s.admin_listen; },
     .check = check_address,
     .help = "their address; if the default address is taken, the server runs without them"},
    {.key = "admin.key",
     .slot = [](Settings& s) -> Slot { return &s.admin.key; },
     .secret = true,
     .help =
         "key that every request must bring; without one, the program makes one at each start and "
         "prints it, and `/metrics` needs none on this machine; needed if the address is reachable "
         "from elsewhere"},
    {.key = "admin.key_file",
     .slot = [](Settings& s) -> Slot { return &s.admin_key_path; },
     .path = true,
     .help = "in place of `admin.key`, a file with the key"},
    {.key = "admin.hosts",
     .slot = [](Settings& s) -> Slot { return &s.admin.hosts; },
     .help = "names under which browsers and programs call the listener, beside addresses and "
             "`localhost`"},
    {.key = "admin.payloads",
     .slot = [](Settings& s) -> Slot { return &s.admin.payloads; },
     .help = "show the payloads of the messages of a connection that is followed"},
};

}  // namespace

std::span<const Row> admin_rows() noexcept { return rows; }

}  // namespace starling::app
