// ws::Socket::pause() and resume(): what the peer sends waits in order and in bounded memory.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "tests/fake/tls_client.h"
#include "tests/net/tls_fixture.h"
#include "tests/server/fixture.h"
#include "tests/server/worker_group_fixture.h"
#include "tests/server/ws_client.h"
#include "ws/deflate.h"

namespace starling::server::test {
namespace {

using ws::Message;
using ws::Opcode;
using ws::Socket;

// Records each message; "pause" pauses. The test resumes the socket from its own thread.
struct Pausing {
    explicit Pausing(Transcript& e) : events(e) {}

    ws::Route route() {
        return {
            .message_bytes_max = 1'000'000,
            .compression = {.enabled = true},
            .open =
                [this](Socket opened) {
                    socket = opened;
                    events.add("open");
                },
            .message =
                [this](Socket s, Message message) {
                    events.add(message.size() > 40 ? std::to_string(message.size()) + " bytes"
                                                   : std::string(message.text()));
                    if (message.text() == "pause") s.pause();
                },
            .close = [this](Socket, uint16_t code,
                            std::string_view) { events.add("close " + std::to_string(code)); },
        };
    }
    Transcript& events;
    Socket socket;
};

struct WsPause : testing::Test {
    void serve(std::chrono::milliseconds ping_interval = std::chrono::hours(1)) {
        ws::Route route = pausing.route();
        route.ping_interval = ping_interval;
        route.ping_timeout = std::chrono::milliseconds(20);
        t.server.websocket("/", std::move(route));
        t.start();
    }
    // A round trip on another connection: afterwards the worker has handled everything read before.
    void let_the_worker_turn() {
        for (int i = 0; i < 3; ++i) {
            Client other(t.port());
            EXPECT_EQ(other.get("/other").status, 404);
        }
    }
    Transcript events;
    Pausing pausing{events};
    TestServer t;  // The last member: its threads use the others until it has stopped.
};

std::string batch(int from, int to) {
    std::string bytes;
    for (int i = from; i < to; ++i) bytes += masked_frame(Opcode::text, std::to_string(i));
    return bytes;
}

std::string names(int from, int to) {
    std::string text;
    for (int i = from; i < to; ++i) text += ", " + std::to_string(i);
    return text;
}

TEST_F(WsPause, InAHandlerStopsBeforeTheNextMessageOfTheSameRead) {
    serve();
    WsClient client(t.port());
    client.send(batch(0, 50) + masked_frame(Opcode::text, "pause") + batch(50, 100) +
                masked_frame(Opcode::ping, "unanswered"));
    EXPECT_TRUE(events.wait_for("pause"));
    client.send(batch(100, 110));  // Stays in the kernel.
    EXPECT_TRUE(eventually([&] { return client.all_taken(); }));
    let_the_worker_turn();
    EXPECT_EQ(events.text(), "open" + names(0, 50) + ", pause");
    pausing.socket.resume();
    EXPECT_TRUE(events.wait_for("109"));
    EXPECT_EQ(events.text(), "open" + names(0, 50) + ", pause" + names(50, 110));
    EXPECT_EQ(client.next(), "pong(unanswered)");
}

TEST_F(WsPause, FromAnotherThreadCompressedAndFragmentedMessagesWait) {
    serve();
    WsClient client(t.port(), "/", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    EXPECT_TRUE(client.handshake().has("permessage-deflate"));
    EXPECT_TRUE(events.wait_for("open"));
    ws::Deflater deflater;
    const std::string text(5000, 'z');
    const std::string packed(base::text_of(deflater.compress(base::bytes_of(text), true)));
    // The message "pause" arrives in two fragments.
    client.send(masked_frame(Opcode::text, "pau", false));
    let_the_worker_turn();
    client.send(masked_frame(Opcode::continuation, "se") +
                masked_frame(Opcode::text, packed.substr(0, 10), false, true) +
                masked_frame(Opcode::continuation, packed.substr(10)) +
                masked_frame(Opcode::text, packed, true, true) +
                masked_frame(Opcode::text, "fra", false) +
                masked_frame(Opcode::continuation, "gments") + masked_frame(Opcode::text, "end"));
    EXPECT_TRUE(events.wait_for("pause"));
    let_the_worker_turn();
    EXPECT_EQ(events.text(), "open, pause");
    pausing.socket.resume();
    EXPECT_TRUE(events.wait_for("end"));
    EXPECT_EQ(events.text(), "open, pause, 5000 bytes, 5000 bytes, fragments, end");
}

TEST_F(WsPause, PausingTwiceAndResumingTwiceIsOnce) {
    serve();
    WsClient client(t.port());
    EXPECT_TRUE(events.wait_for("open"));
    pausing.socket.pause();
    pausing.socket.pause();
    let_the_worker_turn();
    client.send(batch(0, 3));
    EXPECT_TRUE(eventually([&] { return client.all_taken(); }));
    let_the_worker_turn();
    EXPECT_EQ(events.text(), "open");
    pausing.socket.resume();
    pausing.socket.resume();
    EXPECT_TRUE(events.wait_for("2"));
    EXPECT_EQ(events.text(), "open" + names(0, 3));
}

// The peer's close frame and the end of its stream come after what it sent before.
TEST_F(WsPause, ThePeersCloseIsNoticedAfterResume) {
    serve();
    for (const bool frame : {true, false}) {
        const size_t before = events.count("7");
        WsClient client(t.port());
        client.send(masked_frame(Opcode::text, "pause") + batch(7, 8));
        EXPECT_TRUE(events.wait_for("pause", before + 1));
        if (frame) client.send_close(1000);
        client.end();
        EXPECT_TRUE(eventually([&] { return client.all_taken(); }));
        let_the_worker_turn();
        EXPECT_EQ(events.count("7"), before);
        EXPECT_EQ(events.count("close 1000") + events.count("close 1006"), before);
        pausing.socket.resume();
        EXPECT_TRUE(events.wait_for("7", before + 1));
        EXPECT_TRUE(events.wait_for(frame ? "close 1000" : "close 1006"));
    }
    EXPECT_TRUE(t.all_gone());
}

TEST_F(WsPause, AResetIsNoticedAtOnce) {
    serve();
    WsClient client(t.port());
    client.send(masked_frame(Opcode::text, "pause") + batch(0, 3));
    EXPECT_TRUE(events.wait_for("pause"));
    client.reset();
    EXPECT_TRUE(events.wait_for("close 1006"));
    EXPECT_EQ(events.text(), "open, pause, close 1006");
    pausing.socket.resume();  // Does nothing now.
    EXPECT_TRUE(t.all_gone());
}

// If the pause did not end, the peer's answer would not be read, and the timeout would reset.
TEST_F(WsPause, CloseByThisSideCompletesItsHandshake) {
    serve();
    WsClient client(t.port());
    client.send(masked_frame(Opcode::text, "pause") + batch(0, 3));
    EXPECT_TRUE(events.wait_for("pause"));
    pausing.socket.close(4000, "enough");
    EXPECT_EQ(client.next(), "close(4000 enough)");
    client.send_close(4000);
    EXPECT_EQ(client.next(), "<end>");
    EXPECT_TRUE(events.wait_for("close 4000"));
    EXPECT_EQ(events.text(), "open, pause, close 4000");  // As always, no message after close().
}

TEST_F(WsPause, AServerThatStopsEndsAPausedSocketPolitely) {
    serve();
    WsClient client(t.port());
    client.send(masked_frame(Opcode::text, "pause") + batch(0, 3));
    EXPECT_TRUE(events.wait_for("pause"));
    t.server.stop();
    EXPECT_EQ(client.next(), "close(1001 the server is stopping)");
    client.send_close(1001);
    EXPECT_EQ(client.next(), "<end>");
    t.server.wait();
    EXPECT_EQ(events.text(), "open, pause, close 1001");
}

// A silent peer would be pinged after 20 ms and closed 20 ms later; a paused one is neither.
TEST_F(WsPause, SilenceDoesNotEndAPausedSocket) {
    serve(std::chrono::milliseconds(20));
    std::atomic<bool> over{false};
    Client client(t.port());
    // In one piece: from the handshake to the pause silence counts.
    client.send(upgrade_request("/") + masked_frame(Opcode::text, "pause"));
    EXPECT_EQ(client.answer().status, 101);
    EXPECT_TRUE(events.wait_for("pause"));
    // Several pings and their timeouts long, by the server's clock.
    t.server.after(std::chrono::milliseconds(1500), [&] { over = true; });
    EXPECT_TRUE(eventually([&] { return over.load(); }));
    EXPECT_EQ(events.text(), "open, pause");
    pausing.socket.resume();
    EXPECT_EQ(client.read(1), "\x89");           // A ping.
    EXPECT_TRUE(events.wait_for("close 1006"));  // From here on silence counts again.
}

// 100 MB are sent to a paused socket: only the kernel's buffers fill.
TEST_F(WsPause, APausedSocketCostsNoMoreThanTheBuffers) {
    serve();
    WsClient client(t.port());
    client.send(masked_frame(Opcode::text, "pause"));
    EXPECT_TRUE(events.wait_for("pause"));
    const std::string frame = masked_frame(Opcode::binary, std::string(100'000, 'x'));
    constexpr size_t frames = 1000;
    size_t sent = 0;
    const auto send_some = [&] {  // Sends what the kernel takes now.
        for (;;) {
            const size_t from = sent % frame.size();
            const ssize_t size = sent == frames * frame.size()
                                     ? 0
                                     : ::send(client.fd(), frame.data() + from, frame.size() - from,
                                              MSG_NOSIGNAL | MSG_DONTWAIT);
            if (size <= 0) return;
            sent += size_t(size);
        }
    };
    // Until the kernel takes nothing although the worker has had its turns.
    for (size_t before = 1; before != sent;) {
        before = sent;
        send_some();
        let_the_worker_turn();
    }
    // tcp_rmem and tcp_wmem allow the two kernels up to 6 and 4 MiB.
    EXPECT_LT(sent, 16'000'000u);
    EXPECT_EQ(events.text(), "open, pause");
    pausing.socket.resume();
    EXPECT_TRUE(eventually([&] {
        send_some();
        return sent == frames * frame.size();
    }));
    EXPECT_TRUE(events.wait_for("100000 bytes", frames));
}

TEST(WsPauseTls, WaitsAndGoesOnInOrder) {
    for (const auto& [version, name] : net::versions) {
        Transcript events;
        Pausing pausing(events);
        TestTeam t;
        t.site.add_websocket("/", pausing.route());
        t.start(
            1, [](WorkerGroup&) {}, net::shared_context());
        Client socket(t.port());
        fake::TlsClient client(net::only(version));
        client.feed("");
        const auto turn = [&] {
            socket.send(client.output());
            return socket.more() && (client.feed(std::exchange(socket.pending(), {})), true);
        };
        while (!client.established()) ASSERT_TRUE(turn()) << name;
        EXPECT_TRUE(client.write(upgrade_request("/")));
        while (client.plaintext().find("\r\n\r\n") == std::string::npos)
            ASSERT_TRUE(turn()) << name;
        EXPECT_TRUE(client.write(masked_frame(Opcode::text, "pause") + batch(0, 50)));
        EXPECT_TRUE(client.write(batch(50, 100)));
        socket.send(client.output());
        EXPECT_TRUE(events.wait_for("pause"));
        EXPECT_TRUE(eventually([&] { return socket.all_taken(); }));
        t.on(0, [](Worker&) {});
        EXPECT_EQ(events.text(), "open, pause") << name;
        pausing.socket.resume();
        EXPECT_TRUE(events.wait_for("99"));
        EXPECT_EQ(events.text(), "open, pause" + names(0, 100)) << name;
    }
}

}  // namespace
}  // namespace starling::server::test
