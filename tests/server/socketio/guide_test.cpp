// The samples of docs/socketio.md: compiled, run, and compared with the guide.
#include <gtest/gtest.h>
#include <starling/socketio.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "tests/auth/signing.h"
#include "tests/server/fixture.h"
#include "tests/server/guide.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

void quick_start(Server& server) {
    auto& io = server.socketio();  // At /socket.io/, with the client for browsers.
    io.on_connection([&io](sio::Socket socket) {
        socket.emit("news", {{"hello", "world"}});
        socket.on("private message", [&io](sio::Socket from, std::string to, std::string text) {
            io.to(to).emit("private message", from.id(), text);
        });
        socket.on("sum", [](int a, int b) { return a + b; });  // The return value is the ack.
    });
}

void arguments(Server& server, sio::Server& io) {
    io.on("resize", [](int width, int height, std::optional<std::string> unit) {
        return std::to_string(width) + "x" + std::to_string(height) + unit.value_or("px");
    });
    io.on("upload", [](std::string name, const sio::Binary& bytes) {
        return sio::Json({{"name", name}, {"bytes", bytes.size()}, {"copy", bytes}});
    });
    io.on("count", [](std::string_view, std::span<const sio::Json> rest) { return rest.size(); });
    io.on("slow", [&server](sio::Ack done) {
        server.after(50ms, [done] { done("computed elsewhere", 42); });
    });
}

void acks(sio::Server& io) {
    io.on("ask me", [](sio::Socket socket, sio::Ack done) {
        socket.timeout(5s).emit_with_ack(
            "question", "tea or coffee?",
            [done](const sio::Answer& answer) { done(answer ? answer.value() : "no answer"); });
    });
    io.on("ask all", [&io](sio::Ack done) {
        io.to("voters").timeout(5s).emit_with_ack(
            "vote", [done](const sio::Answers& all) { done(all.responses, all.complete); });
    });
}

void rooms(sio::Server& io) {
    io.on("enter", [](sio::Socket socket, std::string room) {
        socket.join(room);
        socket.to(room).emit("entered", socket.id());  // To everybody there but this one.
    });
    io.on("say", [&io](std::string room, std::string text) {
        io.to(room).except("muted").emit("said", text);
    });
}

void namespaces(sio::Server& io) {
    io.of("/admin").on_connection([](sio::Socket socket) { socket.emit("welcome", socket.nsp()); });

    io.of_pattern(R"(/room-\d+)").on("say", [&io](sio::Socket socket, std::string text) {
        io.in_namespace(socket.nsp()).emit("said", text);  // To this child alone.
    });

    auto& tenants = io.of_matching([](std::string_view name, const sio::Json& auth) {
        return name.starts_with("/tenant-") && auth.is_object();
    });
    tenants.on("where", [](sio::Socket socket) { return socket.nsp(); });
    tenants.emit("hello");  // To every child.
}

void middleware(Server& server, sio::Server& io) {
    io.of("/admin").use([](sio::Socket socket) -> std::optional<sio::Error> {
        if (socket.handshake().header("x-key") == "open sesame") return std::nullopt;
        return sio::Error{"not authorized", {{"code", "E_KEY"}}};
    });
    io.use([&server](sio::Socket, sio::Next next) {
        server.after(50ms, [next] { next(); });  // Or next(sio::Error{...}); from any thread.
    });
    io.on_connection([](sio::Socket socket) {
        socket.use(
            [](std::string_view name, std::span<const sio::Json>) -> std::optional<sio::Error> {
                if (name.starts_with("admin ")) return sio::Error{"not for you"};
                return std::nullopt;
            });
        socket.on("error",
                  [](sio::Socket self, std::string message) { self.emit("refused", message); });
    });
}

void data(sio::Server& io) {
    struct Player {
        int score = 0;
    };
    io.on_connection([](sio::Socket socket) {
        socket.data() = {{"name", "Ada"}};  // JSON: fetch_sockets() shows it, recovery keeps it.
        socket.emplace_data<Player>();      // Any type of yours: freed with the socket.
    });
    io.on("score", [](sio::Socket socket) { return ++socket.data_as<Player>()->score; });
    io.on_disconnect([&io](sio::Socket socket, std::string_view reason) {
        io.emit("left", socket.data().at("name"), reason);
    });
}

void flags(Server& server, sio::Server& io) {
    server.every(100ms, [&io] { io.volatile_().emit("position", 1.5, 2.5); });
    io.on("picture",
          [](sio::Socket socket, sio::Binary png) { socket.compress(false).emit("picture", png); });
}

void sockets(sio::Server& io) {
    io.on("who", [&io](sio::Ack done) {
        io.in("lobby").fetch_sockets([done](const std::vector<sio::RemoteSocket>& sockets) {
            std::vector<std::string> ids;
            for (const auto& each : sockets) ids.push_back(each.id);
            done(ids);
        });
    });
    io.on("move", [&io](std::string from, std::string to) {
        io.in(from).sockets_join(to);
        io.in(to).sockets_leave(from);
    });
    io.on("close", [&io](std::string room) { io.in(room).disconnect_sockets(); });
}

