#include "app/publish/publish.h"

#include <starling/json.h>

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>
#include <istream>
#include <ostream>
#include <utility>

#include "app/connect/printable.h"
#include "app/tls_options.h"
#include "base/json_text.h"
#include "base/utf8.h"

namespace starling::app {
namespace {

namespace json = boost::json;

constexpr std::string_view default_url = "http://localhost:8080";
constexpr size_t data_bytes_max = 64 * 1024 * 1024, words_bytes_max = 400, data_depth_max = 512;
constexpr unsigned timeout_s_max = 86'400;

int wrong(std::ostream& err, const std::string& why) {
    err << "starling publish: " << why << std::endl;
    return usage_exit;
}

bool has_control(std::string_view text) {
    return std::ranges::any_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string printable(std::string_view words) {
    return connect::printable_words(words, words_bytes_max);
}

// "message" of {"code":404,"message":"..."}; another body as it is.
std::string words_of_server(const std::string& body) {
    const auto value = parse_json(body);
    const json::object* const object = value ? value->if_object() : nullptr;
    const json::value* const message = object ? object->if_contains("message") : nullptr;
    if (message && message->is_string()) return printable(message->get_string());
    return printable(body);
}

PublishOutcome refused(int status, std::string words) {
    PublishOutcome outcome{.exit_code = status == 0 ? unreachable_exit : refused_exit};
    outcome.json = json::serialize(json::object{{"status", status}, {"message", words}});
    if (words.empty()) words = "no words of the server";
    outcome.text = status == 0 ? std::move(words) : std::to_string(status) + ": " + words;
    return outcome;
}

std::string key_of(const CommandLine& line, const Environment& environment) {
    if (line.find("--key")) return line.value("--key");
    for (const auto& [name, value] : environment)
        if (name == "STARLING_KEY") return value;
    return {};
}

// DATA of the command line, or all of standard input: valid JSON without blanks around it.
base::Result<std::string> read_data(const CommandLine& line, std::istream& in) {
    std::string data = line.value("DATA");
    const bool standard = data == "-";
    const std::string where = standard ? "DATA: standard input " : "DATA: ";
    if (standard) {
        data.resize(data_bytes_max + 1);
        in.read(data.data(), static_cast<std::streamsize>(data.size()));
        data.resize(static_cast<size_t>(in.gcount()));
        if (in.bad()) return base::Failure(where + "cannot be read");
        if (data.size() > data_bytes_max) return base::Failure(where + "is longer than 64 MiB");
    }
    if (!parse_json(data, data_depth_max))
        return base::Failure(where + (standard ? "must hold" : "must be") +
                             " JSON; a text stands in quotes, as '\"hi\"'");
    constexpr const char* blanks = " \t\r\n";  // RFC 8259 section 2.
    data.erase(data.find_last_not_of(blanks) + 1);
    data.erase(0, data.find_first_not_of(blanks));
    return data;
}

}  // namespace

std::string publish_body(std::string_view channel, std::string_view event, std::string_view data) {
    std::string text(event);
    if (!data.empty()) {
        text = R"({"event":)";
        base::append_json_string(text, event);
        text.append(R"(,"data":)").append(data).append("}");
    }
    std::string body = R"({"channel":)";
    base::append_json_string(body, channel);
    body += R"(,"event":)";
    base::append_json_string(body, text);
    body += '}';
    return body;
}

PublishOutcome outcome_of(const HttpAnswer& answer, std::string_view url) {
    const std::string where(url);
    if (answer.status == 0) return refused(0, "cannot reach " + where + ": " + answer.error);
    if (!answer.location.empty())
        return refused(answer.status, "the server redirects to " + printable(answer.location) +
                                          "; name the right address with --url");
    if (answer.status != 200) return refused(answer.status, words_of_server(answer.body));
    const auto value = parse_json(answer.body);
    const json::object* const counts = value ? value->if_object() : nullptr;
    const json::value* const delivered = counts ? counts->if_contains("delivered") : nullptr;
    const json::value* const limited = counts ? counts->if_contains("limited") : nullptr;
    if (!delivered || !limited || !delivered->is_number() || !limited->is_number())
        return refused(200, "the answer is not that of a starling server; is " + where + " right?");
    return {.exit_code = 0,
            .text = "delivered: " + json::serialize(*delivered) +
                    ", limited: " + json::serialize(*limited),
            .json = json::serialize(*value)};
}

int run_publish(const CommandLine& line, const Environment& environment, const Streams& streams) {
    const std::string url = line.find("--url") ? line.value("--url") : std::string(default_url);
    auto server = parse_server_address(url);
    if (!server) return wrong(streams.err, "--url: " + server.error());
    HttpPost request{.server = *std::move(server),
                     .target = "/api/publish",
                     .api_key = key_of(line, environment),
                     .ca_path = line.value("--ca"),
                     .verify = !line.find("--insecure")};
    if (request.api_key.empty())
        return wrong(streams.err,
                     "needs the server's key: --key KEY, or the variable STARLING_KEY");
    if (has_control(request.api_key))
        return wrong(streams.err, "the key must not contain control characters");
    if (const auto fault = unreadable("--ca", request.ca_path)) return wrong(streams.err, *fault);
    if (line.find("--timeout-s")) {
        const std::string text = line.value("--timeout-s");
        unsigned number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc() || end != text.data() + text.size() || number < 1 ||
            number > timeout_s_max)
            return wrong(streams.err, "--timeout-s: must be an integer from 1 to 86400");
        request.timeout_ms = number * 1000;
    }
    for (const char* name : {"CHANNEL", "EVENT"})
        if (!base::utf8_is_valid(line.value(name)))
            return wrong(streams.err, std::string(name) + " must be UTF-8");
    std::string data;
    if (line.find("DATA")) {
        auto read = read_data(line, streams.in);
        if (!read) return wrong(streams.err, read.error());
        data = *std::move(read);
    }
    request.body = publish_body(line.value("CHANNEL"), line.value("EVENT"), data);
    const PublishOutcome outcome = outcome_of(send(request), url);
    if (outcome.exit_code != 0) streams.err << "starling publish: " << outcome.text << std::endl;
    const std::string printed = line.find("--json")      ? outcome.json + "\n"
                                : outcome.exit_code == 0 ? outcome.text + "\n"
                                                         : "";
    const int written = print(printed, streams);
    return outcome.exit_code != 0 ? outcome.exit_code : written;
}

}  // namespace starling::app
