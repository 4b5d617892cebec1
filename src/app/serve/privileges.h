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
// Makes the log files that are not there yet, for `identity`, which opens them again at a reload. Before
// they are opened. Files that are there keep their owner: in a folder of that user a name may lead to
// any file of the system. Does nothing if the settings name no user and no group.
void make_logs(const Settings& settings, const Identity& identity) noexcept;
// Gives the rights up if the settings say so, and logs what the process cannot read from here on.
// Throws as become() does.
void drop_rights(const Settings& settings, const std::string& config_file, const Identity& identity,
                 log::Sink& log);
// Files that a reload reads and that the process, as it is now, cannot read.
[[nodiscard]] std::vector<std::string> unreadable_later(const Settings& settings,
                                                        const std::string& config_file);
// Folders of static files and of ACME's challenges that the process, as it is now, cannot read.
[[nodiscard]] std::vector<std::string> unreadable_folders(const Settings& settings);

}  // namespace starling::app
