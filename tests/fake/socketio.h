// tests/fake/socketio.h: workers without a server. The test sets the clock and runs posted calls,
// and the clients' packets are text.
#pragma once

#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "socketio/server.h"

namespace starling::fake {

class Runtime final : public socketio::Runtime {
public:
    const void* runs_on() const noexcept override { return this; }
    bool post(std::function<void()> call, size_t) override {
        calls.push_back(std::move(call));
        return true;
    }
    uint64_t now_ms() const noexcept override { return *clock_ms; }
    int64_t unix_s() const noexcept override { return 1'800'000'000 + int64_t(*clock_ms / 1000); }
    void random(std::span<std::byte> to) override {
        for (auto& byte : to) byte = std::byte(++last_random * 37 % 251);
        ++last_random;
    }
    void wake_at(uint64_t when_ms) override { wake_ms = when_ms; }
    void log(log::Level, std::string_view message, std::span<const log::Field>) override {
        logged.emplace_back(message);
    }
    void log_exception(std::string_view where, std::string_view what) override {
        logged.push_back("exception: " + std::string(where) + ": " + std::string(what));
    }
    void refused(Refusal why) override { refusals.push_back(why); }

    const uint64_t* clock_ms = nullptr;
    uint64_t wake_ms = 0;
    uint64_t last_random = 0;
    std::deque<std::function<void()>> calls;
    std::vector<std::string> logged;
    std::vector<Refusal> refusals;
};

// Records what a client gets, one line per message: `40{"sid":"..."}`, `bytes 3`, `end forced
// close`.
class Transport final : public socketio::Connection {
public:
    explicit Transport(socketio::Server& server) noexcept : server_(server) {}
    ~Transport() override { closed("forced server close"); }
    socketio::Server& server() const noexcept override { return server_; }
    void send(std::string_view text, bool text_is_binary, std::span<const std::string> attachments,
              bool) override {
        got.push_back(text_is_binary ? "bytes " + std::to_string(text.size()) : std::string(text));
        for (const auto& one : attachments) got.push_back("bytes " + std::to_string(one.size()));
        end_if_full();
    }
    void deliver(hub::Publication& publication) override {
        const auto& message = publication.message;
        got.push_back(message.binary ? "bytes " + std::to_string(message.bytes.size())
                                     : std::string(base::text_of(message.bytes)));
        end_if_full();
    }
    // Behaves like an Engine.IO session whose client does not read.
    void end_if_full() {
        if (got.size() <= packets_max || !ended.empty()) return;
        ended = "transport error";
        if (on_end) on_end();
    }
    bool writable() const noexcept override { return is_writable; }
    void end(End how) override {
        const char* const words[] = {"forced close", "forced server close", "server shutting down"};
        got.push_back(std::string("end ") + words[size_t(how)]);
        ended = words[size_t(how)];
        if (on_end) on_end();
    }
    void set_timer(uint64_t delay_ms) override { timer_ms = delay_ms; }
    void cancel_timer() override { timer_ms = 0; }
    bool takes_join() override { return joins_left > 0 && joins_left-- > 0; }
    unsigned revision() const noexcept override { return engine_revision; }
    std::string sid() const override { return engine_sid; }
    std::string_view name() const noexcept override { return "websocket"; }
    const socketio::ConnectInfo& info() const noexcept override { return connect_info; }

    std::vector<std::string> got;
    std::string ended;
    std::function<void()> on_end;
    bool is_writable = true;
    size_t packets_max = SIZE_MAX, joins_left = SIZE_MAX;
    uint64_t timer_ms = 0;
    unsigned engine_revision = 4;
    std::string engine_sid = "ENGINE";
    socketio::ConnectInfo connect_info;

private:
    socketio::Server& server_;
};

// Gives Namespace a public constructor.
class Namespace final : public sio::Namespace {
public:
    explicit Namespace(std::shared_ptr<socketio::NamespaceSetup> setup)
        : sio::Namespace(std::move(setup)) {}
};

class History final : public socketio::SharedHistory {
public:
    explicit History(const sio::Recovery& limits) : history(limits) {}
    void with(const std::function<void(socketio::History&)>& call) override { call(history); }
    socketio::History history;
};

class Workers;

class Client {
    std::unique_ptr<Transport> own_;

public:
    Client(Workers& workers, size_t worker, unsigned revision);
    ~Client();
    void says(std::string_view text);  // Without the packet type of Engine.IO.
    void says_bytes(std::string_view bytes);
    void is_due();  // The timer that it set has expired.
    void leaves(std::string_view reason = "transport close");
    [[nodiscard]] std::vector<std::string> takes();  // What came since the last call.
    // The value of a member in the last packet that has it, for example of "sid".
    [[nodiscard]] std::string member(std::string_view name) const;

    Transport& transport = *own_;

private:
    void on_worker(const std::function<void()>& call);

