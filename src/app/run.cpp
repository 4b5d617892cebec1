#include "app/run.h"

#include "app/admin/admin.h"
#include "app/bench/bench.h"
#include "app/cluster_demo/demo.h"
#include "app/command_line.h"
#include "app/config/json_schema.h"
#include "app/connect/connect.h"
#include "app/demo/banner.h"
#include "app/demo/community/community.h"
#include "app/demo/community/data_file.h"
#include "app/demo/gateway_demo.h"
#include "app/help/completions.h"
#include "app/help/config_page.h"
#include "app/help/manual_page.h"
#include "app/publish/publish.h"
#include "app/service_manager.h"
#include "app/site.h"
#include "app/token/token.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace starling::app {
namespace {

constexpr int wrong_exit = 2;

// Passes lines to the log. Before the server has started, it keeps the first error line back: the
// program prints that line on the terminal, wherever the log goes.
class StartLog final : public log::Sink {
public:
    explicit StartLog(std::shared_ptr<log::Sink> inner) : inner_(std::move(inner)) {}

    [[nodiscard]] bool wants(log::Level level) const noexcept override {
        return inner_->wants(level);
    }
    void write(log::Level level, std::string_view message,
               std::span<const log::Field> fields) noexcept override {
        if (level != log::Level::error || started_.load(std::memory_order_acquire))
            return inner_->write(level, message, fields);
        const std::lock_guard lock(mutex_);
        try {
            if (fault_.empty()) fault_ = message;
        } catch (const std::exception&) {  // Out of memory: the exit code is enough.
        }
    }
    void reopen() noexcept override { inner_->reopen(); }
    [[nodiscard]] uint64_t dropped() const noexcept override { return inner_->dropped(); }

