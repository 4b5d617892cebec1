// Every value of a client's packet that an application gets can be copied, moved and kept, although
// the decoder reuses the packet's memory for later packets.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <functional>
#include <string>
#include <vector>

#include "tests/fake/socketio.h"

namespace starling {
namespace {

using boost::json::array;
using boost::json::object;
using fake::Client;
using fake::Workers;
using sio::Json;

// Too large for the first block of an Arena, so that AddressSanitizer detects its end; its texts,
// keys and nested values are too long to be stored in place.
std::string payload(char letter) {
    const std::string text(300, letter);
    std::string items;
    for (int i = 0; i < 40; ++i)
        items += R"({"name":")" + text + R"(","list":[1,")" + text + "\"]},";
    return R"({"items":[)" + items + R"("end"],")" + text + R"(":{"deep":[[")" + text + "\"]]}}";
}

struct Kept {
    std::vector<Json> values;
    std::vector<std::string> texts;  // The text of each value when it was kept.

    void keep(const Json& value) {
        texts.push_back(boost::json::serialize(value));
        values.push_back(value);  // A plain copy, as applications make it.
    }
    void keep(Json&& value) {
        texts.push_back(boost::json::serialize(value));
        values.push_back(std::move(value));
    }
    void keep_all(std::span<const Json> all) {
        const std::vector<Json> copies(all.begin(), all.end());
        for (const Json& value : copies) keep(value);
    }

    void expect(size_t count) {
        EXPECT_EQ(values.size(), count);
        for (size_t i = 0; i < values.size(); ++i) {
            EXPECT_EQ(boost::json::serialize(values[i]), texts[i]);
            EXPECT_GT(texts[i].size(), 300u);
            // The copy can also grow by itself.
            EXPECT_EQ(values[i].storage().get(), boost::json::storage_ptr().get());
        }
    }
};

// `nsp`: a joined namespace with a comma, or "".
void overwrite(Client& client, const std::string& nsp = "") {
    for (const char letter : {'x', 'y', 'z'})
        client.says("2" + nsp + "[\"other\"," + payload(letter) + "," + payload(letter) + "]");
}

struct ArgumentCase {
    std::string args;
    size_t kept;
    std::function<void(sio::Namespace&, Kept&)> listen;
};

const std::string one_arg = payload('a');
const std::string list_arg = "[" + payload('b') + "," + payload('c') + "]";
const std::string lists_arg = "[" + list_arg + "," + list_arg + "]";

const ArgumentCase argument_cases[] = {
    {one_arg, 1, [](auto& io, Kept& k) { io.on("e", [&k](const Json& v) { k.keep(v); }); }},
    {one_arg, 1, [](auto& io, Kept& k) { io.on("e", [&k](Json v) { k.keep(std::move(v)); }); }},
    {one_arg, 1, [](auto& io, Kept& k) { io.on("e", [&k](const Json v) { k.keep(v); }); }},
    {one_arg, 1,
     [](auto& io, Kept& k) {
         io.on("e", [&k](const Json& v) { k.keep(v.at("items").at(3).at("list")); });
     }},
    {list_arg, 1, [](auto& io, Kept& k) { io.on("e", [&k](const array& v) { k.keep(Json(v)); }); }},
    {list_arg, 2,
     [](auto& io, Kept& k) {
         io.on("e", [&k](array v) {
             for (auto& each : v) k.keep(std::move(each));
         });
     }},
    {one_arg, 1, [](auto& io, Kept& k) { io.on("e", [&k](const object& v) { k.keep(Json(v)); }); }},
    {one_arg, 1,
     [](auto& io, Kept& k) { io.on("e", [&k](object v) { k.keep(std::move(v.at("items"))); }); }},
    {list_arg, 2,
     [](auto& io, Kept& k) { io.on("e", [&k](std::vector<Json> v) { k.keep_all(v); }); }},
    {lists_arg, 4,
     [](auto& io, Kept& k) {
         io.on("e", [&k](const std::vector<std::vector<Json>>& v) {
             for (const auto& each : v) k.keep_all(each);
         });
     }},
    {list_arg, 2,
     [](auto& io, Kept& k) {
         io.on("e", [&k](const std::vector<object>& v) {
             for (const auto& each : v) k.keep(Json(each));
         });
     }},
    {one_arg, 1,
     [](auto& io, Kept& k) { io.on("e", [&k](std::optional<Json> v) { k.keep(*v); }); }},
    {one_arg, 1,
     [](auto& io, Kept& k) {
         io.on("e", [&k](const std::optional<object>& v) { k.keep(Json(*v)); });
     }},
    {one_arg + "," + one_arg, 2,
     [](auto& io, Kept& k) { io.on("e", [&k](std::span<const Json> rest) { k.keep_all(rest); }); }},
    {"1," + one_arg + "," + list_arg, 2,
     [](auto& io, Kept& k) {
         io.on("e", [&k](int, std::span<const Json> rest) { k.keep_all(rest); });
     }},
    {"\"" + std::string(400, 't') + "\"", 1,
     [](auto& io, Kept& k) { io.on("e", [&k](std::string v) { k.keep(Json(v)); }); }},
    {"[\"" + std::string(400, 't') + "\"]", 1,
     [](auto& io, Kept& k) {
         io.on("e", [&k](std::vector<std::string> v) { k.keep(Json(v.at(0))); });
     }},
};

