// server/socketio/socketio.h: Socket.IO on a server: on each worker Engine.IO below and a
// socketio::Server above.
//
// Owner: Server; it lives longer than the workers. Thread: set up before the server starts,
//        read-only from then on.
#pragma once

#include <starling/socketio.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cache_line.h"
#include "server/engineio/engine.h"
#include "server/extension.h"
#include "server/random_pool.h"
#include "server/refused_handshakes.h"
#include "socketio/adapter.h"
#include "socketio/event_sink.h"
#include "socketio/observer.h"
#include "socketio/server.h"

namespace starling::server {

struct Site;
struct WorkerGroup;
class SessionMeter;
class SocketIoWorker;
class Worker;

// The socketio::Server of one worker, and the clock, random bytes, posts and log for that Server.
class alignas(base::cache_line_bytes) SocketIoWorker final : public socketio::Runtime,
                                                             public EngineProtocolPart {
public:
    SocketIoWorker(Worker& worker, socketio::Adapter& adapter);
    ~SocketIoWorker() override;

    [[nodiscard]] const void* runs_on() const noexcept override { return runs_on_; }
    bool post(std::function<void()> call, size_t bytes) override;
    [[nodiscard]] uint64_t now_ms() const noexcept override;
    [[nodiscard]] int64_t unix_s() const noexcept override;
    void random(std::span<std::byte> to) override;
    void wake_at(uint64_t when_ms) override;
    void log(log::Level level, std::string_view message,
             std::span<const log::Field> fields) override;
    void log_exception(std::string_view where, std::string_view what) override;
    void refused(Refusal why) override;

    [[nodiscard]] socketio::Server& server() noexcept { return server_; }
    [[nodiscard]] const RefusedHandshakes& refused_namespaces() const noexcept { return refused_; }

private:
    Worker& worker_;
    const void* const runs_on_;
    uint64_t timer_ = 0;  // 0: none.
    RandomPool random_;
    RefusedHandshakes refused_;
    socketio::Server server_;
};

class SocketIo final : public sio::Server, public Extension {
public:
    // Throws std::invalid_argument for invalid options. `events` gets the events of all clients in
    // place of the listeners, unless it is null.
    explicit SocketIo(sio::Options options, socketio::EventSink* events = nullptr);
    ~SocketIo() override;

    sio::Namespace& of(std::string_view name) override;
    sio::Namespace& of_pattern(std::string_view expression) override;
    sio::Namespace& of_matching(Accept accept) override;
    void on_new_namespace(PlainCallback<void(std::string_view)> call) override;
    void on_connection_error(PlainCallback<void(const ConnectionError&)> call) override;
    [[nodiscard]] size_t clients() const override;
    void close() override;
    [[nodiscard]] sio::Broadcast in_namespace(std::string_view name) const override;

    void mount(Site& site) override;
    void attach(WorkerGroup& group) override;
    void detach() noexcept override;
    void server_stops(Worker& worker) override;
    void successor_serves(Worker& worker) override;
    void connections_ended(Worker& worker) override;
    [[nodiscard]] bool is_busy(Worker& worker) override;
    void add_stats(ServerStats& stats) const override;
    void add_figures(Figures& figures) const override;
    void add_figures(Worker& worker, Figures& figures) override;
    [[nodiscard]] std::string_view room_kind() const noexcept override { return "room"; }
    void each_room(Worker& worker, const std::function<void(const RoomFacts&)>& call) override;
    void close_handles() noexcept override;
    [[nodiscard]] const sio::Options& options() const noexcept { return options_; }

    [[nodiscard]] socketio::Adapter& adapter() noexcept;
    [[nodiscard]] Engine& engine() noexcept { return *engine_; }
    // While the workers exist.
    [[nodiscard]] socketio::Server& core(size_t worker) { return workers_[worker]->server(); }
    // Takes over the part that joins a cluster, which is attached with this one, and its link. Throws
    // std::logic_error if there is one, or if the server has started.
    void use_cluster(std::unique_ptr<Extension> cluster, socketio::ClusterLink& link);
    [[nodiscard]] bool is_in_cluster() const noexcept { return cluster_ != nullptr; }
    // Takes over the part that shows this server to an operator, which is attached with this one.
    // Throws std::logic_error if there is one, or if the server has started.
    void use_display(std::unique_ptr<Extension> display, socketio::Observer& observer,
                     SessionMeter& meter);
    // The name of a query parameter that holds a token; "": none.
    [[nodiscard]] std::string_view secret_parameter() const noexcept {
        return options_.auth ? std::string_view(options_.auth->query_parameter) : "";
    }

private:
    struct Shared;
    SocketIo(sio::Options options, std::unique_ptr<Shared> shared);
    [[nodiscard]] std::unique_ptr<EngineHandler> open(EngineSession& session,
                                                      const http::Request& request);
    sio::Namespace& add(std::shared_ptr<socketio::NamespaceSetup> setup);

    const sio::Options options_;
    bool clients_missing_ = false;  // The browser bundles were asked for and not found.
    std::unique_ptr<Shared> shared_;
    std::unique_ptr<Engine> engine_;
    std::vector<std::unique_ptr<sio::Namespace>> namespaces_;
    std::vector<std::unique_ptr<SocketIoWorker>> workers_;  // By worker index.
    std::function<void(const ConnectionError&)> on_connection_error_;
    std::atomic<bool> closed_{false};
    std::unique_ptr<Extension> cluster_;  // Null: this server is in no cluster.
    std::unique_ptr<Extension> display_;  // Null: none.
    SessionMeter* meter_ = nullptr;       // Of the display.
};

}  // namespace starling::server
