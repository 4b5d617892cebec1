#include "socketio/client/manager.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <utility>

#include "base/text.h"

namespace starling::socketio::client {

using engineio::ClientDetails;
using engineio::ClientReason;
using engineio::ClientSession;

namespace {

Json error_of(const ClientDetails& details) {
    boost::json::object error;
    error["message"] = details.message;
    if (details.code != 0) error["code"] = details.code;
    if (!details.reason.empty()) error["reason"] = details.reason;
    return error;
}

Json details_of(const ClientDetails& details) {
    if (details.message.empty()) return nullptr;
    boost::json::object object;
    object["description"] = details.message;
    if (details.code != 0) object["code"] = details.code;
    if (!details.reason.empty()) object["reason"] = details.reason;
    return object;
}

uint64_t or_default(uint64_t value, uint64_t fallback) { return value == 0 ? fallback : value; }

}  // namespace

// One session, and the way of its reports to the manager: a retired session reports nothing.
class Manager::Connection final : public engineio::ClientEvents {
public:
    explicit Connection(Manager& manager)
        : manager_(&manager),
          wire_holder_(*this),
          session_(manager.options_.engine, manager.host_.upgrade_memory(), wire_holder_, *this) {
        wire_ = manager.host_.open_wire(session_);
    }

    [[nodiscard]] ClientSession& session() noexcept { return session_; }
    void retire() noexcept { manager_ = nullptr; }

private:
    // The wire is made for the session, and the session needs its wire from the start.
    class Wire final : public engineio::ClientWire {
    public:
        explicit Wire(Connection& connection) noexcept : connection_(connection) {}
        void poll() override { to().poll(); }
        void post(std::string body, engineio::PayloadKind kind) override {
            to().post(std::move(body), kind);
        }
        void open_websocket() override { to().open_websocket(); }
        bool send(const engineio::Frame& frame, bool compress) override {
            return to().send(frame, compress);
        }
        uint64_t buffered_bytes() const noexcept override { return to().buffered_bytes(); }
        void watch_drain() override { to().watch_drain(); }
        void pause() override { to().pause(); }
        void resume() override { to().resume(); }
        void close_websocket() override { to().close_websocket(); }
        void reset() override { to().reset(); }
        void finish() override { to().finish(); }

    private:
        [[nodiscard]] engineio::ClientWire& to() const noexcept { return *connection_.wire_; }
        Connection& connection_;
    };

    void on_open() override {
        if (manager_) manager_->session_opened(*this);
    }
    void on_message(bool binary, std::string_view data, uint64_t) override {
        if (manager_) manager_->session_message(*this, binary, data);
    }
    void on_ping() override {
        if (manager_) manager_->report("ping");
    }
    void on_upgrade() override {}
    void on_upgrade_error(std::string_view) override {}
    void on_drain() override {
        if (manager_ && std::exchange(manager_->drain_due_, false)) manager_->report("drain");
    }
    void on_error(const ClientDetails& details) override {
        if (manager_) manager_->session_failed(details);
    }
    void on_close(ClientReason reason, const ClientDetails& details) override {
        if (manager_) manager_->closed(engineio::reason_text(reason), details_of(details));
    }