void recovery(Server& server) {
    auto& io = server.socketio({.connection_state_recovery = sio::Recovery{}});
    io.on_connection([](sio::Socket socket) {
        if (!socket.recovered()) socket.join("news");  // Else it is there already.
    });
}

void login(Server& server, const std::string& secret) {
    auto& io = server.socketio({.auth = auth::Options{.keys = {{.material = secret}}}});
    io.on("who am i", [](sio::Socket socket) { return socket.user(); });
}

void websocket_too(Server& server, sio::Server& io) {
    io.on("say", [&server](std::string text) { server.publish("feed", text); });
    server.websocket("/feed", {
                                  .open = [](ws::Socket socket) { socket.join("feed"); },
                                  .message =
                                      [&io](ws::Socket, ws::Message message) {
                                          if (!message.is_binary()) io.emit("said", message.text());
                                      },
                              });
}

// ---- what the samples do
// --------------------------------------------------------------------------

// A Socket.IO client that sends and receives packets.
class Client4 {
public:
    // `connect`: the CONNECT packet without its type: "/admin,{...}".
    explicit Client4(const TestServer& t, const std::string& connect = "",
                     const std::string& fields = "")
        : ws_(t.port(), "/socket.io/?EIO=4&transport=websocket", fields) {
        open_ = next();
        send("40" + connect);
        connected_ = next();
        const size_t at = connected_.find("\"sid\":\"");
        if (at != std::string::npos) id_ = connected_.substr(at + 7, 20);
    }
    void send(const std::string& packet) { ws_.send_text(packet); }
    void send_bytes(std::string_view bytes) { ws_.send(masked_frame(ws::Opcode::binary, bytes)); }
    // The next packet except pings; "binary(...)" for an attachment.
    std::string next() {
        for (;;) {
            std::string got = ws_.next();
            if (got == "text(2)") {
                send("3");
                continue;
            }
            return got.starts_with("text(") ? got.substr(5, got.size() - 6) : got;
        }
    }
    // Sends `packet` and returns the next packet.
    std::string ask(const std::string& packet) {
        send(packet);
        return next();
    }
    [[nodiscard]] const std::string& connected() const { return connected_; }
    [[nodiscard]] const std::string& id() const { return id_; }

private:
    WsClient ws_;
    std::string open_, connected_, id_;
};

TEST(SocketIoGuide, QuickStart) {
    TestServer t;
    quick_start(t.server);
    t.start();
    Client4 client(t);
    EXPECT_EQ(client.next(), R"(42["news",{"hello":"world"}])");
    EXPECT_EQ(client.ask(R"(420["sum",20,22])"), "430[42]");
    EXPECT_EQ(client.ask(R"(42["private message",")" + client.id() + R"(","hi"])"),
              R"(42["private message",")" + client.id() + R"(","hi"])");
}

TEST(SocketIoGuide, ArgumentsAndAcks) {
    TestServer t;
    auto& io = t.server.socketio();
    arguments(t.server, io);
    acks(io);
    io.on("vote please", [](sio::Socket socket) { socket.join("voters"); });
    t.start();
    Client4 client(t);
    EXPECT_EQ(client.ask(R"(420["resize",3,4])"), R"(430["3x4px"])");
    EXPECT_EQ(client.ask(R"(420["resize",3,4,"mm"])"), R"(430["3x4mm"])");
    EXPECT_EQ(client.ask(R"(420["resize","3",4])"),
              R"(430[{"error":"bad arguments","message":"argument 1 must be an integer"}])");
    client.send(R"(451-0["upload","a",{"_placeholder":true,"num":0}])");
    client.send_bytes("xyz");
    EXPECT_EQ(client.next(),
              R"(461-0[{"name":"a","bytes":3,"copy":{"_placeholder":true,"num":0}}])");
    EXPECT_EQ(client.next(), "binary(xyz)");
    EXPECT_EQ(client.ask(R"(420["count","a",1,2,3])"), "430[3]");
    EXPECT_EQ(client.ask(R"(420["slow"])"), R"(430["computed elsewhere",42])");

    const auto answer_id = [](const std::string& packet) {
        return packet.substr(2, packet.find('[') - 2);
    };
    const std::string question = client.ask(R"(420["ask me"])");
    EXPECT_EQ(question.substr(question.find('[')), R"(["question","tea or coffee?"])");
    EXPECT_EQ(client.ask("43" + answer_id(question) + R"(["tea"])"), R"(430["tea"])");
    client.send(R"(42["vote please"])");
    const std::string vote = client.ask(R"(420["ask all"])");
    EXPECT_EQ(vote.substr(vote.find('[')), R"(["vote"])");
    EXPECT_EQ(client.ask("43" + answer_id(vote) + "[1]"), "430[[1],true]");
}

