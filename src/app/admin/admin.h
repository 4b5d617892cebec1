// app/admin/admin.h: `starling admin`: shows and changes what a running server does, through the
// API of its admin listener (docs/admin.md).
//
// Thread: main's.
#pragma once

#include "app/command_line.h"
#include "app/config/config.h"
#include "app/streams.h"
#include "base/result.h"

#include <string>

namespace starling::app {

// One request of the API.
struct AdminRequest {
    std::string target;  // "/admin/api/connections?limit=100"
    std::string body;    // Of a POST; "": a GET.
};
// What the command line asks for; the failure says what is wrong with it.
[[nodiscard]] base::Result<AdminRequest> admin_request(const CommandLine& line);

// Also `starling drain`. Returns the exit code, see the command's exits in app/command_table.cpp.
[[nodiscard]] int run_admin(const CommandLine& line, const Environment& environment,
                            const Streams& streams);

}  // namespace starling::app
