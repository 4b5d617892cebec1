#include "app/connect/options.h"

#include <starling/json.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "app/connect/words.h"
#include "app/tls_options.h"
#include "base/utf8.h"

namespace starling::app::connect {
namespace {

using Fault = std::optional<std::string>;  // nullopt: none.

Fault at(const char* option, const std::string& why) { return std::string(option) + ": " + why; }

// Options that mean nothing for a kind.
struct Only {
    const char* option;
    const char* kinds;  // In words.
    bool websocket, socketio, sse;
};
constexpr Only only[] = {
    {"--protocol", "a WebSocket", true, false, false},
    {"--compress", "a WebSocket", true, false, false},
    {"--ping-interval", "a WebSocket", true, false, false},
    {"--show-pings", "a WebSocket", true, false, false},
    {"--binary", "a WebSocket", true, false, false},
    {"--send-binary", "a WebSocket", true, false, false},
    {"--length-prefixed", "a WebSocket", true, false, false},
    {"--text", "a WebSocket or --socketio", true, true, false},
    {"--wait", "a WebSocket or --socketio", true, true, false},
    {"--follow-redirects", "a WebSocket or --sse", true, false, true},
    {"--namespace", "--socketio", false, true, false},
    {"--auth", "--socketio", false, true, false},
    {"--path", "--socketio", false, true, false},
    {"--transport", "--socketio", false, true, false},
    {"--eio", "--socketio", false, true, false},
    {"--last-event-id", "--sse", false, false, true},
    {"--no-reconnect", "--socketio or --sse", false, true, true},
};

Fault check_kind(const CommandLine& line, Kind kind) {
    for (const Only& row : only) {
        const bool fits = kind == Kind::websocket  ? row.websocket
                          : kind == Kind::socketio ? row.socketio
                                                   : row.sse;
        if (!fits && line.find(row.option))
            return at(row.option, std::string("is only for ") + row.kinds);
    }
    if (line.find("--json") && line.find("--length-prefixed"))
        return "--json and --length-prefixed exclude each other";
    return std::nullopt;
}

Fault read_time(const CommandLine& line, const char* option, std::chrono::milliseconds& to) {
    if (!line.find(option)) return std::nullopt;
    const auto ms = parse_duration_ms(line.value(option));
    if (!ms) return at(option, ms.error());
    to = std::chrono::milliseconds(*ms);
    return std::nullopt;
}

Fault read_time(const CommandLine& line, const char* option,
                std::optional<std::chrono::milliseconds>& to) {
    std::chrono::milliseconds time{0};
    if (auto fault = read_time(line, option, time)) return fault;
    if (line.find(option)) to = time;
    return std::nullopt;
}

Fault read_numbers(const CommandLine& line, Options& options) {
    for (auto fault :
         {read_time(line, "--wait", options.wait), read_time(line, "--timeout", options.timeout),
          read_time(line, "--connect-timeout", options.connect_timeout),
          read_time(line, "--ping-interval", options.ping_interval)})
        if (fault) return fault;
    if (options.connect_timeout.count() == 0) return at("--connect-timeout", "must not be 0");
    if (line.find("--exit-after")) {
        const std::string text = line.value("--exit-after");
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), options.exit_after);
        if (error != std::errc() || end != text.data() + text.size() || options.exit_after == 0)
            return at("--exit-after", "must be a positive integer");
    }
    if (!line.find("--max-message")) return std::nullopt;
    const auto bytes = parse_bytes(line.value("--max-message"));
    if (!bytes) return at("--max-message", bytes.error());
    if (*bytes == 0) return at("--max-message", "must not be 0");
    options.message_bytes_max = *bytes;
    return std::nullopt;
}

