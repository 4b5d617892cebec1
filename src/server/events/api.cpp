// The HTTP endpoints of server events, and where each is mounted.
#include <starling/server.h>

#include <boost/json.hpp>

#include <ctime>
#include <span>
#include <string>
#include <utility>

#include "auth/api_key.h"
#include "events/text.h"
#include "server/events/events.h"
#include "server/events/member.h"
#include "server/site.h"

namespace starling::server {
namespace {

namespace json = boost::json;

constexpr std::string_view index_channel = "ApiIndex";

// Only the key counts, not the peer's address: a proxy on this machine forwards the requests of any
// client, and need not mark them as forwarded.
bool may_publish(const Events& events, const http::Request& request) {
    return events.accepted_keys().contain(auth::api_key_of(request));
}

json::object counts(const events::Published& published) {
    return {{"delivered", published.delivered}, {"limited", published.limited}};
}

void fail(http::Response& response, int status, std::string_view problem) {
    response.status(status).json(json::object{{"code", status}, {"message", problem}});
}

void handle_publish(Events& events, const http::Request& request, http::Response& response) {
    const events::Options& options = events.options();
    response.header("Cache-Control", "no-store");
    if (!may_publish(events, request)) {
        response.header("WWW-Authenticate", "Bearer");
        return fail(response, 401, "a valid API key is needed");
    }
    auto asked = events::parse_publish_request(request.body(), events.table(),
                                               {options.event_bytes_max, options.batch_events_max});
    if (asked.status != 200) return fail(response, asked.status, asked.problem);
    auto batch = std::make_shared<EventBatch>(asked.items.size());
    for (size_t i = 0; i < asked.items.size(); ++i) {
        batch->items[i].channel = std::move(asked.items[i].channel);
        batch->items[i].text.append(events::event_prefix).append(asked.items[i].event);
    }
    batch->done = [reply = response.later(), array = asked.array](const EventBatch& all) {
        http::Response answer;
        answer.header("Cache-Control", "no-store");
        json::array list;
        for (const auto& item : all.items) list.push_back(counts(item.published()));
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
        channels.push_back(json::object{{"pattern", rule->pattern.text()},
                                        {"access", events::access_text(rule->channel.access)},
                                        {"interval_ms", rule->interval_ms},
                                        {"excess", events::excess_text(rule->channel.excess)}});
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
             endpoint("GET", api, "this index; publishes to ApiIndex"),
             endpoint("POST", api + "/publish", "publishes {\"channel\",\"event\"}, or an array"),
         }},
        {"channels", std::move(channels)}});
    // A HEAD request is no visit.
    if (request.method() == "GET") events.publish(index_channel, viewed, {});
}

}  // namespace

void Events::mount(Site& site) {
    site.mask_query(options_.auth.query_parameter);
    for (const std::string_view folder : {"/ws", "/WS"}) {
        site.add_websocket(std::string(folder) + "/ClientEvent", client_event_route(*this));
        site.add_websocket(std::string(folder) + "/ServerEvent", server_event_route(*this));
    }
    for (const std::string_view folder : {"/sse", "/SSE"}) {
        const std::string path = std::string(folder) + "/ServerEvent";
        site.add("GET", path, event_stream_route(*this));
        if (!options_.origins.empty())
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
}

}  // namespace starling::server
