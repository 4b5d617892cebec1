// app/serve/inherited.h: listening sockets that this process has got from systemd
// (sd_listen_fds(3)), or from the process that it replaces.
//
// Owner: the run of the command. Thread: main's.
#pragma once

#include "app/config/config.h"
#include "app/config/settings.h"

#include "base/descriptor.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::app {

// The variables of a hand-over. `ready_variable` names a descriptor: the successor writes a byte to
// it once it accepts connections.
inline constexpr const char* ready_variable = "STARLING_TAKEOVER_READY";
inline constexpr const char* sockets_variable = "STARLING_TAKEOVER_SOCKETS";
inline constexpr const char* parent_variable = "STARLING_TAKEOVER_PARENT";
inline constexpr const char* files_variable = "STARLING_TAKEOVER_FILES_STAY";
inline constexpr const char* names_variable = "STARLING_TAKEOVER_NAMES";
inline constexpr int first_inherited = 3;  // SD_LISTEN_FDS_START.
// The names of sockets (FileDescriptorName= of systemd.socket(5)) that choose a listener.
inline constexpr std::string_view listener_names[] = {"admin", "redirect"};

class Inherited {
public:
    // Takes the sockets, and removes the variables from `environment`: they are not for the
    // processes that this one starts. Variables that are meant for another process count for
    // nothing.
    explicit Inherited(Environment& environment);

    // The sockets for a listener: those that have its name, and those whose name is none of
    // listener_names, which are chosen by their address.
    [[nodiscard]] std::vector<int> sockets(std::string_view listener = {}) const;
    // The addresses of the sockets with this name, as configuration writes them.
    [[nodiscard]] std::vector<std::string> addresses(std::string_view name) const;
    // The name of the inherited socket that has the same address as `socket`; "": none has a name.
    // Also after accepting().
    [[nodiscard]] std::string name_of(int socket) const;
    [[nodiscard]] bool takes_over() const noexcept { return static_cast<bool>(ready_); }
    // The files of Unix-domain sockets are systemd's.
    [[nodiscard]] bool files_stay() const noexcept { return files_stay_; }
    // Tells the predecessor that this process accepts connections, and gives the sockets up, of
    // which the server has copies.
    void accepting();

private:
    struct Socket {
        base::Descriptor descriptor;
        std::string name;
    };
    std::vector<Socket> sockets_;
    std::vector<std::pair<std::string, std::string>> named_;  // Addresses with names.
    base::Descriptor ready_;
    bool files_stay_ = false;
};

// The sockets that are named "admin" or "redirect" replace the addresses of these listeners. Returns
// a warning; "": there is none.
[[nodiscard]] std::string use_names(Settings& settings, const Inherited& inherited);

}  // namespace starling::app