    void started() noexcept { started_.store(true, std::memory_order_release); }
    std::string fault() {
        const std::lock_guard lock(mutex_);
        return fault_;
    }

private:
    std::shared_ptr<log::Sink> inner_;
    std::atomic<bool> started_{false};
    std::mutex mutex_;
    std::string fault_;
};

int wrong(std::ostream& err, const std::string& line) {
    err << line << std::endl;
    return wrong_exit;
}

unsigned worker_count(const Settings& settings) {
    if (settings.server.workers) return settings.server.workers;
    return std::max(1u, std::thread::hardware_concurrency());
}

void greet_gateway(const Settings& settings, const SiteFacts& facts, std::ostream& out) {
    if (!settings.gateway_enabled) return;
    for (const gateway::Route& route : settings.gateway.routes) {
        out << "gateway: clients at " << route.path << ", ";
        if (route.application.empty())
            out << "no webhooks\n";
        else
            out << "webhooks to " << route.application << '\n';
    }
    const bool olares = settings.gateway.olares != gateway::Olares::off;
    if (!facts.made_gateway_key.empty() && olares)
        out << "the control API /tapr/ws takes requests without a key from this machine, unless a "
               "proxy or a browser sends them; its log /tapr/ws/log wants the key in any case\n";
    if (!facts.made_gateway_key.empty())
        out << "key of the control API /tapr/ws, made for this run: " << facts.made_gateway_key
            << " (STARLING_GATEWAY_API_KEY or gateway.api_keys sets another)\n";
}

void greet_admin(const SiteFacts& facts, std::ostream& out) {
    if (!facts.admin || facts.admin->addresses().empty()) return;
    out << "admin page and metrics: " << url_of(facts.admin->addresses().front(), false)
        << "/admin/ and /metrics\n";
    if (!facts.made_admin_key.empty())
        out << "key of the admin page and API, made for this run: " << facts.made_admin_key
            << " (admin.key or admin.key_file sets another)\n";
}

// Prints "starling 0.1.0 listening on http://localhost:8080 (2 workers)".
void greet(const Server& server, const Settings& settings, const SiteFacts& facts,
           std::ostream& to) {
    std::ostringstream out;
    const std::vector<std::string> urls =
        listening_urls(server, settings.server.listen, !settings.server.certificates.empty());
    out << "starling " << version() << " listening on ";
    for (size_t i = 0; i < urls.size(); ++i) out << (i ? ", " : "") << urls[i];
    const unsigned workers = worker_count(settings);
    out << " (" << workers << (workers == 1 ? " worker)\n" : " workers)\n");
    // The document root may be the user's own folder, which has other pages.
    const bool has_pages = std::filesystem::exists(settings.root + "/echo/index.html");
    if (settings.demo && has_pages && !urls.empty()) {
        const bool console = settings.gateway_enabled && settings.control_listen.empty();
        // The demo's own channels have ApiIndex, to which the command publishes.
        const bool own_channels = settings.event_channels.empty();
        out << banner({.url = urls.front(),
                       .publish_key = own_channels ? facts.made_publish_key : std::string_view(),
                       .gateway_console = console});
    }
    greet_admin(facts, out);
    if (!facts.made_publish_key.empty())
        out << "key of POST /api/publish, made for this run: " << facts.made_publish_key
            << " (events.api_key sets another)\n";
    greet_gateway(settings, facts, out);
    // This runs on a worker's thread: skip the greeting rather than block on a full pipe.
    pollfd standard_output{STDOUT_FILENO, POLLOUT, 0};
    if (&to == &std::cout && ::poll(&standard_output, 1, 0) != 1) return;
    to << out.str() << std::flush;
}

// The error line for an address that the server cannot listen on, with the place in the
// configuration.
std::string start_fault(const Config& config, const Settings& settings, const std::string& fault) {
    const ListenList& listen = settings.server.listen;
    for (size_t i = 0; i < listen.size(); ++i) {
        const std::string key = "listen[" + std::to_string(i) + "]";
        if (config.names(key) && fault.starts_with("cannot listen on " + listen[i].address + ": "))
            return config.fault(key, fault);
    }
    return "starling: " + fault;
}

// Mounts the site and loads the certificates, so that every fault but that of listening is found
// here.
base::Result<SiteFacts> prepare(Server& server, const Config& config, const Settings& settings,
                                community::Community* community) {
    auto facts = build_site(server, settings, community);
    if (!facts) return base::Failure(config.fault(facts.error().key, facts.error().what));
    if (settings.server.certificates.empty()) return *std::move(facts);
    try {
        server.reload_certificates();
    } catch (const std::runtime_error& failure) {
        const std::string why = failure.what();
        const bool ciphers = why.starts_with("no cipher");
        return base::Failure(config.fault(ciphers                     ? "tls.ciphers"
                                          : settings.tls_cert.empty() ? "tls.certificates"
                                                                      : "tls_cert",
                                          why));
    }
    return *std::move(facts);
}

// Without a root, the demo serves the pages installed beside the program.
bool find_pages(Settings& settings, const std::string& executable_path) {
    if (!settings.demo || !settings.root.empty()) return true;
    settings.root = find_web_folder(executable_path);
    return !settings.root.empty();
}

constexpr const char* no_pages =
    "starling: cannot find the pages of the demo; name their folder with --root";

// Printed if no file was named and no default place is writable. The demo then runs from memory.
constexpr const char* no_data_file =
    "starling: found no place for the data of the demo: it lasts until the end; name a file with "
    "--data";

// Null without the demo.
base::Result<std::unique_ptr<community::Community>> open_community(const Config& config,
                                                                   const Settings& settings,
                                                                   const Environment& environment,
                                                                   std::ostream& err) {
    if (!settings.demo) return std::unique_ptr<community::Community>();
    const bool named = !settings.demo_data.empty();
    const std::string path = named ? community::resolve_data_file(settings.demo_data)
                                   : community::default_data_file(environment);
    if (!named && path == community::in_memory) err << no_data_file << std::endl;
    auto opened = community::Community::open(path);
    if (opened) return opened;
    return base::Failure(config.fault("demo_data", "cannot use '" + path + "': " + opened.error()));
}

base::Result<std::shared_ptr<log::Sink>> open_log(const Config& config, const Settings& settings) {
    try {
        return log::make_sink(settings.log);
    } catch (const std::runtime_error& failure) {
        return base::Failure(config.fault("log.path", failure.what()));
    }
}

int serve(const Config& config, Settings settings, const Environment& environment,
          std::ostream& out, std::ostream& err) {
    const auto sink = open_log(config, settings);
    if (!sink) return wrong(err, sink.error());
    auto log = std::make_shared<StartLog>(*sink);
    ServerOptions options = settings.server;
    options.log = log;
    const auto community = open_community(config, settings, environment, err);
    if (!community) return wrong(err, community.error());
    Server server(std::move(options));
    const auto facts = prepare(server, config, settings, community->get());
    if (!facts) return wrong(err, facts.error());

    // A log for machines records the start and the stop; on a terminal the greeting already tells
    // the start.
    const ServiceManager manager(environment);
    manager.watch(server);
    bool told = settings.log.format == log::Format::json || !settings.log.path.empty();
    server.after(std::chrono::milliseconds(0), [&] {
        log->started();
        greet(server, settings, *facts, out);
        std::array fields{log::Field{"version", version()},
                          log::Field{"workers", static_cast<int64_t>(worker_count(settings))}};
        if (told) log->write(log::Level::info, "started", fields);
        manager.say("READY=1");
    });
    const int exit_code = server.run();
    if (exit_code != 0) return wrong(err, start_fault(config, settings, log->fault()));
    if (told) {
        ServerStats stats = server.stats();
        std::array fields{
            log::Field{"connections", static_cast<int64_t>(stats.connections_accepted)},
            log::Field{"requests", static_cast<int64_t>(stats.requests)},
            log::Field{"messages", static_cast<int64_t>(stats.messages_received)}};
        log->write(log::Level::info, "stopped", fields);
    }
    return 0;
}

int check(const Config& config, const Settings& settings, const std::string& file,
          std::ostream& out, std::ostream& err) {
    Server server(settings.server);
    const auto facts = prepare(server, config, settings, nullptr);
    if (!facts) return wrong(err, facts.error());
    // Checking must not create the log file, perhaps with the wrong owner.
    const auto folder = std::filesystem::path(settings.log.path).parent_path();
    const bool made_later = std::filesystem::is_directory(folder.empty() ? "." : folder) &&
                            !std::filesystem::exists(settings.log.path);
    if (!made_later) {
        const auto sink = open_log(config, settings);
        if (!sink) return wrong(err, sink.error());
    }
    out << file << ": the configuration is valid" << std::endl;
    return 0;
}

// `starling serve`, `gateway` and `check-config`.
int run_server(const CommandLine& line, const Environment& environment,
               const std::string& executable_path, std::ostream& out, std::ostream& err) {
    const bool checking = line.action == Action::check_config;
    Config config;
    if (line.has_config && !config.read_file(line.config)) return wrong(err, config.error());
    if (!checking) {
        if (!config.read_environment(environment)) return wrong(err, config.error());
        if (line.action == Action::gateway) config.begin_gateway(environment);
        for (const Flag& flag : line.flags)
            if (!config.set(flag.flag, flag.key, flag.values)) return wrong(err, config.error());
    }
    if (!config.finish()) return wrong(err, config.error());
    for (const std::string& warning : config.warnings()) err << warning << std::endl;
    Settings settings = config.settings();
    if (!find_pages(settings, executable_path)) return wrong(err, no_pages);
    settings.admin_pages = find_web_folder(executable_path);
    settings.docs = find_docs_folder(executable_path);
    if (settings.demo && !settings.gateway_enabled) add_gateway_demo(settings);
    return checking ? check(config, settings, line.config, out, err)
                    : serve(config, std::move(settings), environment, out, err);
}

int run_command(const CommandLine& line, const Environment& environment,
                const std::string& executable_path, const Streams& streams) {
    switch (line.action) {
        case Action::print:
            if (line.exit_code == 0) return print(line.text, streams);
            streams.err << line.text << std::flush;
            return line.exit_code;
        case Action::token:
            return run_token(line, streams, static_cast<int64_t>(std::time(nullptr)));
        case Action::publish: return run_publish(line, environment, streams);
        case Action::admin: return run_admin(line, environment, streams);
        case Action::bench: return run_bench(line, streams);
        case Action::connect: return connect::run_connect(line, environment, streams);
        case Action::cluster_demo:
            return cluster_demo::run_cluster_demo(line, environment, executable_path, streams);
        case Action::completions: return print(completions(line.value("SHELL")), streams);
        case Action::manual:
            return print(line.value("PAGE") == "starling.yaml" ? config_page(version())
                                                               : manual_page(version()),
                         streams);
        case Action::config_schema: return print(json_schema(), streams);
        case Action::serve:
        case Action::gateway:
        case Action::check_config: break;
    }
    return run_server(line, environment, executable_path, streams.out, streams.err);
}

}  // namespace

int run(const std::vector<std::string>& args, const Environment& environment,
        const std::string& executable_path, const Streams& streams) {
    try {
        return run_command(parse_command_line(args), environment, executable_path, streams);
    } catch (const std::exception& failure) {
        return wrong(streams.err, std::string("starling: ") + failure.what());
    }
}

}  // namespace starling::app
