// app/serve/upgrade.h: SIGUSR2: starts the program again, as it is on the disk now, with the
// listening sockets of this process. When the new process accepts connections, this one accepts no
// more and drains. No connection is refused: the sockets, and what waits in them, are the same.
//
// If this process is told to stop meanwhile, so is the new one: nothing is left behind.
//
// Owner: the run of the command. Thread: that of Server::run(); a thread of its own waits for the
// new process.
#pragma once

#include "app/config/config.h"
#include "app/serve/inherited.h"
#include "app/service_manager.h"

#include "base/descriptor.h"

#include <starling/log.h>
#include <starling/server.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace starling::app {

class Upgrade {
public:
    struct Parts {
        Server& server;
        Server* redirect;  // Null: there is none.
        log::Sink& log;
        const ServiceManager& manager;
        const Inherited& inherited;
        // For a new process that is told to end (SIGTERM, in the middle once more), before it is
        // killed.
        std::chrono::milliseconds end_timeout{5000};
    };
    // `command`: the path of the program and its arguments.
    Upgrade(Parts parts, std::vector<std::string> command, Environment environment)
        : parts_(parts), command_(std::move(command)), environment_(std::move(environment)) {}
    ~Upgrade();
    Upgrade(const Upgrade&) = delete;
    Upgrade& operator=(const Upgrade&) = delete;

    // Logs what comes of it. While one is under way, another call does nothing.
    void run();

private:
    [[nodiscard]] std::vector<int> sockets() const;
    void watch(int child, const base::Descriptor& ready, const base::Descriptor& stopped);
    void hand_over(int child);
    void end(int child) const;  // SIGTERM twice, a bounded wait, SIGKILL.
    void failed(const std::string& why);

    const Parts parts_;
    const std::vector<std::string> command_;
    const Environment environment_;
    base::Descriptor stop_;  // Closed by the destructor: the waiting ends.
    std::atomic<bool> under_way_{false};
    std::thread waiting_;
};

}  // namespace starling::app
