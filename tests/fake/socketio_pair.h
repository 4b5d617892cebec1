// tests/fake/socketio_pair.h: a Socket.IO client and its server, both without sockets, with a
// simulated network between them: every request and every WebSocket is a connection of its own, and a
// random number chooses which one delivers next, which one breaks, and how much time passes. One
// seed gives one run.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engineio/payload.h"
#include "engineio/session.h"
#include "socketio/client/manager.h"
#include "tests/fake/socketio.h"

namespace starling::fake {

// A connection: what is under way in each direction, in order.
struct Pipe {
    std::deque<std::function<void()>> to_server, to_client;
    bool dead = false;  // Takes everything and delivers nothing; neither side is told.

    void up(std::function<void()> call) {
        if (!dead) to_server.push_back(std::move(call));
    }
    void down(std::function<void()> call) {
        if (!dead) to_client.push_back(std::move(call));
    }
};

class Network {
public:
    std::shared_ptr<Pipe> open() { return pipes_.emplace_back(std::make_shared<Pipe>()); }
    // Delivers one thing. False: nothing is under way.
    bool deliver(std::mt19937& random) {
        std::erase_if(pipes_, [](const auto& pipe) {
            return pipe.use_count() == 1 && pipe->to_server.empty() && pipe->to_client.empty();
        });
        std::vector<std::deque<std::function<void()>>*> ready;
        for (const auto& pipe : pipes_)
            for (auto* queue : {&pipe->to_server, &pipe->to_client})
                if (!queue->empty()) ready.push_back(queue);
        if (ready.empty()) return false;
        auto& queue = *ready[random() % ready.size()];
        const auto call = std::move(queue.front());
        queue.pop_front();
        call();
        return true;
    }

private:
    std::vector<std::shared_ptr<Pipe>> pipes_;
};

// A session of the server: engineio::Session with a queue, below a socketio::Connection.
class PairSession final : public socketio::Connection {
public:
    struct Outgoing {
        bool binary;
        std::string data;  // Text with its packet type.
    };
    using Answer = std::function<void(uint32_t status, std::string body, bool binary)>;

    PairSession(Workers& workers, const engineio::SessionOptions& options, std::string sid,
                engineio::Revision revision, engineio::Transport transport)
        : core(revision, transport, {options, workers.now_ms}),
          options_(options),
          sid_(std::move(sid)),
          workers_(workers) {
        queue_.push_back(
            {false, "0" + engineio::open_data({
                              .sid = sid_,
                              .upgrade_to_websocket = transport == engineio::Transport::polling,
                              .ping_interval_ms = options.ping_interval_ms,
                              .ping_timeout_ms = options.ping_timeout_ms,
                              .max_payload_bytes = 300,
                          })});
        workers_.on(0, [&] { opened(); });
    }
    ~PairSession() override {
        workers_.on(0, [&] { closed("forced server close"); });
    }

    // ---- The client's requests ------------------------------------------------------------------
    void on_poll(Answer answer) {
        asked_ = std::move(answer);
        carry_out(core.on(engineio::Session::Event::poll_arrived, now()));
        asked_ = nullptr;
    }
    void on_poll_aborted() {
        poll_ = nullptr;
        carry_out(core.on(engineio::Session::Event::poll_aborted, now()));
    }
    void on_post(std::string_view body, engineio::PayloadKind kind, const Answer& answer) {
        asked_ = answer;
        carry_out(core.on(engineio::Session::Event::post_arrived, now()));
        if (!asked_) return;
        engineio::PayloadReader reader(body, core.revision(), kind);
        for (;;) {
            const auto step = reader.next();
            if (step == engineio::PayloadReader::Step::end) break;
            if (step == engineio::PayloadReader::Step::fault) {
                carry_out(core.on(engineio::Session::Event::post_fault, now()));
                return;
            }
            take(engineio::Link::post, reader.packet());
        }
        carry_out(core.on(engineio::Session::Event::post_done, now()));
        if (asked_) std::exchange(asked_, nullptr)(200, "ok", false);
    }
    using SendFrame = std::function<void(bool binary, std::string data)>;
    void on_websocket(SendFrame send, std::function<void()> close, bool opens) {
        websocket_send_ = std::move(send);
        websocket_close_ = std::move(close);
        if (opens) return flush_websocket();
        carry_out(core.on(engineio::Session::Event::websocket_attached, now()));
    }
    void on_frame(bool binary, std::string_view data) {
        std::string scratch;
        const auto decoded = binary ? engineio::decode_binary(data, core.revision())
                                    : engineio::decode_text(data, core.revision(), scratch);
        if (decoded.fault == engineio::Fault::none)
            return take(engineio::Link::websocket, decoded.packet);
        carry_out(core.on(engineio::Session::Event::websocket_fault, now()));
    }
    void on_websocket_gone(bool error) {
        websocket_send_ = nullptr;
        websocket_close_ = nullptr;
        carry_out(core.on(error ? engineio::Session::Event::websocket_error
                                : engineio::Session::Event::websocket_closed,
                          now()));
    }
    void on_timer() {
        while (core.deadline_ms() <= workers_.now_ms) carry_out(core.on_timer(now()));
    }
    [[nodiscard]] bool has_websocket() const noexcept { return websocket_send_ != nullptr; }

