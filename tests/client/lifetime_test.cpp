// What handlers may do to their own socket and loop, and in which order they run.
#include <starling/client.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/client/fixture.h"

namespace starling::client::test {
namespace {

// Sends two messages, and closes when the client does.
void talk(Peer& peer) {
    peer.accept();
    peer.write_hex("81 01 61 81 01 62");
    for (std::string next; next != "end" && next != "reset";) {
        next = peer.next();
        if (!next.starts_with("close")) continue;
        peer.write_hex("88 02 03e8");
        peer.end();
    }
}

TEST(ClientLifetime, destroyed_in_each_handler) {
    for (const char* event : {"open", "message", "error", "close"}) {
        const bool fails = std::string_view(event) == "error";
        ScriptServer server([&](Peer& peer) {
            if (!fails) return talk(peer);
            peer.read_head();
            peer.write("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
            peer.wait_for_end();
        });
        ClientLoop loop;
        auto socket = std::make_unique<WebSocket>(loop, server.url());
        std::string told;
        const auto kept = std::make_shared<std::string>("a capture that the handler uses");
        if (std::string_view(event) == "close") socket->onopen = [&] { socket->close(1000); };
        socket->add_event_listener(event, [&told, &socket, kept, event] {
            socket.reset();
            told += std::string(event) + " " + std::to_string(kept->size());
        });
        socket->add_event_listener(event, [&] { told += " never"; });
        socket->add_event_listener("close", [&] { told += " never either"; });
        if (std::string_view(event) == "close") {
            loop.run();
            EXPECT_EQ(told.substr(0, 8), "close 31");
        } else {
            loop.run();
            EXPECT_EQ(told, std::string(event) + " 31");
        }
        EXPECT_FALSE(socket);
    }
}

TEST(ClientLifetime, an_abandoned_socket_says_goodbye) {
    std::string got;
    ScriptServer server([&](Peer& peer) {
        peer.accept();
        got = peer.next();
        peer.wait_for_end();
    });
    ClientLoop loop;
    std::optional<WebSocket> socket(std::in_place, loop, server.url());
    socket->onopen = [&] { loop.post([&] { socket.reset(); }); };
    loop.run();
    server.stop();
    EXPECT_EQ(got, "close(1001)");
}

TEST(ClientLifetime, destroyed_before_the_loop_runs) {
    ClientLoop loop;
    { const WebSocket socket(loop, "ws://127.0.0.1:1/"); }
    loop.run();
    std::optional<WebSocket> closed(std::in_place, loop, "ws://127.0.0.1:1/");
    closed->close();
    closed.reset();
    loop.run();
    SUCCEED();  // AddressSanitizer judges.
}

TEST(ClientLifetime, the_loop_ends_before_its_sockets) {
    ScriptServer server(talk);
    ScriptServer silent([](Peer& peer) { peer.wait_for_end(); });
    auto loop = std::make_unique<ClientLoop>();
    WebSocket connecting(*loop, silent.url());
    WebSocket open(*loop, server.url());
    Log log(open);
    open.onmessage = [&] { loop->stop(); };
    loop->run();
    loop.reset();
    EXPECT_EQ(log.text, "open message(a) message(b)");
    for (WebSocket* const socket : {&connecting, &open}) {
        EXPECT_EQ(socket->ready_state(), WebSocket::CLOSED);
        const auto before = socket->buffered_amount();
        socket->send("late");
        EXPECT_EQ(socket->buffered_amount(), before + 4);
        socket->close(1000);
        socket->onopen = nullptr;
    }
}

TEST(ClientLifetime, a_handler_that_throws) {
    std::vector<std::string> got;
    ScriptServer server([&](Peer& peer) {
        peer.accept();
        peer.write_hex("81 01 61 81 01 62");
        got.push_back(peer.next());
        peer.wait_for_end();
    });
    ClientLoop loop;
    std::string escaped;
    loop.on_exception([&](std::string_view what) { escaped += std::string(what) + ";"; });
    WebSocket socket(loop, server.url());
    socket.onmessage = [](const MessageEvent& event) {
        throw std::runtime_error("bad " + std::string(event.text()));
    };
    Log log(socket);  // After the handler that throws: its listeners run all the same.
    socket.add_event_listener("close", [] { throw 1; });
    bool went_on = false;
    loop.after(1ms, [] { throw std::runtime_error("a timer"); });
    socket.add_event_listener("close", [&] { loop.post([&] { went_on = true; }); });
    loop.run();
    EXPECT_TRUE(went_on);
    EXPECT_EQ(log.error, "a handler has thrown: bad a");
    EXPECT_TRUE(log.text.ends_with("error close(1006)")) << log.text;
    server.stop();
    EXPECT_EQ(got, std::vector<std::string>{"close(1011 internal error)"});
    EXPECT_NE(escaped.find("a timer;"), std::string::npos) << escaped;
    EXPECT_NE(escaped.find("an exception of unknown type;"), std::string::npos) << escaped;
}

TEST(ClientLifetime, order_of_listeners) {
    ScriptServer server(talk);
    ClientLoop loop;
    WebSocket socket(loop, server.url());
    std::string told;
    uint64_t second = 0;
    socket.add_event_listener("message", [&] { told += "1"; });
    socket.onmessage = [&] { told += "x"; };
    second = socket.add_event_listener("message", [&] {
        told += "2";
        socket.remove_event_listener(second);
        socket.add_event_listener("message", [&] { told += "4"; });
        socket.onmessage = [&] { told += "h"; };  // Keeps its place.
    });
    socket.add_event_listener("message", [&](const MessageEvent& event) {
        told += "3" + std::string(event.text()) + " ";
        if (event.text() == "b") socket.close();
    });
    EXPECT_TRUE(static_cast<bool>(socket.onmessage));
    EXPECT_FALSE(static_cast<bool>(socket.onopen));
    EXPECT_THROW(socket.add_event_listener("mesage", [] {}), std::invalid_argument);
    EXPECT_THROW(socket.add_event_listener("open", [](const CloseEvent&) {}),
                 std::invalid_argument);
    loop.run();
    EXPECT_EQ(told, "1x23a 1h3b 4");
}

TEST(ClientLifetime, handlers_that_replace_and_remove_themselves) {
    ScriptServer server(talk);
    ClientLoop loop;
    WebSocket socket(loop, server.url());
    std::string told;
    const auto kept = std::make_shared<std::string>("kept");
    socket.onmessage = [&, kept] {
        socket.onmessage = [&] {
            socket.onmessage = nullptr;
            told += " second";
            socket.close();
        };
        told += *kept;
    };
    loop.run();
    EXPECT_EQ(told, "kept second");
    EXPECT_FALSE(static_cast<bool>(socket.onmessage));
}

// Handlers of one word are kept in the socket itself.
TEST(ClientLifetime, small_handlers) {
    ScriptServer server(talk);
    struct State {
        std::unique_ptr<WebSocket> socket;
        std::string told;
    } state;
    for (const char* destroyed_in : {"message", "close"}) {
        ClientLoop loop;
        state.told.clear();
        state.socket = std::make_unique<WebSocket>(loop, server.url());
        WebSocket& socket = *state.socket;
        const bool in_message = std::string_view(destroyed_in) == "message";
        socket.onopen = [s = &state] {
            s->socket->onopen = [] {};
            s->told += "open ";  // The capture is whole, though the handler was replaced.
        };
        if (in_message)
            socket.onmessage = [s = &state] {
                s->socket.reset();
                s->told += "gone";
            };
        else
            socket.onmessage = [s = &state] {
                s->told += "message ";
                s->socket->onmessage = [s] { s->socket->close(); };
            };
        socket.onclose = [s = &state] {
            s->socket.reset();
            s->told += "closed";
        };
        loop.run();
        EXPECT_EQ(state.told, in_message ? "open gone" : "open message closed");
        EXPECT_FALSE(state.socket);
    }
}

TEST(ClientLifetime, a_handler_keeps_its_state_between_events) {
    ScriptServer server(talk);
    ClientLoop loop;
    WebSocket socket(loop, server.url());
    static int seen = 0;
    seen = 0;
    socket.onmessage = [n = 0]() mutable { seen = ++n; };
    socket.add_event_listener("message", [&] {
        EXPECT_TRUE(static_cast<bool>(socket.onmessage));
        if (seen == 2) socket.close();
    });
    loop.run();
    EXPECT_EQ(seen, 2);
}

TEST(ClientLoop, ends_when_nothing_is_left) {
    ClientLoop loop;
    std::string told;
    loop.run();
    loop.post([&] {
        told += "posted ";
        loop.post([&] { told += "again "; });
    });
    loop.after(5ms, [&] { told += "after "; });
    ClientLoop::Timer timer = 0;
    int times = 0;
    timer = loop.every(1ms, [&] {
        if (++times < 3) return;
        EXPECT_TRUE(loop.cancel(timer));
        told += "three ";
    });
    const auto never = loop.after(1h, [&] { told += "never"; });
    EXPECT_TRUE(loop.cancel(never));
    EXPECT_FALSE(loop.cancel(never));
    loop.run();
    EXPECT_TRUE(told.starts_with("posted again ")) << told;
    EXPECT_NE(told.find("three"), std::string::npos);
    EXPECT_NE(told.find("after"), std::string::npos);
    EXPECT_EQ(told.find("never"), std::string::npos);
    loop.after(1h, [] {});
    loop.post([&] { loop.stop(); });
    loop.run();
}

TEST(ClientLoop, a_thread_of_its_own) {
    ScriptServer server(talk);
    ClientLoop loop;
    loop.start();
    loop.start();  // Runs already.
    EXPECT_THROW(WebSocket(loop, server.url()), std::logic_error);
    EXPECT_THROW(loop.after(1ms, [] {}), std::logic_error);
    EXPECT_THROW(loop.run(), std::logic_error);
    std::optional<WebSocket> socket;
    std::atomic<bool> closed{false};
    loop.post([&] {
        socket.emplace(loop, server.url());
        socket->onmessage = [&](const MessageEvent& event) {
            if (event.text() == "b") socket->close(1000);
        };
        socket->onclose = [&] {
            closed = true;
            closed.notify_all();
        };
    });
    closed.wait(false);
    loop.stop();
    loop.run();  // On this thread now; nothing is left to do.
    EXPECT_EQ(socket->ready_state(), WebSocket::CLOSED);
}

}  // namespace
}  // namespace starling::client::test
