// A chat room. A client sends {"name":"Ada","msg":"hi"}, and every client gets Ada:hi. When Ada
// leaves, the others get Ada下线了!. Usage: chat [PORT], on every address; the default port is 3000.
#include <starling/server.h>

#include <boost/json.hpp>

#include <string>

namespace json = boost::json;
namespace ws = starling::ws;

struct Member {
    std::string name;
};

// The string member `name` of a message; "" if there is none.
static std::string text_of(const json::value& message, const char* name) {
    const json::object* object = message.if_object();
    const json::value* value = object ? object->if_contains(name) : nullptr;
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

int main(int count, char** arguments) {
    const std::string port = count > 1 ? arguments[1] : "3000";
    starling::Server server({.listen = "0.0.0.0:" + port});

    server.websocket(
        "/",
        {
            .message_bytes_max = 64 * 1024,
            .origins = {"*"},  // The page may come from another server, or from a file.
            .open =
                [](ws::Socket socket) {
                    socket.emplace_data<Member>();
                    socket.join("chat");
                },
            .message =
                [&server](ws::Socket socket, ws::Message message) {
                    json::error_code error;
                    const json::value said = json::parse(message.text(), error);
                    const std::string name = text_of(said, "name"), msg = text_of(said, "msg");
                    if (error || message.is_binary() || name.empty() || msg.empty()) {
                        socket.send(R"({"error":"expected {\"name\":\"...\",\"msg\":\"...\"}"})");
                        return;
                    }
                    socket.data<Member>()->name = name;
                    server.publish("chat", name + ":" + msg);
                },
            .close =
                [&server](ws::Socket socket, uint16_t, std::string_view) {
                    const auto* member = socket.data<Member>();
                    if (member && !member->name.empty())
                        server.publish("chat", member->name + "下线了!");
                },
        });

    return server.run();
}
