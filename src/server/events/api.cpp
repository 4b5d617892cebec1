// The HTTP endpoints of server events, and where each is mounted.
#include <starling/server.h>

#include <boost/json.hpp>

#include <charconv>
#include <ctime>
#include <span>
#include <string>
#include <utility>

#include "auth/api_key.h"
#include "events/text.h"
#include "events/v1_reply.h"
#include "server/events/events.h"
#include "server/events/member.h"
#include "server/events/v1.h"
#include "server/site.h"
#include "server/worker.h"

namespace starling::server {
namespace {

namespace json = boost::json;

constexpr std::string_view index_channel = "ApiIndex";

// Only the key counts, not the peer's address: a proxy on this machine forwards the requests of any
// client, and need not mark them as forwarded.
bool has_key(const Events& events, const http::Request& request) {
    return events.accepted_keys().contain(auth::api_key_of(request));
}

json::object counts(const events::Published& published) {
    if (published.refused) return {{"code", 503}, {"message", history_away}};
    json::object object{{"delivered", published.delivered}, {"limited", published.limited}};
    if (!published.offset.empty()) object.emplace("offset", published.offset);
    return object;
}

void fail(http::Response& response, int status, std::string_view problem) {
    response.status(status).json(json::object{{"code", status}, {"message", problem}});
}

// False: the request has no valid key, and the response says so.
bool begin_answer(const Events& events, const http::Request& request, http::Response& response) {
    response.header("Cache-Control", "no-store");
    if (has_key(events, request)) return true;
    if (EventsWorker* const host = events.here()) host->refused_requests.add(UpgradeRefusal::login);
    response.header("WWW-Authenticate", "Bearer");
    fail(response, 401, "a valid API key is needed");
    return false;
}

// The channel of a request that asks about one. Null: the response says what is wrong.
const events::Rule* find_channel(const Events& events, const http::Request& request,
                                 http::Response& response, std::string& channel) {
    channel = request.query("channel").value_or("");
    if (channel.empty()) {
        fail(response, 400, "channel: is missing");
        return nullptr;
    }
    if (!events::is_channel_name(channel)) {
        fail(response, 400, "channel: must be 1 to 255 bytes without control characters");
        return nullptr;
    }
    const auto* const rule = events.table().find(channel).rule;
    if (!rule) fail(response, 404, "channel: no channel '" + channel + "' is declared");
    return rule;
}

// Sets `limit` from the query. False: the response says what is wrong.
bool read_limit(const http::Request& request, http::Response& response, size_t& limit) {
    const auto text = request.query("limit");
    if (!text) return true;
    const char* const last = text->data() + text->size();
    const auto [end, error] = std::from_chars(text->data(), last, limit);
    if (error == std::errc() && end == last && limit >= 1 && limit <= events::v1::limit_max)
        return true;
    fail(response, 400, "limit: must be an integer from 1 to 1000");
    return false;
}

void handle_history(Events& events, const http::Request& request, http::Response& response) {
    if (!begin_answer(events, request, response)) return;
    std::string channel;
    const auto* const rule = find_channel(events, request, response, channel);
    if (!rule) return;
    if (!rule->history) return fail(response, 404, "channel: '" + channel + "' has no history");
    size_t limit = events::v1::limit_default;
    if (!read_limit(request, response, limit)) return;
    events.read(channel, request.query("since"), limit,
                [reply = response.later(), channel](const hub::HistoryPage& page, bool recovered) {
                    if (page.failed) {
                        http::Response answer;
                        answer.header("Cache-Control", "no-store");
                        fail(answer, 503, history_away);
                        return reply.send(std::move(answer));
                    }
                    json::array messages;
                    for (const auto& kept : page.messages)
                        messages.push_back(
                            json::object{{"offset", hub::position_text(kept->epoch, kept->offset)},
                                         {"event", kept->text}});
                    http::Response answer;
                    answer.header("Cache-Control", "no-store");
                    answer.json(json::object{{"channel", channel},
                                             {"offset", hub::position_text(page.top)},
                                             {"recovered", recovered},
                                             {"more", page.more},
                                             {"events", std::move(messages)}});
                    reply.send(std::move(answer));
                });
}

void handle_presence(Events& events, const http::Request& request, http::Response& response) {
    if (!begin_answer(events, request, response)) return;
    std::string channel;
    const auto* const rule = find_channel(events, request, response, channel);
    if (!rule) return;
    if (rule->channel.presence == events::Presence::none)
        return fail(response, 404, "channel: '" + channel + "' has no presence");
    size_t limit = events::v1::limit_max;
    if (!read_limit(request, response, limit)) return;
    events.shared_presence().list(
        channel, limit,
        [reply = response.later(), channel,
         bytes_max = events.options().recovery_bytes_max](const hub::PresenceList& list) {
            http::Response answer;
            answer.header("Cache-Control", "no-store");
            answer.body(events::v1::presence_page(channel, list, bytes_max), "application/json");
            reply.send(std::move(answer));
        });
}

// True: a limit refuses the publications, and the response says so.
bool is_limited(Events& events, const http::Request& request,
                std::span<const events::PublishItem> items, http::Response& response) {
    EventsWorker* const host = events.here();
    SharedLimits* const limits = host ? host->worker.group().limits.get() : nullptr;
    if (!limits) return false;
    Worker& worker = host->worker;
    uint64_t wait_s = limits->publish_with(auth::api_key_of(request), worker.loop().now_ms());
    std::string problem = "too many requests with this key";
    if (wait_s != 0) worker.counters().limited_key_publishes.add();
    for (size_t i = 0; i < items.size() && wait_s == 0; ++i) {
        wait_s = Events::publish_wait_s(worker, items[i].channel);
        problem = "too many publications of channel '" + items[i].channel + "'";
    }
    if (wait_s == 0) return false;
    response.header("Retry-After", std::to_string(wait_s));
    fail(response, 429, problem);
    return true;
}

void handle_publish(Events& events, const http::Request& request, http::Response& response) {
    const events::Options& options = events.options();
    if (!begin_answer(events, request, response)) return;
    auto asked = events::parse_publish_request(request.body(), events.table(),
                                               {options.event_bytes_max, options.batch_events_max});
    if (asked.status != 200) return fail(response, asked.status, asked.problem);
    if (is_limited(events, request, asked.items, response)) return;
    auto batch = std::make_shared<EventBatch>(asked.items.size());
    for (size_t i = 0; i < asked.items.size(); ++i) {
        batch->items[i].channel = std::move(asked.items[i].channel);
        batch->items[i].text.append(events::event_prefix).append(asked.items[i].event);
    }
    batch->done = [reply = response.later(), array = asked.array](const EventBatch& all) {
        http::Response answer;
        answer.header("Cache-Control", "no-store");
        json::array list;
        for (const auto& item : all.items) {
            if (item.refused) answer.status(503);
            list.push_back(counts(item.published()));
        }
        if (array)
            answer.json(json::value(std::move(list)));
        else
            answer.json(json::value(list.front()));
        reply.send(std::move(answer));
    };
    events.publish(std::move(batch));
}

json::object endpoint(std::string_view method, std::string_view path, std::string_view about) {
    return {{"method", method}, {"path", path}, {"about", about}};
}

void handle_index(Events& events, const http::Request& request, http::Response& response) {
    const std::string viewed = events::index_viewed(static_cast<int64_t>(std::time(nullptr)));
    const std::string& api = events.options().api;
    json::array channels;
    for (const auto& rule : events.table().rules())
        channels.push_back(
            json::object{{"pattern", rule->pattern.text()},
                         {"access", events::access_text(rule->channel.access)},
                         {"interval_ms", rule->interval_ms},
                         {"excess", events::excess_text(rule->channel.excess)},
                         {"history", rule->channel.history.messages},
                         {"presence", rule->channel.presence != events::Presence::none}});
    response.header("Cache-Control", "no-store");
    response.json(json::object{
        {"name", "starling"},
        {"version", version()},
        {"viewed", viewed},
        {"endpoints",
         json::array{
             endpoint("GET", "/ws/ClientEvent", "WebSocket: each text is answered"),
             endpoint("GET", "/ws/ServerEvent?Ref={channel}", "WebSocket: events of a channel"),
             endpoint("GET", "/sse/ServerEvent?Ref={channel}", "the same as text/event-stream"),
             endpoint("GET", "/ws/channels", "WebSocket, starling.v1: many channels on one"),
             endpoint("GET", api, "this index; publishes to ApiIndex"),
             endpoint("POST", api + "/publish", "publishes {\"channel\",\"event\"}, or an array"),
             endpoint("GET", api + "/history?channel={channel}", "the kept events of a channel"),
             endpoint("GET", api + "/presence?channel={channel}", "the members of a channel"),
         }},
        {"channels", std::move(channels)}});
    // A HEAD request is no visit.
    if (request.method() == "GET") events.publish(index_channel, viewed, {});
}

}  // namespace

void Events::mount(Site& site) {
    site_ = &site;
    first_endpoint_ = site.websockets.size();
    site.mask_query(options_.auth.query_parameter);
    for (const std::string_view folder : {"/ws", "/WS"}) {
        site.add_websocket(std::string(folder) + "/ClientEvent", client_event_route(*this));
        site.add_websocket(std::string(folder) + "/ServerEvent", server_event_route(*this));
        site.add_websocket(std::string(folder) + "/channels", v1_route(*this));
    }
    endpoints_ = site.websockets.size() - first_endpoint_;
    for (const std::string_view folder : {"/sse", "/SSE"}) {
        const std::string path = std::string(folder) + "/ServerEvent";
        site.add("GET", path, event_stream_route(*this));
        // Without origins of its own, too: a site may have some (HostSite::allow_origins()).
        site.add_handler("OPTIONS", path,
                         [this](const http::Request& request, http::Response& response) {
                             if (!apply_cors(request, response))
                                 response.no_content().header("Allow", "GET, HEAD, OPTIONS");
                         });
    }
    if (options_.api.empty()) return;
    site.add_handler("GET", options_.api,
                     [this](const http::Request& request, http::Response& response) {
                         handle_index(*this, request, response);
                     });
    site.add_handler("POST", options_.api + "/publish",
                     [this](const http::Request& request, http::Response& response) {
                         handle_publish(*this, request, response);
                     });
    site.add_handler("GET", options_.api + "/history",
                     [this](const http::Request& request, http::Response& response) {
                         handle_history(*this, request, response);
                     });
    site.add_handler("GET", options_.api + "/presence",
                     [this](const http::Request& request, http::Response& response) {
                         handle_presence(*this, request, response);
                     });
}

}  // namespace starling::server
