// Each allocation of each Engine.IO and Socket.IO scenario fails once. The failure costs at most
// the scenario's clients their connections; a new client is served.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "server/socketio/socketio.h"
#include "tests/server/out_of_memory.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

constexpr std::string_view websocket_path = "/socket.io/?EIO=4&transport=websocket";
constexpr std::string_view polling_path = "/socket.io/?EIO=4&transport=polling";

// A base class, so that it lives longer than the workers, whose connections use it.
struct SocketIoHolder {
    // The next ping answers a poll at the latest.
    static sio::Options options() {
        sio::Options options;
        options.ping_interval = std::chrono::milliseconds(300);
        options.ping_timeout = std::chrono::milliseconds(300);
        options.serve_client = false;
        options.allow_eio3 = true;
        return options;
    }
    SocketIo io_{options()};
};

class OutOfMemorySocketIo : public SocketIoHolder, public FailingAllocations {
protected:
    OutOfMemorySocketIo() {
        io_.on_connection([this](sio::Socket socket) {
            socket.emit("welcome", {{"list", {1, 2, 3}}});
            socket.on("join", [socket](std::string room) { socket.join(room); });
            socket.on("echo", [](const sio::Json& value) { return value; });
            socket.on("all", [this](std::string room, std::string text) {
                io_.to(room).emit("all", text, sio::Binary(std::string(100, 'b')));
            });
            socket.on("ask",
                      [socket] { socket.emit_with_ack("sure?", [](const sio::Answer&) {}); });
        });
        io_.on_disconnect([this](sio::Socket socket, std::string_view reason) {
            io_.emit("left", socket.id(), reason);
        });
        io_.mount(workers_.site);
    }
    ~OutOfMemorySocketIo() override { workers_.stop(true); }
    void fail_each(const std::function<void()>& scenario) {
        workers_.start(1, [this](WorkerGroup& group) { io_.attach(group); });
        FailingAllocations::fail_each(
            scenario, [this] { ASSERT_TRUE(eventually([this] { return is_served(); })); });
        EXPECT_TRUE(eventually([this] { return io_.clients() == 0; }));
    }
    // False: on a busy machine a new client may be too late for its heartbeat.
    bool is_served() {
        WsClient client(workers_.port(), websocket_path);
        EXPECT_EQ(client.handshake().status, 101);
        client.send_text("40");
        client.send_text("421[\"echo\",\"still here\"]");
        std::string got;
        while (!got.starts_with("text(431") && !got.starts_with("<") && !got.starts_with("close"))
            got = client.next();
        return got == "text(431[\"still here\"])";
    }
    static void read_to_the_end(WsClient& client) {
        client.send_close(1000);
        while (client.frame().end.empty()) {}
    }
    // Returns the id of a new session; "": the server refused it.
    static std::string open(Client& client) {
        const Answer answer = client.get(polling_path);
        const size_t at = answer.body.find("\"sid\":\"");
        return at == std::string::npos ? "" : answer.body.substr(at + 7, 20);
    }
    [[nodiscard]] static std::string target(std::string_view sid) {
        return std::string(polling_path) + "&sid=" + std::string(sid);
    }
    static bool post(Client& client, std::string_view sid, std::string_view body) {
        client.send("POST " + target(sid) + " HTTP/1.1\r\nHost: here\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
        return client.answer().status == 200;
    }
};

TEST_F(OutOfMemorySocketIo, Polling) {
    fail_each([&] {
        Client client(workers_.port());
        const std::string sid = open(client);
        if (sid.empty() || !post(client, sid, "40")) return;
        if (client.get(target(sid)).status != 200) return;
        if (!post(client, sid,
                  "421[\"echo\",{\"a\":[1]}]\x1e"
                  "42[\"join\",\"r\"]"))
            return;
        if (client.get(target(sid)).status != 200) return;
        if (post(client, sid,
                 "41\x1e"
                 "1"))
            (void)client.get(target(sid));
    });
}

TEST_F(OutOfMemorySocketIo, WebSocketWithAcks) {
    fail_each([&] {
        WsClient client(workers_.port(), websocket_path);
        for (const char* packet :
             {"40", "421[\"echo\",{\"a\":[1,\"x\"]}]", "42[\"ask\"]", "430[true]", "41"})
            client.send_text(packet);
        read_to_the_end(client);
    });
}

TEST_F(OutOfMemorySocketIo, AttachmentsAndARoom) {
    fail_each([&] {
        WsClient reader(workers_.port(), websocket_path), writer(workers_.port(), websocket_path);
        for (WsClient* const client : {&reader, &writer}) {
            client->send_text("40");
            client->send_text("42[\"join\",\"room\"]");
        }
        writer.send_text("451-1[\"echo\",{\"_placeholder\":true,\"num\":0}]");
        writer.send(masked_frame(ws::Opcode::binary, std::string(5'000, 'x')));
        writer.send_text("42[\"all\",\"room\",\"text\"]");
        read_to_the_end(writer);
        read_to_the_end(reader);
    });
}

TEST_F(OutOfMemorySocketIo, TheUpgradeToAWebSocket) {
    fail_each([&] {
        Client client(workers_.port());
        const std::string sid = open(client);
        if (sid.empty() || !post(client, sid, "40")) return;
        (void)client.get(target(sid));
        WsClient socket(workers_.port(), std::string(websocket_path) + "&sid=" + sid);
        for (const char* packet : {"2probe", "5", "421[\"echo\",1]", "41"})
            socket.send_text(packet);
        read_to_the_end(socket);
    });
}

// The id of a client before 3.0 has the namespace's name in front, and memory of its own. Where the
// socket would lie another one was before.
TEST_F(OutOfMemorySocketIo, AnOldClientInANamespaceWithAName) {
    io_.of("/x").on_connection([](sio::Socket socket) { socket.emit("welcome"); });
    fail_each([&] {
        WsClient client(workers_.port(), "/socket.io/?EIO=3&transport=websocket");
        for (const char* packet : {"40/x,", "41/x,", "40/x,", "421[\"echo\",1]", "41/x,"})
            client.send_text(packet);
        read_to_the_end(client);
    });
}

}  // namespace
}  // namespace starling::server::test
