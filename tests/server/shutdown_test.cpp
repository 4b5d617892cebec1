// Start and end of a server: addresses, socket files, stop, signals, certificates.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "server/signals.h"
#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using http::Request;
using http::Response;
using ws::Socket;

void hello(Server& server) {
    server.get("/", [](const Request&, Response& r) { r.text("hello"); });
}

std::string temporary(const std::string& name) {
    return "/tmp/starling-" + std::to_string(::getpid()) + "-" + name;
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

TEST(ServerStart, APortInUseIsAnErrorWithNothingHalfStarted) {
    TestServer first({.listen = own_address() + ":0"});
    hello(first.server);
    first.start();
    const std::string taken = own_address() + ":" + std::to_string(first.port());
    const std::string path = temporary("half.sock");
    TestServer second({.listen = {{"unix:" + path}, {"127.0.0.1:0"}, {taken}}, .workers = 2});
    hello(second.server);
    EXPECT_THROW(second.server.start(), std::runtime_error);
    EXPECT_FALSE(exists(path));
    EXPECT_EQ(second.server.run(), 2);
    EXPECT_FALSE(exists(path));
    EXPECT_EQ(second.log->lines.count("cannot listen on " + taken + ": Address already in use"), 1u)
        << second.log->lines.text();
    EXPECT_TRUE(second.server.addresses().empty());
    first.server.stop();
    first.server.wait();
    EXPECT_NO_THROW(second.server.start());  // Now the address is free, and everything works.
    EXPECT_EQ(Client(path).get("/").body, "hello");
    EXPECT_EQ(second.server.addresses().back(), taken);
}

TEST(ServerStart, BadOptionsAreErrors) {
    EXPECT_THROW(TestServer({.listen = "nowhere"}).start(), std::runtime_error);
    EXPECT_THROW(TestServer({.listen = ListenList({{"127.0.0.1:0", Listen::Tls::on}})}).start(),
                 std::runtime_error);
    EXPECT_THROW(TestServer({.certificates = {{"/none.pem", "/none.key"}}}).start(),
                 std::runtime_error);
    TestServer t;
    EXPECT_THROW(t.server.websocket("/", {.origins = {"not an origin"}}), std::invalid_argument);
    EXPECT_THROW(t.server.websocket("/", {.compression = {.window_bits = 8}}),
                 std::invalid_argument);
    EXPECT_THROW(t.server.default_header("A", "b\r\nc"), std::invalid_argument);
    hello(t.server);
    EXPECT_THROW(hello(t.server), std::invalid_argument);
    t.start();
    EXPECT_THROW(t.server.get("/late", http::Handler()), std::logic_error);
    EXPECT_THROW(t.server.get("/late", http::Route()), std::logic_error);
    EXPECT_THROW(t.server.use("/", {}), std::logic_error);
    EXPECT_THROW(t.server.start(), std::logic_error);
}

TEST(ServerUnix, TheSocketFileComesAndGoes) {
    const std::string path = temporary("a.sock");
    {
        // Left by a process that died.
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        const net::Descriptor stale(::socket(AF_UNIX, SOCK_STREAM, 0));
        ASSERT_EQ(::bind(stale.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    std::string seen;
    TestServer t({.listen = "unix:" + path, .workers = 2});
    t.server.get("/", [&](const Request& q, Response& r) {
        r.text("from '" + std::string(q.remote_address()) + "'");
    });
    t.server.websocket("/ws", {.open = [](Socket s) { s.send(s.remote_address()); }});
    t.start();
    EXPECT_EQ(t.server.port(), 0u);
    EXPECT_EQ(t.server.addresses(), std::vector<std::string>{"unix:" + path});
    for (int i = 0; i < 10; ++i) EXPECT_EQ(Client(path).get("/").body, "from ''");
    Client client(path);
    EXPECT_EQ(client.request(upgrade_request("/ws")).status, 101);
    EXPECT_EQ(client.read(6), "\x81\x04unix");
    t.server.stop();
    t.server.stop();
    t.server.wait();
    EXPECT_FALSE(exists(path));
}

// A successor binds its own socket while the old process drains; the old process keeps that file.
TEST(ServerUnix, TheFileOfASuccessorStays) {
    const std::string path = temporary("b.sock");
    TestServer old({.listen = "unix:" + path});
    hello(old.server);
    old.start();
    EXPECT_EQ(Client(path).get("/").body, "hello");
    ASSERT_EQ(::unlink(path.c_str()), 0);
    TestServer successor({.listen = "unix:" + path});
    hello(successor.server);
    successor.start();
    old.server.stop();
    old.server.wait();
    EXPECT_TRUE(exists(path));
    EXPECT_EQ(Client(path).get("/").body, "hello");
}

struct Stopping : testing::Test {
    explicit Stopping(std::chrono::milliseconds drain_timeout = 1h)
        : t({.drain_timeout = drain_timeout}) {
        hello(t.server);
        t.server.get("/later", [this](const Request&, Response& r) { later.set_value(r.later()); });
        t.server.websocket("/ws", {
                                      .open = [this](Socket) { t.events.add("open"); },
                                      .close =
                                          [this](Socket, uint16_t code, std::string_view) {
                                              t.events.add("close " + std::to_string(code));
                                          },
                                  });
        t.start();
    }
    std::promise<http::Reply> later;
    TestServer t;
};

struct StoppingSoon : Stopping {
    StoppingSoon() : Stopping(500ms) {}
};

TEST_F(Stopping, SocketsGet1001AndNobodyIsForced) {
    WsClient a(t.port(), "/ws"), b(t.port(), "/ws");
    Client idle(t.port());
    EXPECT_EQ(idle.get("/").body, "hello");
    EXPECT_TRUE(t.events.wait_for("open", 2));
    EXPECT_FALSE(t.server.stopping());
    t.server.stop();
    EXPECT_TRUE(t.server.stopping());
    for (WsClient* client : {&a, &b}) {
        EXPECT_EQ(client->next(), "close(1001 the server is stopping)");
        client->send_close(1001);
        EXPECT_EQ(client->next(), "<end>");
    }
    EXPECT_EQ(idle.read_to_end(), "<end>");
    t.server.wait();
    EXPECT_EQ(t.events.count("close 1001"), 2u) << t.events.text();
    EXPECT_EQ(t.stats().connections_open, 0u);
    EXPECT_THROW(Client(t.port()), std::runtime_error);
}

// The worker notices the stop before the request, which the kernel has taken by then.
TEST(Stop, ARequestThatHasArrivedIsAnswered) {
    Transcript events;
    std::promise<void> gate;
    TestServer t({.drain_timeout = 1h});
    hello(t.server);
    t.server.get("/gate", [&](const Request&, Response& response) {
        events.add("gate");
        gate.get_future().wait();
        response.text("opened");
    });
    t.start();
    Client fresh(t.port()), kept(t.port()), waits(t.port());
    EXPECT_EQ(kept.get("/").body, "hello");
    ASSERT_TRUE(eventually([&] { return t.stats().connections_open == 3; }));
    waits.send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(events.wait_for("gate"));
    t.server.stop();
    for (Client* client : {&fresh, &kept}) client->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return fresh.all_taken() && kept.all_taken(); }));
    gate.set_value();
    for (Client* client : {&fresh, &kept}) EXPECT_EQ(client->answer().status, 503);
    EXPECT_EQ(waits.answer().body, "opened");
    t.server.wait();
}

TEST_F(Stopping, ARequestInProgressIsFinishedAndTheNextGets503) {
    Client waits(t.port()), half(t.port()), upgrades(t.port());
    waits.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    half.send("GET / HTTP/1.1\r\nHo");
    upgrades.send(upgrade_request("/ws").substr(0, 30));
    const http::Reply reply = later.get_future().get();
    ASSERT_TRUE(eventually([&] { return t.stats().connections_open == 3; }));
    Client idle(t.port());
    EXPECT_EQ(idle.get("/").body, "hello");
    t.server.stop();
    EXPECT_EQ(idle.read_to_end(), "<end>");  // The worker has noticed the stop.
    half.send("st: a\r\n\r\n");
    const auto refused = half.answer();
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.has("Retry-After: 1"));
    EXPECT_TRUE(refused.has("Connection: close"));
    upgrades.send(upgrade_request("/ws").substr(30));
    EXPECT_EQ(upgrades.answer().status, 503);
    Response done;
    reply.send(std::move(done.text("done")));
    const auto answer = waits.answer();
    EXPECT_EQ(answer.body, "done");
    EXPECT_TRUE(answer.has("Connection: close"));
    t.server.wait();
}

