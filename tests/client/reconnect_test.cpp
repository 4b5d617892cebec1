// ReconnectingWebSocket: when it connects again, and what it tells of the messages that may be lost.
#include <gtest/gtest.h>
#include <starling/client_reconnect.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/client/fixture.h"
#include "tests/server/fixture.h"

namespace starling::client::test {
namespace {

using server::test::TestServer;

const ReconnectOptions fast{.delay = 1ms, .delay_max = 2ms};

// "open message(a) error lost(1006 1) close(1006)". In lost(): the code, the attempts so far, the messages
// with their fates, and "end" if no attempt follows.
struct ReconnectLog {
    explicit ReconnectLog(ReconnectingWebSocket& socket) {
        socket.onopen = [this] { add("open"); };
        socket.onmessage = [this](const MessageEvent& event) {
            add("message(" + std::string(event.text()) + ")");
        };
        socket.onerror = [this] { add("error"); };
        socket.onlost = [this](const LostEvent& event) { add(shown(event)); };
        socket.onclose = [this](const CloseEvent& event) {
            add("close(" + std::to_string(event.code) + ")");
        };
    }
    static std::string shown(const LostEvent& event) {
        std::string out =
            "lost(" + std::to_string(event.code) + " " + std::to_string(event.attempts);
        for (const LostMessage& message : event.messages)
            out += " " + message.data.substr(0, 4) + (message.binary ? " binary" : "") +
                   (message.fate == LostMessage::Fate::unknown ? "?" : "!");
        if (event.messages_not_kept != 0) out += " +" + std::to_string(event.messages_not_kept);
        return out + (event.retry_in ? ")" : " end)");
    }
    void add(const std::string& line) { text.append(text.empty() ? "" : " ").append(line); }
    std::string text;
};

// An answer to a ping, as ws::test::describe() shows the ping.
std::string pong_to(const std::string& shown) {
    const std::string payload = shown.substr(5, shown.size() - 6);
    return std::string("\x8a") + static_cast<char>(payload.size()) + payload;
}

TEST(Reconnecting, AServerThatRestarts) {
    const auto serve = [](const std::string& listen) {
        auto host = std::make_unique<TestServer>(ServerOptions{.listen = listen});
        host->server.websocket("/", {.message = [](ws::Socket s, ws::Message m) { s.send(m); }});
        host->start();
        return host;
    };
    auto host = serve(server::test::own_address() + ":0");
    const std::string address = server::test::own_address() + ":" + std::to_string(host->port());
    server::test::Transcript events;
    std::unique_ptr<ReconnectingWebSocket> socket;
    ClientLoop loop;
    loop.start();
    loop.post([&] {
        socket = std::make_unique<ReconnectingWebSocket>(loop, "ws://" + address + "/",
                                                         WebSocketOptions{}, fast);
        socket->onopen = [&] {
            events.add("open");
            socket->send("hello");
        };
        socket->onmessage = [&](const MessageEvent& event) {
            events.add(std::string(event.text()));
        };
        socket->onlost = [&](const LostEvent& event) {
            EXPECT_TRUE(event.retry_in);
            events.add("lost");
        };
        socket->onclose = [&](const CloseEvent& event) {
            events.add("close " + std::to_string(event.code));
        };
    });
    for (size_t round = 1; round <= 3; ++round) {
        ASSERT_TRUE(events.wait_for("open", round));
        ASSERT_TRUE(events.wait_for("hello", round));
        if (round == 3) break;
        host.reset();
        ASSERT_TRUE(events.wait_for("lost", round));
        host = serve(address);
    }
    loop.post([&] { socket->close(1000); });
    EXPECT_TRUE(events.wait_for("close 1000")) << events.text();
}

TEST(Reconnecting, TellsWhatMayBeLost) {
    int connection = 0;
    ScriptServer server([&](Peer& peer) {
        peer.accept();
        if (++connection == 2) {
            peer.write_hex("88 02 03e8");
            return void(peer.next());
        }
        EXPECT_EQ(peer.next(), "text(a)");
        const std::string ping = peer.next();
        EXPECT_TRUE(ping.starts_with("ping(received? ")) << ping;
        peer.write(pong_to(ping));
        for (std::string next; next != "binary(c)";) next = peer.next();
        peer.reset();
    });
    ClientLoop loop;
    ReconnectOptions options = fast;
    options.confirm_interval = 1ms;
    ReconnectingWebSocket socket(loop, server.url(), {}, options);
    ReconnectLog log(socket);
    ClientLoop::Timer confirmed = 0;
    socket.onopen = [&] {
        log.add("open");
        if (confirmed != 0) return;
        EXPECT_TRUE(socket.send("a"));
        EXPECT_EQ(socket.unconfirmed(), 1u);
        confirmed = loop.every(1ms, [&] {
            if (socket.unconfirmed() != 0) return;
            loop.cancel(confirmed);
            socket.send("b");
            socket.send(std::vector<char>{'c'});
        });
    };
    loop.run();
    // Nothing was sent again on the second connection.
    EXPECT_EQ(log.text, "open lost(1006 0 b? c binary?) open lost(1000 1 end) close(1000)");
}

TEST(Reconnecting, TellsWhatNeverLeft) {
    std::atomic<bool> queued{false};
    ScriptServer server([&](Peer& peer) {
        peer.accept();
        queued.wait(false);
        peer.reset();
    });
    ClientLoop loop;
    ReconnectOptions options = fast;
    options.kept_bytes_max = 100'000'000;
    options.should_reconnect = [](uint16_t, int) { return false; };
    ReconnectingWebSocket socket(loop, server.url(), {.send_queue_bytes_max = 100'000'000},
                                 options);
    ReconnectLog log(socket);
    socket.onopen = [&] {
        socket.send("tiny");
        for (const char* name : {"aaaa", "bbbb", "cccc"})
            socket.send(name + std::string(16'000'000, 'x'));
        loop.after(1ms, [&] {
            EXPECT_GT(socket.buffered_amount(), 32'000'000u);
            queued = true;
            queued.notify_all();
        });
    };
    loop.run();
    EXPECT_EQ(log.text, "lost(1006 0 tiny? aaaa! bbbb! cccc! end) close(1006)");
}

TEST(Reconnecting, KeepsNoMoreThanAllowed) {
    ScriptServer server([&](Peer& peer) {
        peer.accept();
        for (int i = 0; i < 3; ++i) peer.next();
        peer.reset();
    });
    ClientLoop loop;
    ReconnectOptions options = fast;
    options.kept_bytes_max = 4;
    options.should_reconnect = [](uint16_t, int) { return false; };
    ReconnectingWebSocket socket(loop, server.url(), {}, options);
    ReconnectLog log(socket);
    socket.onopen = [&] {
        for (const char* text : {"aa", "bbb", "c"}) socket.send(text);
    };
    loop.run();
    EXPECT_EQ(log.text, "lost(1006 0 bbb? c? +1 end) close(1006)");
}

TEST(Reconnecting, EndsAfterAttemptsMax) {
    uint16_t port = 0;
    {
        const ScriptServer gone([](Peer&) {});
        port = gone.port();
    }
    ClientLoop loop;
    ReconnectOptions options = fast;
    options.attempts_max = 2;
    ReconnectingWebSocket socket(loop, "ws://127.0.0.1:" + std::to_string(port), {}, options);
    ReconnectLog log(socket);
    loop.run();
    EXPECT_EQ(log.text, "error lost(1006 0) error lost(1006 1) error lost(1006 2 end) close(1006)");
}

TEST(Reconnecting, EndsThatSayNotToComeBack) {
    struct Row {
        const char *answer, *hex, *told;
        std::function<bool(uint16_t, int)> should_reconnect = {};
    };
    const Row rows[] = {
        {nullptr, "88 02 03f0", "open lost(1008 0 end) close(1008)"},
        {nullptr, "88 02 03e8", "open lost(1000 0 end) close(1000)"},
        {nullptr, "88 00", "open lost(1005 0) open lost(1008 1 end) close(1008)"},
        {nullptr, "88 02 03f3", "open lost(1011 0) open lost(1008 1 end) close(1008)"},
        {nullptr, "88 02 0fa1", "open lost(4001 0) open lost(1008 1 end) close(1008)"},
        {nullptr, "88 02 0fa1", "open lost(4001 0 end) close(4001)",
         [](uint16_t code, int) { return code != 4001; }},
        {"401 No", "", "error lost(1006 0 end) close(1006)"},
        {"503 Busy", "", "error lost(1006 0) open lost(1008 1 end) close(1008)"},
        {"503 Busy", "", "error lost(1006 0 end) close(1006)",
         [](uint16_t, int status) { return status != 503; }},
    };
    for (const Row& row : rows) {
        int connection = 0;
        ScriptServer server([&](Peer& peer) {
            const bool first = ++connection == 1;
            if (first && row.answer) {
                peer.read_head();
                peer.write("HTTP/1.1 " + std::string(row.answer) + "\r\nContent-Length: 0\r\n\r\n");
                return peer.wait_for_end();
            }
            peer.accept();
            peer.write_hex(first ? row.hex : "88 02 03f0");
            peer.next();
        });
        ClientLoop loop;
        ReconnectOptions options = fast;
        options.should_reconnect = row.should_reconnect;
        ReconnectingWebSocket socket(loop, server.url(), {}, options);
        ReconnectLog log(socket);
        loop.run();
        EXPECT_EQ(log.text, row.told);
    }
}

TEST(Reconnecting, CloseEndsIt) {
    ScriptServer server([](Peer& peer) {
        peer.accept();
        for (std::string next; !next.starts_with("close") && next != "end" && next != "reset";)
            next = peer.next();
        peer.write_hex("88 02 03e8");
        peer.end();
        peer.wait_for_end();
    });
    ScriptServer cruel([](Peer& peer) {
        peer.accept();
        peer.next();
        peer.reset();
    });
    struct Row {
        const char *when, *told;
    };
    const Row rows[] = {
        {"now", "error close(1006)"},
        {"open", "open close(1000)"},
        {"sent", "open close(1000)"},
        {"reset", "open lost(1006 0 a? end) close(1006)"},
        {"pause", "error lost(1006 0) close(1006)"},
        {"lost", "error lost(1006 0) close(1006)"},
    };
    for (const Row& row : rows) {
        const std::string_view when = row.when;
        const bool fails = when == "pause" || when == "lost";
        ClientLoop loop;
        ReconnectingWebSocket socket(loop,
                                     fails             ? "ws://127.0.0.1:1"
                                     : when == "reset" ? cruel.url()
                                                       : server.url(),
                                     {}, {.delay = 1h, .delay_max = 1h});
        ReconnectLog log(socket);
        if (when == "now") socket.close();
        socket.onopen = [&] {
            log.add("open");
            if (when == "sent" || when == "reset") socket.send("a");
            socket.close(1000, "done");
            EXPECT_EQ(socket.ready_state(), WebSocket::CLOSING);
            EXPECT_FALSE(socket.send("b"));
        };
        socket.onlost = [&](const LostEvent& event) {
            log.add(ReconnectLog::shown(event));
            if (when == "lost") socket.close();
            if (when == "pause") loop.post([&] { socket.close(); });
        };
        EXPECT_THROW(socket.close(1001), InvalidAccessError);
        loop.run();
        EXPECT_EQ(log.text, row.told) << when;
        EXPECT_EQ(socket.ready_state(), WebSocket::CLOSED);
    }
}

TEST(Reconnecting, DestroyedInEachHandler) {
    for (const char* event : {"open", "message", "error", "lost", "close"}) {
        const std::string_view when = event;
        ScriptServer server([&](Peer& peer) {
            if (when == "error") return;
            peer.accept();
            peer.write_hex("81 01 61");
            if (when == "lost" || when == "close") {
                peer.write_hex("88 02 03f0");
                return void(peer.next());
            }
            peer.wait_for_end();
        });
        ClientLoop loop;
        auto socket =
            std::make_unique<ReconnectingWebSocket>(loop, server.url(), WebSocketOptions{}, fast);
        int calls = 0;
        const auto destroy = [&, kept = std::make_shared<int>(1)] {
            socket.reset();
            calls += *kept;
        };
        if (when == "open") socket->onopen = destroy;
        if (when == "message") socket->onmessage = destroy;
        if (when == "error") socket->onerror = destroy;
        if (when == "lost") socket->onlost = destroy;
        if (when == "close") socket->onclose = destroy;
        loop.run();
        EXPECT_EQ(calls, 1) << when;
    }
}

TEST(Reconnecting, OutlivesItsLoop) {
    auto loop = std::make_unique<ClientLoop>();
    ReconnectingWebSocket socket(*loop, "ws://127.0.0.1:1", {}, {.delay = 1h, .delay_max = 1h});
    socket.onlost = [&] { loop->stop(); };
    loop->run();
    loop.reset();
    EXPECT_EQ(socket.ready_state(), WebSocket::CLOSED);
    EXPECT_FALSE(socket.send("a"));
    socket.close();
    socket.terminate();
}

TEST(Reconnecting, AHandlerThatThrowsIsAFaultOfItsConnection) {
    std::vector<std::string> got;
    ScriptServer server([&](Peer& peer) {
        peer.accept();
        peer.write_hex("81 01 61");
        got.push_back(peer.next());
        peer.wait_for_end();
    });
    ClientLoop loop;
    std::string escaped;
    loop.on_exception([&](std::string_view what) { escaped = what; });
    ReconnectOptions options = fast;
    options.attempts_max = 1;
    ReconnectingWebSocket socket(loop, server.url(), {}, options);
    ReconnectLog log(socket);
    socket.onmessage = [] { throw std::runtime_error("bad"); };
    socket.onclose = [] { throw std::runtime_error("worse"); };
    loop.run();
    server.stop();
    EXPECT_EQ(log.text, "open error lost(1006 0) open error lost(1006 1 end)");
    EXPECT_EQ(got, std::vector<std::string>(2, "close(1011 internal error)"));
    EXPECT_EQ(escaped, "worse");
}

TEST(Reconnecting, ChecksItsOptions) {
    ClientLoop loop;
    EXPECT_THROW(ReconnectingWebSocket(loop, "ftp://x"), SyntaxError);
    for (const ReconnectOptions& wrong :
         {ReconnectOptions{.delay = -1ms}, ReconnectOptions{.delay_max = -1ms},
          ReconnectOptions{.jitter = 1.5}, ReconnectOptions{.stable_after = -1ms},
          ReconnectOptions{.confirm_interval = -1ms}})
        EXPECT_THROW(ReconnectingWebSocket(loop, "ws://x", {}, wrong), std::invalid_argument);
    loop.run();
}

}  // namespace
}  // namespace starling::client::test