TEST(SocketIoGuide, RoomsAndSockets) {
    TestServer t;
    auto& io = t.server.socketio();
    rooms(io);
    sockets(io);
    t.start();
    Client4 a(t), b(t);
    a.send(R"(42["enter","lobby"])");
    EXPECT_EQ(a.ask(R"(420["who"])"), R"(430[[")" + a.id() + R"("]])");
    b.send(R"(42["enter","lobby"])");
    EXPECT_EQ(a.next(), R"(42["entered",")" + b.id() + R"("])");
    b.send(R"(42["say","lobby","hi"])");
    EXPECT_EQ(a.next(), R"(42["said","hi"])");
    EXPECT_EQ(b.next(), R"(42["said","hi"])");
    a.send(R"(42["move","lobby","cellar"])");
    EXPECT_EQ(a.ask(R"(420["who"])"), "430[[]]");
    b.send(R"(42["close","cellar"])");
    EXPECT_EQ(a.next(), "41");
    EXPECT_EQ(b.next(), "41");
}

TEST(SocketIoGuide, NamespacesAndMiddleware) {
    TestServer t;
    auto& io = t.server.socketio();
    namespaces(io);
    middleware(t.server, io);
    t.start();
    EXPECT_EQ(Client4(t, "/admin,").connected(),
              R"(44/admin,{"message":"not authorized","data":{"code":"E_KEY"}})");
    EXPECT_EQ(Client4(t, "/admin,", "X-Key: open sesame\r\n").next(),
              R"(42/admin,["welcome","/admin"])");
    EXPECT_EQ(Client4(t, "/room-7,").ask(R"(42/room-7,["say","hi"])"),
              R"(42/room-7,["said","hi"])");
    EXPECT_EQ(Client4(t, "/tenant-1,").connected(),
              R"(44/tenant-1,{"message":"Invalid namespace"})");
    EXPECT_EQ(Client4(t, R"(/tenant-1,{"a":1})").ask(R"(42/tenant-1,0["where"])"),
              R"(43/tenant-1,0["/tenant-1"])");
    EXPECT_EQ(Client4(t).ask(R"(42["admin stop"])"), R"(42["refused","not for you"])");
}

TEST(SocketIoGuide, DataAndFlags) {
    TestServer t;
    auto& io = t.server.socketio();
    data(io);
    t.start();
    Client4 client(t);
    EXPECT_EQ(client.ask(R"(420["score"])"), "430[1]");
    EXPECT_EQ(client.ask(R"(420["score"])"), "430[2]");
    Client4 other(t);
    other.send("41");
    EXPECT_EQ(client.next(), R"(42["left","Ada","client namespace disconnect"])");

    TestServer u;
    flags(u.server, u.server.socketio());
    u.start();
    Client4 eager(u);
    EXPECT_EQ(eager.next(), R"(42["position",1.5,2.5])");
    eager.send(R"(451-["picture",{"_placeholder":true,"num":0}])");
    eager.send_bytes("png");
    for (std::string got; got != "binary(png)";) got = eager.next();
}

TEST(SocketIoGuide, RecoveryAndLogin) {
    TestServer t;
    recovery(t.server);
    t.start();
    EXPECT_NE(Client4(t).connected().find("\"pid\":\""), std::string::npos);

    TestServer u;
    const std::string secret(32, 's');
    login(u.server, secret);
    u.start();
    EXPECT_EQ(Client4(u).connected(),
              R"(44{"message":"unauthorized","data":{"code":"no_credentials"}})");
    using auth::test::base64url;
    const std::string claims =
        base64url(R"({"alg":"HS256"})") + "." + base64url(R"({"sub":"ada"})");
    const std::string token = claims + "." + base64url(auth::test::hs256(secret, claims));
    EXPECT_EQ(Client4(u, R"({"token":")" + token + R"("})").ask(R"(420["who am i"])"),
              R"(430["ada"])");
}

TEST(SocketIoGuide, BesideWebSocket) {
    TestServer t;
    websocket_too(t.server, t.server.socketio());
    t.start();
    Client4 client(t);
    WsClient plain(t.port(), "/feed");
    ASSERT_TRUE(eventually([&] { return t.server.subscribers("feed") == 1; }));
    client.send(R"(42["say","hi"])");
    EXPECT_EQ(plain.next(), "text(hi)");
    plain.send_text("hello");
    EXPECT_EQ(client.next(), R"(42["said","hello"])");
}

TEST(SocketIoGuide, EverySampleIsTheTextThatWasCompiled) {
    EXPECT_EQ(expect_compiled({"docs/socketio.md"}, "tests/server/socketio/guide_test.cpp"), 12u);
}

}  // namespace
}  // namespace starling::server::test