TEST(SocketIoKeptValues, OfEveryParameterType) {
    for (const auto& each : argument_cases) {
        Kept kept;
        Workers workers;
        each.listen(workers.of("/"), kept);
        Client client(workers, 0, 4);
        client.says("0");
        client.says("2[\"e\"," + each.args + "]");
        overwrite(client);
        kept.expect(each.kept);
    }
}

TEST(SocketIoKeptValues, BytesInsideThem) {
    Workers workers;
    auto& io = workers.of("/");
    std::vector<Json> kept;
    std::vector<sio::Binary> bytes;
    io.on("e", [&](const Json& value, sio::Binary whole, std::vector<sio::Binary> list) {
        kept.push_back(value);
        bytes.push_back(std::move(whole));
        for (auto& one : list) bytes.push_back(std::move(one));
    });
    Client client(workers, 0, 4);
    client.says("0");
    const std::string place = R"({"_placeholder":true,"num":0})";
    client.says("51-[\"e\",{\"data\":" + place + "}," + place + ",[" + place + "]]");
    const std::string content(9000, 'b');
    client.says_bytes(content);
    overwrite(client);
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(sio::Binary::view(kept[0].at("data")), content);
    EXPECT_EQ(bytes, std::vector<sio::Binary>(2, sio::Binary(content)));
}

TEST(SocketIoKeptValues, OfCatchAllListenersAndMiddleware) {
    Workers workers;
    auto& io = workers.of("/");
    Kept kept;
    io.on_connection([&](sio::Socket socket) {
        const auto keep = [&](std::string_view name, std::span<const Json> args) {
            if (name == "e" || name == "out") kept.keep_all(args);
        };
        socket.on_any(keep);
        socket.prepend_any(keep);
        socket.on_any_outgoing(keep);
        socket.use([keep](std::string_view name, std::span<const Json> args) {
            keep(name, args);
            return std::optional<sio::Error>();
        });
        socket.on("e", [socket](const Json& value) { socket.emit("out", value); });
    });
    Client client(workers, 0, 4);
    client.says("0");
    client.says("2[\"e\"," + payload('a') + "]");
    overwrite(client);
    workers.on(0, [&] { io.emit("out", boost::json::parse(payload('b'))); });
    overwrite(client);
    kept.expect(5);
}

TEST(SocketIoKeptValues, OfTheConnectPacket) {
    for (const bool decides_later : {false, true}) {
        Workers workers;
        Kept kept;
        std::vector<sio::Next> waiting;
        auto& io = workers.of_matching([&](std::string_view, const Json& auth) {
            kept.keep(auth);
            return true;
        });
        io.use([&, decides_later](sio::Socket socket, sio::Next next) {
            kept.keep(socket.handshake().auth);
            decides_later ? waiting.push_back(next) : next();
        });
        io.on_connection([&](sio::Socket socket) { kept.keep(socket.handshake().auth); });
        Client client(workers, 0, 4), other(workers, 0, 4);
        client.says("0/a," + payload('a'));
        other.says("0/a," + payload('b'));
        for (const auto& next : waiting) workers.on(0, [&] { next(); });
        overwrite(client, "/a,");
        workers.on(0, [&] {
            auto command = std::make_shared<socketio::Command>();
            command->kind = socketio::Command::Kind::fetch;
            command->nsp = "/a";
            workers.servers[0]->ask(command, 1000, [&](bool, socketio::Report& report) {
                for (const auto& socket : report.sockets) kept.keep(socket.handshake.auth);
            });
        });
        workers.settle();
        // One namespace was made; each of the two sockets was asked twice and fetched once.
        kept.expect(1 + 2 + 2 + 2);
    }
}

TEST(SocketIoKeptValues, OfAcksDataAndServerSideEvents) {
    Workers workers(2);
    auto& io = workers.of("/");
    Kept kept;
    io.on_server_side("shared", [&](const Json& value, std::vector<Json> list) {
        kept.keep(value);
        kept.keep_all(list);
    });
    io.on("e", [&](sio::Socket socket, const Json& value, std::vector<Json> list) {
        socket.data() = value;
        io.server_side_emit("shared", value, list);
        socket.emit_with_ack("ask", [&](const sio::Answer& answer) {
            kept.keep(answer.value());
            for (const Json& arg : answer.args) kept.keep(arg);
        });
        io.emit_with_ack("ask all", [&](const sio::Answers& all) { kept.keep_all(all.responses); });
    });
    Client client(workers, 0, 4);
    client.says("0");
    client.says("2[\"e\"," + payload('a') + ",[" + payload('b') + "]]");
    std::vector<std::string> ids;
    for (const auto& line : client.takes())
        if (const size_t at = line.find("[\"ask"); line.starts_with("42") && at != line.npos)
            ids.push_back(line.substr(2, at - 2));
    ASSERT_EQ(ids.size(), 2u);
    for (const auto& id : ids) client.says("3" + id + "[" + payload('c') + "]");
    overwrite(client);
    workers.on(0, [&] {
        io.fetch_sockets([&](std::vector<sio::RemoteSocket> all) {
            for (const auto& socket : all) kept.keep(socket.data);
        });
    });
    workers.settle();
    // Two from the server-side event, two from the ack, one from the broadcast, one fetched.
    kept.expect(6);
}

}  // namespace
}  // namespace starling