    // ---- socketio::Connection --------------------------------------------------------------------
    void send(std::string_view text, bool text_is_binary, std::span<const std::string> attachments,
              bool) override {
        if (!core.may_send()) return;
        queue_.push_back({text_is_binary, std::string(text)});
        for (const auto& one : attachments) queue_.push_back({true, one});
        flush();
    }
    void deliver(hub::Publication& publication) override {
        if (!core.may_send()) return;
        queue_.push_back(
            {publication.message.binary, std::string(base::text_of(publication.message.bytes))});
        flush();
    }
    socketio::Server& server() const noexcept override { return *workers_.servers[0]; }
    bool writable() const noexcept override {
        return core.outlet() != engineio::Session::Outlet::none;
    }
    void end(End) override { carry_out(core.close(engineio::Reason::forced_close, now())); }
    void set_timer(uint64_t) override {}
    unsigned revision() const noexcept override {
        return core.revision() == engineio::Revision::eio3 ? 3 : 4;
    }
    std::string sid() const override { return sid_; }
    std::string_view name() const noexcept override { return "websocket"; }
    const socketio::ConnectInfo& info() const noexcept override { return info_; }

    engineio::Session core;

private:
    void take(engineio::Link link, const engineio::Packet& packet) {
        const auto actions = core.on_packet(link, packet, now());
        if (actions.deliver)
            workers_.on(0, [&] {
                if (packet.binary)
                    on_bytes(base::bytes_of(packet.data));
                else
                    on_text(packet.data);
            });
        carry_out(actions);
    }

    void carry_out(const engineio::Session::Actions& actions) {
        if (actions.send_probe_answer && websocket_send_) websocket_send_(false, "3probe");
        if (actions.send_ping) queue_.push_back({false, "2"});
        if (actions.send_pong) queue_.push_back({false, "3"});
        if (actions.answer_noop && poll_) answer_poll({{false, "6"}});
        if (actions.answer_close) {
            queue_.push_back({false, "1"});
            if (asked_) poll_ = std::exchange(asked_, nullptr);
            if (poll_) answer_poll(std::exchange(queue_, {}));
        }
        if (actions.flush_poll && asked_) poll_ = std::exchange(asked_, nullptr);
        if (actions.flush_poll) flush_poll();
        if (actions.flush_websocket) flush_websocket();
        if (actions.answer_400 && asked_) std::exchange(asked_, nullptr)(400, "{}", false);
        if (actions.close_websocket && websocket_close_) {
            websocket_send_ = nullptr;
            std::exchange(websocket_close_, nullptr)();
        }
        if (!actions.closed) return;
        workers_.on(0, [&] { closed(engineio::reason_text(core.reason())); });
        workers_.settle();
    }

    void flush() {
        if (core.outlet() == engineio::Session::Outlet::websocket) return flush_websocket();
        flush_poll();
    }
    void flush_poll() {
        if (queue_.empty() || !poll_ || !core.claim_poll()) return;
        answer_poll(std::exchange(queue_, {}));
    }
    void flush_websocket() {
        if (!websocket_send_) return;
        for (const Outgoing& one : std::exchange(queue_, {})) {
            const bool typed = one.binary && core.revision() == engineio::Revision::eio3;
            websocket_send_(one.binary, typed ? "\x04" + one.data : one.data);
        }
    }
    void answer_poll(const std::vector<Outgoing>& packets) {
        engineio::PayloadWriter writer(core.revision(), true, SIZE_MAX);
        for (const Outgoing& one : packets) {
            engineio::Packet packet{engineio::Type::message, one.binary, one.data};
            if (!one.binary) {
                packet.type = static_cast<engineio::Type>(one.data[0] - '0');
                packet.data.remove_prefix(1);
            }
            (void)writer.append(packet);
        }
        const bool binary = writer.kind() == engineio::PayloadKind::binary;
        std::exchange(poll_, nullptr)(200, writer.take(), binary);
    }

