// app/serve/reload.h: SIGHUP: reads the configuration again and gives the running server what it can
// take over. A configuration with a fault changes nothing.
//
// Owner: the run of the command. Thread: that of Server::run().
#pragma once

#include "app/config/changes.h"
#include "app/config/settings.h"
#include "app/site.h"
#include "base/result.h"

#include <starling/log.h>
#include <starling/server.h>

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starling::app {

class Reloader {
public:
    // The configuration as it is now, checked as a whole. The failure is one line with the place of
    // the fault.
    using Read = std::function<base::Result<Settings>()>;
    // What the running server has.
    struct Target {
        Server& server;
        log::Sink& log;
        const SiteFacts& facts;
        Server* redirect = nullptr;  // Null: there is none.
    };

    Reloader(const Settings& started, Read read)
        : started_(started), running_(started), read_(std::move(read)) {}

    // Logs one line: what has changed and what needs a restart, or why nothing has changed.
    void run(const Target& target);

private:
    void take_over(const Target& target, const Settings& next, ConfigChanges& changes);
    // Runs `call` if one of `keys` has changed. If it throws, the keys need a restart.
    void change(const Target& target, ConfigChanges& changes,
                std::span<const std::string_view> keys, const std::function<void()>& call);
    void change_origins(const Target& target, const Settings& next,
                        const std::vector<std::string>& shared);
    void change_gateway_proxies(const Target& target, const Settings& next);

    const Settings started_;
    Settings running_;  // What the server has taken over so far.
    Read read_;
};

}  // namespace starling::app
