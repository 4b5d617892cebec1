#include "app/demo/gateway_demo.h"

#include "app/config/settings.h"

#include <boost/json.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace starling::app {
namespace {

namespace json = boost::json;

constexpr std::string_view topic = "demo";
// An echo must fit into an answer of 64 KiB.
constexpr size_t message_bytes_max = 32 * 1024;
// The data of a webhook is nested at most 128 deep.
constexpr size_t depth_max = 160;

// "" if the address cannot be reached over plain HTTP, or is not known before the start.
std::string url_of_own(const Listen& listen, bool has_certificates) {
    if (uses_tls(listen, has_certificates) || listen.serves == Listen::Serves::control) return {};
    const std::string& address = listen.address;
    const std::string path(gateway_demo_path);
    if (address.starts_with("unix:")) return address + ":" + path;
    const size_t colon = address.rfind(':');
    if (colon == std::string::npos || address.substr(colon) == ":0") return {};
    std::string host = address.substr(0, colon);
    if (host.empty() || host == "*" || host == "0.0.0.0") host = "127.0.0.1";
    if (host == "[::]") host = "[::1]";
    return "http://" + host + address.substr(colon) + path;
}

json::object send(json::value payload) {
    return {{"send", json::object{{"payload", std::move(payload)}}}};
}

std::string_view text_of(const json::object& object, std::string_view name) {
    const json::value* const value = object.if_contains(name);
    const json::string* const text = value ? value->if_string() : nullptr;
    return text ? std::string_view(*text) : std::string_view();
}

json::array opened(const json::object& webhook) {
    return {json::object{{"join", json::array{topic}}},
            send(json::object{{"event", "welcome"}, {"conn_id", text_of(webhook, "conn_id")}})};
}

json::array answer_message(const json::object& webhook) {
    const json::value* const data = webhook.if_contains("data");
    if (!data) return {};
    const json::object* const object = data->if_object();
    if (!object || !object->contains("say"))
        return {send(json::object{{"event", "echo"}, {"data", *data}})};
    const std::string_view user = text_of(webhook, "user_name");
    const json::object said{{"event", "said"},
                            {"from", user.empty() ? text_of(webhook, "conn_id") : user},
                            {"text", text_of(*object, "say")}};
    return {json::object{{"publish", json::object{{"topic", topic}, {"payload", said}}}}};
}

void answer(const http::Request& request, http::Response& response) {
    const json::value body = request.json(depth_max);
    const json::object* const webhook = body.if_object();
    if (!webhook) throw http::BadRequest("a webhook is wanted");
    const std::string_view action = text_of(*webhook, "action");
    json::array actions;
    if (action == "open") actions = opened(*webhook);
    if (action == "message") actions = answer_message(*webhook);
    response.body(json::serialize(json::object{{"actions", std::move(actions)}}),
                  "application/vnd.starling.actions+json");
}

}  // namespace

void add_gateway_demo(Settings& settings) {
    gateway::Route route;
    for (const Listen& listen : settings.server.listen) {
        route.application = url_of_own(listen, !settings.server.certificates.empty());
        if (!route.application.empty() && !gateway::fault_of(route)) break;
        route.application.clear();
    }
    if (route.application.empty()) return;
    route.path = "/gateway/ws";
    route.message_bytes_max = message_bytes_max;
    // The application ends with the gateway: while the server stops, a second try is of no use.
    route.retry_for = route.close_retry_for = std::chrono::milliseconds(0);
    route.ping_timeout = std::chrono::milliseconds(0);
    settings.gateway.routes = {std::move(route)};
    settings.gateway_enabled = settings.gateway_demo = true;
}

void serve_gateway_demo(Server& server) { server.post(gateway_demo_path, answer); }

}  // namespace starling::app
