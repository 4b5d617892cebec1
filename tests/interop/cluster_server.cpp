// A Socket.IO server in a cluster that does what its clients say: each call of a Broadcast, of the
// client's own socket, and of server-side events. cluster_server.mjs beside it is the same on
// Node.js.
//
//     cluster_test_server PORT REDIS_URL native|classic|sharded|streams [OPTIONS]
//
// OPTIONS: those of the adapter of Node.js, as JSON, and `pattern` (classic), `groups` (native).
//
// Clients of "/" and "/other" emit do(what) with an ack. `what`:
//
//     call      one of the list at the end of this file
//     args      its arguments
//     from      "socket": all sockets but the client's own; else all
//     nsp       the namespace; that of the client by default
//     rooms, except, local, volatile, compress, timeout (ms): the calls of a Broadcast
#include <starling/cluster.h>
#include <starling/server.h>
#include <starling/socketio.h>

#include <boost/json.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace sio = starling::sio;
using boost::json::array;
using boost::json::object;
using sio::Json;

namespace {

// Owner: main. Thread: any.
struct Node {
    sio::Server& io;
    std::string name;
    std::mutex mutex = {};
    array news = {};  // The server-side events `news`. Guarded by the mutex.
};

struct Call {
    sio::Socket socket;
    const object& what;
    sio::Ack ack;
    Node& node;

