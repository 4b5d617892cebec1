// app/serve/report.h: what the program says about itself beside its log: faults before the log is
// open, and what it tells at its start. With log.format json each line is a JSON object, from the
// first one, so that a reader of lines meets nothing else.
//
// Thread: main's; log_start() may run on any.
#pragma once

#include "app/command_line.h"
#include "app/config/config.h"
#include "app/site.h"

#include <starling/log.h>
#include <starling/server.h>

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace starling::app {

class Report {
public:
    Report(std::ostream& err, log::Format format) : err_(err), format_(format) {}

    void warn(std::string_view text) const { say(log::Level::warn, text); }
    // Returns the exit code of a wrong configuration.
    [[nodiscard]] int wrong(std::string_view text) const;
    [[nodiscard]] bool is_json() const noexcept { return format_ == log::Format::json; }

private:
    void say(log::Level level, std::string_view text) const;

    std::ostream& err_;
    log::Format format_;
};

// The format that the flags, the environment or the settings ask for. The settings may be those of
// a configuration that was found wrong: what was read before the fault counts.
[[nodiscard]] log::Format log_format_of(const CommandLine& line, const Environment& environment,
                                        const Settings& settings);

// The server's addresses as URLs.
[[nodiscard]] std::vector<std::string> urls_of(const Server& server, const Settings& settings);

// Those of the listener that redirects to https:; `redirect`: null, there is none.
[[nodiscard]] std::vector<std::string> redirect_urls(const Server* redirect);

// The line "started". With `keys`: a line for each key that was made for this run, which a greeting
// does not tell then.
struct Started {
    const Server& server;
    const Settings& settings;
    const SiteFacts& facts;
    unsigned workers;
    bool keys;
    const Server* redirect = nullptr;
};
void log_start(log::Sink& log, const Started& started);
void log_stop(log::Sink& log, const Server& server);

}  // namespace starling::app
