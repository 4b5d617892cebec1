// Only this file includes CLI11.
#include "app/command_line.h"

#include <starling/server.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <span>
#include <sstream>

namespace starling::app {
namespace {

struct ValueFlag {
    const char *flag, *key, *placeholder, *help;
};
constexpr ValueFlag serve_value_flags[] = {
    {"--workers", "workers", "N", "Threads; 0: one per core"},
    {"--tls-cert", "tls_cert", "FILE", "Certificate chain, PEM; serves TLS"},
    {"--tls-key", "tls_key", "FILE", "Its private key, PEM"},
    {"--root", "root", "DIR", "Folder of static files, served at /"},
    {"--data", "demo_data", "FILE", "The demo's data, SQLite; :memory: for none"},
    {"--log-level", "log.level", "LEVEL", "debug, info, warn, error or off"},
    {"--log-format", "log.format", "FORMAT", "text or json"},
};
constexpr ValueFlag serve_switches[] = {
    {"--demo", "demo", "",
     "Serve the demo: home page, /echo, /chat, /socketio, /community, /gateway"},
    {"--access-log", "access_log", "", "A log line per HTTP request"},
};
constexpr ValueFlag gateway_value_flags[] = {
    {"--application", "gateway.routes[].application", "URL",
     "The application that gets webhooks: http://, https:// or unix:/SOCKET:/PATH; else "
     "http://localhost:3010/websocket/message"},
    {"--manifest", "gateway.manifest", "FILE", "OlaresManifest.yaml that names the application"},
    {"--ping-timeout-s", "gateway.routes[].ping_timeout_s", "N",
     "Close a client that sends nothing for N seconds (45); 0: never"},
    {"--admission", "gateway.routes[].admission", "HOW",
     "notify: tell the application of new clients; ask: it decides whether they are let in"},
    {"--workers", "workers", "N", "Threads; 0: one per core"},
    {"--tls-cert", "tls_cert", "FILE", "Certificate chain, PEM; serves TLS"},
    {"--tls-key", "tls_key", "FILE", "Its private key, PEM"},
    {"--data", "demo_data", "FILE", "The demo's data, SQLite; :memory: for none"},
    {"--log-level", "log.level", "LEVEL", "debug, info, warn, error or off"},
    {"--log-format", "log.format", "FORMAT", "text or json"},
};
constexpr ValueFlag gateway_switches[] = {
    {"--demo", "demo", "", "Serve the demo's pages too, with a console of the gateway at /gateway"},
    {"--show-tokens", "gateway.show_tokens", "", "Show tokens in the list of connections"},
    {"--access-log", "access_log", "", "A log line per HTTP request"},
};

constexpr const char* examples =
    "\nExamples:\n"
    "  starling serve --demo\n"
    "  starling serve --listen 0.0.0.0:80 --root /var/www/html\n"
    "  starling serve --config /etc/starling/starling.yaml --log-format json\n"
    "  starling gateway --application http://127.0.0.1:3010/websocket/message\n"
    "  starling check-config /etc/starling/starling.yaml\n"
    "\nEvery key of the configuration file is in docs/configuration.md.";

constexpr const char* gateway_footer =
    "\nListens on 127.0.0.1:40010 unless --listen or the configuration says otherwise.\n"
    "\nEnvironment:\n"
    "  STARLING_GATEWAY_API_KEY      Key of the control API; else one is made and shown at start\n"
    "  STARLING_GATEWAY_SIGNING_KEY  Signs webhooks\n"
    "  STARLING_ORIGINS              Sites whose pages may connect\n"
    "  WS_PORT, WS_URL               Name the application, and imply --olares\n"
    "\nExamples:\n"
    "  starling gateway --application http://127.0.0.1:3010/websocket/message\n"
    "  starling gateway --application unix:/run/app.sock:/hook --admission ask\n"
    "  WS_PORT=8888 WS_URL=/ws/message starling gateway --listen 0.0.0.0:40010\n"
    "  starling gateway --config gateway.yaml\n"
    "\nThe guide is docs/gateway.md; every key of the configuration is in docs/configuration.md.";

// A subcommand that runs the server, and what was typed for it.
class ServerCommand {
public:
    ServerCommand(CLI::App& app, const char* name, const char* description,
                  std::span<const ValueFlag> values, std::span<const ValueFlag> switches)
        : command_(app.add_subcommand(name, description)),
          value_flags_(values),
          switches_(switches),
          values_(values.size()),
          on_(std::make_unique<bool[]>(switches.size())) {
        command_->footer(examples);
        command_->add_option("--config", config_, "Configuration file, YAML")->option_text("FILE");
        command_->add_option("--listen", listen_, "Address to listen on; may be repeated")
            ->option_text("ADDR:PORT")
            ->allow_extra_args(false);
        for (size_t i = 0; i < values.size(); ++i)
            command_->add_option(values[i].flag, values_[i], values[i].help)
                ->option_text(values[i].placeholder);
        for (size_t i = 0; i < switches.size(); ++i)
            command_->add_flag(switches[i].flag, on_[i], switches[i].help);
    }

