// bench/starling_socketio.cpp: the Socket.IO of this library: acks `echo` with its argument, emits
// `pub` to every client, and acks `who` with its argument when it has fetched the sockets of all nodes.
// `starling_socketio PORT [WORKERS [REDIS_URL MODE]]`; MODE: native, classic, sharded, streams, or
// with connection state recovery native-recovery or streams-recovery, or with sessions that nodes share by
// cluster-engine classic-engine. GET /heap answers with the bytes
// that the allocator has given out, GET /sockets with the number of sockets that the last `who` found.
#include <malloc.h>
#include <starling/cluster.h>
#include <starling/server.h>
#include <starling/socketio.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace http = starling::http;
namespace sio = starling::sio;

namespace {

starling::ClusterOptions::Mode mode_of(std::string_view name) {
    using Mode = starling::ClusterOptions::Mode;
    return name.starts_with("native")    ? Mode::native
           : name == "sharded"           ? Mode::sharded
           : name.starts_with("streams") ? Mode::streams
                                         : Mode::classic;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string port = argc > 1 ? argv[1] : "9001";
    const auto workers = static_cast<unsigned>(argc > 2 ? std::atoi(argv[2]) : 1);
    starling::Server server({.listen = "127.0.0.1:" + port, .workers = workers});
    std::atomic<size_t> found{0};
    sio::Options options;
    if (argc > 4 && std::string_view(argv[4]).ends_with("-recovery"))
        options.connection_state_recovery = sio::Recovery{};
    auto& io = server.socketio(options);
    if (argc > 4) {
        starling::ClusterOptions cluster{.url = argv[3], .mode = mode_of(argv[4])};
        cluster.socketio.node_engine = std::string_view(argv[4]).ends_with("-engine");
        starling::join_cluster(server, cluster);
    }
    io.on_connection([&io, &found](sio::Socket socket) {
        socket.on("echo", [](std::string text) { return text; });
        socket.on("pub", [&io](const sio::Json& value) { io.emit("pub", value); });
        socket.on("who", [&io, &found](std::string text, sio::Ack ack) {
            io.fetch_sockets([&found, text, ack](const std::vector<sio::RemoteSocket>& sockets) {
                found = sockets.size();
                ack(text);
            });
        });
    });
    server.get("/heap", [](const http::Request&, http::Response& response) {
        const auto info = mallinfo2();  // In arenas, and in separate mappings.
        response.text(std::to_string(info.uordblks + info.hblkhd) + "\n");
    });
    server.get("/sockets", [&found](const http::Request&, http::Response& response) {
        response.text(std::to_string(found) + "\n");
    });
    return server.run();
}
