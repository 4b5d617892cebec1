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
#include "app/redirect.h"
#include "app/serve/inherited.h"
#include "app/serve/privileges.h"
#include "app/serve/reload.h"
#include "app/serve/report.h"
#include "app/serve/upgrade.h"
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
#include <system_error>
#include <thread>

namespace starling::app {
namespace {

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
    void set_level(log::Level level) noexcept override { inner_->set_level(level); }
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
void greet(const Server& server, const Server* redirect, const Settings& settings,
           const SiteFacts& facts, std::ostream& to) {
    std::ostringstream out;
    const std::vector<std::string> urls = urls_of(server, settings);
    out << "starling " << version() << " listening on ";
    for (size_t i = 0; i < urls.size(); ++i) out << (i ? ", " : "") << urls[i];
    const unsigned workers = worker_count(settings);
    out << " (" << workers << (workers == 1 ? " worker)\n" : " workers)\n");
    for (const std::string& url : redirect_urls(redirect))
        out << "redirecting to https: from " << url << '\n';
    // The document root may be the user's own folder, which has other pages.
    const bool has_pages = std::filesystem::exists(settings.root + "/echo/index.html");
    if (settings.demo && has_pages && !urls.empty()) {
        const bool console = settings.gateway_enabled && settings.control_listen.empty();
        // The demo's own channels have ApiIndex, to which the command publishes.
        const bool own_channels = settings.event_channels.empty();
        out << banner({.url = urls.front(),
                       .publish_key = own_channels ? facts.made_publish_key : std::string_view(),
                       .docs = !settings.docs.empty(),
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
std::string start_fault(const Config& config, const std::string& fault) {
    std::string text = fault;
    const std::string usual = Settings().admin_listen;
    if (text.ends_with(usual.substr(usual.rfind(':')) + ": Address already in use"))
        text += "; another starling may have its admin listener there, see admin.listen";
    for (const auto& [key, address] : config.listen_keys())
        if (fault.starts_with("cannot listen on " + address + ": ") &&
            !config.place_of(key).empty())
            return config.fault(key, text);
    return "starling: " + text;
}

// "": they can be used.
std::string fault_of(std::vector<Certificate> certificates, const Settings& settings) {
    if (certificates.empty()) return {};
    Server trial(
        {.certificates = std::move(certificates), .tls_ciphers = settings.server.tls_ciphers});
    try {
        trial.reload_certificates();
        return {};
    } catch (const std::runtime_error& failure) {
        return failure.what();
    }
}

// The key of what reload_certificates() refuses with `why`.
std::string key_of_certificate(const Settings& settings, const std::string& why) {
    if (why.starts_with("no cipher")) return "tls.ciphers";
    const bool of_all = !fault_of(settings.server.certificates, settings).empty();
    const ListenList& listen = settings.server.listen;
    for (size_t i = 0; i < listen.size() && !of_all; ++i) {
        const Certificate& own = listen[i].certificate;
        if (!own.certificate_chain_path.empty() && !fault_of({own}, settings).empty())
            return "listen[" + std::to_string(i) + "].cert";
    }
    for (size_t i = 0; i < settings.sites.size() && !of_all; ++i) {
        const SiteSettings& site = settings.sites[i];
        if (!site.cert.empty() && !fault_of({{site.cert, site.key}}, settings).empty())
            return "sites[" + std::to_string(i) + "].cert";
    }
    return settings.tls_cert.empty() ? "tls.certificates" : "tls_cert";
}

// Mounts the site and loads the certificates, so that every fault but that of listening is found
// here.
base::Result<SiteFacts> prepare(Server& server, const Config& config, const Settings& settings,
                                community::Community* community) {
    auto facts = build_site(server, settings, community);
    if (!facts) return base::Failure(config.fault_within(facts.error().key, facts.error().what));
    const bool shared = has_certificates(settings);
    const auto uses = [&](const Listen& one) { return uses_tls(one, shared); };
    if (!shared && std::ranges::none_of(settings.server.listen, uses)) return *std::move(facts);
    try {
        server.reload_certificates();
    } catch (const std::runtime_error& failure) {
        return base::Failure(
            config.fault(key_of_certificate(settings, failure.what()), failure.what()));
    }
    return *std::move(facts);
}

// Null: there is none.
base::Result<std::unique_ptr<Server>> build_redirect(const Config& config, const Settings& settings,
                                                     ServerOptions main) {
    try {
        return make_redirect(settings, std::move(main));
    } catch (const std::exception& refused) {
        const bool served = !settings.redirect.acme_root.empty();
        return base::Failure(
            config.fault(served ? "redirect.acme_root" : "redirect.listen", refused.what()));
    }
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
                                                                   const Report& report) {
    if (!settings.demo) return std::unique_ptr<community::Community>();
    const bool named = !settings.demo_data.empty();
    const std::string path = named ? community::resolve_data_file(settings.demo_data)
                                   : community::default_data_file(environment);
    if (!named && path == community::in_memory) report.warn(no_data_file);
    auto opened = community::Community::open(path);
    if (opened) return opened;
    return base::Failure(config.fault("demo_data", "cannot use '" + path + "': " + opened.error()));
}

// Null: the lines go to the log.
base::Result<std::shared_ptr<log::Sink>> open_access_log(const Config& config,
                                                         const Settings& settings) {
    const AccessFormat format = settings.server.access_format;
    if (!settings.server.access_log ||
        (format == AccessFormat::fields && settings.access_log_path.empty()))
        return std::shared_ptr<log::Sink>();
    log::Options options = settings.log;
    options.level = log::Level::info;
    options.path = settings.access_log_path;
    if (format != AccessFormat::fields)
        options.format = format == AccessFormat::json ? log::Format::json : log::Format::raw;
    try {
        return log::make_sink(options);
    } catch (const std::runtime_error& failure) {
        return base::Failure(config.fault("access_log_path", failure.what()));
    }
}

base::Result<std::shared_ptr<log::Sink>> open_log(const Config& config, const Settings& settings) {
    try {
        return log::make_sink(settings.log);
    } catch (const std::runtime_error& failure) {
        return base::Failure(config.fault("log.path", failure.what()));
    }
}

// One run of `serve` or `gateway`.
struct Run {
    const CommandLine& line;
    const std::string& executable_path;
    const Config& config;
    Settings settings;
    const Environment& environment;
    Inherited& inherited;
    Reloader::Read read;  // The configuration again, for SIGHUP.
    std::ostream& out;
    const Report& report;
};

// How this program was started, for its successor.
std::vector<std::string> command_of(const Run& run) {
    std::vector<std::string> command{run.executable_path};
    command.insert(command.end(), run.line.all.begin(), run.line.all.end());
    return command;
}

ServerOptions options_of(const Run& run, const std::shared_ptr<log::Sink>& log,
                         const std::shared_ptr<log::Sink>& access) {
    ServerOptions options = run.settings.server;
    options.log = log;
    options.access_sink = access;
    options.handle_user_signals = true;
    options.inherited = run.inherited.sockets();
    options.inherited_files_stay = run.inherited.files_stay();
    return options;
}

// What serves nothing answers 404 to everybody: says how to go on.
constexpr const char* serves_nothing =
    "starling: nothing is served but /healthz and /readyz: name a configuration with --config "
    "FILE, a "
    "folder with --root DIR, or try --demo";

bool serves_something(const Settings& settings) {
    return settings.demo || !settings.root.empty() || !settings.websocket.empty() ||
           !settings.socketio.empty() || !settings.sites.empty() || !settings.files.empty() ||
           settings.events_enabled || settings.gateway_enabled;
}

int serve(Run run) {
    const Report& report = run.report;
    const Settings& settings = run.settings;
    Reloader reloader(settings, std::move(run.read));  // Of the file alone.
    if (const std::string warning = use_names(run.settings, run.inherited); !warning.empty())
        report.warn(warning);
    const auto identity = identity_of(settings);
    if (!identity)
        return report.wrong(run.config.fault(identity.error().key, identity.error().what));
    make_logs(settings, *identity);
    const auto sink = open_log(run.config, settings);
    if (!sink) return report.wrong(sink.error());
    const auto access = open_access_log(run.config, settings);
    if (!access) return report.wrong(access.error());
    auto log = std::make_shared<StartLog>(*sink);
    const auto community = open_community(run.config, settings, run.environment, report);
    if (!community) return report.wrong(community.error());
    const ServerOptions options = options_of(run, log, *access);
    Server server(options);
    const auto facts = prepare(server, run.config, settings, community->get());
    if (!facts) return report.wrong(facts.error());

    ServerOptions redirecting = options;
    redirecting.inherited = run.inherited.sockets("redirect");
    const auto built = build_redirect(run.config, settings, std::move(redirecting));
    if (!built) return report.wrong(built.error());
    Server* const redirect = built->get();

    server.on_reload([&] { reloader.run({server, *log, *facts, redirect}); });
    // Both bind, the rights are given up, both serve.
    const auto drop = [&] { drop_rights(settings, run.line.config, *identity, *log); };
    if (redirect) redirect->on_bound(drop);
    server.on_bound([&] { redirect ? redirect->start() : drop(); });
    const ServiceManager manager(run.environment);
    manager.watch(server);
    Upgrade upgrade({server, redirect, *log, manager, run.inherited}, command_of(run),
                    run.environment);
    server.on_upgrade([&] { upgrade.run(); });
    server.after(std::chrono::milliseconds(0), [&] {
        log->started();
        if (!serves_something(settings)) report.warn(serves_nothing);
        if (!report.is_json()) greet(server, redirect, settings, *facts, run.out);
        log_start(*log,
                  {server, settings, *facts, worker_count(settings), report.is_json(), redirect});
        manager.say("READY=1");
        run.inherited.accepting();
    });
    const int exit_code = server.run();
    if (exit_code != 0) return report.wrong(start_fault(run.config, log->fault()));
    log_stop(*log, server);
    return 0;
}

// True: a start would make the file. Checking must not, perhaps with the wrong owner.
bool is_made_later(const std::string& file) {
    const auto folder = std::filesystem::path(file).parent_path();
    std::error_code unknown;
    return std::filesystem::is_directory(folder.empty() ? "." : folder, unknown) &&
           !std::filesystem::exists(file, unknown) && !unknown;
}

int check(const Config& config, const Settings& settings, const std::string& file,
          std::ostream& out, const Report& report) {
    Server server(settings.server);
    const auto facts = prepare(server, config, settings, nullptr);
    if (!facts) return report.wrong(facts.error());
    if (const auto redirect = build_redirect(config, settings, settings.server); !redirect)
        return report.wrong(redirect.error());
    if (!is_made_later(settings.log.path))
        if (const auto sink = open_log(config, settings); !sink) return report.wrong(sink.error());
    if (!is_made_later(settings.access_log_path))
        if (const auto sink = open_access_log(config, settings); !sink)
            return report.wrong(sink.error());
    out << file << ": the configuration is valid" << std::endl;
    return 0;
}

// Reads the four sources. False: config.error() says why.
bool read_config(Config& config, const CommandLine& line, const Environment& environment) {
    if (line.has_config && !config.read_file(line.config)) return false;
    if (line.action != Action::check_config || line.find("--print")) {
        if (!config.read_environment(environment)) return false;
        if (line.action == Action::gateway) config.begin_gateway(environment);
        for (const Flag& flag : line.flags)
            if (!config.set(flag.flag, flag.key, flag.values)) return false;
    }
    return config.finish();
}

// What no key says: the folders of pages, and the gateway of the demo.
base::Result<Settings> complete(Settings settings, const std::string& executable_path) {
    if (!find_pages(settings, executable_path)) return base::Failure(std::string(no_pages));
    settings.admin_pages = find_web_folder(executable_path);
    settings.docs = find_docs_folder(executable_path);
    if (settings.demo && !settings.gateway_enabled) add_gateway_demo(settings);
    return settings;
}

// For Reloader::Read: reads and checks as `check-config` does, but leaves the certificates, each of
// which is read again on its own.
base::Result<Settings> read_again(const CommandLine& line, const Environment& environment,
                                  const std::string& executable_path) {
    Config config;
    if (!read_config(config, line, environment)) return base::Failure(config.error());
    auto settings = complete(config.settings(), executable_path);
    if (!settings) return settings;
    Server trial(settings->server);
    const auto facts = build_site(trial, *settings, nullptr);
    if (!facts) return base::Failure(config.fault_within(facts.error().key, facts.error().what));
    if (const auto redirect = build_redirect(config, *settings, settings->server); !redirect)
        return base::Failure(redirect.error());
    return settings;
}

// `starling serve`, `gateway` and `check-config`.
int run_server(const CommandLine& line, Environment environment, const std::string& executable_path,
               std::ostream& out, std::ostream& err) {
    const bool checking = line.action == Action::check_config;
    Inherited inherited(environment);
    Config config;
    const bool valid = read_config(config, line, environment);
    const Report report(
        err, checking ? log::Format::text : log_format_of(line, environment, config.settings()));
    if (!valid) return report.wrong(config.error());
    for (const std::string& warning : config.warnings()) report.warn(warning);
    const auto settings = complete(config.settings(), executable_path);
    if (!settings) return report.wrong(settings.error());
    if (line.find("--print")) return print(config.printed(), {std::cin, out, err});
    if (checking) return check(config, *settings, line.config, out, report);
    const auto read = [&] { return read_again(line, environment, executable_path); };
    return serve(
        {line, executable_path, config, *settings, environment, inherited, read, out, report});
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
        case Action::admin:
        case Action::drain: return run_admin(line, environment, streams);
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
        CommandLine line = parse_command_line(args);
        line.all = args;
        return run_command(line, environment, executable_path, streams);
    } catch (const std::exception& failure) {
        return Report(streams.err, log::Format::text)
            .wrong(std::string("starling: ") + failure.what());
    }
}

}  // namespace starling::app