TEST_F(StoppingSoon, TheDeadlineEndsWhatDoesNotEndItself) {
    WsClient silent(t.port(), "/ws");
    Client waits(t.port());
    waits.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    const http::Reply reply = later.get_future().get();
    t.server.stop();
    t.server.wait();
    EXPECT_EQ(silent.next(), "close(1001 the server is stopping)");
    EXPECT_EQ(silent.next(), "<reset>");
    EXPECT_EQ(waits.read_to_end(), "<reset>");
    EXPECT_TRUE(reply.closed());
    EXPECT_FALSE(reply.write("late"));
    reply.end();
    EXPECT_TRUE(t.events.wait_for("close 1001"));
    EXPECT_EQ(t.stats().connections_open, 0u);
}

TEST_F(Stopping, ASecondStopEndsAtOnce) {
    WsClient silent(t.port(), "/ws");
    EXPECT_TRUE(t.events.wait_for("open"));
    // Waits for an answer that never comes: for an hour if the second stop() did nothing.
    Client waits(t.port());
    waits.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    const http::Reply reply = later.get_future().get();
    t.server.stop();
    t.server.stop();
    t.server.wait();
    EXPECT_EQ(waits.read_to_end(), "<reset>");
    EXPECT_TRUE(reply.closed());
    EXPECT_TRUE(t.events.wait_for("close 1001"));
}

