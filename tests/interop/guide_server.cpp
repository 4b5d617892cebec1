// The C++ samples of docs/coming-from.md and docs/server.md as one server. Usage: guide_test_server PORT
// FOLDER. tests/interop/coming-from.test.mjs compares the guides with this file, and talks to the server.
#include <starling/log.h>
#include <starling/server.h>
#include <starling/socketio.h>

#include <boost/json.hpp>

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>

namespace http = starling::http;
namespace json = boost::json;
namespace sio = starling::sio;
namespace ws = starling::ws;
using namespace std::chrono_literals;

namespace {

void chat(starling::Server& server) {
    struct User {
        std::string name;
    };
    server.websocket("/", {
                              .origins = {"*"},
                              .open =
                                  [](ws::Socket socket) {
                                      socket.emplace_data<User>();
                                      socket.join("all");
                                  },
                              .message =
                                  [&server](ws::Socket socket, ws::Message message) {
                                      json::error_code error;
                                      const json::value said = json::parse(message.text(), error);
                                      if (error || !said.is_object())
                                          return socket.close(1003, "JSON is wanted");
                                      const json::value name =
                                          said.as_object().contains("name") ? said.at("name") : "";
                                      const json::value text =
                                          said.as_object().contains("msg") ? said.at("msg") : "";
                                      if (!name.is_string() || !text.is_string())
                                          return socket.close(1003, "text is wanted");
                                      socket.data<User>()->name = name.as_string();
                                      server.publish("all", socket.data<User>()->name + ":" +
                                                                std::string(text.as_string()));
                                  },
                              .close =
                                  [&server](ws::Socket socket, uint16_t, std::string_view) {
                                      server.publish("all", socket.data<User>()->name + "下线了!");
                                  },
                          });
}

void socketio(starling::Server& server) {
    sio::Options options;
    options.allow_eio3 = true;  // Clients 1.x and 2.x too.
    options.origins = {"*"};
    auto& io = server.socketio(std::move(options));
    io.on_connection([&io](sio::Socket socket) {
        socket.emit("news", {{"hello", "world"}});
        io.emit("pub", {{"will", "be received by everyone"}});
        socket.on("private message", [&io](sio::Socket from, std::string to, std::string text) {
            io.to(to).emit("private message", from.id(), text);
        });
        socket.on("ferret", [](std::string name) { return "woot " + name; });
        socket.on("disconnect",
                  [&io](std::string reason) { io.emit("user disconnected", reason); });
    });
    io.of("/chat").on_connection([](sio::Socket socket) {
        socket.join("lobby");
        socket.to("lobby").emit("joined", socket.id());
    });
    server.every(1s, [&io] { io.emit("getServerMessage", 42); });
}

void hub(starling::Server& server) {
    auto& hub = server.socketio({.path = "/hub"});
    hub.on_connection([&hub](sio::Socket socket) {
        socket.join("user:" + std::string(socket.handshake().query_value("user")));
        socket.on("SendMessage", [&hub](std::string user, std::string message) {
            hub.emit("ReceiveMessage", user, message);
        });
        socket.on("SendToUser", [&hub](std::string user, std::string message) {
            hub.to("user:" + user).emit("ReceiveMessage", user, message);
        });
        socket.on("AddToGroup", [](sio::Socket self, std::string group) {
            self.join(group);
            self.to(group).emit("Send", self.id() + " has joined " + group);
        });
        socket.on("Add", [](int a, int b) { return a + b; });
    });
}

void cookies(starling::Server& server) {
    server.post("/login", [](const http::Request&, http::Response& response) {
        response.cookie("session", "0123456789", {.max_age_s = 3600, .secure = true})
            .text("welcome\n");
    });
    server.post("/logout", [](const http::Request&, http::Response& response) {
        response.cookie("session", "", {.max_age_s = 0, .secure = true}).text("bye\n");
    });
}

void figures(starling::Server& server) {
    server.get("/figures", [&server](const http::Request&, http::Response& response) {
        const starling::ServerStats stats = server.stats();
        response.json(json::object{{"websockets", stats.websockets_open},
                                   {"received", stats.messages_received},
                                   {"errors", stats.protocol_errors + stats.handler_exceptions}});
    });
}

void timers(starling::Server& server) {
    const auto left = std::make_shared<std::atomic<int>>(3);
    const auto timer = std::make_shared<starling::Timer>();
    *timer = server.every(10ms, [&server, left, timer] {
        if (left->fetch_sub(1) == 1) server.cancel(*timer);
    });
    server.get("/left", [left](const http::Request&, http::Response& response) {
        response.text(std::to_string(left->load()));
    });
}

void reload(starling::Server& server) {
    const auto motto = std::make_shared<std::atomic<int>>(1);
    server.on_reload([motto] { motto->fetch_add(1); });  // Once for each SIGHUP.
    server.get("/motto", [motto](const http::Request&, http::Response& response) {
        response.text("edition " + std::to_string(motto->load()) + "\n");
    });
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) return 2;
    const std::string folder = arguments[2];
    starling::ServerOptions options;
    options.listen = std::string("127.0.0.1:") + arguments[1];
    options.log = starling::log::make_sink(
        {.level = starling::log::Level::info, .format = starling::log::Format::json});
    const starling::log::Field fields[] = {{"version", "1.4"}, {"workers", int64_t{2}}};
    options.log->write(starling::log::Level::info, "my server starts", fields);
    starling::Server server(std::move(options));
    chat(server);
    socketio(server);
    hub(server);
    cookies(server);
    figures(server);
    timers(server);
    reload(server);
    server.files(
        "/static", folder,
        {.cache_control = "public, max-age=3600", .types = {{".geojson", "application/geo+json"}}});
    return server.run();
}