    [[nodiscard]] engineio::Moment now() const noexcept { return {options_, workers_.now_ms}; }

    const engineio::SessionOptions options_;
    const std::string sid_;
    Workers& workers_;
    std::vector<Outgoing> queue_;
    Answer poll_, asked_;
    SendFrame websocket_send_;
    std::function<void()> websocket_close_;
    socketio::ConnectInfo info_;
};

class PairServer {
public:
    PairServer(Workers& host, engineio::SessionOptions options)
        : workers(host), options_(options) {}

    std::shared_ptr<PairSession> open(engineio::Revision revision, engineio::Transport transport) {
        const std::string sid = "S" + std::to_string(++last_);
        return sessions_[sid] =
                   std::make_shared<PairSession>(workers, options_, sid, revision, transport);
    }
    std::shared_ptr<PairSession> find(const std::string& sid) {
        const auto found = sessions_.find(sid);
        return found == sessions_.end() ? nullptr : found->second;
    }
    void run() {
        for (const auto& [sid, session] : sessions_) session->on_timer();
        std::erase_if(sessions_, [](const auto& one) {
            return one.second->core.state() == engineio::Session::State::closed;
        });
    }
    void restart() { sessions_.clear(); }
    [[nodiscard]] uint64_t deadline_ms() const {
        uint64_t deadline = UINT64_MAX;
        for (const auto& [sid, session] : sessions_)
            deadline = std::min(deadline, session->core.deadline_ms());
        return deadline;
    }
    [[nodiscard]] size_t sessions() const noexcept { return sessions_.size(); }

    Workers& workers;

private:
    engineio::SessionOptions options_;
    std::map<std::string, std::shared_ptr<PairSession>> sessions_;
    uint64_t last_ = 0;
};

// The client's connections. `now_ms` is the workers' clock.
class PairWire final : public engineio::ClientWire {
public:
    PairWire(Network& network, PairServer& server, engineio::ClientSession& session,
             std::vector<PairWire*>& all)
        : network_(network), server_(server), session_(session), all_(all) {
        all_.push_back(this);
    }
    ~PairWire() override {
        *alive_ = false;
        std::erase(all_, this);
    }