TEST(ServerStop, WorksInsideAHandlerAndWithTwoWaiting) {
    TestServer t;
    t.server.websocket("/", {.message = [&](Socket socket, ws::Message) {
                           t.server.stop();
                           socket.send("stopping");
                       }});
    t.start();
    WsClient client(t.port());
    std::thread waiting([&] { t.server.wait(); });
    client.send_text("stop");
    EXPECT_EQ(client.next(), "text(stopping)");
    EXPECT_EQ(client.next(), "close(1001 the server is stopping)");
    client.send_close(1001);
    t.server.wait();
    waiting.join();
    EXPECT_EQ(t.stats().connections_open, 0u);
}

// Threads of the application that exist before the server and take signals of the process.
class EarlyThreads {
public:
    EarlyThreads() {
        for (auto& thread : threads_)
            thread = std::thread([this] {
                while (!end_) ::poll(nullptr, 0, 1);
            });
    }
    ~EarlyThreads() {
        end_ = true;
        for (auto& thread : threads_) thread.join();
    }

private:
    std::atomic<bool> end_{false};
    std::array<std::thread, 4> threads_;
};

// Runs a server in its own process. The pipe carries its port, and then a sign when a socket has
// opened.
int run_in_child(int pipe_end, bool early_threads) {
    std::optional<EarlyThreads> threads;
    if (early_threads) threads.emplace();
    TestServer t;
    hello(t.server);
    t.server.after(0ms, [&] {
        const uint16_t port = t.port();
        (void)!::write(pipe_end, &port, sizeof port);
    });
    t.server.on_reload([&] { (void)!::write(pipe_end, "R", 1); });
    t.server.websocket("/ws", {});
    return t.server.run();
}

void hup_reloads_and_term_ends_with_zero(bool early_threads) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(run_in_child(ends[1], early_threads));
    ::close(ends[1]);
    uint16_t port = 0;
    ASSERT_EQ(::read(ends[0], &port, sizeof port), ssize_t(sizeof port));
    WsClient client(port, "/ws");
    ASSERT_EQ(client.handshake().status, 101);
    ::kill(child, SIGHUP);
    char reloaded = 0;
    EXPECT_EQ(::read(ends[0], &reloaded, 1), 1);
    ::kill(child, SIGTERM);
    EXPECT_EQ(client.next(), "close(1001 the server is stopping)");
    client.send_close(1001);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    ::close(ends[0]);
}

TEST(ServerSignals, HupReloadsAndTermEndsWithZero) { hup_reloads_and_term_ends_with_zero(false); }

TEST(ServerSignals, ThreadsStartedBeforeTheServerDoNotTakeThem) {
    hup_reloads_and_term_ends_with_zero(true);
}

// Each server of a process gets each signal; afterwards the previous handlers are restored.
TEST(ServerSignals, AreForEachServerAndGivenBack) {
    const auto ignored = ::signal(SIGHUP, SIG_IGN);
    {
        Signals one, two;
        one.unblock();
        ::kill(::getpid(), SIGHUP);
        ::kill(::getpid(), SIGTERM);
        for (Signals* signals : {&one, &two}) {
            EXPECT_EQ(signals->take() + signals->take(), SIGHUP + SIGTERM);
            EXPECT_EQ(signals->take(), 0);
        }
    }
    EXPECT_EQ(::signal(SIGHUP, ignored), SIG_IGN);
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    for (const int signal : Signals::wanted) EXPECT_EQ(sigismember(&blocked, signal), 0) << signal;
}

TEST(ServerSignals, AreRefusedToMoreServersThanThereIsRoomFor) {
    std::vector<std::unique_ptr<Signals>> all;
    for (size_t i = 0; i < Signals::at_once_max; ++i) all.push_back(std::make_unique<Signals>());
    EXPECT_THROW(Signals(), std::runtime_error);
    all.clear();
    EXPECT_NO_THROW(Signals());
}

