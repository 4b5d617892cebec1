// tests/fake/engine_model.h: one Engine.IO client and its server on the calling thread, driven step
// by step: every request, the WebSocket, the session and the workers can end at any moment, in any
// order. AddressSanitizer finds uses of ended objects; the model finds objects that are left.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "net/socket.h"
#include "server/engineio/engine.h"
#include "server/http_connection.h"
#include "server/site.h"
#include "server/worker.h"
#include "tests/fake/engine_extension.h"

namespace starling::server::test {

enum class EngineStep : uint8_t {
    poll,           // A GET.
    post_head,      // The head of a POST, and half of its body.
    post_body,      // The other half.
    attach,         // A WebSocket for the session.
    probe,          // "2probe" on it.
    upgrade,        // "5" on it.
    close_poll,     // Closes the connection of the GET.
    close_post,     // Closes the connection of the POST.
    close_socket,   // Closes the connection of the WebSocket.
    server_sends,   // A message to the client.
    server_closes,  // The session ends.
    client_closes,  // A close packet in a separate POST.
    pipelined,      // A second POST after the first, on the same connection.
    second_poll,    // A second GET while the first is pending, on its own connection.
    reopen,         // Another session, in the slot of the ended one.
    stop,           // The workers stop, as after SIGTERM.
    stop_at_once,   // The workers stop, as after the second SIGTERM.
    crowd,          // Idle connections; a stopping worker closes them before newer ones.
    server_floods,  // More than a connection takes whose client does not read.
};
constexpr size_t engine_steps = size_t(EngineStep::server_floods) + 1;

class EngineModel {
public:
    // A false condition ends the process: the model serves fuzzing and tests.
    static void require(bool condition) {
        if (!condition) std::abort();
    }

    EngineModel()
        : site_(ServerOptions{}),
          engine_({},
                  [this](EngineSession& session, const http::Request&) {
                      return std::make_unique<Handler>(*this, session);
                  }),
          group_(site_) {
        engine_.mount(site_);
        group_.connections_max = 1000;
        for (int i = 0; i < 2; ++i) group_.workers.push_back(std::make_unique<Worker>(group_));
        extension_.attach(group_);
    }

    // `away`: new connections arrive at the worker that does not own the session.
    void open(bool away) {
        away_ = away;
        Peer opener = connect(0);
        opener.send("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n");
        settle();
        const std::string answer = opener.received();
        if (stopped_) return;
        const size_t at = answer.find("\"sid\":\"");
        require(at != answer.npos);
        sid_ = answer.substr(at + 7, 20);
        opener = {};
        settle();
    }