    void poll() override {
        get_ = network_.open();
        get_->up([this_ = ends(get_), sid = session_.sid(), revision = session_.revision()] {
            auto session = sid.empty() ? this_.server->open(revision, engineio::Transport::polling)
                                       : this_.server->find(sid);
            if (!session) return this_.polled(400, "{}", false);
            session->on_poll([this_](uint32_t status, std::string body, bool binary) {
                this_.polled(status, std::move(body), binary);
            });
        });
    }
    void post(std::string body, engineio::PayloadKind kind) override {
        post_ = network_.open();
        post_->up([this_ = ends(post_), sid = session_.sid(), body = std::move(body), kind] {
            const auto answer = [this_](uint32_t status, const std::string&, bool) {
                this_.pipe->down(this_.guarded([this_, status] {
                    status == 200 ? this_.session->on_post() : this_.session->on_post_error(status);
                }));
            };
            if (const auto session = this_.server->find(sid))
                session->on_post(body, kind, answer);
            else
                answer(400, {}, false);
        });
    }
    void open_websocket() override {
        websocket_ = network_.open();
        websocket_->up(
            [this_ = ends(websocket_), sid = session_.sid(), revision = session_.revision()] {
                auto session = sid.empty()
                                   ? this_.server->open(revision, engineio::Transport::websocket)
                                   : this_.server->find(sid);
                if (!session || session->has_websocket())
                    return this_.pipe->down(
                        this_.guarded([this_] { this_.session->on_websocket_error("400"); }));
                this_.pipe->down(this_.guarded([this_] { this_.session->on_websocket_open(); }));
                session->on_websocket(
                    [this_](bool binary, std::string data) {
                        this_.pipe->down(this_.guarded([this_, binary, data = std::move(data)] {
                            const uint64_t now_ms = this_.server->workers.now_ms;
                            binary ? this_.session->on_websocket_bytes(data, now_ms)
                                   : this_.session->on_websocket_text(data, now_ms);
                        }));
                    },
                    [this_] {
                        this_.pipe->down(
                            this_.guarded([this_] { this_.session->on_websocket_closed(1000); }));
                    },
                    sid.empty());
                *this_.attached = session;
            });
    }
    bool send(const engineio::Frame& frame, bool) override {
        websocket_->up([this_ = ends(websocket_), binary = frame.binary,
                        data = std::string(frame.head) + std::string(frame.data)] {
            if (const auto session = this_.attached->lock()) session->on_frame(binary, data);
        });
        return true;
    }
    // No script pauses.
    void watch_drain() override {}
    void pause() override {}
    void resume() override {}
    void close_websocket() override {
        if (!websocket_) return;
        leave(websocket_, false);
        websocket_ = nullptr;
        attached_ = std::make_shared<std::weak_ptr<PairSession>>();
    }
    void reset() override { finish(); }
    void finish() override {
        close_websocket();
        *alive_ = false;
        alive_ = std::make_shared<bool>(true);
        // The GET ends behind the POST under way.
        const auto behind = post_ && !post_->to_server.empty() ? post_ : get_;
        if (behind)
            behind->up([server = &server_, sid = session_.sid()] {
                if (const auto session = server->find(sid)) session->on_poll_aborted();
            });
        get_ = post_ = nullptr;
    }

    // Breaks one connection: what is under way is lost. Silently: neither side is told.
    void cut(std::mt19937& random) {
        std::shared_ptr<Pipe> open[] = {websocket_, get_, post_};
        const size_t which = random() % 3;
        const auto pipe = open[which];
        if (!pipe || pipe->dead) return;
        pipe->to_client.clear();
        pipe->to_server.clear();
        if (random() % 4 == 0) {
            pipe->dead = true;
            return;
        }
        pipe->down(ends(pipe).guarded([this, which] {
            if (which == 0) session_.on_websocket_error("cut");
            if (which == 1) session_.on_poll_error(0);
            if (which == 2) session_.on_post_error(0);
        }));
        if (which == 0) leave(pipe, true);
        if (which == 1)
            pipe->up([server = &server_, sid = session_.sid()] {
                if (const auto session = server->find(sid)) session->on_poll_aborted();
            });
    }

private:
    // What a call needs that is under way while the wire may go.
    struct Ends {
        engineio::ClientSession* session;
        PairServer* server;
        std::shared_ptr<Pipe> pipe;
        std::shared_ptr<bool> alive;
        std::shared_ptr<std::weak_ptr<PairSession>> attached;

        // Reports to the client, unless the client has given up what the report is about.
        [[nodiscard]] std::function<void()> guarded(std::function<void()> call) const {
            return [call = std::move(call), alive = alive] {
                if (*alive) call();
            };
        }
        void polled(uint32_t status, std::string body, bool binary) const {
            pipe->down(guarded([this_ = *this, status, body = std::move(body), binary] {
                const auto kind =
                    binary ? engineio::PayloadKind::binary : engineio::PayloadKind::text;
                if (status != 200) return this_.session->on_poll_error(status);
                this_.session->on_poll(body, kind, this_.server->workers.now_ms);
            }));
        }
    };
    Ends ends(const std::shared_ptr<Pipe>& pipe) {
        return {&session_, &server_, pipe, alive_, attached_};
    }
    void leave(const std::shared_ptr<Pipe>& pipe, bool error) {
        pipe->up([attached = attached_, error] {
            if (const auto session = attached->lock()) session->on_websocket_gone(error);
            attached->reset();
        });
    }

    Network& network_;
    PairServer& server_;
    engineio::ClientSession& session_;
    std::vector<PairWire*>& all_;
    std::shared_ptr<Pipe> get_, post_, websocket_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::shared_ptr<std::weak_ptr<PairSession>> attached_ =
        std::make_shared<std::weak_ptr<PairSession>>();
};

}  // namespace starling::fake
