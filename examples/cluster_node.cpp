// A Socket.IO server that shares its rooms with the other nodes of a cluster, over Redis. In the modes
// other than native the others may be Node.js: examples/cluster/node.mjs is the same program.
//
//     cluster_node PORT REDIS_URL native|classic|sharded|streams [ROOMS]
//
// ROOMS, of classic: `pattern` or `channels`, see ClusterOptions::subscribe_pattern; of sharded: `static`,
// `dynamic` or `dynamic-private`; of streams: `recovery`, and a client that comes back to any node has
// missed nothing; of native the same for a client that comes back to its node, or `groups`: nodes in two
// groups, as large clusters have them. `engine`, of the three modes of Node.js: sessions are shared with
// nodes that have RedisEngine of @socket.io/cluster-engine; `patient-engine`: the same, and requests wait
// a minute for the owner of their session.
//
// Clients emit join(room), leave(room), say(room, text), ask(room), who(room), move(room, to),
// kick(room), servers(text), keep(value) and state(), each with an ack. Everybody in a room gets `said`, on
// whichever node. The acks of ask, who and servers have a second argument: whether all nodes have answered.
// In the mode native the ack of join() comes when all nodes send to this one what is said in the room.
#include <starling/cluster.h>
#include <starling/server.h>
#include <starling/socketio.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sio = starling::sio;
using Mode = starling::ClusterOptions::Mode;

namespace {

const std::map<std::string, Mode> modes{{"native", Mode::native},
                                        {"classic", Mode::classic},
                                        {"sharded", Mode::sharded},
                                        {"streams", Mode::streams}};

using Subscriptions = sio::ClusterOptions::Subscriptions;
const std::map<std::string, Subscriptions> subscriptions{
    {"static", Subscriptions::fixed},
    {"dynamic", Subscriptions::dynamic},
    {"dynamic-private", Subscriptions::dynamic_private}};

boost::json::array list_of(const std::vector<sio::Json>& values) {
    return boost::json::array(values.begin(), values.end());
}

void serve(sio::Server& io, starling::Cluster& cluster, bool is_native, const std::string& name) {
    io.on_connection([&io, &cluster, is_native](sio::Socket socket) {
        socket.on("join", [socket, &cluster, is_native](std::string room, sio::Ack ack) {
            socket.join(room);
            is_native ? cluster.after_joins([ack] { ack(true); }) : ack(true);
        });
        socket.on("leave", [socket](std::string room) {
            socket.leave(room);
            return true;
        });
        socket.on("say", [&io](std::string room, sio::Json text) {
            io.to(room).emit("said", text);
            return true;
        });
        // The clients in the room get `question`; the ack is the list of their answers.
        socket.on("ask", [&io](std::string room, sio::Ack ack) {
            io.to(room)
                .timeout(std::chrono::seconds(2))
                .emit_with_ack("question", [ack](const sio::Answers& answers) {
                    ack(list_of(answers.responses), answers.complete);
                });
        });
        socket.on("who", [&io](std::string room, sio::Ack ack) {
            io.in(room).fetch_sockets([ack](const sio::RemoteSockets& sockets) {
                boost::json::array ids;
                for (const auto& one : sockets) ids.emplace_back(one.id);
                ack(ids, sockets.complete);
            });
        });
        socket.on("move", [&io](std::string room, std::string to) {
            io.in(room).sockets_join(to);
            io.in(room).sockets_leave(room);
            return true;
        });
        socket.on("kick", [&io](std::string room) {
            io.in(room).disconnect_sockets();
            return true;
        });
        socket.on("keep", [socket](sio::Json value) {
            socket.data() = {{"kept", value}};
            return true;
        });
        socket.on("state", [socket](sio::Ack ack) {
            boost::json::array rooms;
            for (const auto& room : socket.rooms()) rooms.emplace_back(room);
            ack(sio::Json{
                {"recovered", socket.recovered()}, {"rooms", rooms}, {"data", socket.data()}});
        });
        // The other servers get `hello`; the ack is the list of their answers.
        socket.on("servers", [&io](std::string text, sio::Ack ack) {
            io.server_side_emit_with_ack("hello", text, [ack](const sio::Answers& answers) {
                ack(list_of(answers.responses), answers.complete);
            });
        });
    });
    io.on_server_side("hello", [name](std::string text) { return name + " got " + text; });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4 || argc > 5 || !modes.contains(argv[3])) {
        std::fprintf(stderr,
                     "usage: cluster_node PORT REDIS_URL native|classic|sharded|streams [ROOMS]\n");
        return 2;
    }
    const std::string port = argv[1];
    starling::Server server({.listen = "127.0.0.1:" + port});
    sio::Options socketio{.allow_eio3 = true, .ack_timeout = std::chrono::seconds(2)};
    if (argc == 5 && argv[4] == std::string("recovery"))
        socketio.connection_state_recovery = sio::Recovery{};
    sio::Server& io = server.socketio(socketio);
    const Mode mode = modes.at(argv[3]);
    starling::ClusterOptions options{
        .url = argv[2], .mode = mode, .request_timeout = std::chrono::seconds(1)};
    if (argc == 5 && subscriptions.contains(argv[4]))
        options.socketio.subscription_mode = subscriptions.at(argv[4]);
    else if (argc == 5 && argv[4] == std::string("groups"))
        options.groups = 2;
    else if (argc == 5 && std::string(argv[4]).ends_with("engine")) {
        options.socketio.node_engine = true;
        if (argv[4] == std::string("patient-engine"))
            options.socketio.engine_response_timeout = std::chrono::seconds(60);
    } else if (argc == 5)
        options.socketio.subscribe_pattern = argv[4] != std::string("channels");
    try {
        serve(io, starling::join_cluster(server, std::move(options)), mode == Mode::native,
              "starling " + port);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "cluster_node: %s\n", error.what());
        return 2;
    }
    return server.run();
}
