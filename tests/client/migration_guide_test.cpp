// The samples of docs/clients-migration.md: compiled, run, and compared with the guide.
#include <gtest/gtest.h>
#include <starling/client.h>
#include <starling/client_reconnect.h>
#include <starling/socketio_client.h>

#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/fake/authority.h"
#include "tests/fake/sockets.h"
#include "tests/server/fixture.h"
#include "tests/server/guide.h"

namespace starling::client::test {
namespace {

using namespace std::chrono_literals;
using server::test::TestServer;
using Lines = std::vector<std::string>;

// The server of the samples.
std::unique_ptr<TestServer> serve(ServerOptions options = {}) {
    auto server = std::make_unique<TestServer>(std::move(options));
    server->server.websocket(
        "/echo", {.message = [](ws::Socket socket, ws::Message message) { socket.send(message); }});
    auto& io = server->server.socketio();
    io.on_connection([](sio::Socket socket) { socket.emit("welcome"); });
    io.on("sum", [](int a, int b) { return a + b; });
    io.on("transport", [](sio::Socket socket) { return socket.transport(); });
    io.on("add user", [](sio::Socket socket, const std::string& name) {
        socket.emit("login", sio::Json{{"name", name}, {"numUsers", 1}});
    });
    for (const char* const nsp : {"/chat", "/news"}) io.of(nsp);
    server->start();
    return server;
}

std::string url_of(const TestServer& server, const std::string& scheme, const std::string& path) {
    return scheme + "://127.0.0.1:" + std::to_string(server.port()) + path;
}

TEST(MigrationGuide, SendsFromAnyThread) {
    const auto server = serve();
    const std::string url = url_of(*server, "ws", "/echo");
    std::promise<void> opened, closed;
    size_t received = 0;
    starling::ClientLoop loop;
    std::unique_ptr<starling::WebSocket> socket;
    loop.start();  // The thread that calls the handlers.
    loop.post([&] {
        socket = std::make_unique<starling::WebSocket>(loop, url);
        socket->onopen = [&] { opened.set_value(); };
        socket->onmessage = [&](const starling::MessageEvent& event) {
            received += event.text().size();
            if (received == 4) socket->close(1000, "done");
        };
        socket->onerror = [&](const starling::ErrorEvent& event) {
            opened.set_exception(
                std::make_exception_ptr(std::runtime_error(std::string(event.message))));
        };
        socket->onclose = [&] { closed.set_value(); };
    });
    opened.get_future().get();
    const auto send = [&](std::string text) {
        loop.post([&socket, text = std::move(text)] { socket->send(text); });
    };
    std::thread one([&] { send("ab"); }), other([&] { send("cd"); });
    closed.get_future().wait();
    one.join();
    other.join();
    loop.post([&] { socket.reset(); });  // A handler may run until the loop's thread frees it.
    loop.stop();
    loop.run();
    EXPECT_EQ(received, 4U);
    EXPECT_EQ(socket, nullptr);
}

TEST(MigrationGuide, TlsOptions) {
    const fake::TemporaryDirectory directory;
    const fake::Authority authority{directory};
    const auto files = authority.issue("server", {"IP:127.0.0.1"});
    const auto own = authority.issue("own", {"DNS:ada"});
    const std::string &authority_pem = authority.path(), &own_pem = own.certificate_chain_path,
                      &own_key = own.private_key_path;
    const auto server =
        serve({.certificates = {{files.certificate_chain_path, files.private_key_path}}});
    const std::string url = url_of(*server, "wss", "/echo");
    std::string reason;
    bool open = false;
    starling::ClientLoop loop;
    starling::WebSocketOptions options;
    options.tls.ca_path = authority_pem;  // "": the authorities of the system.
    options.tls.certificate = own_pem;    // If the server asks for one.
    options.tls.key = own_key;
    starling::WebSocket socket(loop, url, options);
    socket.onopen = [&] { open = true, socket.close(); };
    socket.onerror = [&](const starling::ErrorEvent& event) { reason = event.message; };
    loop.run();
    EXPECT_TRUE(open) << reason;
    // Without the authority the connection fails.
    starling::WebSocket other(loop, url);
    other.onerror = [&](const starling::ErrorEvent& event) { reason = event.message; };
    loop.run();
    EXPECT_NE(reason.find("certificate"), std::string::npos) << reason;
}

TEST(MigrationGuide, SocketIo) {
    const auto server = serve();
    const std::string url = url_of(*server, "http", "");
    int users = 0;
    starling::ClientLoop loop;
    auto socket = sio::connect(loop, url);
    socket.on("login", [&](const sio::Json& data) {
        users = data.at("numUsers").to_number<int>();
        socket.emit_with_ack("sum", users, 2, [&](const sio::Answer& answer) {
            users = answer.value().to_number<int>();
            socket.disconnect();
        });
    });
    socket.emit("add user", "ada");  // Waits for the connection.
    loop.run();
    EXPECT_EQ(users, 3);
}

TEST(MigrationGuide, NamespacesComeBack) {
    auto server = serve();
    const std::string port = std::to_string(server->port());
    const std::string url = url_of(*server, "http", "");
    Lines joined;
    starling::ClientLoop loop;
    const auto restart = [&] {
        std::thread([&] {
            server.reset();
            server = serve({.listen = "127.0.0.1:" + port});
        }).join();
    };
    auto chat = sio::connect(loop, url + "/chat", {.reconnection_delay = 10ms});
    auto news = sio::connect(loop, url + "/news");  // The same connection, with its options.
    for (const auto& socket : {chat, news}) {
        socket.on("connect", [&] {
            joined.emplace_back("joined");
            if (joined.size() == 2) restart();
            if (joined.size() == 4) chat.disconnect(), news.disconnect();
        });
    }
    loop.run();
    EXPECT_EQ(joined, Lines(4, "joined"));
}

TEST(MigrationGuide, Polling) {
    const auto server = serve();
    const std::string url = url_of(*server, "http", "");
    std::string transport;
    starling::ClientLoop loop;
    auto socket = sio::connect(loop, url, {.transports = {"polling"}});
    socket.emit_with_ack("transport", [&](const sio::Answer& answer) {
        transport = answer.value().as_string();
        socket.disconnect();
    });
    loop.run();
    EXPECT_EQ(transport, "polling");
}

TEST(MigrationGuide, AttemptsAreObeyed) {
    const std::string url = "http://127.0.0.1:1";  // Nobody listens there.
    int attempts = 0;
    bool gave_up = false;
    starling::ClientLoop loop;
    auto socket = sio::connect(loop, url, {.reconnection_attempts = 3, .reconnection_delay = 10ms});
    socket.io().on("reconnect_attempt", [&](int n) { attempts = n; });
    socket.io().on("reconnect_failed", [&] { gave_up = true; });
    loop.run();  // Returns: nothing is left to do.
    EXPECT_EQ(attempts, 3);
    EXPECT_TRUE(gave_up);
}

TEST(MigrationGuide, SocketIoThreads) {
    const auto server = serve();
    const std::string url = url_of(*server, "http", "");
    std::promise<int> sum;
    bool refused = false;
    starling::ClientLoop loop;
    loop.start();
    std::optional<sio::ClientSocket> socket;
    loop.post([&] { socket = sio::connect(loop, url); });
    std::thread worker([&] {
        loop.post([&] {
            socket->emit_with_ack("sum", 20, 22, [&](const sio::Answer& answer) {
                sum.set_value(answer.value().to_number<int>());
            });
        });
    });
    const int result = sum.get_future().get();
    worker.join();
    try {
        socket->emit("sum", 1, 2);
    } catch (const std::logic_error&) {
        refused = true;  // "the loop runs on another thread: use ClientLoop::post()"
    }
    EXPECT_EQ(result, 42);
    EXPECT_TRUE(refused);
}

TEST(MigrationGuide, SocketIoTls) {
    const fake::TemporaryDirectory directory;
    const fake::Authority authority{directory};
    const auto files = authority.issue("server", {"IP:127.0.0.1"});
    const std::string& authority_pem = authority.path();
    const auto server =
        serve({.certificates = {{files.certificate_chain_path, files.private_key_path}}});
    const std::string url = url_of(*server, "https", "");
    std::string reason;
    bool connected = false;
    starling::ClientLoop loop;
    auto socket = sio::connect(loop, url, {.tls = {.ca_path = authority_pem}});
    socket.on("connect", [&] { connected = true, socket.disconnect(); });
    socket.on("connect_error", [&](const sio::Json& error) {
        reason = error.at("reason").as_string();  // Says what is wrong with a certificate.
    });
    loop.run();
    EXPECT_TRUE(connected) << reason;
}

// A listener that nobody accepts from: the connection is made, and no answer comes.
TEST(MigrationGuide, ACloseEnds) {
    const net::Descriptor silent = fake::listen_at("127.0.0.1:0");
    const std::string url =
        "http://127.0.0.1:" + std::to_string(net::local_address(silent.get())->port());
    starling::ClientLoop loop;
    auto socket = sio::connect(loop, url);  // To a server that never answers.
    loop.after(10ms, [&] { socket.disconnect(); });
    loop.run();  // Returns after 10 ms.
    EXPECT_FALSE(socket.active());
}

TEST(MigrationGuide, DestructorsAreSafe) {
    const auto server = serve();
    const std::string url = url_of(*server, "http", "");
    std::optional<sio::ClientSocket> kept;
    {
        starling::ClientLoop loop;
        kept = sio::connect(loop, url);
        kept->on("welcome", [&] { loop.stop(); });
        loop.run();
    }  // Connected: the end of the loop closes the connection, without events.
    const bool connected = kept->connected();
    EXPECT_FALSE(connected);
    EXPECT_TRUE(server->all_gone());
}

TEST(MigrationGuide, EverySampleIsCompiled) {
    EXPECT_EQ(server::test::expect_compiled({"docs/clients-migration.md"},
                                            "tests/client/migration_guide_test.cpp"),
              10U);
}

}  // namespace
}  // namespace starling::client::test