// A handler that never returns blocks its worker: no loop handles the second SIGTERM.
int run_stuck_in_child(int pipe_end) {
    ::alarm(60);  // Ends by a signal, which the parent distinguishes from an exit.
    TestServer t;
    t.server.get("/", [&](const Request&, Response&) {
        (void)!::write(pipe_end, "S", 1);
        for (;;) ::pause();
    });
    t.server.after(0ms, [&] {  // A thread of the server: it does not take signals.
        const uint16_t port = t.port();
        (void)!::write(pipe_end, &port, sizeof port);
        std::thread([&] {
            while (!t.server.stopping()) ::poll(nullptr, 0, 1);
            (void)!::write(pipe_end, "T", 1);
        }).detach();
    });
    return t.server.run() + 100;
}

TEST(ServerSignals, ASecondTermEndsAProcessWhoseHandlerIsStuck) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(run_stuck_in_child(ends[1]));
    ::close(ends[1]);
    uint16_t port = 0;
    ASSERT_EQ(::read(ends[0], &port, sizeof port), ssize_t(sizeof port));
    Client client(port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    char sign = 0;
    ASSERT_EQ(::read(ends[0], &sign, 1), 1);
    EXPECT_EQ(sign, 'S');
    ::kill(child, SIGTERM);
    ASSERT_EQ(::read(ends[0], &sign, 1), 1);
    EXPECT_EQ(sign, 'T');
    ::kill(child, SIGTERM);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << status;
    EXPECT_EQ(WEXITSTATUS(status), 1);
    ::close(ends[0]);
}

// ---- certificates -------------------------------------------------------------------------------

void write_certificate(const std::string& path, const char* name) {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> x509(X509_new(), &X509_free);
    X509_set_version(x509.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509.get()), 86400);
    X509_set_pubkey(x509.get(), key.get());
    X509_NAME* subject = X509_get_subject_name(x509.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(x509.get(), subject);
    X509_sign(x509.get(), key.get(), EVP_sha256());
    std::FILE* file = std::fopen(path.c_str(), "w");
    PEM_write_X509(file, x509.get());
    PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
}

// Returns the name in the server's certificate, and its answer to a request.
std::string over_tls(uint16_t port) {
    Client client(port);
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                               &SSL_CTX_free);
    const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), &SSL_free);
    SSL_set_fd(ssl.get(), client.fd());
    if (SSL_connect(ssl.get()) != 1) return "no handshake";
    const std::unique_ptr<X509, void (*)(X509*)> x509(SSL_get1_peer_certificate(ssl.get()),
                                                      &X509_free);
    char name[64] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(x509.get()), NID_commonName, name, sizeof name);
    const std::string request = "GET /secure HTTP/1.0\r\n\r\n";
    SSL_write(ssl.get(), request.data(), int(request.size()));
    std::string answer;
    char buffer[4096];
    for (int size = 0; (size = SSL_read(ssl.get(), buffer, sizeof buffer)) > 0;)
        answer.append(buffer, size_t(size));
    return std::string(name) + ": " + answer.substr(answer.find("\r\n\r\n") + 4);
}

TEST(ServerTls, CertificatesAreReplacedWhileItRuns) {
    const std::string path = temporary("certificate.pem");
    write_certificate(path, "first");
    TestServer t({.workers = 2, .certificates = {{path, path}}});
    t.server.get("/secure",
                 [](const Request& q, Response& r) { r.text(q.secure() ? "secure" : "plain"); });
    t.start();
    EXPECT_EQ(over_tls(t.port()), "first: secure");
    write_certificate(path, "second");
    t.server.reload_certificates();
    EXPECT_TRUE(eventually([&] { return over_tls(t.port()) == "second: secure"; }));
    std::fclose(std::fopen(path.c_str(), "w"));  // Empties the file.
    EXPECT_THROW(t.server.reload_certificates(), std::runtime_error);
    EXPECT_EQ(over_tls(t.port()), "second: secure");
    ::unlink(path.c_str());
    EXPECT_TRUE(t.all_gone());
}

// Encrypted bytes wait in the server until the end of the tick: that says nothing about the client.
TEST(ServerTls, ABurstThatTheKernelTakesIsNoFullQueue) {
    const std::string path = temporary("certificate.pem");
    write_certificate(path, "burst");
    std::atomic<int> refused = 0;
    TestServer t({.workers = 1,
                  .certificates = {{path, path}},
                  .http = {.stream_queue_bytes_max = 100'000}});
    t.server.get("/secure", [&](const Request&, Response& response) {
        t.server.post([&, reply = response.later()]() mutable {
            for (int i = 0; i < 10; ++i) refused += !reply.write(std::string(30'000, 'x'));
            reply.end();
        });
    });
    t.start();
    EXPECT_EQ(over_tls(t.port()), "burst: " + std::string(300'000, 'x'));
    EXPECT_EQ(refused, 0);
    ::unlink(path.c_str());
    EXPECT_TRUE(t.all_gone());
}

}  // namespace
}  // namespace starling::server::test
