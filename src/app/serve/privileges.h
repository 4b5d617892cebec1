// app/serve/privileges.h: gives up the rights of root once the addresses are bound.
//
// Thread: any; the C library changes the user of all threads of the process.
#pragma once

#include "app/config/settings.h"
#include "app/site.h"
#include "base/result.h"

#include <starling/log.h>

#include <sys/types.h>

#include <string>
#include <vector>

namespace starling::app {

struct Identity {
    uid_t user;
    gid_t group;
};

// The numbers for `user` and `group` of the configuration.
[[nodiscard]] base::Result<Identity, SiteFault> identity_of(const Settings& settings);
// Becomes the user and the group, with that user's further groups. Throws std::runtime_error; also
// if the process could become root again.
void become(const Identity& identity);
// Gives a log file that this process made to `identity`, which opens it again at a reload. Not a link,
// nor a file with a second name: in a folder of that user they may be any file of the system.
void give_away(const std::string& file, const Identity& identity);
// The log files that are not there yet. Before they are opened: this start makes them.
[[nodiscard]] std::vector<std::string> missing_logs(const Settings& settings);
// Gives the rights up if the settings say so, after the log files that this start has made, and logs
// what the process cannot read from here on. Throws as become() does.
void drop_rights(const Settings& settings, const std::string& config_file, const Identity& identity,
                 const std::vector<std::string>& made_logs, log::Sink& log);
// Files that a reload reads and that the process, as it is now, cannot read.
[[nodiscard]] std::vector<std::string> unreadable_later(const Settings& settings,
                                                        const std::string& config_file);
// Folders of static files and of ACME's challenges that the process, as it is now, cannot read.
[[nodiscard]] std::vector<std::string> unreadable_folders(const Settings& settings);

}  // namespace starling::app
