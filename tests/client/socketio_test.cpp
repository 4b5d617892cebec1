// sio::connect() against a Socket.IO server of this library, over real sockets.
#include <gtest/gtest.h>
#include <starling/socketio_client.h>

#include <string>
#include <vector>

#include "tests/server/fixture.h"

namespace starling::client::test {
namespace {

using namespace std::chrono_literals;
using server::test::TestServer;
using Lines = std::vector<std::string>;

struct Site {
    Site() {
        auto& io = host.server.socketio({.allow_eio3 = true});
        io.on_connection([](sio::Socket socket) { socket.emit("hello", socket.nsp(), 1); });
        io.on("sum", [](int a, int b) { return a + b; });
        io.on("bytes", [](const sio::Binary& bytes) { return bytes; });
        io.on("ask me", [](sio::Socket socket) {
            socket.emit_with_ack("question", 6, [socket](const sio::Answer& answer) {
                socket.emit("you said", answer.value());
            });
        });
        io.on("kick", [](sio::Socket socket) { socket.disconnect(true); });
        io.of("/admin").use([](sio::Socket socket, sio::Next next) {
            const sio::Json auth = socket.handshake().auth;
            const auto* token = auth.if_object();
            if (token && token->contains("token")) return next();
            next(sio::Error{"no token", {{"code", 7}}});
        });
        io.of("/admin").on("who", [](sio::Socket socket) { return socket.nsp(); });
        host.start();
    }
    [[nodiscard]] std::string url(std::string_view nsp = "") const {
        return "http://127.0.0.1:" + std::to_string(host.port()) + std::string(nsp);
    }
    TestServer host;
};

const std::vector<std::vector<sio::ClientTransport>> ways = {
    {"polling"},
    {"websocket"},
    {"polling", "websocket"},
};

TEST(SioClient, TalksOverEachTransport) {
    for (const int eio : {3, 4}) {
        for (const auto& transports : ways) {
            Lines lines;
            ClientLoop loop;
            Site site;
            const auto socket =
                sio::connect(loop, site.url(), {.transports = transports, .eio = eio});
            socket.on("connecting", [&] { lines.emplace_back("connecting"); });
            socket.on("connect", [&] { lines.push_back(socket.id().empty() ? "?" : "connect"); });
            socket.on("disconnect", [&](std::string reason) { lines.push_back(reason); });
            socket.on("hello", [&](std::string nsp, int n) {
                lines.push_back("hello " + nsp + std::to_string(n));
                socket.emit("ask me");
            });
            socket.on("question", [](int n) { return n * 7; });
            socket.on("you said", [&](int n) {
                lines.push_back("said " + std::to_string(n));
                socket.emit_with_ack("sum", 1, 2, [&](const sio::Answer& answer) {
                    lines.push_back("sum " + std::to_string(answer.value().to_number<int>()));
                });
                const std::string data(100'000, 'x');
                socket.emit_with_ack("bytes", sio::Binary(data), [&](const sio::Answer& answer) {
                    lines.push_back("bytes " +
                                    std::to_string(sio::Binary::view(answer.args[0])->size()));
                    socket.disconnect();
                });
            });
            loop.run();  // Ends by itself.
            EXPECT_EQ(lines, (Lines{"connecting", "connect", "hello /1", "said 42", "sum 3",
                                    "bytes 100000", "io client disconnect"}))
                << eio << " " << transports.size();
            EXPECT_FALSE(socket.connected());
            EXPECT_TRUE(site.host.all_gone());
        }
    }
}

TEST(SioClient, SharesAConnectionBetweenNamespaces) {
    Lines lines;
    ClientLoop loop;
    Site site;
    const auto root = sio::connect(loop, site.url());
    const auto admin = sio::connect(loop, site.url("/admin"), {.auth = {{"token", "t"}}});
    admin.on("connect", [&] {
        admin.emit_with_ack("who", [&](const sio::Answer& answer) {
            lines.emplace_back(answer.value().as_string());
            admin.disconnect();
            root.disconnect();
        });
    });
    size_t opened = 0;
    root.io().on("open", [&] { ++opened; });
    loop.run();
    EXPECT_EQ(lines, Lines{"/admin"});
    EXPECT_EQ(opened, 1u);
}

TEST(SioClient, HearsWhyItIsRefused) {
    Lines lines;
    ClientLoop loop;
    Site site;
    const auto admin = sio::connect(loop, site.url("/admin"));
    admin.on("connect_error", [&](const sio::Json& error) {
        lines.emplace_back(error.at("message").as_string());
        EXPECT_EQ(error.at_pointer("/data/code").to_number<int>(), 7);
    });
    loop.run();
    EXPECT_EQ(lines, Lines{"no token"});
    EXPECT_FALSE(admin.active());
}

TEST(SioClient, GivesUpAfterItsAttempts) {
    Lines lines;
    ClientLoop loop;
    std::string url;
    {
        Site site;
        url = site.url();
    }
    for (const auto& transports : ways) {
        lines.clear();
        const auto socket = sio::connect(loop, url,
                                         {.force_new = true,
                                          .transports = transports,
                                          .reconnection_attempts = 2,
                                          .reconnection_delay = 1ms});
        socket.on("connect_error", [&] { lines.emplace_back("connect_error"); });
        socket.on("reconnecting", [&](int n) { lines.push_back("again " + std::to_string(n)); });
        socket.on("reconnect_failed", [&] { lines.emplace_back("failed"); });
        loop.run();
        EXPECT_EQ(lines, (Lines{"connect_error", "again 1", "connect_error", "again 2",
                                "connect_error", "failed"}));
    }
}

TEST(SioClient, ComesBack) {
    for (const auto& transports : ways) {
        Lines lines;
        ClientLoop loop;
        Site site;
        const auto socket =
            sio::connect(loop, site.url(), {.transports = transports, .reconnection_delay = 1ms});
        socket.on("connect", [&] {
            if (lines.empty()) return socket.emit("kick");
            lines.emplace_back("back");
            socket.emit_with_ack("sum", 2, 3, [&](const sio::Answer&) { socket.disconnect(); });
        });
        socket.on("disconnect", [&](std::string reason) {
            lines.push_back(reason);
            if (!socket.active()) socket.connect();
            if (lines.size() > 2) socket.disconnect();
        });
        loop.run();
        EXPECT_EQ(lines, (Lines{"io server disconnect", "back", "io client disconnect"}));
    }
}

TEST(SioClient, AHandlerThatThrowsClosesItsSocket) {
    Lines lines;
    ClientLoop loop;
    loop.on_exception([&](std::string_view what) { lines.emplace_back(what); });
    Site site;
    const auto socket = sio::connect(loop, site.url());
    socket.on("hello", [] { throw std::runtime_error("oops"); });
    socket.on("disconnect", [&](std::string reason) { lines.push_back(reason); });
    loop.run();
    EXPECT_EQ(lines, (Lines{"hello: oops", "io client disconnect"}));
}

TEST(SioClient, EndsWithItsLoop) {
    Site site;
    for (const auto& transports : ways) {
        auto loop = std::make_unique<ClientLoop>();
        auto socket = std::make_unique<sio::ClientSocket>(
            sio::connect(*loop, site.url(), {.transports = transports}));
        socket->on("hello", [&] { loop->stop(); });
        loop->run();
        EXPECT_TRUE(socket->connected());
        if (transports.size() == 1) socket.reset();
        loop.reset();
        if (socket) {
            EXPECT_THROW(socket->emit("x"), std::logic_error);
        }
    }
    EXPECT_TRUE(site.host.all_gone());
}

TEST(SioClient, RefusesUrlsAndOptions) {
    ClientLoop loop;
    EXPECT_THROW((void)sio::connect(loop, "ftp://localhost"), SyntaxError);
    EXPECT_THROW((void)sio::connect(loop, "http://localhost", {.eio = 5}), std::invalid_argument);
    EXPECT_THROW((void)sio::connect(loop, "http://localhost", {.reconnection_delay = -1ms}),
                 std::invalid_argument);
    EXPECT_THROW((void)sio::connect(loop, "http://localhost", {.timeout = 1000h * 24}),
                 std::invalid_argument);
    for (const char* const path : {"/a b", "/a\r\nx: y", "a", "/a?b", "/a#b", "/\xc3\xa9"})
        EXPECT_THROW((void)sio::connect(loop, "http://localhost", {.path = path}), SyntaxError)
            << path;
    using Fields = std::vector<std::pair<std::string, std::string>>;
    for (const auto& fields : {Fields{{"X", "a\r\nY: b"}}, Fields{{"X Y", "a"}},
                               Fields{{"Host", "a"}}, Fields{{"Content-Length", "5"}}})
        EXPECT_THROW((void)sio::connect(loop, "http://localhost", {.extra_headers = fields}),
                     SyntaxError)
            << fields.front().first;
    loop.run();
}

}  // namespace
}  // namespace starling::client::test
