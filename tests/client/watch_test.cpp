// What <starling/client.h> has beyond browsers: watched descriptors, and the events "ping", "pong" and
// "drain".
#include <fcntl.h>
#include <unistd.h>

#include <system_error>

#include "tests/client/fixture.h"

namespace starling::client::test {
namespace {

struct Pipe {
    Pipe() {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        out = net::Descriptor(ends[0]);
        in = net::Descriptor(ends[1]);
    }
    void write(std::string_view text) const {
        ASSERT_EQ(::write(in.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    // One byte; 0 at the end.
    [[nodiscard]] char read() const {
        char c = 0;
        return ::read(out.get(), &c, 1) == 1 ? c : '\0';
    }
    net::Descriptor in, out;
};

TEST(ClientLoopWatch, reports_in_each_tick_until_the_bytes_are_read) {
    Pipe pipe;
    pipe.write("abc");
    pipe.in.reset();
    ClientLoop loop;
    std::string got;
    ClientLoop::Watch watch = 0;
    watch = loop.watch(pipe.out.get(), {.readable = true}, [&](ClientLoop::Readiness ready) {
        EXPECT_TRUE(ready.readable);
        EXPECT_FALSE(ready.writable);
        const char c = pipe.read();
        got += c ? c : '.';
        if (c == '\0') loop.unwatch(watch);
    });
    loop.run();  // Ends with the watch.
    EXPECT_EQ(got, "abc.");
}

TEST(ClientLoopWatch, an_empty_interest_pauses_it) {
    Pipe pipe;
    pipe.write("ab");
    ClientLoop loop;
    std::string got;
    ClientLoop::Watch watch = 0;
    watch = loop.watch(pipe.out.get(), {.readable = true}, [&](ClientLoop::Readiness) {
        got += pipe.read();
        loop.change(watch, {});
        if (got == "a|b") return loop.unwatch(watch);
        // Later than any report of the byte that is left.
        loop.after(1ms, [&] {
            got += '|';
            loop.change(watch, {.readable = true});
        });
    });
    loop.run();
    EXPECT_EQ(got, "a|b");
}

TEST(ClientLoopWatch, writable_and_an_exception) {
    const Pipe pipe;
    ClientLoop loop;
    std::string told;
    loop.on_exception([&](std::string_view what) { told = what; });
    ClientLoop::Watch watch = 0;
    watch = loop.watch(pipe.in.get(), {.writable = true}, [&](ClientLoop::Readiness ready) {
        EXPECT_TRUE(ready.writable);
        loop.unwatch(watch);
        loop.unwatch(watch);  // Nothing happens.
        loop.change(watch, {.readable = true});
        throw std::runtime_error("of the watch");
    });
    loop.run();
    EXPECT_EQ(told, "of the watch");
}

TEST(ClientLoopWatch, a_plain_file_cannot_be_watched) {
    const net::Descriptor file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file);
    ClientLoop loop;
    EXPECT_THROW(loop.watch(file.get(), {.readable = true}, [](ClientLoop::Readiness) {}),
                 std::system_error);
    loop.run();  // Nothing is left to do.
}

TEST(ClientWebSocketBeyond, pings_and_pongs_are_told) {
    std::string sent;
    ScriptServer server([&](Peer& peer) {
        peer.accept();
        peer.write_hex("8902 6869");  // Ping "hi".
        for (int i = 0; i < 3; ++i) sent += peer.next() + " ";
        peer.write_hex("8a01 61");  // Pong "a".
        peer.write_hex("8800");
        peer.end();
        peer.wait_for_end();
    });
    ClientLoop loop;
    WebSocket socket(loop, server.url());
    std::string got;
    socket.add_event_listener("ping", [&](const PingEvent& event) {
        got.append("ping(").append(event.payload).append(") ");
        socket.ping("a");
        socket.ping();
    });
    socket.add_event_listener("pong", [&](const PongEvent& event) {
        got.append("pong(").append(event.payload).append(event.round_trip ? " measured) " : ") ");
    });
    socket.onclose = [&](const CloseEvent& event) { got += std::to_string(event.code); };
    loop.run();
    server.stop();
    EXPECT_EQ(got, "ping(hi) pong(a) 1005");
    EXPECT_TRUE(sent.starts_with("pong(hi) ping(a) ping(")) << sent;
}

TEST(ClientWebSocketBeyond, drain_comes_once_for_each_burst) {
    ScriptServer server([&](Peer& peer) {
        peer.accept();
        peer.wait_for_end();
    });
    ClientLoop loop;
    WebSocket socket(loop, server.url());
    std::string got;
    socket.onopen = [&] {
        socket.send("a");
        socket.send("b");
    };
    int bursts = 0;
    socket.add_event_listener("drain", [&] {
        got += "drain " + std::to_string(socket.buffered_amount()) + " ";
        if (++bursts == 3) return socket.terminate();
        // In a posted call, too.
        if (bursts == 1) return loop.post([&] { socket.send("c"); });
        socket.send("d");
    });
    loop.run();
    server.stop();
    EXPECT_EQ(got, "drain 0 drain 0 drain 0 ");
}

TEST(ClientWebSocketBeyond, DrainComesForWhatWasSentBeforeItsListener) {
    ScriptServer server([](Peer& peer) {
        peer.accept();
        peer.wait_for_end();
    });
    ClientLoop loop;
    WebSocket socket(loop, server.url());
    std::string got;
    const auto listen = [&] {
        socket.add_event_listener("drain", [&] {
            got += "drain " + std::to_string(socket.buffered_amount()) + " ";
            socket.terminate();
        });
    };
    socket.onopen = [&] {
        socket.send("abc");
        got += std::to_string(socket.buffered_amount()) + " ";
        listen();
    };
    loop.run();
    server.stop();
    EXPECT_EQ(got, "3 drain 0 ");
}

TEST(ClientWebSocketBeyond, drain_comes_after_the_kernel_had_refused_bytes) {
    std::atomic<bool> may_read = false;
    ScriptServer server([&](Peer& peer) {
        peer.accept();
        may_read.wait(false);
        peer.wait_for_end();
    });
    ClientLoop loop;
    WebSocket socket(loop, server.url(), {.send_queue_bytes_max = 100'000'000});
    std::string message;
    message.resize(50'000'000, 'x');
    std::string got;
    socket.onopen = [&] {
        socket.send(message);
        loop.after(1ms, [&] {  // The tick that sends is over.
            got += socket.buffered_amount() > 0 ? "waits " : "sent ";
            may_read = true;
            may_read.notify_all();
        });
    };
    socket.add_event_listener("drain", [&] {
        got += "drain " + std::to_string(socket.buffered_amount());
        socket.terminate();
    });
    loop.run();
    server.stop();
    EXPECT_EQ(got, "waits drain 0");
}

TEST(ClientWebSocketBeyond, a_listener_takes_the_event_of_its_type) {
    ClientLoop loop;
    WebSocket socket(loop, "ws://127.0.0.1:1/");
    const auto ping = [](const PingEvent&) {};
    EXPECT_THROW(socket.add_event_listener("pong", ping), std::invalid_argument);
    EXPECT_THROW(socket.add_event_listener("drained", [] {}), std::invalid_argument);
    EXPECT_NO_THROW(socket.add_event_listener("ping", ping));
}

}  // namespace
}  // namespace starling::client::test
