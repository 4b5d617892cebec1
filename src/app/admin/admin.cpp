#include "app/admin/admin.h"

#include <poll.h>
#include <starling/json.h>
#include <unistd.h>

#include <boost/json.hpp>

#include <charconv>
#include <optional>
#include <ostream>
#include <utility>

#include "app/admin/shown.h"
#include "app/connect/printable.h"
#include "app/publish/http_post.h"
#include "app/tls_options.h"

namespace starling::app {
namespace {

namespace json = boost::json;

constexpr int refused_exit = 1, usage_exit = 2, unreachable_exit = 3;
constexpr std::string_view default_url = "http://127.0.0.1:8081";
constexpr size_t answer_bytes_max = 16 * 1024 * 1024;

const char* title_of(const CommandLine& line) {
    return line.action == Action::drain ? "starling drain: " : "starling admin: ";
}

int wrong(const CommandLine& line, std::ostream& err, const std::string& why) {
    err << title_of(line) << why << std::endl;
    return usage_exit;
}

// Nothing: the option is absent, or no number within the bounds.
std::optional<unsigned> number_of(const CommandLine& line, std::string_view option, unsigned min,
                                  unsigned max) {
    const std::string text = line.value(option);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole && number >= min && number <= max ? std::optional(number) : std::nullopt;
}

// RFC 3986 section 2.3: all but unreserved characters are escaped.
std::string escaped(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (plain)
            out += c;
        else
            ((out += '%') += digits[byte >> 4]) += digits[byte & 15];
    }
    return out;
}

struct Parameter {
    const char *option, *name;
};

std::string target_of(std::string_view path, const CommandLine& line,
                      std::span<const Parameter> parameters) {
    std::string target(path);
    char separator = '?';
    for (const Parameter& one : parameters) {
        if (!line.find(one.option)) continue;
        target.append(1, std::exchange(separator, '&')).append(one.name).append("=");
        target += escaped(line.value(one.option));
    }
    return target;
}

base::Result<AdminRequest> disconnect_request(const CommandLine& line, const std::string& id) {
    json::object body{{"id", id}};
    if (line.find("--code")) {
        const auto code = number_of(line, "--code", 1000, 4999);
        if (!code) return base::Failure("--code: must be 1000, or an integer from 3000 to 4999");
        body["code"] = *code;
    }
    if (line.find("--reason")) body["reason"] = line.value("--reason");
    return AdminRequest{"/admin/api/disconnect", json::serialize(body)};
}

HttpPost connection_of(const CommandLine& line, ServerAddress server, const std::string& key,
                       unsigned timeout_s) {
    HttpPost post;
    post.server = std::move(server);
    post.api_key = key;
    post.ca_path = line.value("--ca");
    post.verify = !line.find("--insecure");
    post.timeout_ms = timeout_s * 1000;
    post.answer_bytes_max = answer_bytes_max;
    return post;
}

// The same JSON, in which no name of a room or user steers the terminal.
std::string json_line(std::string_view body) {
    std::string out;
    connect::append_printable_json(out, body);
    return out + "\n";
}

HttpAnswer ask(HttpPost connection, const AdminRequest& request) {
    connection.target = request.target;
    connection.get = request.body.empty();
    connection.body = request.body;
    return send(connection);
}

// 0: the answer is there. Else the fault is printed.
int check_answer(const CommandLine& line, const HttpAnswer& answer, const std::string& url,
                 std::ostream& err) {
    if (answer.status == 0) {
        err << title_of(line) << "cannot reach " << url << ": " << answer.error << std::endl;
        return unreachable_exit;
    }
    if (answer.status == 200) return 0;
    err << title_of(line) << answer.status << ": " << problem_of(answer.body)
        << (answer.status == 401 ? "; see --key and the variable STARLING_KEY" : "") << std::endl;
    return refused_exit;
}

// On a terminal each sample replaces the one before; elsewhere each is one line.
int run_top(const CommandLine& line, const HttpPost& connection, const std::string& url,
            const Streams& streams) {
    const bool terminal = ::isatty(STDOUT_FILENO) == 1;
    const unsigned count = number_of(line, "--count", 1, 1'000'000).value_or(0);
    for (unsigned i = 0; count == 0 || i < count; ++i) {
        if (i > 0) (void)::poll(nullptr, 0, 1000);  // The time until the next sample.
        const HttpAnswer answer = ask(connection, {"/admin/api/stats", ""});
        if (const int fault = check_answer(line, answer, url, streams.err)) return fault;
        std::string text = answer.body;
        if (!line.find("--json")) text = terminal ? shown_screen(text) : shown_line(text, i == 0);
        if (!text.ends_with('\n')) text += '\n';
        if (terminal && !line.find("--json")) text.insert(0, "\x1b[H\x1b[2J");
        if (const int written = print(text, streams)) return written;
    }
    return 0;
}

// {"announce_s":10}: the numbers that the command line names.
base::Result<std::string> drain_body(const CommandLine& line) {
    json::object body;
    for (const auto& [option, name] :
         {std::pair{"--announce-s", "announce_s"}, std::pair{"--seconds", "seconds"}}) {
        if (!line.find(option)) continue;
        const auto seconds = number_of(line, option, 0, 86'400);
        if (!seconds)
            return base::Failure(std::string(option) + ": must be an integer from 0 to 86400");
        body[name] = *seconds;
    }
    return json::serialize(body);
}

// After a drain. The admin's own listener ends last: its 503 says that the server ended before it.
// A proxy in front answers with 502, 503 or 504 in place of a server that is gone.
bool is_gone(const HttpAnswer& answer) {
    return answer.status == 0 || (answer.status >= 502 && answer.status <= 504);
}

// Begins, and shows how many connections are left until the server is gone.
int run_drain(const CommandLine& line, const HttpPost& connection, const std::string& url,
              const Streams& streams) {
    const auto body = drain_body(line);
    if (!body) return wrong(line, streams.err, body.error());
    HttpAnswer answer = ask(connection, {"/admin/api/drain", *body});
    if (const int fault = check_answer(line, answer, url, streams.err)) return fault;
    while (true) {
        if (const int written = print(shown_drain(answer.body), streams)) return written;
        if (line.find("--no-wait")) return 0;
        (void)::poll(nullptr, 0, 1000);  // The time until the next line.
        answer = ask(connection, {"/admin/api/drain", ""});
        if (is_gone(answer)) return print("the server has ended\n", streams);
        if (const int fault = check_answer(line, answer, url, streams.err)) return fault;
    }
}

std::string key_of(const CommandLine& line, const Environment& environment) {
    if (line.find("--key")) return line.value("--key");
    for (const auto& [name, value] : environment)
        if (name == "STARLING_KEY") return value;
    return {};
}

}  // namespace

base::Result<AdminRequest> admin_request(const CommandLine& line) {
    const std::string what = line.value("WHAT"), id = line.value("ID"), text = line.value("TEXT");
    constexpr Parameter of_connections[] = {{"--kind", "kind"},       {"--user", "user"},
                                            {"--address", "address"}, {"--room", "room"},
                                            {"--limit", "limit"},     {"--cursor", "cursor"}};
    constexpr Parameter of_rooms[] = {
        {"--kind", "kind"}, {"--prefix", "prefix"}, {"--limit", "limit"}};
    if (line.find("--limit") && !number_of(line, "--limit", 1, 1000))
        return base::Failure("--limit: must be an integer from 1 to 1000");
    if (what == "connections" && !id.empty())
        return AdminRequest{"/admin/api/connections/" + escaped(id), ""};
    if (what == "connections")
        return AdminRequest{target_of("/admin/api/connections", line, of_connections), ""};
    if (what == "rooms") return AdminRequest{target_of("/admin/api/rooms", line, of_rooms), ""};
    if (what == "disconnect" || what == "send" || what == "publish") {
        if (id.empty())
            return base::Failure(what + (what == "publish" ? " needs a topic or a channel"
                                                           : " needs the ID of a "
                                                             "connection"));
        if (what == "disconnect") return disconnect_request(line, id);
        if (!line.find("TEXT")) return base::Failure(what + " needs a TEXT");
        std::string to = "id";
        if (what == "publish") to = line.find("--kind") ? line.value("--kind") : "topic";
        if (what == "publish" && to != "topic" && to != "channel")
            return base::Failure("--kind: publish takes topic or channel");
        return AdminRequest{"/admin/api/" + what,
                            json::serialize(json::object{{to, id}, {"text", text}})};
    }
    return AdminRequest{"/admin/api/" + (what == "top" ? "stats" : what), ""};
}

int run_admin(const CommandLine& line, const Environment& environment, const Streams& streams) {
    const std::string url = line.find("--url") ? line.value("--url") : std::string(default_url);
    auto server = parse_server_address(url);
    if (!server) return wrong(line, streams.err, "--url: " + server.error());
    const std::string key = key_of(line, environment);
    for (const char c : key)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return wrong(line, streams.err, "the key must not contain control characters");
    if (const auto fault = unreadable("--ca", line.value("--ca")))
        return wrong(line, streams.err, *fault);
    unsigned timeout_s = 10;
    if (line.find("--timeout-s")) {
        const auto given = number_of(line, "--timeout-s", 1, 3600);
        if (!given)
            return wrong(line, streams.err, "--timeout-s: must be an integer from 1 to 3600");
        timeout_s = *given;
    }
    const HttpPost connection = connection_of(line, *std::move(server), key, timeout_s);
    const std::string what = line.value("WHAT");
    if (line.find("--count") && !number_of(line, "--count", 1, 1'000'000))
        return wrong(line, streams.err, "--count: must be an integer from 1 to 1000000");
    if (line.action == Action::drain || what == "drain")
        return run_drain(line, connection, url, streams);
    if (what == "top") return run_top(line, connection, url, streams);
    const auto request = admin_request(line);
    if (!request) return wrong(line, streams.err, request.error());
    const HttpAnswer answer = ask(connection, *request);
    if (const int fault = check_answer(line, answer, url, streams.err)) return fault;
    return print(line.find("--json") ? json_line(answer.body) : shown_answer(what, answer.body),
                 streams);
}

}  // namespace starling::app
