// Socket.IO on a real server: sessions that end during a call, and calls from other threads.
#include <gtest/gtest.h>
#include <starling/socketio.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

std::string sid_of(const std::string& body) {
    const size_t at = body.find("\"sid\":\"");
    return at == std::string::npos ? "" : body.substr(at + 7, 20);
}

std::string post(const std::string& target, const std::string& body) {
    return "POST " + target +
           " HTTP/1.1\r\nHost: here\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

// One packet too many ends its session while it is sent; the disconnect handler sends, too.
TEST(SocketIoServerFaults, AFullQueueEndsTheSessionInTheMiddleOfAPacket) {
    sio::Socket other;
    Transcript events;  // Must live longer than the server, whose handlers use it.
    TestServer t;
    sio::Options options;
    options.send_queue_bytes_max = 10'000;
    auto& io = t.server.socketio(options);
    io.on_connection([&](sio::Socket socket) {
        if (!other.connected()) other = socket;
        socket.on("disconnect", [&](sio::Socket, std::string reason) {
            const sio::Binary piece("a");
            other.emit("left", piece, piece, piece, piece, piece, piece, piece, piece);
            events.add(reason);
        });
        socket.on("go", [](sio::Socket self) {
            for (int i = 0; i < 100; ++i)
                self.emit("many", sio::Binary(std::string(100, 'b')),
                          sio::Binary(std::string(100, 'c')), sio::Binary(std::string(100, 'd')));
        });
    });
    t.start();
    WsClient listener(t.port(), "/socket.io/?EIO=4&transport=websocket");
    listener.send_text("40");
    EXPECT_TRUE(listener.next().starts_with("text(0"));
    EXPECT_TRUE(listener.next().starts_with("text(40"));
    Client client(t.port());
    const std::string path = "/socket.io/?EIO=4&transport=polling";
    const std::string target = path + "&sid=" + sid_of(client.get(path).body);
    EXPECT_EQ(client.request(post(target, "40")).body, "ok");
    EXPECT_EQ(client.request(post(target, "42[\"go\"]")).status, 200);
    EXPECT_TRUE(events.wait_for("transport error"));
    EXPECT_TRUE(listener.next().starts_with("text(458-[\"left\""));
    EXPECT_EQ(io.clients(), 1u);
}

// A client that sends events until it is disconnected, then the next client, and so on.
class Busy {
public:
    Busy(uint16_t port, const std::atomic<bool>& stop)
        : thread_([port, &stop] {
              while (!stop.load()) {
                  WsClient client(port, "/socket.io/?EIO=4&transport=websocket");
                  client.send_text("40");
                  for (int i = 0; i < 20; ++i)
                      client.send_text("42" + std::to_string(i) + "[\"q\"]");
                  for (int i = 0; i < 10 && client.next().starts_with("text"); ++i) {}
              }
          }) {}
    ~Busy() { thread_.join(); }

private:
    std::thread thread_;
};

// For ThreadSanitizer: handles used from threads that are not workers.
TEST(SocketIoServerFaults, HandlesFromOtherThreadsWhileClientsComeAndGo) {
    std::mutex mutex;
    std::vector<sio::Socket> sockets;
    std::vector<sio::Ack> acks;
    std::atomic<bool> stop{false};
    std::atomic<int> asked{0}, answered{0};
    ServerOptions server_options;
    server_options.workers = 2;
    TestServer t(server_options);
    sio::Options options;
    options.connection_state_recovery = sio::Recovery{};
    auto& io = t.server.socketio(options);
    io.on_connection([&](sio::Socket socket) {
        const std::lock_guard lock(mutex);
        sockets.push_back(socket);
    });
    io.on("q", [&](sio::Ack ack) {
        const std::lock_guard lock(mutex);
        acks.push_back(ack);
    });
    t.start();
    {
        const Busy first(t.port(), stop), second(t.port(), stop);
        size_t done = 0;
        while (done < 200) {
            std::vector<sio::Socket> some;
            std::vector<sio::Ack> due;
            {
                const std::lock_guard lock(mutex);
                some = std::exchange(sockets, {});
                due = std::exchange(acks, {});
            }
            for (const auto& ack : due) ack(1, "two");
            for (const auto& socket : some) {
                ++done;
                socket.join("room");
                socket.emit("event", 1, sio::Binary("bytes"));
                ++asked;
                socket.timeout(std::chrono::milliseconds(50))
                    .emit_with_ack("ask", [&](const sio::Answer&) { ++answered; });
                io.to("room").emit("all", socket.connected());
                io.fetch_sockets([](std::vector<sio::RemoteSocket>) {});
                if (done % 2)
                    socket.disconnect(true);
                else
                    io.to("room").disconnect_sockets(true);
            }
            std::this_thread::yield();
        }
        stop.store(true);
        io.close();
    }
    EXPECT_TRUE(eventually([&] { return answered.load() == asked.load(); }));
    EXPECT_TRUE(eventually([&] { return io.clients() == 0; }));
}

}  // namespace
}  // namespace starling::server::test
