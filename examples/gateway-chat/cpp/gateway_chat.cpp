// A chat with private messages behind `starling gateway`: an HTTP server that answers each webhook with actions
// for the gateway. Usage, in the repository's folder: gateway_chat [PORT]; the default port is 3010.
#include <starling/server.h>

#include <boost/json.hpp>

#include <map>
#include <set>
#include <string>

namespace http = starling::http;
namespace json = boost::json;

static std::map<std::string, std::string> names;  // By the connection's id. There is one worker.

static json::object to_all(json::object payload) {
    return {{"publish", {{"topic", "chat"}, {"payload", std::move(payload)}}}};
}
static json::object to_one(const std::string& conn_id, json::object payload) {
    return {{"send", {{"conn_id", conn_id}, {"payload", std::move(payload)}}}};
}
static json::object people() {
    std::set<std::string> sorted;
    for (const auto& [id, name] : names) sorted.insert(name);
    return to_all({{"event", "people"}, {"names", json::value_from(sorted)}});
}

static std::string text_of(const json::value& data, const char* field) {
    const json::object* object = data.if_object();
    const json::value* value = object ? object->if_contains(field) : nullptr;
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

static json::array on_message(const std::string& conn_id, const json::value& data) {
    const std::string event = text_of(data, "event"), text = text_of(data, "text");
    const std::string name = text_of(data, "name"), to = text_of(data, "to");
    if (event == "enter" && !name.empty()) {
        names[conn_id] = name;
        return {json::object{{"join", json::array{"chat"}}}, people()};
    }
    const auto found = names.find(conn_id);
    if (found == names.end())  // This program was started again.
        return {to_one(conn_id, {{"event", "who"}})};
    const std::string& sender = found->second;
    if (event == "say") return {to_all({{"event", "said"}, {"sender", sender}, {"text", text}})};
    json::array actions;
    for (const auto& [id, other] : names)
        if (other == to || id == conn_id)
            actions.push_back(to_one(
                id, {{"event", "whispered"}, {"sender", sender}, {"to", to}, {"text", text}}));
    if (actions.size() == 1 && sender != to)
        return {to_one(conn_id, {{"event", "error"}, {"text", to + " is not here"}})};
    return actions;
}

int main(int count, char** arguments) {
    const std::string port = count > 1 ? arguments[1] : "3010";
    starling::Server server({.listen = "127.0.0.1:" + port, .workers = 1});
    server.get("/", [](const http::Request&, http::Response& response) {
        response.file("examples/gateway-chat/page.html");
    });
    server.post("/websocket/message", [](const http::Request& request, http::Response& response) {
        const json::value webhook = request.json();
        const std::string action = text_of(webhook, "action"), id = text_of(webhook, "conn_id");
        json::array actions;
        if (action == "message") actions = on_message(id, webhook.at("data"));
        if (action == "close" && names.erase(id) > 0) actions = {people()};
        response.body(json::serialize(json::object{{"actions", std::move(actions)}}),
                      "application/vnd.starling.actions+json");
    });
    return server.run();
}