    Manager* manager_;
    Wire wire_holder_;
    ClientSession session_;
    std::unique_ptr<engineio::ClientWire> wire_;
};

Manager::Manager(const ManagerOptions& options, Host& host, ManagerEvents& events)
    : options_(options),
      host_(host),
      events_(events),
      backoff_(or_default(options.reconnection_delay_ms, 1000),
               or_default(options.reconnection_delay_max_ms, 5000), options.randomization_factor),
      encoder_(options.codec, options.decode.attachments_max),
      decoder_(options.codec) {
    if (options_.reconnection_attempts == 0) options_.reconnection_attempts = UINT64_MAX;
}

Manager::~Manager() = default;

Socket& Manager::socket(std::string_view nsp, const SocketOptions& options, SocketEvents& events) {
    const auto found = std::ranges::find(
        sockets_, nsp, [](const auto& one) { return std::string_view(one->nsp()); });
    Socket& socket = found != sockets_.end() ? **found
                                             : *sockets_.emplace_back(std::make_shared<Socket>(
                                                   *this, std::string(nsp), options, events));
    if (options_.auto_connect && !socket.active()) socket.connect();
    return socket;
}

bool Manager::is_eio3() const noexcept {
    return options_.engine.revision == engineio::Revision::eio3;
}

// ---- Opening ------------------------------------------------------------------------------------

void Manager::open() { open_session(false); }

void Manager::open_session(bool is_attempt) {
    if (state_ != State::closed) return;
    retire();
    state_ = State::opening;
    skip_reconnect_ = false;
    is_attempt_ = is_attempt;
    drain_due_ = false;
    connection_ = std::make_unique<Connection>(*this);
    ClientSession& session = connection_->session();
    if (options_.timeout_ms)
        open_timer_ = timers_.at(host_.now_ms() + *options_.timeout_ms, [this, &session] {
            retire();
            open_failed(error_of({.message = "timeout"}));
            session.close(host_.now_ms());
        });
    if (watches_drain_) session.watch_drain();
    if (paused_) session.pause(host_.now_ms());
    session.open();
}

// The session may still send what is queued; it reports nothing any more.
void Manager::retire() {
    if (!connection_) return;
    connection_->retire();
    retired_.push_back(std::move(connection_));
}

void Manager::session_opened(Connection& connection) {
    cleanup();
    state_ = State::open;
    const bool is_attempt = std::exchange(is_attempt_, false);
    each_socket([](Socket& socket) {
        if (socket.active()) socket.manager_opened();
    });
    report("open");
    if (!is_attempt || connection_.get() != &connection) return;
    reconnecting_ = false;
    const Json attempts = backoff_.attempts();
    backoff_.reset();
    report("reconnect", {&attempts, 1});
    report_to_all("reconnect", {&attempts, 1});
}

// Before the session was open: the session ends, and on_close() follows in vain.
void Manager::session_failed(const ClientDetails& details) {
    const Json error = error_of(details);
    if (state_ == State::opening) {
        retire();
        return open_failed(error);
    }
    each_socket([&](Socket& socket) {
        if (socket.active()) socket.manager_failed(error);
    });
    report("error", {&error, 1});
    report_to_all("error", {&error, 1});
}

void Manager::open_failed(const Json& error) {
    cleanup();
    state_ = State::closed;
    const bool was_attempt = std::exchange(is_attempt_, false);
    each_socket([&](Socket& socket) {
        if (!socket.active() || socket.connected()) return;
        socket.manager_failed(error);
        socket.report("connect_failed", {&error, 1});
    });
    report("error", {&error, 1});
    if (was_attempt) {
        reconnecting_ = false;
        if (state_ == State::closed) reconnect();
        report("reconnect_error", {&error, 1});
    } else if (options_.reconnection && backoff_.attempts() == 0 && state_ == State::closed) {
        reconnect();
    }
}

// ---- Closing ------------------------------------------------------------------------------------

// A listener that hears of the end may close again, which Node's client does without end.
void Manager::close() {
    if (!closing_ || state_ != State::closed) return close_for_good();
    skip_reconnect_ = true;
    reconnecting_ = false;
}

void Manager::close_for_good() {
    skip_reconnect_ = true;
    reconnecting_ = false;
    closed(reason_text(ClientReason::forced_close), nullptr);
}

void Manager::closed(std::string_view reason, const Json& details) {
    const bool within = std::exchange(closing_, true);
    cleanup();
    ClientSession* const session = connection_ ? &connection_->session() : nullptr;
    retire();
    if (session) session->close(host_.now_ms());
    backoff_.reset();
    state_ = State::closed;
    is_attempt_ = false;
    each_socket([&](Socket& socket) {
        socket.entry_ = Socket::Entry::none;
        socket.auth_due_ = false;
        if (socket.active()) socket.manager_closed(reason, details);
    });
    const Json args[] = {Json(reason), details};
    report("close", args);
    closing_ = within;
    if (options_.reconnection && !skip_reconnect_ && state_ == State::closed) reconnect();
}

void Manager::drop() {
    state_ = State::closed;
    skip_reconnect_ = true;
    retire();
    retired_.clear();
    timers_ = {};
    each_socket([](Socket& socket) { socket.drop(); });
}

void Manager::parse_error(std::string_view why) {
    closed("parse error", details_of({.message = std::string(why)}));
}

void Manager::left(const Socket&) {
    for (const auto& socket : sockets_)
        if (socket->active()) return;
    close_for_good();
}

void Manager::cleanup() {
    timers_.cancel(open_timer_);
    timers_.cancel(reconnect_timer_);
    decoder_ = Decoder(options_.codec);
    packet_bytes_ = 0;
}

// ---- Reconnection -------------------------------------------------------------------------------

void Manager::reconnect() {
    if (reconnecting_ || skip_reconnect_) return;
    if (static_cast<uint64_t>(backoff_.attempts()) >= options_.reconnection_attempts) {
        backoff_.reset();
        report("reconnect_failed");
        report_to_all("reconnect_failed", {});
        return;
    }
    const uint64_t pause_ms = backoff_.next_ms(host_.random());
    reconnecting_ = true;
    reconnect_timer_ = timers_.at(host_.now_ms() + pause_ms, [this] { attempt(); });
}

void Manager::attempt() {
    if (skip_reconnect_) return;
    const Json attempts = backoff_.attempts();
    report("reconnect_attempt", {&attempts, 1});
    report_to_all("reconnecting", {&attempts, 1});
    // A receiver of these events may have closed the manager.
    if (!skip_reconnect_) open_session(true);
}

// ---- Backpressure -------------------------------------------------------------------------------

void Manager::pause() {
    paused_ = true;
    if (connection_) connection_->session().pause(host_.now_ms());
}

void Manager::resume() {
    paused_ = false;
    if (connection_) connection_->session().resume(host_.now_ms());
}

// "drain" follows, so the packets that join and leave namespaces do not count alone.
uint64_t Manager::buffered_bytes() const noexcept {
    return connection_ && drain_due_ ? connection_->session().buffered_bytes() : 0;
}

void Manager::watch_drain() {
    watches_drain_ = true;
    if (connection_) connection_->session().watch_drain();
}

// ---- Messages -----------------------------------------------------------------------------------

void Manager::session_message(Connection& connection, bool binary, std::string_view data) {
    const Outcome outcome = binary ? decoder_.add_bytes(base::bytes_of(data), host_.arena())
                                   : decoder_.add_text(data, host_.arena());
    packet_bytes_ += data.size();
    if (outcome.kind == Outcome::Kind::pending) return;
    const uint64_t bytes = std::exchange(packet_bytes_, 0);
    if (outcome.kind == Outcome::Kind::fault) return parse_error(outcome.reason);
    const auto found = std::ranges::find(
        sockets_, outcome.packet.nsp, [](const auto& one) { return std::string_view(one->nsp()); });
    if (found == sockets_.end()) return;
    Socket& socket = **found;  // A listener may add sockets.
    if (!socket.take(outcome.packet, bytes) && connection_.get() == &connection)
        parse_error("event before CONNECT");
}

bool Manager::can_send() const noexcept {
    return state_ == State::open && connection_ &&
           connection_->session().state() == ClientSession::State::open;
}

// The text of the JSON codec has the packet type of Engine.IO in front.
void Manager::send(const Encoder& encoder, bool compress) {
    if (!can_send()) return;
    ClientSession& session = connection_->session();
    const std::string_view text = encoder.text();
    session.send(encoder.text_is_binary(), encoder.text_is_binary() ? text : text.substr(1),
                 compress);
    for (const std::string& bytes : encoder.attachments()) session.send(true, bytes, compress);
}

void Manager::send_event(const Encoder& encoder, bool compress) {
    drain_due_ = true;
    send(encoder, compress);
}

// ---- Reports and time ---------------------------------------------------------------------------

void Manager::report(std::string_view name, Arguments args) {
    events_.on_manager_event(name, args);
}

void Manager::report_to_all(std::string_view name, Arguments args) {
    each_socket([&](Socket& socket) { socket.report(name, args); });
}

// A call may add sockets; those are left out.
template <class Call>
void Manager::each_socket(Call&& call) {
    for (size_t i = 0, count = sockets_.size(); i < count; ++i) {
        const std::shared_ptr<Socket> socket = sockets_[i];
        call(*socket);
    }
}

void Manager::run(uint64_t now_ms) {
    timers_.run(now_ms);
    for (size_t i = 0; i < retired_.size(); ++i) {
        ClientSession& session = retired_[i]->session();
        if (session.deadline_ms() <= now_ms) session.on_timer(now_ms);
    }
    if (connection_ && connection_->session().deadline_ms() <= now_ms)
        connection_->session().on_timer(now_ms);
}

uint64_t Manager::deadline_ms() const noexcept {
    uint64_t deadline = timers_.deadline_ms();
    for (const auto& one : retired_) deadline = std::min(deadline, one->session().deadline_ms());
    if (connection_) deadline = std::min(deadline, connection_->session().deadline_ms());
    return deadline;
}

void Manager::sweep() {
    std::erase_if(retired_, [](const auto& one) {
        return one->session().state() == ClientSession::State::closed;
    });
}

bool Manager::wants_sweep() const noexcept {
    return std::ranges::any_of(retired_, [](const auto& one) {
        return one->session().state() == ClientSession::State::closed;
    });
}

ClientSession* Manager::session() const noexcept {
    return connection_ ? &connection_->session() : nullptr;
}

size_t Manager::sessions() const noexcept { return retired_.size() + (connection_ ? 1 : 0); }

bool Manager::idle() const noexcept { return sessions() == 0 && timers_.size() == 0; }

}  // namespace starling::socketio::client
