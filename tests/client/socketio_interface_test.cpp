// The interface of <starling/socketio_client.h>: each option and function as a program writes it, and
// handlers that throw.
#include <gtest/gtest.h>
#include <starling/socketio_client.h>

#include <array>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "tests/client/socketio_site.h"

namespace starling::client::test {
namespace {

std::string token_of(const std::string& url, sio::ClientOptions options) {
    std::string token;
    ClientLoop loop;
    auto socket = sio::connect(loop, url, std::move(options));
    socket.on("connect", [&] {
        socket.emit_with_ack("token", [&](const sio::Answer& answer) {
            token = std::string(answer.value().as_string());
            socket.disconnect();
        });
    });
    socket.on("connect_error", [&](const sio::Json& error) {
        token = std::string(error.at("message").as_string());
    });
    loop.run();
    return token;
}

TEST(SioInterface, AuthIsAValueOrAFunction) {
    Site site;
    const std::string url = site.url("/admin");
    EXPECT_EQ(token_of(url, {}), "no token");
    EXPECT_EQ(token_of(url, {.auth = {{"token", "value"}}}), "value");
    EXPECT_EQ(token_of(url, {.auth = sio::Json{{"token", "json"}}}), "json");
    EXPECT_EQ(token_of(url, {.auth = [] { return sio::Json{{"token", "function"}}; }}), "function");
    EXPECT_EQ(token_of(url, {.auth =
                                 [](sio::AuthReply reply) {
                                     reply({{"token", "reply"}});
                                 }}),
              "reply");
}

TEST(SioInterface, AuthMayComeLater) {
    std::string token;
    ClientLoop loop;
    Site site;
    int asked = 0;
    auto socket = sio::connect(loop, site.url("/admin"), {.auth = [&](sio::AuthReply reply) {
                                   ++asked;
                                   loop.after(1ms, [reply] {
                                       reply({{"token", "late"}});
                                       reply({{"token", "later"}});
                                   });
                               }});
    socket.on("connect", [&] {
        socket.emit_with_ack("token", [&](const sio::Answer& answer) {
            token = std::string(answer.value().as_string());
            socket.disconnect();
        });
    });
    loop.run();
    EXPECT_EQ(token, "late");
    EXPECT_EQ(asked, 1);
}

TEST(SioInterface, AuthAfterDisconnectIsDropped) {
    std::vector<sio::AuthReply> replies;
    Lines lines;
    ClientLoop loop;
    Site site;
    std::optional<sio::ClientSocket> socket;
    socket = sio::connect(loop, site.url("/admin"), {.auth = [&](sio::AuthReply reply) {
                              replies.push_back(std::move(reply));
                              if (replies.size() == 2) {
                                  replies[0]({{"token", "old"}});
                                  replies[1]({{"token", "new"}});
                              } else {
                                  loop.post([&] {
                                      socket->disconnect();
                                      socket->connect();
                                  });
                              }
                          }});
    socket->on("connect", [&] {
        socket->emit_with_ack("token", [&](const sio::Answer& answer) {
            lines.emplace_back(answer.value().as_string());
            socket->disconnect();
        });
    });
    loop.run();
    EXPECT_EQ(lines, Lines{"new"});
    EXPECT_EQ(replies.size(), 2u);
    replies[0]({{"token", "after all"}});
}

TEST(SioInterface, AuthThatThrowsDisconnects) {
    Lines lines;
    ClientLoop loop;
    loop.on_exception([&](std::string_view what) { lines.emplace_back(what); });
    Site site;
    auto socket = sio::connect(loop, site.url("/admin"),
                               {.auth = []() -> sio::Json { throw std::runtime_error("no key"); }});
    socket.on("connect_error", [&] { lines.emplace_back("connect_error"); });
    loop.run();
    EXPECT_EQ(lines, Lines{"auth: no key"});
    EXPECT_FALSE(socket.active());
}

// The lines of the interface, as a program writes them.
TEST(SioInterface, EachLine) {
    Lines lines;
    ClientLoop loop;
    Site site;
    auto socket = sio::connect(loop, site.url("/admin"),
                               {.transports = {"websocket"}, .auth = {{"token", "..."}}});
    EXPECT_TRUE(socket.active());
    EXPECT_FALSE(socket.connected());
    EXPECT_TRUE(socket.disconnected());
    EXPECT_EQ(socket.id(), "");
    EXPECT_EQ(socket.nsp(), "/admin");
    auto root = sio::connect(loop, site.url());
    root.on("connect", [&] {
        EXPECT_NE(root.id(), "");
        EXPECT_FALSE(root.recovered());
        root.emit("tell");
        root.emit("all", "oaoafly", "windiest", sio::Json{{"msg", "hello"}});
        root.volatile_().emit("all", true, nullptr, 1.5, std::vector{1, 2});
        root.emit_with_ack("sum", 1, 2, [&](const sio::Answer& answer) {
            lines.push_back("sum" + shown(answer.args));
        });
        root.compress(false).timeout(5s).emit_with_ack("sum", 2, 2, [&](const sio::Answer& answer) {
            lines.push_back("sum" + shown(answer.args));
        });
        root.timeout(1ms).emit_with_ack("never", [&](const sio::Answer& answer) {
            EXPECT_EQ(answer.status, sio::Answer::Status::timed_out);
            EXPECT_FALSE(answer);
            root.emit("ask");
        });
    });
    root.on("news", [&](std::string a, int b) { lines.push_back(a + std::to_string(b)); });
    root.on("were", [&](std::string text) { lines.push_back("were" + text); });
    root.on("question", [](int n) { return n * 7; });
    root.once("you said", [&](int n) {
        lines.push_back("said " + std::to_string(n));
        root.disconnect();
        socket.disconnect();
    });
    loop.run();
    EXPECT_EQ(lines, (Lines{"a2", "were \"oaoafly\" \"windiest\" {\"msg\":\"hello\"}",
                            "were true null 1.5E0 [1,2]", "sum 3", "sum 4", "said 42"}));
}

TEST(SioInterface, ListenersComeAndGo) {
    Lines lines;
    ClientLoop loop;
    Site site;
    auto socket = sio::connect(loop, site.url());
    int told = 0;
    socket.on_any([&](std::string_view name, std::span<const sio::Json> args) {
        lines.push_back("in " + std::string(name) + shown(args));
    });
    socket.on_any_outgoing([&](std::string_view name, std::span<const sio::Json> args) {
        lines.push_back("out " + std::string(name) + shown(args));
    });
    socket.once("news", [&] { lines.emplace_back("once"); });
    socket.on("news", [&] {
        if (++told == 1) {
            socket.off_any_outgoing();
            return socket.emit("tell");
        }
        if (told == 2) {
            socket.off_any();
            socket.off("news");
            socket.on("news", [&] { socket.disconnect(); });
            socket.emit("tell");
        }
    });
    socket.on("connect", [&] { socket.emit("tell"); });
    socket.on("disconnect", [&](std::string reason, const sio::Json& details) {
        lines.push_back(reason + shown(std::array{details}));
        socket.off();
    });
    loop.run();
    EXPECT_EQ(lines, (Lines{"out tell", "in news \"a\" 2", "once", "in news \"a\" 2",
                            "io client disconnect null"}));
}

TEST(SioInterface, TheManagerTells) {
    Lines lines;
    ClientLoop loop;
    auto socket = sio::connect(loop, "http://127.0.0.1:1",
                               {.reconnection_attempts = 2,
                                .reconnection_delay = 1ms,
                                .reconnection_delay_max = 2ms,
                                .randomization_factor = 0});
    auto io = socket.io();
    const auto note = [&lines](std::string name) {
        return [&lines, name](std::span<const sio::Json> args) {
            lines.push_back(args.empty() || args[0].is_object() ? name : name + shown(args));
        };
    };
    for (const char* name :
         {"open", "error", "ping", "close", "reconnect", "reconnect_error", "reconnect_failed"})
        io.on(name, note(name));
    socket.io().on("reconnect_attempt", [&](int n) { lines.push_back(std::to_string(n)); });
    io.once("error", [&](const sio::Json& error) {
        EXPECT_EQ(error.at("message"), "xhr poll error");
        lines.emplace_back("first error");
    });
    for (const char* name : {"connecting", "connect_error", "connect_failed", "reconnecting",
                             "reconnect_failed", "reconnect", "error", "disconnect", "connect"})
        socket.on(name, note(std::string("- ") + name));
    loop.run();
    EXPECT_EQ(lines, (Lines{"- connecting", "- connect_error", "- connect_failed", "error",
                            "first error", "1", "- reconnecting 1", "- connect_error",
                            "- connect_failed", "error", "reconnect_error", "2", "- reconnecting 2",
                            "- connect_error", "- connect_failed", "error", "reconnect_failed",
                            "- reconnect_failed", "reconnect_error"}));
    lines.clear();
    io.off("error");
    io.off();
    socket.off();
    io.open();
    EXPECT_FALSE(io.reconnecting());
    io.close();
    loop.run();
    EXPECT_EQ(lines, Lines{});
}

TEST(SioInterface, TakesAllOptions) {
    ClientLoop loop;
    const sio::ClientOptions options{.force_new = true,
                                     .multiplex = false,
                                     .transports = {"websocket"},
                                     .upgrade = false,
                                     .remember_upgrade = true,
                                     .try_all_transports = true,
                                     .eio = 4,
                                     .path = "/path/",
                                     .add_trailing_slash = false,
                                     .query = {{"token", "a b"}},
                                     .extra_headers = {{"X-Test", "1"}},
                                     .parser = sio::Parser::msgpack,
                                     .message_bytes_max = 10,
                                     .send_queue_bytes_max = 10,
                                     .tls = {.verify = false, .ca_path = "ca.pem"},
                                     .proxy = "",
                                     .auth = {{"token", "..."}},
                                     .auto_connect = false,
                                     .retries = 3,
                                     .ack_timeout = 5s,
                                     .reconnection = true,
                                     .reconnection_attempts = 5,
                                     .reconnection_delay = 1s,
                                     .reconnection_delay_max = 5s,
                                     .randomization_factor = 0.5,
                                     .timeout = 20s};
    auto socket = sio::connect(loop, "wss://localhost:1", options);
    EXPECT_FALSE(socket.active());
    loop.run();  // auto_connect is off: nothing to do.
    EXPECT_EQ(sio::ClientTransport("polling").value(), sio::Transport::polling);
    EXPECT_EQ(sio::ClientTransport(sio::Transport::websocket).value(), sio::Transport::websocket);
    EXPECT_THROW(sio::ClientTransport("webtransport"), std::invalid_argument);
}

TEST(SioInterface, DisconnectBeforeTheFirstTurn) {
    ClientLoop loop;
    Site site;
    auto socket = sio::connect(loop, site.url());
    bool connected = false;
    socket.on("connect", [&] { connected = true; });
    socket.disconnect();
    EXPECT_FALSE(socket.active());
    loop.run();
    EXPECT_FALSE(connected);
}

// The loop's thread must not wait for what only the loop can bring.
TEST(SioInterface, AFutureIsForAnotherThread) {
    Site site;
    std::promise<Future<sio::Answer>> asked;
    Lines lines;
    ClientLoop loop;
    loop.start();
    loop.post([&] {
        const auto socket = sio::connect(loop, site.url());
        socket.on("connect", [&, socket] {
            auto sum = socket.emit_with_ack("sum", 1, 2);
            EXPECT_THROW((void)sum.get(), std::logic_error);
            EXPECT_THROW((void)sum.wait_for(1ms), std::logic_error);
            sum.then([&, socket](const sio::Answer& answer) {
                lines.push_back(std::to_string(answer.value().to_number<int>()));
                asked.set_value(socket.emit_with_ack("sum", 3, 4));
            });
        });
    });
    EXPECT_EQ(asked.get_future().get().get().value().to_number<int>(), 7);
    EXPECT_EQ(lines, Lines{"3"});
}

// run() must not end while the client looks for the server, even without a timeout.
TEST(SioInterface, WaitsWithoutATimeout) {
    for (const char* const transport : {"polling", "websocket"}) {
        ClientLoop loop;
        Site site;
        auto socket = sio::connect(loop, site.url(), {.transports = {transport}, .timeout = {}});
        bool connected = false;
        socket.on("connect", [&] {
            connected = true;
            socket.disconnect();
        });
        loop.run();
        EXPECT_TRUE(connected);
    }
}

// ---- Exceptions ---------------------------------------------------------------------------------

TEST(SioInterface, WhatThrowsDisconnectsItsSocketAlone) {
    struct Case {
        const char* where;
        std::function<void(const sio::ClientSocket&)> arrange;
    };
    const auto oops = [] { throw std::runtime_error("oops"); };
    const std::vector<Case> cases = {
        {"news", [&](const auto& s) { s.on("news", oops); }},
        {"news", [&](const auto& s) { s.on_any([&](auto, auto) { oops(); }); }},
        {"connect", [&](const auto& s) { s.on("connect", oops); }},
        {"on_any_outgoing", [&](const auto& s) { s.on_any_outgoing([&](auto, auto) { oops(); }); }},
        {"the callback of an ack",
         [&](const auto& s) { s.emit_with_ack("sum", 1, 2, [&](const sio::Answer&) { oops(); }); }},
    };
    for (const Case& one : cases) {
        Lines lines;
        ClientLoop loop;
        loop.on_exception([&](std::string_view what) { lines.emplace_back(what); });
        Site site;
        auto bad = sio::connect(loop, site.url());
        auto good = sio::connect(loop, site.url("/admin"), {.auth = {{"token", "t"}}});
        one.arrange(bad);
        bad.on("connect", [&] { bad.emit("tell"); });
        bad.on("disconnect", [&](std::string reason) {
            lines.push_back(reason);
            good.emit_with_ack("token", [&](const sio::Answer& answer) {
                lines.push_back("good" + shown(answer.args));
                good.disconnect();
            });
        });
        loop.run();
        EXPECT_EQ(lines,
                  (Lines{std::string(one.where) + ": oops", "io client disconnect", "good \"t\""}));
    }
}

TEST(SioInterface, AManagersHandlerThatThrowsIsTold) {
    Lines lines;
    ClientLoop loop;
    loop.on_exception([&](std::string_view what) { lines.emplace_back(what); });
    Site site;
    auto socket = sio::connect(loop, site.url());
    socket.io().on("open", [] { throw std::runtime_error("oops"); });
    socket.on("connect", [&] { socket.disconnect(); });
    loop.run();
    EXPECT_EQ(lines, Lines{"open: oops"});
}

TEST(SioInterface, AnArgumentThatDoesNotFitIsTold) {
    Lines lines;
    ClientLoop loop;
    loop.on_exception([&](std::string_view what) { lines.emplace_back(what); });
    Site site;
    auto socket = sio::connect(loop, site.url());
    socket.on("connect", [&] { socket.emit("tell"); });
    socket.on("news", [](int) {});
    socket.on("news", [&] { socket.disconnect(); });
    loop.run();
    EXPECT_EQ(lines, Lines{"a handler of \"news\" was not called: argument 1 is not an integer"});
}

TEST(SioInterface, EventsBeyondTheLimitAreToldOnce) {
    Lines lines;
    ClientLoop loop;
    loop.on_exception([&](std::string_view what) { lines.emplace_back(what); });
    Site site;
    auto socket = sio::connect(loop, site.url(), {.buffered_events_max = 1});
    socket.emit("tell");
    socket.emit("tell");
    socket.emit("ask");
    socket.emit_with_ack("ask", [&](const sio::Answer& answer) {
        EXPECT_EQ(answer.status, sio::Answer::Status::refused);
        lines.emplace_back("refused");
    });
    socket.on("news", [&] { socket.disconnect(); });
    socket.on("disconnect", [&] { socket.emit("first"), socket.emit("later"); });
    loop.run();
    const Lines wanted{"the event \"tell\" was dropped: buffered_events_max events wait", "refused",
                       "the event \"later\" was dropped: buffered_events_max events wait"};
    EXPECT_EQ(lines, wanted);
}

}  // namespace
}  // namespace starling::client::test
