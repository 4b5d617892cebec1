// The routes of /admin/api/, see docs/admin.md.
#include <boost/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "server/admin/admin.h"
#include "server/admin/connections.h"
#include "server/admin/rooms.h"
#include "server/worker.h"

namespace starling::server {
namespace {

namespace json = boost::json;

constexpr size_t body_depth_max = 8;
constexpr uint16_t disconnect_code = 1000;

void answer(const http::Reply& reply, const json::value& value, int status = 200) {
    http::Response response;
    response.status(status).json(value);
    reply.send(std::move(response));
}

void problem(http::Response& response, int status, std::string_view text) {
    response.status(status).json(json::object{{"error", text}});
}

json::object shown(const FoundConnection& found) {
    const ConnectionFacts& facts = found.facts;
    json::array rooms;
    for (const std::string& room : facts.rooms) rooms.emplace_back(room);
    json::object object{{"id", found.id.text()},
                        {"worker", found.id.worker},
                        {"kind", facts.kind},
                        {"path", facts.path},
                        {"address", facts.address},
                        {"user", facts.user},
                        {"subprotocol", facts.subprotocol},
                        {"secure", facts.secure},
                        {"queued_bytes", facts.queued_bytes},
                        {"rooms", std::move(rooms)},
                        {"room_count", facts.room_count}};
    if (facts.round_trip_ms) object["round_trip_ms"] = *facts.round_trip_ms;
    return object;
}

// Whole numbers without an exponent: the writer makes 5.2E1 of a double.
json::value plain(double value) {
    constexpr double exact_max = 9007199254740992;  // 2^53.
    if (value == std::floor(value) && std::abs(value) <= exact_max)
        return static_cast<int64_t>(value);
    return value;
}

json::object shown(const Figures& figures) {
    json::object all;
    for (const auto& [name, family] : figures.families()) {
        if (family.values.size() == 1 && family.values.begin()->first.empty() &&
            family.kind != Figures::Kind::histogram) {
            all[name] = plain(family.values.begin()->second.number);
            continue;
        }
        json::object values;
        for (const auto& [labels, value] : family.values) {
            if (family.kind == Figures::Kind::histogram)
                values[labels] = {{"count", value.durations.total()},
                                  {"sum_us", value.durations.sum_us()}};
            else
                values[labels] = plain(value.number);
        }
        all[name] = std::move(values);
    }
    return all;
}

json::array shown(const std::vector<FigureHistory::Entry>& entries) {
    json::array rows;
    for (const FigureHistory::Entry& entry : entries) {
        json::array row{entry.second};
        for (const float value : entry.sample) row.push_back(plain(value));
        rows.push_back(std::move(row));
    }
    return rows;
}

// Reads a number from 1 to `max`. Nothing: it is something else.
std::optional<size_t> read_limit(const std::optional<std::string>& text, size_t otherwise,
                                 size_t max) {
    if (!text) return otherwise;
    size_t value = 0;
    const auto read = std::from_chars(text->data(), text->data() + text->size(), value);
    const bool whole = read.ec == std::errc() && read.ptr == text->data() + text->size();
    return whole && value >= 1 && value <= max ? std::optional(value) : std::nullopt;
}

// ---- reading ------------------------------------------------------------------------------------

void get_stats(Admin& admin, const http::Request&, http::Response& response) {
    admin.collector().collect([&admin, reply = response.later()](const Figures& sum) {
        const Collector& collector = admin.collector();
        json::object rates;
        for (size_t i = 0; i < FigureHistory::names.size(); ++i)
            rates[FigureHistory::names[i]] = plain(collector.latest()[i]);
        answer(reply, json::object{{"version", version()},
                                   {"uptime_s", collector.uptime_s()},
                                   {"workers", collector.workers().size()},
                                   {"stopping", admin.group().stopping.load()},
                                   {"payloads", admin.options().payloads},
                                   {"now", std::move(rates)},
                                   {"figures", shown(sum)}});
    });
}

void get_history(Admin& admin, const http::Request&, http::Response& response) {
    const FigureHistory& history = admin.collector().history();
    json::array names;
    for (const std::string_view name : FigureHistory::names) names.emplace_back(name);
    response.json(json::object{{"names", std::move(names)},
                               {"second", admin.collector().uptime_s()},
                               {"fine", shown(history.fine())},
                               {"coarse", shown(history.coarse())}});
}

void get_workers(Admin& admin, const http::Request&, http::Response& response) {
    const Collector& collector = admin.collector();
    json::array workers;
    for (size_t i = 0; i < collector.workers().size(); ++i) {
        const WorkerReport& report = collector.workers()[i];
        workers.push_back(json::object{
            {"worker", i},
            {"connections", plain(report.figures.sum("starling_connections"))},
            {"ticks", plain(report.figures.sum("starling_loop_ticks_total"))},
            {"lag_us", report.lag_us},
            {"unresponsive_us", collector.waits_us(report)},
            {"send_queue_bytes", plain(report.figures.sum("starling_send_queue_bytes"))}});
    }
    response.json(json::object{{"workers", std::move(workers)}});
}

void get_connections(Admin& admin, const http::Request& request, http::Response& response) {
    const auto limit = read_limit(request.query("limit"), 100, ConnectionQuery::limit_max);
    if (!limit) return problem(response, 400, "limit: 1 to 1000 is wanted");
    ConnectionQuery query{.kind = request.query("kind").value_or(""),
                          .user = request.query("user").value_or(""),
                          .room = request.query("room").value_or(""),
                          .path = request.query("path").value_or(""),
                          .limit = *limit};
    if (const std::string address = request.query("address").value_or(""); !address.empty()) {
        try {
            query.addresses.emplace().add(address);
        } catch (const std::invalid_argument& wrong) {
            return problem(response, 400, std::string("address: ") + wrong.what());
        }
    }
    if (const auto cursor = request.query("cursor"); cursor && !read_cursor(*cursor, query))
        return problem(response, 400, "cursor: the value of \"next\" is wanted");
    find_connections(admin, std::move(query), [reply = response.later()](ConnectionPage page) {
        json::array connections;
        for (const FoundConnection& found : page.connections) connections.push_back(shown(found));
        json::object object{{"connections", std::move(connections)}, {"complete", page.complete}};
        if (!page.next.empty()) object["next"] = page.next;
        answer(reply, object);
    });
}

void get_connection(Admin& admin, const http::Request& request, http::Response& response) {
    const auto id = ConnectionId::parse(request.param("id"));
    if (!id) return problem(response, 400, "the id of a connection is WORKER-SLOT-GENERATION");
    describe_connection(admin, *id, [reply = response.later()](auto found) {
        if (found) return answer(reply, shown(*found));
        answer(reply, json::object{{"error", "there is no such connection"}}, 404);
    });
}

void get_rooms(Admin& admin, const http::Request& request, http::Response& response) {
    const auto limit = read_limit(request.query("limit"), 100, RoomQuery::limit_max);
    if (!limit) return problem(response, 400, "limit: 1 to 1000 is wanted");
    RoomQuery query{.kind = request.query("kind").value_or(""),
                    .prefix = request.query("prefix").value_or(""),
                    .limit = *limit};
    find_rooms(admin, std::move(query), [reply = response.later()](const RoomPage& page) {
        json::array rooms;
        for (const FoundRoom& room : page.rooms)
            rooms.push_back(json::object{{"kind", room.kind},
                                         {"namespace", room.nsp},
                                         {"name", room.name},
                                         {"members", room.members}});
        answer(reply, json::object{{"rooms", std::move(rooms)},
                                   {"total", page.total},
                                   {"complete", page.complete}});
    });
}

void get_queues(Admin& admin, const http::Request&, http::Response& response) {
    admin.collector().collect([reply = response.later()](const Figures& sum) {
        const auto value = [&](std::string_view name) { return plain(sum.sum(name)); };
        answer(reply,
               json::object{{"send_queue_bytes", value("starling_send_queue_bytes")},
                            {"webhook_queue_bytes", value("starling_webhook_queue_bytes")},
                            {"webhooks_in_flight", value("starling_webhooks_in_flight")},
                            {"webhooks_delivered", value("starling_webhooks_delivered_total")},
                            {"webhooks_retried", value("starling_webhooks_retried_total")},
                            {"webhooks_given_up", value("starling_webhooks_given_up_total")},
                            {"cluster_queue_messages", value("starling_cluster_queue_messages")}});
    });
}

void get_errors(Admin& admin, const http::Request&, http::Response& response) {
    json::array lines;
    for (const ErrorLine& line : admin.errors().lines()) {
        json::object fields;
        for (const auto& [name, value] : line.fields) fields[name] = value;
        lines.push_back(json::object{{"unix_ms", line.unix_ms},
                                     {"level", log::level_name(line.level)},
                                     {"message", line.message},
                                     {"fields", std::move(fields)}});
    }
    response.json(json::object{{"errors", std::move(lines)}});
}

void get_config(Admin& admin, const http::Request&, http::Response& response) {
    response.json(admin.options().configuration);
}

// ---- doing --------------------------------------------------------------------------------------

// The members of the body, which is an object of texts and numbers.
// The body of an action. Throws http::BadRequest if it is no object, if a member is none of these, or is of another
// kind: a misspelt one must not do more than was meant.
class Body {
public:
    using Names = std::initializer_list<std::string_view>;
    Body(const http::Request& request, Names texts, Names numbers)
        : value_(request.json(body_depth_max)) {
        if (!value_.is_object()) throw http::BadRequest("a JSON object is wanted");
        for (const auto& [key, value] : value_.get_object()) {
            const std::string_view name(key.data(), key.size());
            const bool is_text = std::ranges::find(texts, name) != texts.end();
            if (!is_text && std::ranges::find(numbers, name) == numbers.end())
                throw http::BadRequest("'" + std::string(name) + "' is not known");
            if (is_text ? !value.is_string() : !value.is_int64())
                throw http::BadRequest(std::string(name) +
                                       (is_text ? ": a text is wanted" : ": an integer is wanted"));
        }
    }
    // "": it is missing.
    [[nodiscard]] std::string text(std::string_view name) const {
        const json::value* const found = find(name);
        return found && found->is_string() ? std::string(found->get_string()) : std::string();
    }
    [[nodiscard]] std::optional<int64_t> number(std::string_view name) const {
        const json::value* const found = find(name);
        return found && found->is_int64() ? std::optional(found->get_int64()) : std::nullopt;
    }
    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
    [[nodiscard]] std::optional<ConnectionId> id() const { return ConnectionId::parse(text("id")); }

private:
    [[nodiscard]] const json::value* find(std::string_view name) const {
        return value_.get_object().if_contains(name);
    }
    const json::value value_;
};

constexpr const char* wants_id = "id: the id of a connection is wanted";

// Logs the action when it is done, and answers.
Outcome answering(Admin& admin, std::string action, std::string target,
                  const http::Request& request, http::Response& response) {
    return [&admin, action = std::move(action), target = std::move(target),
            address = std::string(request.remote_address()),
            reply = response.later()](const std::string& what) {
        admin.log_action(action, target, address, what);
        if (what.empty()) return answer(reply, json::object{{"done", true}});
        answer(reply, json::object{{"error", what}}, 404);
    };
}

void post_disconnect(Admin& admin, const http::Request& request, http::Response& response) {
    const Body body(request, {"id", "reason"}, {"code"});
    const auto id = body.id();
    if (!id) return problem(response, 400, wants_id);
    const int64_t code = body.number("code").value_or(disconnect_code);
    if (code != 1000 && (code < 3000 || code > 4999))
        return problem(response, 400, "code: 1000, or 3000 to 4999 is wanted");
    std::string reason = body.text("reason");
    constexpr size_t reason_bytes_max = 123;  // RFC 6455 section 5.5.
    if (reason.size() > reason_bytes_max)
        return problem(response, 400, "reason: 123 bytes at most are wanted");
    disconnect(admin, *id, static_cast<uint16_t>(code), std::move(reason),
               answering(admin, "disconnect", id->text(), request, response));
}

void post_send(Admin& admin, const http::Request& request, http::Response& response) {
    const Body body(request, {"id", "text"}, {});
    const auto id = body.id();
    if (!id) return problem(response, 400, wants_id);
    if (!body.has("text")) return problem(response, 400, "text: a text is wanted");
    send_text(admin, *id, body.text("text"),
              answering(admin, "send", id->text(), request, response));
}

void publish_to_channel(Admin& admin, const std::string& channel, const std::string& text,
                        const http::Request& request, http::Response& response) {
    const bool taken = admin.options().publish_event(channel, text);
    constexpr std::string_view refused = "the channel refuses the event";
    admin.log_action("publish", "channel " + channel, request.remote_address(),
                     taken ? "" : refused);
    if (!taken) return problem(response, 400, refused);
    // What is published to a channel tells nobody how many got it.
    find_rooms(admin, {.kind = "channel", .prefix = channel, .whole = true},
               [reply = response.later()](const RoomPage& page) {
                   size_t subscribers = 0;
                   for (const FoundRoom& room : page.rooms) subscribers += room.members;
                   answer(reply, json::object{{"done", true},
                                              {"subscribers", subscribers},
                                              {"complete", page.complete}});
               });
}

void post_publish(Admin& admin, const http::Request& request, http::Response& response) {
    const Body body(request, {"topic", "channel", "text"}, {});
    const std::string topic = body.text("topic"), channel = body.text("channel");
    if (topic.empty() == channel.empty())
        return problem(response, 400, "a topic or a channel is wanted");
    if (!body.has("text")) return problem(response, 400, "text: a text is wanted");
    if (admin.group().stopping.load()) return problem(response, 503, "the server stops");
    const std::string text = body.text("text");
    if (!topic.empty()) {
        const size_t subscribers = admin.observed().subscribers(topic);
        admin.observed().publish(topic, text);
        admin.log_action("publish", "topic " + topic, request.remote_address(), "");
        return (void)response.json(json::object{{"done", true}, {"subscribers", subscribers}});
    }
    if (!admin.options().publish_event)
        return problem(response, 404, "this server has no channels");
    publish_to_channel(admin, channel, text, request, response);
}

void get_drain(Admin& admin, const http::Request&, http::Response& response) {
    const WorkerGroup& group = admin.group();
    const DrainPhase phase = group.drain.load();
    const char* const state = group.stopping.load()            ? "stopping"
                              : phase == DrainPhase::closing   ? "closing"
                              : phase == DrainPhase::announced ? "announced"
                                                               : "serving";
    const uint64_t ends_ms = group.drain_ends_ms.load(), now_ms = steady_ms();
    response.json(json::object{
        {"state", state},
        {"connections", group.connections.load()},
        {"started_with", group.drain_started_with.load()},
        {"seconds_left", plain(static_cast<double>(ends_ms - std::min(ends_ms, now_ms)) / 1000)}});
}

// {"announce_s":5,"seconds":30}; a number that is absent is that of the configuration.
void post_drain(Admin& admin, const http::Request& request, http::Response& response) {
    const Body body(request, {}, {"announce_s", "seconds"});
    Drain how = admin.group().site.ending->drain;
    constexpr int64_t day_s = 24 * 3600;
    for (const auto& [name, time] :
         {std::pair<std::string_view, std::chrono::milliseconds*>("announce_s", &how.announce),
          {"seconds", &how.over}}) {
        if (!body.has(name)) continue;
        const auto seconds = body.number(name);
        if (!seconds || *seconds < 0 || *seconds > day_s)
            return problem(response, 400, "announce_s, seconds: 0 to 86400 are wanted");
        *time = std::chrono::seconds(*seconds);
    }
    if (admin.observed().draining()) return problem(response, 409, "the server drains already");
    admin.observed().drain(how);
    admin.log_action("drain", "server", request.remote_address(), "");
    get_drain(admin, request, response);
}

}  // namespace

void mount_admin_api(Admin& admin) {
    using Call = void (*)(Admin&, const http::Request&, http::Response&);
    const auto get = [&admin](std::string_view path, Call call) {
        admin.home().get(path,
                         [&admin, call](const http::Request& request, http::Response& response) {
                             call(admin, request, response);
                         });
    };
    const auto post = [&admin](std::string_view path, Call call) {
        admin.home().post(path,
                          [&admin, call](const http::Request& request, http::Response& response) {
                              try {
                                  call(admin, request, response);
                              } catch (const http::BadRequest& wrong) {
                                  problem(response, wrong.status(), wrong.what());
                              }
                          });
    };
    get("/admin/api/stats", get_stats);
    get("/admin/api/history", get_history);
    get("/admin/api/workers", get_workers);
    get("/admin/api/connections", get_connections);
    get("/admin/api/connections/:id", get_connection);
    get("/admin/api/rooms", get_rooms);
    get("/admin/api/queues", get_queues);
    get("/admin/api/errors", get_errors);
    get("/admin/api/config", get_config);
    post("/admin/api/disconnect", post_disconnect);
    post("/admin/api/send", post_send);
    post("/admin/api/publish", post_publish);
    get("/admin/api/drain", get_drain);
    post("/admin/api/drain", post_drain);
}

}  // namespace starling::server
