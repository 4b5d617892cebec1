// The Socket.IO test server: behaves like socketio/server.mjs beside it, which uses npm
// `socket.io`, with the same flags, namespaces and events. Prints "listening PORT" once it accepts
// connections on 127.0.0.1.
#include <starling/cluster.h>
#include <starling/server.h>
#include <starling/socketio.h>
#include <starling/socketio_admin_ui.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "socketio_events.h"

namespace http = starling::http;
namespace interop = starling::interop;
namespace sio = starling::sio;

namespace {

struct Flags {
    uint16_t port = 0;
    unsigned workers = 1;
    sio::Options io = {};
    std::optional<sio::AdminUiOptions> admin_ui = std::nullopt;
    std::string cluster = {};  // The address of its Redis.
};

uint64_t number(std::string_view name, const std::string& text) {
    char* end = nullptr;
    const auto value = std::strtoull(text.c_str(), &end, 10);
    if (text.empty() || *end)
        throw std::invalid_argument(std::string(name) + " wants a number: " + text);
    return value;
}

std::vector<sio::Transport> transports(std::string_view list) {
    std::vector<sio::Transport> all;
    if (list.find("polling") != std::string_view::npos) all.push_back(sio::Transport::polling);
    if (list.find("websocket") != std::string_view::npos) all.push_back(sio::Transport::websocket);
    return all;
}

// "development", "production", or either with "-readonly" or "-slow". The password is "changeit".
sio::AdminUiOptions admin_ui(std::string_view mode) {
    sio::AdminUiOptions options;
    options.namespace_name = "/admin-ui";
    options.password_hash = "$2b$04$abcdefghijklmnopqrstuudwGrhhx5JklpO9.j/ckWDCf3exvs1/2";
    options.server_id = "test-server";
    options.readonly = mode.ends_with("-readonly");
    if (mode.ends_with("-slow")) options.events_per_second_max = 1;
    if (mode.starts_with("development")) options.mode = sio::AdminUiOptions::Mode::development;
    return options;
}

// False: `name` is no switch, but a flag with a value.
bool set_switch(sio::Options& io, std::string_view name) {
    if (name == "--recovery")
        io.connection_state_recovery = sio::Recovery{};
    else if (name == "--allow-eio3")
        io.allow_eio3 = true;
    else if (name == "--no-upgrades")
        io.allow_upgrades = false;
    else if (name == "--per-message-deflate")
        io.per_message_deflate.enabled = true;
    else if (name == "--cleanup")
        io.cleanup_empty_child_namespaces = true;
    else if (name == "--headers") {
        io.initial_headers = [](const http::Request&, http::Response& response) {
            response.header("x-initial", "yes");
        };
        io.headers = [](const http::Request&, http::Response& response) {
            response.header("x-each", "yes");
        };
    } else
        return false;
    return true;
}

void set_value(Flags& flags, std::string_view name, const std::string& value) {
    sio::Options& io = flags.io;
    const auto time = [&] { return std::chrono::milliseconds(number(name, value)); };
    if (name == "--port")
        flags.port = uint16_t(number(name, value));
    else if (name == "--workers")
        flags.workers = unsigned(number(name, value));
    else if (name == "--parser" && value == "msgpack")
        io.parser = sio::Parser::msgpack;
    else if (name == "--ping-interval")
        io.ping_interval = time();
    else if (name == "--ping-timeout")
        io.ping_timeout = time();
    else if (name == "--connect-timeout")
        io.connect_timeout = time();
    else if (name == "--upgrade-timeout")
        io.upgrade_timeout = time();
    else if (name == "--max-http-buffer-size")
        io.max_http_buffer_size = number(name, value);
    else if (name == "--transports")
        io.transports = transports(value);
    else if (name == "--cookie")
        io.cookie = sio::Cookie{.name = value};
    else if (name == "--admin-ui")
        flags.admin_ui = admin_ui(value);
    else if (name == "--server-id" && flags.admin_ui)
        flags.admin_ui->server_id = value;
    else if (name == "--cluster")
        flags.cluster = value;
    else if (name == "--cors")
        io.cors = http::CorsOptions{.origins = {value}, .credentials = true};
    else
        throw std::invalid_argument("unknown flag " + std::string(name));
}

Flags parse(int count, char** arguments) {
    Flags flags;
    for (int i = 1; i < count; ++i) {
        const std::string_view name = arguments[i];
        if (set_switch(flags.io, name)) continue;
        if (i + 1 == count) throw std::invalid_argument(std::string(name) + " wants a value");
        set_value(flags, name, arguments[++i]);
    }
    return flags;
}

std::optional<sio::Error> guard_admin(sio::Socket socket) {
    const sio::Json auth = socket.handshake().auth;
    const auto* members = auth.if_object();
    const sio::Json* token = members ? members->if_contains("token") : nullptr;
    if (!token || *token != sio::Json("secret"))
        return sio::Error{"not authorized", {{"code", "E_AUTH"}}};
    socket.data() = {{"user", "admin"}};
    return std::nullopt;
}

std::optional<sio::Error> guard_room(sio::Socket socket) {
    if (socket.nsp() == "/room-13") return sio::Error{"unlucky"};
    return std::nullopt;
}

void log_rooms(sio::Server& io, interop::Ledger& ledger) {
    const auto add = [&ledger](std::string_view event, std::string_view room,
                               std::string_view id = {}) {
        if (!room.starts_with("log-")) return;
        std::string line = std::string(event) + " " + std::string(room);
        if (!id.empty()) line += " " + std::string(id);
        ledger.add_room_event(std::move(line));
    };
    io.on_create_room([add](std::string_view room) { add("create-room", room); });
    io.on_delete_room([add](std::string_view room) { add("delete-room", room); });
    io.on_join_room(
        [add](std::string_view room, std::string_view id) { add("join-room", room, id); });
    io.on_leave_room(
        [add](std::string_view room, std::string_view id) { add("leave-room", room, id); });
}

int run(Flags flags) {
    flags.io.allow_request = [](const http::Request& request) { return request.query("refuse"); };
    interop::Context context;  // Outlives the server, whose handlers refer to it.
    starling::Server server(
        {.listen = "127.0.0.1:" + std::to_string(flags.port), .workers = flags.workers});
    auto& io = server.socketio(std::move(flags.io));
    context.io = &io;
    if (flags.admin_ui) sio::instrument(io, *flags.admin_ui);
    if (!flags.cluster.empty())
        starling::join_cluster(
            server, {.url = flags.cluster, .mode = starling::ClusterOptions::Mode::native});
    interop::serve(io, context);
    auto& admin = io.of("/admin");
    admin.use(guard_admin);
    interop::serve(admin, context);
    auto& rooms = io.of_pattern("/room-\\d+");
    rooms.use(guard_room);
    interop::serve(rooms, context);

    log_rooms(io, context.ledger);
    io.on_new_namespace([&context](std::string_view name) {
        if (name.starts_with("/room-")) context.ledger.add_namespace(name);
    });
    server.after(std::chrono::milliseconds(0), [&server] {
        std::printf("listening %u\n", unsigned(server.port()));
        std::fflush(stdout);
    });
    return server.run();
}

}  // namespace

int main(int count, char** arguments) {
    try {
        return run(parse(count, arguments));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "socketio_test_server: %s\n", error.what());
        return 2;
    }
}
