#include "app/command_table.h"

#include "app/bench/table.h"
#include "app/cluster_demo/command_row.h"
#include "app/connect/command_row.h"
#include "app/tls_options.h"

namespace starling::app {
namespace {

// Options that several commands have.
constexpr OptionRow config_option{.name = "--config",
                                  .placeholder = "FILE",
                                  .takes = Takes::file,
                                  .help = "Configuration file, YAML"};
constexpr OptionRow listen_option{.name = "--listen",
                                  .key = "listen",
                                  .placeholder = "ADDR:PORT",
                                  .repeated = true,
                                  .help = "Address to listen on; may be repeated"};
constexpr OptionRow workers_option{
    .name = "--workers", .key = "workers", .placeholder = "N", .help = "Threads; 0: one per core"};
constexpr OptionRow tls_cert_option{.name = "--tls-cert",
                                    .key = "tls_cert",
                                    .placeholder = "FILE",
                                    .takes = Takes::file,
                                    .help = "Certificate chain, PEM; serves TLS"};
constexpr OptionRow tls_key_option{.name = "--tls-key",
                                   .key = "tls_key",
                                   .placeholder = "FILE",
                                   .takes = Takes::file,
                                   .help = "Its private key, PEM"};
constexpr OptionRow data_option{.name = "--data",
                                .key = "demo_data",
                                .placeholder = "FILE",
                                .takes = Takes::file,
                                .help = "The demo's data, SQLite; :memory: for none"};
constexpr OptionRow log_level_option{.name = "--log-level",
                                     .key = "log.level",
                                     .placeholder = "LEVEL",
                                     .takes = Takes::word,
                                     .words = "debug info warn error off",
                                     .help = "debug, info, warn, error or off"};
constexpr OptionRow log_format_option{.name = "--log-format",
                                      .key = "log.format",
                                      .placeholder = "FORMAT",
                                      .takes = Takes::word,
                                      .words = "text json",
                                      .help = "text or json"};
constexpr OptionRow access_log_option{.name = "--access-log",
                                      .key = "access_log",
                                      .takes = Takes::nothing,
                                      .help = "A log line per HTTP request"};

constexpr OptionRow print_option{.name = "--print",
                                 .takes = Takes::nothing,
                                 .help = "Print each key, its value and where it comes from; exit"};

constexpr OptionRow serve_options[] = {
    print_option,
    config_option,
    listen_option,
    workers_option,
    tls_cert_option,
    tls_key_option,
    {.name = "--root",
     .key = "root",
     .placeholder = "DIR",
     .takes = Takes::folder,
     .help = "Folder of static files, served at /"},
    data_option,
    log_level_option,
    log_format_option,
    {.name = "--demo",
     .key = "demo",
     .takes = Takes::nothing,
     .help = "Serve the demo: home page, /echo, /chat, /socketio, /community, /gateway"},
    access_log_option,
    {.name = "--origin",
     .key = "origins",
     .placeholder = "ORIGIN",
     .repeated = true,
     .help = "Site whose pages may connect; may be repeated"},
};

constexpr OptionRow gateway_options[] = {
    print_option,
    config_option,
    {.name = "--listen",
     .key = "listen",
     .placeholder = "ADDR:PORT",
     .repeated = true,
     .help = "Address to listen on, else 127.0.0.1:40010; may be repeated"},
    {.name = "--application",
     .key = "gateway.routes[].application",
     .placeholder = "URL",
     .help = "The application that gets webhooks: http://, https:// or unix:/SOCKET:/PATH; else "
             "http://localhost:3010/websocket/message"},
    {.name = "--manifest",
     .key = "gateway.manifest",
     .placeholder = "FILE",
     .takes = Takes::file,
     .help = "OlaresManifest.yaml that names the application"},
    {.name = "--ping-timeout-s",
     .key = "gateway.routes[].ping_timeout_s",
     .placeholder = "N",
     .help = "Close a client that sends nothing for N seconds (45); 0: never"},
    {.name = "--admission",
     .key = "gateway.routes[].admission",
     .placeholder = "HOW",
     .takes = Takes::word,
     .words = "notify ask",
     .help =
         "notify: tell the application of new clients; ask: it decides whether they are let in"},
    workers_option,
    tls_cert_option,
    tls_key_option,
    data_option,
    log_level_option,
    log_format_option,
    {.name = "--demo",
     .key = "demo",
     .takes = Takes::nothing,
     .help = "Serve the demo's pages too, with a console of the gateway at /gateway"},
    {.name = "--show-tokens",
     .key = "gateway.show_tokens",
     .takes = Takes::nothing,
     .help = "Show tokens in the list of connections"},
    access_log_option,
    {.name = "--olares",
     .key = "gateway.olares",
     .takes = Takes::word,
     .words = "on strict off",
     .implied = "on",
     .help = "Keep the rules of Olares' container; or --olares=strict"},
};

constexpr OptionRow check_config_options[] = {print_option};
constexpr ArgumentRow check_config_arguments[] = {
    {.name = "FILE", .also = "--config", .takes = Takes::file, .help = "Configuration file, YAML"},
};

constexpr ArgumentRow manual_arguments[] = {
    {.name = "PAGE",
     .takes = Takes::word,
     .words = "starling starling.yaml",
     .required = false,
     .help = "starling (the default) or starling.yaml"},
};

constexpr OptionRow token_options[] = {
    {.name = "--key",
     .placeholder = "FILE",
     .takes = Takes::file,
     .required = true,
     .help = "The secret, or the private key in PEM; -: standard input"},
    {.name = "--algorithm",
     .placeholder = "NAME",
     .takes = Takes::word,
     .words = "HS256 RS256 ES256",
     .help = "HS256, RS256 or ES256; without it, the key decides"},
    {.name = "--subject", .placeholder = "USER", .required = true, .help = "The user, claim sub"},
    {.name = "--expires",
     .placeholder = "TIME",
     .help = "How long the token is valid, as 90s, 15m, 1h (the default) or 7d; or never"},
    {.name = "--issuer", .placeholder = "TEXT", .help = "Claim iss"},
    {.name = "--audience",
     .placeholder = "TEXT",
     .repeated = true,
     .help = "Claim aud; may be repeated"},
    {.name = "--claim",
     .placeholder = "NAME=JSON",
     .repeated = true,
     .help = "Another claim, as admin=true or name='\"Ada\"'; may be repeated"},
    {.name = "--key-id",
     .placeholder = "ID",
     .help = "The key's id in the configuration of the server, field kid"},
};

constexpr OptionRow publish_options[] = {
    {.name = "--url",
     .placeholder = "URL",
     .help = "The server: http://HOST:PORT, https://HOST:PORT or unix:PATH; "
             "http://localhost:8080 if absent"},
    {.name = "--key",
     .placeholder = "KEY",
     .help = "The key that publishing needs; the variable STARLING_KEY keeps it out of the list of "
             "processes"},
    ca_option,
    insecure_option,
    {.name = "--timeout-s",
     .placeholder = "N",
     .help = "Seconds for the whole request; 30 if absent"},
    {.name = "--json",
     .takes = Takes::nothing,
     .help = "Print the outcome as one JSON object, a refusal too"},
};
constexpr ArgumentRow publish_arguments[] = {
    {.name = "CHANNEL", .help = "The channel to publish to"},
    {.name = "EVENT", .help = "The text of the event; with DATA its name"},
    {.name = "DATA",
     .required = false,
     .help = "JSON, or - for JSON from standard input; the text is then "
             "{\"event\":EVENT,\"data\":DATA}"},
};

constexpr OptionRow admin_url_option{
    .name = "--url",
    .placeholder = "URL",
    .help =
        "The admin listener: http://HOST:PORT, https://HOST:PORT or unix:PATH; "
        "http://127.0.0.1:8081 if absent"};
constexpr OptionRow admin_key_option{
    .name = "--key",
    .placeholder = "KEY",
    .help =
        "The key of the admin listener; the variable STARLING_KEY keeps it out of the list of "
        "processes"};
constexpr OptionRow admin_timeout_option{
    .name = "--timeout-s", .placeholder = "N", .help = "Seconds for each request; 10 if absent"};

constexpr OptionRow announce_option{
    .name = "--announce-s",
    .placeholder = "N",
    .help = "Seconds of a drain in which only /readyz fails; drain.announce_s if absent"};
constexpr OptionRow seconds_option{
    .name = "--seconds",
    .placeholder = "N",
    .help = "Seconds over which a drain closes clients; drain.seconds if absent"};
constexpr OptionRow no_wait_option{.name = "--no-wait",
                                   .takes = Takes::nothing,
                                   .help = "Begin the drain, and do not wait for its end"};

constexpr OptionRow drain_options[] = {
    admin_url_option,     admin_key_option, ca_option,      insecure_option,
    admin_timeout_option, announce_option,  seconds_option, no_wait_option,
};
constexpr std::string_view drain_examples[] = {
    "starling drain --announce-s 10 --seconds 60",
};

constexpr OptionRow admin_options[] = {
    admin_url_option,
    admin_key_option,
    ca_option,
    insecure_option,
    admin_timeout_option,
    {.name = "--kind",
     .placeholder = "KIND",
     .takes = Takes::word,
     .words = "websocket socketio gateway sse http topic room channel",
     .help = "Only connections, or rooms, of this kind; publish: topic or channel"},
    {.name = "--user", .placeholder = "USER", .help = "Only connections of this user"},
    {.name = "--address",
     .placeholder = "IP",
     .help = "Only connections from this address, or range"},
    {.name = "--room", .placeholder = "NAME", .help = "Only connections in this room or topic"},
    {.name = "--prefix", .placeholder = "TEXT", .help = "Only rooms whose names begin so"},
    {.name = "--limit", .placeholder = "N", .help = "Rows at most, 1 to 1000; 100 if absent"},
    {.name = "--cursor", .placeholder = "NEXT", .help = "Connections of the next page"},
    {.name = "--code", .placeholder = "N", .help = "Close code of disconnect; 1000 if absent"},
    {.name = "--reason", .placeholder = "TEXT", .help = "Reason of disconnect"},
    {.name = "--count", .placeholder = "N", .help = "top: end after N lines"},
    announce_option,
    seconds_option,
    no_wait_option,
    {.name = "--json",
     .takes = Takes::nothing,
     .help = "Print the answers of the server as they are"},
};
constexpr ArgumentRow admin_arguments[] = {
    {.name = "WHAT",
     .takes = Takes::word,
     .words = "stats top connections rooms workers errors disconnect send publish drain",
     .help = "stats, top, connections, rooms, workers, errors, disconnect, send, publish or drain"},
    {.name = "ID",
     .required = false,
     .help = "A connection, as connections shows it; for publish the topic"},
    {.name = "TEXT", .required = false, .help = "The text of send and publish"},
};
constexpr ExitRow admin_exits[] = {
    {0, "Success."},
    {1,
     "The server has refused the request, or there is no such connection; its words are printed."},
    {2, "The command line is wrong."},
    {3, "No answer: no connection, no valid certificate, or the time is over."},
};
constexpr std::string_view admin_examples[] = {
    "starling admin top",
    "starling admin connections --user ada@example.com",
    "starling admin disconnect 0-7-3 --code 4000 --reason bye",
};

constexpr ArgumentRow completions_arguments[] = {
    {.name = "SHELL", .takes = Takes::word, .words = "bash zsh fish", .help = "bash, zsh or fish"},
};

constexpr ExitRow usual_exits[] = {
    {0, "Success."},
    {2,
     "The command line, the configuration or the environment is wrong; or the server cannot "
     "start."},
};
constexpr ExitRow print_exits[] = {
    {0, "Success."},
    {1, "Standard output cannot be written."},
    {2, "The command line or the key is wrong."},
};
constexpr ExitRow publish_exits[] = {
    {0, "The server has published the event, perhaps to no client."},
    {1, "The server has refused the event; its words are printed."},
    {2, "The command line is wrong."},
    {3, "No answer: no connection, no valid certificate, or the time is over."},
};

constexpr std::string_view serve_examples[] = {
    "starling serve --demo",
    "starling serve --listen 0.0.0.0:80 --root /var/www/html",
    "starling serve --config /etc/starling/starling.yaml --log-format json",
};
constexpr std::string_view gateway_examples[] = {
    "starling gateway --application http://127.0.0.1:3010/websocket/message",
    "starling gateway --application unix:/run/app.sock:/hook --admission ask",
    "WS_PORT=8888 WS_URL=/ws/message starling gateway --listen 0.0.0.0:40010",
    "starling gateway --config gateway.yaml",
};
constexpr VariableRow gateway_variables[] = {
    {"STARLING_GATEWAY_API_KEY", "Key of the control API; else one is made and shown at start."},
    {"STARLING_GATEWAY_SIGNING_KEY", "Signs webhooks."},
    {"STARLING_ORIGINS", "Sites whose pages may connect."},
    {"WS_PORT, WS_URL", "Name the application, and imply --olares."},
};
constexpr std::string_view check_config_examples[] = {
    "starling check-config /etc/starling/starling.yaml",
    "starling check-config --print /etc/starling/starling.yaml",
};
constexpr std::string_view token_examples[] = {
    "starling token --key secret.txt --subject ada@example.com --expires 1h",
};
constexpr std::string_view publish_examples[] = {
    "starling publish --url https://example.com ArticleMessage256 GotNew",
};
constexpr std::string_view completions_examples[] = {
    "source <(starling completions bash)",
};
constexpr std::string_view manual_examples[] = {
    "starling manual | man -l -",
    "starling manual starling.yaml | man -l -",
};
constexpr std::string_view config_schema_examples[] = {
    "starling config-schema >starling.schema.json",
};

constexpr CommandRow rows[] = {
    {Action::serve,
     "serve",
     "Run the server in the foreground",
     "Flags win over the environment, and the environment over the configuration file.",
     serve_options,
     {},
     usual_exits,
     serve_examples},
    {Action::gateway,
     "gateway",
     "Run the gateway between WebSocket clients and an HTTP application",
     "The application gets webhooks, and sends to clients by its answers and by the control API.",
     gateway_options,
     {},
     usual_exits,
     gateway_examples,
     gateway_variables},
    {Action::check_config, "check-config", "Check a configuration file and exit",
     "Reads the file alone; with --print the environment as well. serve --print and gateway "
     "--print "
     "have the flags too.",
     check_config_options, check_config_arguments, usual_exits, check_config_examples},
    {Action::token,
     "token",
     "Print a JSON Web Token that the server accepts",
     "Line breaks at the end of the key's file do not count, as for auth.keys[].path of the "
     "configuration. A token is printed only if the server's own checks accept it.",
     token_options,
     {},
     print_exits,
     token_examples},
    {Action::publish, "publish", "Publish a server event through a running server",
     "Sends POST /api/publish. Proxies are taken from http_proxy, https_proxy, all_proxy and "
     "no_proxy, but not for Unix-domain sockets and this machine. Redirects are not followed.",
     publish_options, publish_arguments, publish_exits, publish_examples},
    {Action::admin, "admin", "Show and change what a running server does",
     "Asks the admin listener of a server, see docs/admin.md: connections, one connection by its "
     "ID, "
     "rooms with topics and channels, workers, stats, errors; top shows the figures of each second "
     "until Ctrl-C. disconnect and send need the ID of a connection, publish needs a topic. drain "
     "is starling drain.",
     admin_options, admin_arguments, admin_exits, admin_examples},
    {Action::drain,
     "drain",
     "Stop a running server slowly",
     "Asks the admin listener of a server to drain: for a time only /readyz fails, so that load "
     "balancers look elsewhere; then the clients are closed evenly over a time; then the server "
     "ends. "
     "Shows each second how many connections are left. See docs/operations.md.",
     drain_options,
     {},
     admin_exits,
     drain_examples},
    {Action::bench, "bench", "Load a server and show its throughput and latency",
     "Opens connections, sends messages, and checks the answers. On a terminal a line shows the "
     "progress; Ctrl-C ends the test and prints what was measured.",
     bench_options, bench_arguments, bench_exits, bench_examples},
    connect_command,
    cluster_demo_command,
    {Action::completions,
     "completions",
     "Print the completions for a shell",
     "Completes commands, options, files and the values that an option has.",
     {},
     completions_arguments,
     print_exits,
     completions_examples},
    {Action::manual,
     "manual",
     "Print a manual page: starling(1), or starling.yaml(5)",
     "",
     {},
     manual_arguments,
     print_exits,
     manual_examples},
    {Action::config_schema,
     "config-schema",
     "Print the JSON Schema of the configuration file",
     "Editors complete and check a YAML file with it.",
     {},
     {},
     print_exits,
     config_schema_examples},
};

constexpr VariableRow variable_rows[] = {
    {"STARLING_KEY", "The key for publish, admin and drain, if --key is absent."},
};

}  // namespace

std::span<const CommandRow> commands() noexcept { return rows; }

std::span<const VariableRow> command_variables() noexcept { return variable_rows; }

std::vector<std::string_view> words_of(std::string_view words) {
    std::vector<std::string_view> list;
    while (!words.empty()) {
        const size_t space = words.find(' ');
        list.push_back(words.substr(0, space));
        words.remove_prefix(space == std::string_view::npos ? words.size() : space + 1);
    }
    return list;
}

std::string alternatives(std::string_view words) {
    const std::vector<std::string_view> list = words_of(words);
    std::string text;
    for (size_t i = 0; i < list.size(); ++i) {
        if (i > 0) text += i + 1 == list.size() ? " or " : ", ";
        text += list[i];
    }
    return text;
}

std::string synopsis(const CommandRow& command) {
    std::string text(command.name);
    for (const OptionRow& option : command.options)
        if (option.required)
            text.append(" ").append(option.name).append(" ").append(option.placeholder);
    if (!command.options.empty()) text += " [OPTIONS]";
    for (const ArgumentRow& argument : command.arguments)
        text.append(argument.required ? " " : " [")
            .append(argument.name)
            .append(argument.required ? "" : "]");
    return text;
}

}  // namespace starling::app
