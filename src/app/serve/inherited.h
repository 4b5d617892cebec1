// app/serve/inherited.h: listening sockets that this process has got from systemd
// (sd_listen_fds(3)), or from the process that it replaces.
//
// Owner: the run of the command. Thread: main's.
#pragma once

#include "app/config/config.h"

#include "base/descriptor.h"

#include <vector>

namespace starling::app {

// The variables of a hand-over. `ready_variable` names a descriptor: the successor writes a byte to
// it once it accepts connections.
inline constexpr const char* ready_variable = "STARLING_TAKEOVER_READY";
inline constexpr const char* sockets_variable = "STARLING_TAKEOVER_SOCKETS";
inline constexpr const char* parent_variable = "STARLING_TAKEOVER_PARENT";
inline constexpr const char* files_variable = "STARLING_TAKEOVER_FILES_STAY";
inline constexpr int first_inherited = 3;  // SD_LISTEN_FDS_START.

class Inherited {
public:
    // Takes the sockets, and removes the variables from `environment`: they are not for the
    // processes that this one starts. Variables that are meant for another process count for
    // nothing.
    explicit Inherited(Environment& environment);

    [[nodiscard]] std::vector<int> sockets() const;
    [[nodiscard]] bool takes_over() const noexcept { return static_cast<bool>(ready_); }
    // The files of Unix-domain sockets are systemd's.
    [[nodiscard]] bool files_stay() const noexcept { return files_stay_; }
    // Tells the predecessor that this process accepts connections, and gives the sockets up, of
    // which the server has copies.
    void accepting();

private:
    std::vector<base::Descriptor> sockets_;
    base::Descriptor ready_;
    bool files_stay_ = false;
};

}  // namespace starling::app