bool has_control(std::string_view text) {
    return std::ranges::any_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Fault read_headers(const CommandLine& line, Options& options) {
    options.origin = line.value("--origin");
    if (has_control(options.origin)) return at("--origin", "must not hold control characters");
    if (const auto* protocols = line.find("--protocol")) options.protocols = *protocols;
    const auto* const headers = line.find("--header");
    for (const std::string& header : headers ? *headers : std::vector<std::string>()) {
        const size_t colon = header.find(':');
        if (colon == 0 || colon == std::string::npos || has_control(header))
            return at("--header", "must be NAME:VALUE, without control characters");
        const size_t value = header.find_first_not_of(' ', colon + 1);
        options.headers.emplace_back(header.substr(0, colon),
                                     value == std::string::npos ? "" : header.substr(value));
    }
    if (options.kind != Kind::websocket && !options.origin.empty())
        options.headers.emplace_back("Origin", options.origin);
    return std::nullopt;
}

Fault read_tls(const CommandLine& line, Options& options) {
    options.ca = line.value("--ca");
    options.certificate = line.value("--cert");
    options.key = line.value("--key");
    options.verify = !line.find("--insecure");
    for (auto fault : {unreadable("--ca", options.ca), unreadable("--cert", options.certificate),
                       unreadable("--key", options.key)})
        if (fault) return fault;
    if (options.certificate.empty() != options.key.empty())
        return "--cert and --key belong together";
    if (line.find("--proxy")) options.proxy = line.value("--proxy");
    if (options.proxy == "none") options.proxy = "";
    return std::nullopt;
}

Fault read_sent(const CommandLine& line, Options& options) {
    for (const auto& [name, value] : line.in_order) {
        if (name == "--text") {
            if (!base::utf8_is_valid(value)) return at("--text", "must be UTF-8");
            options.sent.push_back({false, value});
        } else if (name == "--binary") {
            auto bytes = read_file(value);
            if (!bytes) return at("--binary", bytes.error());
            options.sent.push_back({true, *std::move(bytes)});
        }
    }
    options.send_binary = line.find("--send-binary") != nullptr;
    options.length_prefixed = line.find("--length-prefixed") != nullptr;
    return std::nullopt;
}

Fault read_socketio(const CommandLine& line, Options& options) {
    options.nsp = line.value("--namespace");
    if (line.find("--path")) options.path = line.value("--path");
    options.transport = line.value("--transport");
    if (line.find("--eio")) options.eio = line.value("--eio") == "3" ? 3 : 4;
    if (!line.find("--auth")) return std::nullopt;
    auto auth = parse_json(line.value("--auth"));
    if (!auth || !auth->is_object()) return at("--auth", "must be a JSON object");
    options.auth = *std::move(auth);
    return std::nullopt;
}

RenderOptions render_options(const CommandLine& line, const Surroundings& surroundings) {
    RenderOptions options;
    options.format = line.find("--json")              ? Format::json
                     : line.find("--length-prefixed") ? Format::lengths
                     : surroundings.out_is_terminal   ? Format::terminal
                                                      : Format::lines;
    const std::string color = line.value("--color");
    options.color = color == "always" ||
                    (color != "never" && surroundings.out_is_terminal && !surroundings.no_color);
    if (color == "always" && options.format == Format::lines) options.format = Format::terminal;
    options.full = line.find("--full") != nullptr;
    options.show_pings = line.find("--show-pings") != nullptr;
    return options;
}

}  // namespace

base::Result<Options> read_options(const CommandLine& line, const Surroundings& surroundings) {
    Options options;
    options.url = line.value("URL");
    if (line.find("--socketio") && line.find("--sse"))
        return base::Failure("--socketio and --sse exclude each other");
    if (line.find("--socketio")) options.kind = Kind::socketio;
    if (line.find("--sse")) options.kind = Kind::sse;
    options.render = render_options(line, surroundings);
    options.compress = line.find("--compress") != nullptr;
    options.redirects = line.find("--follow-redirects") != nullptr;
    options.reconnect = !line.find("--no-reconnect");
    options.last_event_id = line.value("--last-event-id");
    if (has_control(options.last_event_id))
        return base::Failure("--last-event-id: must not hold control characters");
    options.history = !line.find("--no-history") && !surroundings.state_home.empty();
    if (options.history) options.history_path = surroundings.state_home + "/starling/history";
    // Each function reads only what the ones before have left.
    Fault fault = check_kind(line, options.kind);
    if (!fault) fault = read_numbers(line, options);
    if (!fault) fault = read_headers(line, options);
    if (!fault) fault = read_tls(line, options);
    if (!fault) fault = read_socketio(line, options);
    if (!fault) fault = read_sent(line, options);
    if (fault) return base::Failure(*std::move(fault));
    return options;
}

}  // namespace starling::app::connect
