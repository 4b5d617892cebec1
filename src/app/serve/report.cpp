#include "app/serve/report.h"

#include "base/log_format.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace starling::app {

namespace {

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all.append(all.empty() ? "" : " ").append(text);
    return all;
}

}  // namespace

int Report::wrong(std::string_view text) const {
    say(log::Level::error, text);
    return 2;
}

void Report::say(log::Level level, std::string_view text) const {
    if (!is_json()) {
        err_ << (level == log::Level::warn ? "warning: " : "") << text << std::endl;
        return;
    }
    std::string line = base::log_head(format_, level, std::chrono::system_clock::now(), false);
    line += base::log_body(format_, text, {});
    err_ << line << base::log_tail(format_) << std::flush;
}

log::Format log_format_of(const CommandLine& line, const Environment& environment,
                          const Settings& settings) {
    const bool flag = std::ranges::any_of(line.flags, [](const Flag& one) {
        return one.key == "log.format" && !one.values.empty() && one.values.front() == "json";
    });
    const bool variable = std::ranges::any_of(environment, [](const auto& one) {
        return (one.first == "STARLING_LOG_FORMAT" || one.first == "STARLING_LOG__FORMAT") &&
               one.second == "json";
    });
    return flag || variable ? log::Format::json : settings.log.format;
}

std::vector<std::string> urls_of(const Server& server, const Settings& settings) {
    return listening_urls(server, settings.server.listen, has_certificates(settings));
}

std::vector<std::string> redirect_urls(const Server* redirect) {
    std::vector<std::string> urls;
    if (redirect)
        for (const std::string& address : redirect->addresses())
            urls.push_back(url_of(address, false));
    return urls;
}

void log_start(log::Sink& log, const Started& started) {
    const std::string addresses = joined(urls_of(started.server, started.settings));
    std::string admin;
    if (started.facts.admin && !started.facts.admin->addresses().empty())
        admin = url_of(started.facts.admin->addresses().front(), false);
    const std::string redirect = joined(redirect_urls(started.redirect));
    const std::string_view io = started.server.io() == Io::io_uring ? "io_uring" : "epoll";
    std::vector<log::Field> fields{{"version", version()},
                                   {"workers", static_cast<int64_t>(started.workers)},
                                   {"io", io},
                                   {"pid", static_cast<int64_t>(::getpid())},
                                   {"addresses", addresses}};
    if (!redirect.empty()) fields.push_back({"redirect", redirect});
    if (!admin.empty()) fields.push_back({"admin", admin});
    log.write(log::Level::info, "started", fields);
    if (!started.keys) return;
    const std::pair<std::string_view, const std::string*> made[] = {
        {"POST /api/publish", &started.facts.made_publish_key},
        {"the control API /tapr/ws", &started.facts.made_gateway_key},
        {"the admin page and API", &started.facts.made_admin_key}};
    for (const auto& [use, key] : made) {
        if (key->empty()) continue;
        const std::array told{log::Field{"of", use}, log::Field{"key", *key}};
        log.write(log::Level::info, "a key was made for this run", told);
    }
}

void log_stop(log::Sink& log, const Server& server) {
    const ServerStats stats = server.stats();
    const std::array fields{
        log::Field{"pid", static_cast<int64_t>(::getpid())},
        log::Field{"connections", static_cast<int64_t>(stats.connections_accepted)},
        log::Field{"requests", static_cast<int64_t>(stats.requests)},
        log::Field{"messages", static_cast<int64_t>(stats.messages_received)}};
    log.write(log::Level::info, "stopped", fields);
}

}  // namespace starling::app
