#include "app/bench/options.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "base/tokens.h"
#include "base/utf8.h"
#include "load/endpoint.h"
#include "load/measure/publication.h"

namespace starling::app {
namespace {

using base::Failure;
using load::Plan;
using load::Scenario;

constexpr size_t together_bytes_max = 64 * 1024 * 1024;

bool has_control(std::string_view text) {
    return std::ranges::any_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

template <class Number>
bool read(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

class Reader {
public:
    explicit Reader(const CommandLine& line) : line_(line) {}

    [[nodiscard]] bool given(std::string_view name) const { return line_.find(name) != nullptr; }

    template <class Number>
    void whole(std::string_view name, Number& number, uint64_t min, uint64_t max) {
        if (!given(name)) return;
        uint64_t value = 0;
        if (!read(line_.value(name), value) || value < min || value > max)
            return fail(name, "must be an integer from " + std::to_string(min) + " to " +
                                  std::to_string(max));
        number = static_cast<Number>(value);
    }
    void seconds(std::string_view name, double& number, double min, double max) {
        if (!given(name)) return;
        double value = 0;
        if (!read(line_.value(name), value) || !(value >= min && value <= max)) {
            std::string least = std::to_string(min);
            least.erase(least.find_last_not_of('0') + 1);
            if (least.ends_with('.')) least.pop_back();
            return fail(name, "must be a number of seconds from " + least + " to " +
                                  std::to_string(static_cast<int>(max)));
        }
        number = value;
    }
    void text(std::string_view name, std::string& value) {
        if (!given(name)) return;
        value = line_.value(name);
        if (has_control(value)) fail(name, "must not contain control characters");
    }
    void list(std::string_view name, std::vector<std::string>& values) const {
        if (const auto* const found = line_.find(name)) values = *found;
    }
    void fail(std::string_view name, const std::string& why) {
        if (error_.empty()) error_ = std::string(name) + ": " + why;
    }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }

private:
    const CommandLine& line_;
    std::string error_;
};

Scenario scenario_of(std::string_view name) {
    for (const Scenario scenario : load::scenarios)
        if (name == load::name_of(scenario)) return scenario;
    return Scenario::echo;
}

// What is said about a header must not end it, or be one that the handshake sets itself.
std::string wrong_header(std::string_view header) {
    constexpr std::string_view own[] = {"host",
                                        "upgrade",
                                        "connection",
                                        "sec-websocket-key",
                                        "sec-websocket-version",
                                        "accept",
                                        "origin",
                                        "authorization",
                                        "sec-websocket-protocol",
                                        "content-length",
                                        "content-type",
                                        "transfer-encoding",
                                        "sec-websocket-extensions"};
    const size_t colon = header.find(':');
    if (colon == std::string_view::npos || !base::is_token(header.substr(0, colon)))
        return "must be NAME: VALUE";
    if (has_control(header)) return "must not contain control characters";
    const std::string_view name = header.substr(0, colon);
    for (const std::string_view one : own)
        if (one != "authorization" && base::iequals(name, one))
            return "the handshake sets " + std::string(name) + " itself";
    return {};
}

void read_handshake(Reader& reader, Plan& plan, const CommandLine& line) {
    reader.text("--origin", plan.origin);
    reader.list("--header", plan.headers);
    for (const std::string& header : plan.headers)
        if (const std::string why = wrong_header(header); !why.empty())
            reader.fail("--header", why);
    reader.list("--protocol", plan.protocols);
    for (size_t i = 0; i < plan.protocols.size(); ++i) {
        if (!base::is_token(plan.protocols[i])) reader.fail("--protocol", "must be a token");
        if (std::ranges::count(plan.protocols, plan.protocols[i]) > 1)
            reader.fail("--protocol", "must not be repeated with the same name");
    }
    plan.compress = reader.given("--compress");
    if (reader.given("--proxy")) {
        plan.proxy = line.value("--proxy");
        if (*plan.proxy == "none") plan.proxy = "";
    }
    plan.verify = !reader.given("--insecure");
    reader.text("--ca", plan.ca_path);
    if (!plan.ca_path.empty() && ::access(plan.ca_path.c_str(), R_OK) != 0)
        reader.fail("--ca", "cannot read '" + plan.ca_path +
                                "': " + std::generic_category().message(errno));
    if (!reader.given("--sources")) return;
    auto sources = load::parse_sources(line.value("--sources"));
    if (sources)
        plan.sources = *std::move(sources);
    else
        reader.fail("--sources", sources.error());
}

void read_message(Reader& reader, Plan& plan) {
    constexpr std::string_view mark = "{payload}";
    std::string text;
    reader.text("--message", text);
    if (!base::utf8_is_valid(text)) reader.fail("--message", "must be UTF-8");
    if (plan.scenario != Scenario::echo && plan.scenario != Scenario::fanout &&
        plan.scenario != Scenario::events)
        reader.fail("--message", "not for this scenario");
    const size_t at = text.find(mark);
    plan.before = text.substr(0, at);
    if (at != std::string::npos) {
        plan.after = text.substr(at + mark.size());
        return;
    }
    if (plan.scenario != Scenario::echo || reader.given("--size"))
        reader.fail("--message", "must contain {payload}");
    plan.payload_bytes = 0;
}

void read_pids(Reader& reader, Plan& plan, std::string_view text) {
    while (true) {
        const size_t comma = text.find(',');
        int pid = 0;
        if (!read(text.substr(0, comma), pid) || pid < 1)
            return reader.fail("--server-pid", "must be process ids, as 12 or 12,13");
        plan.server_pids.push_back(pid);
        if (comma == std::string_view::npos) return;
        text.remove_prefix(comma + 1);
    }
}

// Options that fit none of the others.
void check(Reader& reader, const Plan& plan) {
    const bool publishes = load::publishes(plan);
    const bool exchanges =
        plan.scenario == Scenario::echo || plan.scenario == Scenario::socketio_ack;
    const bool polls = plan.scenario == Scenario::socketio_polling;
    const bool emits = exchanges || polls || plan.scenario == Scenario::socketio_fanout;
    if (const std::string why = load::wrong_url(plan.url); !why.empty()) reader.fail("URL", why);
    if (const std::string why = load::wrong_url(plan.publish_url);
        !plan.publish_url.empty() && !why.empty())
        reader.fail("--publish-url", why);
    if (!plan.publish_url.empty() && !load::is_fanout(plan.scenario) &&
        plan.scenario != Scenario::events)
        reader.fail("--publish-url", "only for the scenarios fanout, socketio-fanout and events");
    if (publishes && plan.payload_bytes < load::Publication::bytes_min)
        reader.fail("--size", "a publication has at least " +
                                  std::to_string(load::Publication::bytes_min) +
                                  " bytes, for its time");
    if (exchanges && reader.given("--rate") && reader.given("--depth"))
        reader.fail("--rate", "not together with --depth");
    for (const char* name : {"--rate", "--depth", "--size"})
        if (!exchanges && !publishes && reader.given(name) &&
            !(polls && std::string_view(name) == "--size"))
            reader.fail(name, "not for this scenario");
    if (plan.depth * plan.payload_bytes > together_bytes_max)
        reader.fail("--depth", "times --size: at most 64 MiB");
    if (reader.given("--text") && reader.given("--binary"))
        reader.fail("--binary", "not together with --text");
    if (load::is_socketio(plan.scenario) && plan.binary)
        reader.fail("--binary", "not for this scenario");
    if (reader.given("--event") && !(emits && load::is_socketio(plan.scenario)))
        reader.fail("--event",
                    "only for the scenarios socketio-ack, socketio-fanout and socketio-polling");
    const bool has_websocket =
        !polls && (plan.scenario != Scenario::events || !plan.publish_url.empty());
    if (plan.compress && !has_websocket) reader.fail("--compress", "not for this scenario");
    if (plan.event.find_first_of("\"\\") != std::string::npos)
        reader.fail("--event", "must not contain quotes or backslashes");
    if (plan.threads > plan.connections) reader.fail("--threads", "more than --connections");
}

}  // namespace

base::Result<Plan> plan_of(const CommandLine& line) {
    Reader reader(line);
    Plan plan;
    plan.url = line.value("URL");
    plan.scenario = scenario_of(line.value("--scenario"));
    if (load::is_fanout(plan.scenario) || plan.scenario == Scenario::events) {
        plan.rate = 100;
        plan.depth = 0;
    }
    reader.text("--publish-url", plan.publish_url);
    reader.whole("--connections", plan.connections, 1, 1'000'000);
    reader.whole("--depth", plan.depth, 1, 10'000);
    reader.whole("--rate", plan.rate, 1, 10'000'000);
    reader.whole("--size", plan.payload_bytes, 0, 16 * 1024 * 1024);
    reader.whole("--threads", plan.threads, 1, 256);
    reader.seconds("--seconds", plan.seconds, 0.01, 86'400);
    reader.seconds("--warmup", plan.warmup_seconds, 0, 3600);
    reader.seconds("--ramp-up", plan.ramp_up_seconds, 0, 3600);
    reader.seconds("--timeout-s", plan.timeout_seconds, 0.01, 3600);
    plan.event = plan.scenario == Scenario::socketio_fanout ? "message" : "echo";
    reader.text("--event", plan.event);
    if (reader.given("--message")) read_message(reader, plan);
    plan.binary = reader.given("--binary");
    read_handshake(reader, plan, line);
    if (reader.given("--server-pid")) read_pids(reader, plan, line.value("--server-pid"));
    check(reader, plan);
    if (!reader.error().empty()) return Failure(reader.error());
    return plan;
}

}  // namespace starling::app