    Workers& workers_;
    const size_t worker_;
    std::string all_;
};

class Workers {
public:
    explicit Workers(size_t count = 1, socketio::Settings settings = {},
                     socketio::Observer* observer = nullptr)
        : adapter(settings,
                  settings.recovery ? std::make_unique<History>(*settings.recovery) : nullptr) {
        if (observer) adapter.use_observer(*observer);
        for (size_t i = 0; i < count; ++i) {
            runtimes.push_back(std::make_unique<Runtime>());
            runtimes.back()->clock_ms = &now_ms;
            runtimes.back()->last_random = i * 1000;
            servers.push_back(
                std::make_unique<socketio::Server>(adapter, *runtimes.back(), uint32_t(i)));
            adapter.add_server(*servers.back());
        }
        adapter.use_post_all([this](size_t bytes, const socketio::Server* except,
                                    const std::function<void(socketio::Server&)>& call) {
            for (const auto& server : servers)
                if (server.get() != except)
                    (void)server->runtime().post([&to = *server, call] { call(to); }, bytes);
        });
    }
    ~Workers() { adapter.close(); }

    Namespace& of(std::string_view name) {
        return *namespaces.emplace_back(std::make_unique<Namespace>(adapter.declare(name)));
    }
    Namespace& of_matching(sio::Server::Accept accept) {
        return *namespaces.emplace_back(
            std::make_unique<Namespace>(adapter.declare_dynamic("(matching)", std::move(accept))));
    }

    // Runs a call as if on that worker's thread.
    template <class F>
    void on(size_t worker, F&& call) {
        adapter.open();  // All declarations were made before.
        const void* const before = std::exchange(base::running, runtimes[worker].get());
        call();
        base::running = before;
    }
    // Runs posted calls of all workers until none is left.
    void settle() {
        if (std::exchange(settling_, true)) return;
        for (bool any = true; any;) {
            any = false;
            for (size_t i = 0; i < runtimes.size(); ++i) {
                while (!runtimes[i]->calls.empty()) {
                    any = true;
                    const auto call = std::move(runtimes[i]->calls.front());
                    runtimes[i]->calls.pop_front();
                    on(i, call);
                    if (on_turn) on_turn();
                }
            }
        }
        settling_ = false;
    }
    void pass(uint64_t ms) {
        now_ms += ms;
        for (size_t i = 0; i < runtimes.size(); ++i)
            if (runtimes[i]->wake_ms <= now_ms) on(i, [&] { servers[i]->run(now_ms); });
        settle();
    }

    uint64_t now_ms = 1'000'000;
    socketio::Adapter adapter;
    std::vector<std::unique_ptr<Runtime>> runtimes;
    std::vector<std::unique_ptr<socketio::Server>> servers;
    std::vector<std::unique_ptr<Namespace>> namespaces;
    std::function<void()> on_turn;  // Called after each posted call.

private:
    bool settling_ = false;
};

inline Client::Client(Workers& workers, size_t worker, unsigned revision)
    : own_(std::make_unique<Transport>(*workers.servers[worker])),
      workers_(workers),
      worker_(worker) {
    transport.engine_revision = revision;
    transport.on_end = [this] { transport.closed(transport.ended); };
    on_worker([&] { transport.opened(); });
}
inline Client::~Client() {
    on_worker([&] { own_.reset(); });
}
inline void Client::on_worker(const std::function<void()>& call) { workers_.on(worker_, call); }
inline void Client::says(std::string_view text) {
    on_worker([&] { transport.on_text(text); });
    workers_.settle();
}
inline void Client::says_bytes(std::string_view bytes) {
    on_worker([&] { transport.on_bytes(base::bytes_of(bytes)); });
    workers_.settle();
}
inline void Client::is_due() {
    on_worker([&] { transport.timed_out(); });
}
inline void Client::leaves(std::string_view reason) {
    on_worker([&] { transport.closed(reason); });
    workers_.settle();
}
inline std::vector<std::string> Client::takes() {
    for (const auto& line : transport.got) all_ += line + "\n";
    return std::exchange(transport.got, {});
}
inline std::string Client::member(std::string_view name) const {
    std::string text = all_;
    for (const auto& line : transport.got) text += line + "\n";
    const std::string key = "\"" + std::string(name) + "\":\"";
    const size_t at = text.rfind(key);
    if (at == std::string::npos) return {};
    const size_t begin = at + key.size();
    return text.substr(begin, text.find('"', begin) - begin);
}

// A client that joined `nsp`; the answer to that is already taken.
inline std::unique_ptr<Client> join(Workers& workers, size_t worker = 0,
                                    std::string_view nsp = "") {
    auto client = std::make_unique<Client>(workers, worker, 4);
    client->says("0" + std::string(nsp) + (nsp.empty() ? "" : ","));
    workers.settle();
    static_cast<void>(client->takes());
    return client;
}

}  // namespace starling::fake