    [[nodiscard]] bool is(const char* name) const {
        const Json* value = what.if_contains(name);
        return value && value->is_bool() && value->get_bool();
    }
    [[nodiscard]] std::string text(const char* name, std::string otherwise = {}) const {
        const Json* value = what.if_contains(name);
        return value ? boost::json::value_to<std::string>(*value) : otherwise;
    }
    [[nodiscard]] std::string nsp() const { return text("nsp", socket.nsp()); }
    [[nodiscard]] array args() const {
        const Json* value = what.if_contains("args");
        return value ? value->as_array() : array();
    }
    [[nodiscard]] std::string name() const {
        return boost::json::value_to<std::string>(args().at(0));
    }
    [[nodiscard]] array values() const {
        array all = args();
        all.erase(all.begin());
        return all;
    }
};

// A room that is a number on Node.js is its text here.
std::vector<std::string> names(const Json* rooms) {
    std::vector<std::string> all;
    if (rooms)
        for (const Json& room : rooms->as_array())
            all.push_back(room.is_string() ? boost::json::value_to<std::string>(room)
                                           : boost::json::serialize(room));
    return all;
}

std::vector<std::string> rooms_of(const Call& call) {
    const array args = call.args();
    const Json list(args);
    return names(&list);
}

template <class Text>
array list_of(const std::vector<Text>& texts) {
    array list;
    for (const auto& each : texts) list.emplace_back(each);
    return list;
}

sio::Broadcast target(const Call& call) {
    sio::Broadcast all = call.text("from") == "socket" ? call.socket.broadcast()
                                                       : call.node.io.in_namespace(call.nsp());
    if (auto rooms = names(call.what.if_contains("rooms")); !rooms.empty())
        all = all.to(std::move(rooms));
    if (auto rooms = names(call.what.if_contains("except")); !rooms.empty())
        all = all.except(std::move(rooms));
    if (call.is("local")) all = all.local();
    if (call.is("volatile")) all = all.volatile_();
    if (call.what.contains("compress")) all = all.compress(call.is("compress"));
    if (const Json* ms = call.what.if_contains("timeout"))
        all = all.timeout(std::chrono::milliseconds(ms->to_number<int64_t>()));
    return all;
}

Json handshake(const sio::Handshake& from) {
    object headers, query;
    for (const auto& [name, value] : from.headers) headers[name] = value;
    for (const auto& [name, value] : from.query) query[name] = value;
    return {{"headers", headers},    {"query", query},           {"auth", from.auth},
            {"url", from.url},       {"address", from.address},  {"xdomain", from.xdomain},
            {"secure", from.secure}, {"issued", from.issued_ms}, {"time", from.time()}};
}

void fetch(const Call& call) {
    target(call).fetch_sockets([ack = call.ack](const sio::RemoteSockets& sockets) {
        array list;
        for (const auto& one : sockets)
            list.push_back({{"id", one.id},
                            {"rooms", list_of(one.rooms)},
                            {"data", one.data},
                            {"handshake", handshake(one.handshake)}});
        ack(sockets.complete, list);
    });
}

void emit(const Call& call) {
    target(call).emit_list(call.name(), call.values());
    call.ack();
}

void ask(const Call& call) {
    target(call).emit_list_with_ack(
        call.name(), call.values(),
        [ack = call.ack](const sio::Answers& all) { ack(all.complete, list_of(all.responses)); });
}

void tell_servers(const Call& call) {
    const array values = call.values();
    call.node.io.of(call.nsp()).server_side_emit(call.name(), values.at(0), values.at(1));
    call.ack();
}

void ask_servers(const Call& call) {
    call.node.io.of(call.nsp())
        .server_side_emit_with_ack(call.name(), call.values().at(0),
                                   [ack = call.ack](const sio::Answers& all) {
                                       ack(all.complete, list_of(all.responses));
                                   });
}

const std::map<std::string, void (*)(const Call&)> calls{
    {"emit", emit},                  // name, values
    {"ask", ask},                    // name, values -> complete, answers
    {"fetch", fetch},                // -> complete, sockets
    {"tell servers", tell_servers},  // name, two values
    {"ask servers", ask_servers},    // name, a value -> complete, answers
    {"join",
     [](const Call& call) {
         target(call).sockets_join(rooms_of(call));
         call.ack();
     }},
    {"leave",
     [](const Call& call) {
         target(call).sockets_leave(rooms_of(call));
         call.ack();
     }},
    {"disconnect",  // whether their connections end
     [](const Call& call) {
         target(call).disconnect_sockets(call.args().at(0).as_bool());
         call.ack();
     }},
    // Of the client's own socket.
    {"I join",
     [](const Call& call) {
         for (const auto& room : rooms_of(call)) call.socket.join(room);
         call.ack();
     }},
    {"I leave",
     [](const Call& call) {
         for (const auto& room : rooms_of(call)) call.socket.leave(room);
         call.ack();
     }},
    {"my data",
     [](const Call& call) {
         call.socket.data() = call.args().at(0);
         call.ack();
     }},
    {"my id", [](const Call& call) { call.ack(call.socket.id()); }},
    {"news",  // -> the server-side events `news` that this node has got
     [](const Call& call) {
         const std::lock_guard lock(call.node.mutex);
         call.ack(Json(call.node.news));
     }},
};

void serve(sio::Namespace& nsp, Node& node) {
    nsp.on_connection([&node](sio::Socket socket) {
        socket.on("do", [&node, socket](const object& what, sio::Ack ack) {
            const Call call{socket, what, std::move(ack), node};
            calls.at(call.text("call"))(call);
        });
    });
    nsp.on_server_side("news", [&node, name = nsp.name()](const Json& first, const Json& second) {
        const std::lock_guard lock(node.mutex);
        node.news.push_back({name, first, second});
    });
    // The node whose name is the value keeps silent.
    nsp.on_server_side("question", [&node](const std::string& text, sio::Ack ack) {
        if (text != node.name) ack(node.name + " got " + text);
    });
}

using Mode = starling::ClusterOptions::Mode;

starling::ClusterOptions options(const std::string& url, const std::string& mode,
                                 const object& from) {
    const std::map<std::string, Mode> modes{{"native", Mode::native},
                                            {"classic", Mode::classic},
                                            {"sharded", Mode::sharded},
                                            {"streams", Mode::streams}};
    using Subscriptions = sio::ClusterOptions::Subscriptions;
    const std::map<std::string, Subscriptions> subscriptions{
        {"static", Subscriptions::fixed},
        {"dynamic", Subscriptions::dynamic},
        {"dynamic-private", Subscriptions::dynamic_private}};
    // No question ends for the machine being busy.
    starling::ClusterOptions all{
        .url = url, .mode = modes.at(mode), .request_timeout = std::chrono::seconds(5)};
    const auto is = [&from](const char* name, bool otherwise) {
        const Json* value = from.if_contains(name);
        return value ? value->as_bool() : otherwise;
    };
    all.socketio.subscribe_pattern = is("pattern", true);
    all.socketio.publish_on_specific_response_channel =
        is("publishOnSpecificResponseChannel", false);
    all.socketio.sharded_pubsub = is("useShardedPubSub", false);
    if (const Json* value = from.if_contains("subscriptionMode"))
        all.socketio.subscription_mode =
            subscriptions.at(boost::json::value_to<std::string>(*value));
    if (const Json* value = from.if_contains("streamCount"))
        all.socketio.stream_count = value->to_number<uint32_t>();
    if (const Json* value = from.if_contains("groups")) all.groups = value->to_number<uint32_t>();
    return all;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4 || argc > 5) {
        std::fprintf(stderr, "usage: cluster_test_server PORT REDIS_URL MODE [OPTIONS]\n");
        return 2;
    }
    try {
        const std::string port = argv[1];
        starling::Server server({.listen = "127.0.0.1:" + port, .workers = 2});
        sio::Server& io =
            server.socketio({.allow_eio3 = true, .ack_timeout = std::chrono::seconds(5)});
        Node node{io, "starling " + port};
        serve(io, node);
        serve(io.of("/other"), node);
        const Json from = boost::json::parse(argc == 5 ? argv[4] : "{}");
        starling::join_cluster(server, options(argv[2], argv[3], from.as_object()));
        return server.run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "cluster_test_server: %s\n", error.what());
        return 2;
    }
}
