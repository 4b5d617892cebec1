// app/service_manager.h: tells systemd how the program does, by the protocol of sd_notify(3): a datagram
// to the socket that NOTIFY_SOCKET names. Without that variable nothing is said.
//
// Thread: any.
#pragma once

#include "app/config/config.h"

#include <chrono>
#include <string>
#include <string_view>

namespace starling {
class Server;
}

namespace starling::app {

class ServiceManager {
public:
    explicit ServiceManager(const Environment& environment);

    // "READY=1". A service manager that does not listen is no fault of the program.
    void say(std::string_view state) const noexcept;
    // Says "WATCHDOG=1" twice in each period that systemd waits, if every worker has run a call until
    // then. Before the server starts; the ServiceManager outlives the server.
    void watch(Server& server) const;
    // The period that systemd waits for a sign of life; 0: it waits for none.
    [[nodiscard]] std::chrono::microseconds watchdog() const noexcept { return watchdog_; }

private:
    void ask_worker(Server& server, unsigned worker) const;

    std::string socket_;  // A path, or '@' and a name in the abstract namespace; "": none.
    std::chrono::microseconds watchdog_{0};
};

}  // namespace starling::app
