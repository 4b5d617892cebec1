// Only this file includes CLI11.
#include "app/command_line.h"

#include <starling/server.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <sstream>

namespace starling::app {
namespace {

struct ValueFlag {
    const char *flag, *key, *placeholder, *help;
};
constexpr ValueFlag value_flags[] = {
    {"--workers", "workers", "N", "Threads; 0: one per core"},
    {"--tls-cert", "tls_cert", "FILE", "Certificate chain, PEM; serves TLS"},
    {"--tls-key", "tls_key", "FILE", "Its private key, PEM"},
    {"--root", "root", "DIR", "Folder of static files, served at /"},
    {"--data", "demo_data", "FILE", "The demo's data, SQLite; :memory: for none"},
    {"--log-level", "log.level", "LEVEL", "debug, info, warn, error or off"},
    {"--log-format", "log.format", "FORMAT", "text or json"},
};
constexpr ValueFlag switches[] = {
    {"--demo", "demo", "", "Serve the demo: home page, /echo, /chat, /socketio, /community"},
    {"--access-log", "access_log", "", "A log line per HTTP request"},
};

constexpr const char* examples =
    "\nExamples:\n"
    "  starling serve --demo\n"
    "  starling serve --listen 0.0.0.0:80 --root /var/www/html\n"
    "  starling serve --config /etc/starling/starling.yaml --log-format json\n"
    "  starling check-config /etc/starling/starling.yaml\n"
    "\nEvery key of the configuration file is in docs/configuration.md.";

struct Parser {
    CLI::App app{"starling: a real-time server", "starling"};
    CLI::App *serve = nullptr, *check = nullptr;
    std::string config, checked;
    std::vector<std::string> listen, origins;
    std::string values[std::size(value_flags)];
    bool on[std::size(switches)] = {};

    Parser() {
        app.set_version_flag("--version", "starling " + std::string(version()),
                             "Print the version and exit");
        app.footer(examples);
        app.get_formatter()->column_width(28);
        serve = app.add_subcommand("serve", "Run the server in the foreground");
        check = app.add_subcommand("check-config", "Check a configuration file and exit");
        serve->footer(examples);
        serve->add_option("--config", config, "Configuration file, YAML")->option_text("FILE");
        serve->add_option("--listen", listen, "Address to listen on; may be repeated")
            ->option_text("ADDR:PORT")
            ->allow_extra_args(false);
        serve->add_option("--origin", origins, "Site whose pages may connect; may be repeated")
            ->option_text("ORIGIN")
            ->allow_extra_args(false);
        for (size_t i = 0; i < std::size(value_flags); ++i) {
            serve->add_option(value_flags[i].flag, values[i], value_flags[i].help)
                ->option_text(value_flags[i].placeholder);
        }
        for (size_t i = 0; i < std::size(switches); ++i)
            serve->add_flag(switches[i].flag, on[i], switches[i].help);
        check->add_option("file,--config", checked, "Configuration file, YAML")
            ->option_text("FILE");
        app.require_subcommand(0, 1);
    }
};

CommandLine wrong(std::string why) {
    std::replace(why.begin(), why.end(), '\n', ' ');
    CommandLine result;
    result.text = "starling: " + why + "; see starling --help\n";
    result.exit_code = 2;
    return result;
}

CommandLine serve_command(const Parser& parser) {
    CommandLine result;
    result.action = CommandLine::Action::serve;
    result.has_config = parser.serve->count("--config") > 0;
    result.config = parser.config;
    if (!parser.listen.empty()) result.flags.push_back({"--listen", "listen", parser.listen});
    if (!parser.origins.empty()) result.flags.push_back({"--origin", "origins", parser.origins});
    for (size_t i = 0; i < std::size(value_flags); ++i) {
        const ValueFlag& flag = value_flags[i];
        if (parser.serve->count(flag.flag) > 0)
            result.flags.push_back({flag.flag, flag.key, {parser.values[i]}});
    }
    for (size_t i = 0; i < std::size(switches); ++i)
        if (parser.on[i]) result.flags.push_back({switches[i].flag, switches[i].key, {"true"}});
    return result;
}

}  // namespace

CommandLine parse_command_line(std::vector<std::string> args) {
    Parser parser;
    CommandLine result;
    std::reverse(args.begin(), args.end());  // CLI11 parses from the back.
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
    if (parser.serve->parsed()) return serve_command(parser);
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