    void run(EngineStep step) {
        switch (step) {
            case EngineStep::poll: return begin(poll_, get());
            case EngineStep::second_poll: return begin(second_poll_, get());
            case EngineStep::post_head: return begin(post_, post("4hello").substr(0, head_bytes()));
            case EngineStep::post_body: return post_.send(post("4hello").substr(head_bytes()));
            case EngineStep::pipelined: return post_.send(post("4more"));
            case EngineStep::client_closes: return begin(last_post_, post("1"));
            case EngineStep::attach: return begin(socket_, handshake());
            case EngineStep::probe: return socket_.send(frame("2probe"));
            case EngineStep::upgrade: return socket_.send(frame("5"));
            case EngineStep::close_poll: poll_ = {}; return;
            case EngineStep::close_post: post_ = {}; return;
            case EngineStep::close_socket: socket_ = {}; return;
            case EngineStep::server_sends:
                if (session_) session_->send_text("4news");
                return;
            case EngineStep::server_closes:
                if (session_) session_->close();
                return;
            case EngineStep::reopen:
                if (!session_) open(away_);
                return;
            case EngineStep::stop: return stop(false);
            case EngineStep::stop_at_once: return stop(true);
            case EngineStep::server_floods:
                if (session_) session_->send_text("4" + std::string(900'000, 'x'));
                return;
            case EngineStep::crowd:
                for (size_t i = 0; i < crowd_.size(); ++i) crowd_[i] = connect(i % 2);
                return;
        }
    }

    [[nodiscard]] bool has_session() const noexcept { return session_ != nullptr; }
    [[nodiscard]] bool on_websocket() const noexcept {
        return session_ && session_->on_websocket();
    }
    [[nodiscard]] size_t queued_bytes() const noexcept { return session_->queued_bytes(); }

    // The client reads the answer to its poll to the end.
    void read_poll() {
        do {
            for (const auto& worker : group_.workers) worker->loop().run_once(0);
        } while (!poll_.received().empty());
    }

    // Runs ticks of both workers until everything sent has been handled.
    void settle() {
        for (int round = 0; round < 4; ++round)
            for (const auto& worker : group_.workers) worker->loop().run_once(0);
        for (Peer* peer : {&poll_, &second_poll_, &post_, &last_post_, &socket_})
            (void)peer->received();
    }

    // A fault of the library's own, for a test that expects its end.
    // While its worker is in a tick on a thread of its own.
    void touch_from_another_thread() {
        std::latch ticking(1);
        std::latch touched(1);
        net::Loop& loop = group_.workers[0]->loop();
        loop.post([&] {
            ticking.count_down();
            touched.wait();
        });
        std::thread runs([&] { loop.run_once(0); });
        ticking.wait();
        session_->send_text("4news");
        touched.count_down();
        runs.join();
    }

    // Closes what is open, and checks that nothing is left.
    void end() {
        for (Peer* peer : {&poll_, &second_poll_, &post_, &last_post_, &socket_}) *peer = {};
        for (Peer& peer : crowd_) peer = {};
        settle();
        if (session_) session_->close();
        settle();
        if (session_) {  // The session waits for a poll that can carry the close packet.
            begin(poll_, get());
            settle();
            poll_ = {};
            settle();
        }
        // A worker that stops ends the other sessions with its next round, once it has no connection left.
        for (int round = 0; stopped_ && engine_.sessions() != 0 && round < stop_rounds_max; ++round)
            for (const auto& worker : group_.workers) worker->loop().run_once(1);
        require(!session_ && engine_.sessions() == 0);
        for (const auto& worker : group_.workers) {
            require(worker->replies().size() == 0);
            require(worker->loop().streams().size() == 0);
        }
        require(group_.connections.load() == 0);
    }

private:
    static constexpr int stop_rounds_max = 10'000;

    // The client's end of a connection.
    class Peer {
    public:
        Peer() = default;
        explicit Peer(net::Descriptor fd) : fd_(std::move(fd)) {}
        void send(std::string_view bytes) const {
            if (fd_) (void)!::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        }
        [[nodiscard]] std::string received() const {
            std::array<char, 16384> bytes;
            const ssize_t size =
                fd_ ? ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) : 0;
            return {bytes.data(), size > 0 ? size_t(size) : 0};
        }

    private:
        net::Descriptor fd_;
    };

    // Echoes, and checks that no call comes after the last one.
    class Handler final : public EngineHandler {
    public:
        Handler(EngineModel& model, EngineSession& session) : model_(model), session_(session) {
            require(!std::exchange(model_.session_, &session));
        }
        void on_open() override { session_.send_text("4welcome"); }
        void on_text(std::string_view text) override {
            require(model_.session_ == &session_);
            session_.send_text("4" + std::string(text));
        }
        void on_binary(std::span<const std::byte>) override { require(false); }
        void on_close(EngineClose) override {
            require(std::exchange(model_.session_, nullptr) == &session_);
        }

    private:
        EngineModel& model_;
        EngineSession& session_;
    };

    [[nodiscard]] Peer connect(size_t index) {
        std::array<int, 2> fds;
        require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) ==
                0);
        net::Descriptor ours(fds[0]);
        net::Descriptor theirs(fds[1]);
        if (stopped_) return {};
        Worker& worker = *group_.workers[index];
        worker.take_place();
        worker.counters().connections_open.add();
        auto connection = std::make_unique<HttpConnection>(worker);
        HttpConnection& http = *connection;
        worker.loop().open(std::move(theirs), std::move(connection));
        http.start();
        return Peer(std::move(ours));
    }
    void begin(Peer& peer, std::string_view request) {
        peer = connect(away_ ? 1 : 0);
        peer.send(request);
    }
    void stop(bool at_once) {
        stopped_ = true;
        for (const auto& worker : group_.workers) worker->stop(at_once);
    }

    [[nodiscard]] std::string target(std::string_view transport) const {
        return "/socket.io/?EIO=4&transport=" + std::string(transport) + "&sid=" + sid_ +
               " HTTP/1.1\r\nHost: a\r\n";
    }
    [[nodiscard]] std::string get() const { return "GET " + target("polling") + "\r\n"; }
    [[nodiscard]] std::string post(std::string_view body) const {
        return "POST " + target("polling") + "Content-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + std::string(body);
    }
    [[nodiscard]] size_t head_bytes() const { return post("").size() + 3; }
    [[nodiscard]] std::string handshake() const {
        return "GET " + target("websocket") +
               "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n";
    }
    // The masking key is zero.
    [[nodiscard]] static std::string frame(std::string_view text) {
        return "\x81" + std::string(1, char(0x80 | text.size())) + std::string(4, '\0') +
               std::string(text);
    }

    // Order matters: the workers end before the objects that they use.
    Site site_;
    EngineSession* session_ = nullptr;  // Its handler clears it.
    Engine engine_;
    test::EngineExtension extension_{engine_};
    WorkerGroup group_;
    bool away_ = false, stopped_ = false;
    std::string sid_;
    Peer poll_, second_poll_, post_, last_post_, socket_;
    std::array<Peer, 24> crowd_;  // More than a worker closes at once.
};

}  // namespace starling::server::test