    [[nodiscard]] CLI::App& command() const noexcept { return *command_; }
    [[nodiscard]] bool parsed() const { return command_->parsed(); }
    [[nodiscard]] CommandLine result(CommandLine::Action action) const {
        CommandLine result;
        result.action = action;
        result.has_config = command_->count("--config") > 0;
        result.config = config_;
        if (!listen_.empty()) result.flags.push_back({"--listen", "listen", listen_});
        for (size_t i = 0; i < value_flags_.size(); ++i) {
            const ValueFlag& flag = value_flags_[i];
            if (command_->count(flag.flag) > 0)
                result.flags.push_back({flag.flag, flag.key, {values_[i]}});
        }
        for (size_t i = 0; i < switches_.size(); ++i)
            if (on_[i]) result.flags.push_back({switches_[i].flag, switches_[i].key, {"true"}});
        return result;
    }

private:
    CLI::App* command_;
    std::span<const ValueFlag> value_flags_, switches_;
    std::string config_;
    std::vector<std::string> listen_, values_;
    std::unique_ptr<bool[]> on_;  // CLI11 keeps the address of each.
};

struct Parser {
    CLI::App app{"starling: a real-time server", "starling"};
    ServerCommand serve{app, "serve", "Run the server in the foreground", serve_value_flags,
                        serve_switches};
    ServerCommand gateway{app, "gateway",
                          "Run the gateway between WebSocket clients and an HTTP application",
                          gateway_value_flags, gateway_switches};
    CLI::App* check = app.add_subcommand("check-config", "Check a configuration file and exit");
    std::string checked, olares;
    std::vector<std::string> origins;

    Parser() {
        app.set_version_flag("--version", "starling " + std::string(version()),
                             "Print the version and exit");
        app.footer(examples);
        app.get_formatter()->column_width(28);
        serve.command()
            .add_option("--origin", origins, "Site whose pages may connect; may be repeated")
            ->option_text("ORIGIN")
            ->allow_extra_args(false);
        gateway.command().footer(gateway_footer);
        gateway.command()
            .add_flag("--olares{on}", olares, "Keep the rules of Olares' container")
            ->option_text("[=strict]");
        check->add_option("file,--config", checked, "Configuration file, YAML")
            ->option_text("FILE");
        app.require_subcommand(0, 1);
    }
};

CommandLine wrong(std::string why) {
    std::ranges::replace(why, '\n', ' ');
    CommandLine result;
    result.text = "starling: " + why + "; see starling --help\n";
    result.exit_code = 2;
    return result;
}

CommandLine serve_command(const Parser& parser) {
    CommandLine result = parser.serve.result(CommandLine::Action::serve);
    if (!parser.origins.empty()) result.flags.push_back({"--origin", "origins", parser.origins});
    return result;
}

CommandLine gateway_command(const Parser& parser) {
    CommandLine result = parser.gateway.result(CommandLine::Action::gateway);
    if (!parser.olares.empty())
        result.flags.push_back({"--olares", "gateway.olares", {parser.olares}});
    return result;
}

}  // namespace

CommandLine parse_command_line(std::vector<std::string> args) {
    Parser parser;
    CommandLine result;
    std::ranges::reverse(args);  // CLI11 parses from the back.
    try {
        parser.app.parse(args);
    } catch (const CLI::Success& asked) {  // Help or version.
        std::ostringstream out, err;
        parser.app.exit(asked, out, err);
        result.text = out.str() + err.str();
        return result;
    } catch (const CLI::ParseError& error) {
        return wrong(error.what());
    }
    if (parser.serve.parsed()) return serve_command(parser);
    if (parser.gateway.parsed()) return gateway_command(parser);
    if (parser.check->parsed()) {
        if (parser.check->count("--config") == 0) return wrong("check-config needs a FILE");
        result.action = CommandLine::Action::check_config;
        result.has_config = true;
        result.config = parser.checked;
        return result;
    }
    result.text = parser.app.help();
    result.exit_code = 2;
    return result;
}

}  // namespace starling::app
