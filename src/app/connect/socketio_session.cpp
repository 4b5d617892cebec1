// Socket.IO in `starling connect`.
#include <starling/socketio_client.h>

#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "app/connect/session.h"
#include "app/connect/tls.h"
#include "app/connect/words.h"
#include "base/utf8.h"

namespace starling::app::connect {
namespace {

// Events that wait for the command `answer`; the oldest is forgotten first.
constexpr size_t answers_max = 1000;
// Names of events that get listeners; a server may invent names without end.
constexpr size_t names_max = 10'000;

// Events of the client itself. An event of the server with such a name is shown, and gets no answer.
const std::set<std::string> own_names = {"connect",    "connect_error",  "disconnect",
                                         "connecting", "connect_failed", "error",
                                         "reconnect",  "reconnecting",   "reconnect_failed"};

// The URL with another namespace in place of its path.
std::string url_with(const std::string& url, const std::string& nsp) {
    if (nsp.empty()) return url;
    const size_t scheme = url.find("://");
    const size_t from = scheme == std::string::npos ? 0 : scheme + 3;
    const size_t path = url.find_first_of("/?#", from);
    const size_t query = url.find('?', from);
    return url.substr(0, path) + (nsp.starts_with('/') ? nsp : "/" + nsp) +
           (query == std::string::npos ? "" : url.substr(query));
}

class SocketIoSession final : public Session {
public:
    SocketIoSession(ClientLoop& loop, const Options& options, Host& host)
        : loop_(loop),
          host_(host),
          reconnects_(options.reconnect),
          socket_(sio::connect(loop, url_with(options.url, options.nsp), client_options(options))) {
    }
    ~SocketIoSession() override {
        *alive_ = false;
        stop_listening();
    }

    void start() override {
        socket_.on("connect", [this] { on_connect(); });
        socket_.on("connect_error", [this](const sio::Json& error) { on_connect_error(error); });
        socket_.on("disconnect", [this](const std::string& reason) { on_disconnect(reason); });
        socket_.on_any(
            [this](std::string_view name, std::span<const sio::Json> args) { on_any(name, args); });
        socket_.io().on("reconnect_attempt",
                        [this](uint64_t attempt) { host_.show(reconnecting_event(attempt)); });
        socket_.io().on("reconnect",
                        [this](uint64_t attempt) { host_.show(reconnected_event(attempt)); });
        socket_.io().on("reconnect_failed", [this] { finish(unreachable_exit); });
        socket_.io().on("drain", [this] { host_.drained(); });
        socket_.connect();
    }

    void send(const ws::Message& message) override {
        const auto parsed = parse_socketio_line(message.text(), &read_file);
        if (parsed) return run(*parsed);
        failed_ = true;
        host_.show(error_event(parsed.error(), 0, {}));
        close();
    }
    void typed(std::string_view line) override {
        const auto parsed = parse_socketio_line(line, &read_file);
        if (parsed) return run(*parsed);
        host_.show(notice_event(parsed.error()));
    }

    void close() override {
        closing_ = true;
        if (!socket_.connected()) return finish(opened_ ? clean_exit : unreachable_exit);
        socket_.disconnect();
    }
    void terminate() override { close(); }
    [[nodiscard]] uint64_t waiting_bytes() const override { return socket_.io().buffered_amount(); }
    bool pause() override {
        socket_.io().pause();
        return true;
    }
    void resume() override { socket_.io().resume(); }

private:
    static sio::ClientOptions client_options(const Options& options) {
        sio::ClientOptions client;
        client.force_new = true;
        client.auto_connect = false;  // Until the listeners are there.
        if (options.transport == "polling") client.transports = {sio::Transport::polling};
        if (options.transport == "websocket") client.transports = {sio::Transport::websocket};
        client.eio = options.eio;
        client.path = options.path;
        client.extra_headers = options.headers;
        client.message_bytes_max = options.message_bytes_max;
        client.tls = client_tls(options);
        client.proxy = options.proxy;
        if (!options.auth.is_null()) client.auth = sio::ClientAuth(options.auth);
        client.reconnection = options.reconnect;
        client.timeout = options.connect_timeout;
        return client;
    }

    void stop_listening() {
        socket_.off();
        socket_.off_any();
        for (const char* name : {"reconnect_attempt", "reconnect", "reconnect_failed", "drain"})
            socket_.io().off(name);
    }

    // From the loop: the socket may be calling.
    void finish(int exit_code) {
        if (std::exchange(finished_, true)) return;
        loop_.post([this, alive = alive_, exit_code] {
            if (!*alive) return;
            stop_listening();
            socket_.disconnect();
            socket_.io().close();
            host_.ended(failed_ ? lost_exit : exit_code);
        });
    }

    void on_connect() {
        opened_ = true;
        host_.show(connected_event(socket_.nsp(), socket_.id(), socket_.recovered()));
        host_.ready(true);
    }

    void on_connect_error(const sio::Json& error) {
        host_.show(connect_error_event(error));
        // Before the first connection, and if the namespace refuses, it is of no use to go on.
        if (!opened_ || !socket_.active()) finish(opened_ ? lost_exit : unreachable_exit);
    }

    void on_disconnect(const std::string& reason) {
        host_.show(disconnected_event(reason));
        if (left_) return;  // The command `disconnect`: `connect` may follow.
        host_.ready(false);
        if (closing_) return finish(clean_exit);
        if (reason == "io server disconnect") return finish(clean_exit);
        if (!reconnects_) finish(lost_exit);
    }

    // Catch-all listeners get no ack, so each name gets a listener of its own when it comes first. The
    // client looks for that listener after this call.
    void on_any(std::string_view name, std::span<const sio::Json> args) {
        const std::string key(name);
        if (names_.contains(key)) return;
        if (names_.size() >= names_max || own_names.contains(key)) return show(key, args, {});
        names_.insert(key);
        socket_.on(name, [this, key](const sio::Ack& ack, std::span<const sio::Json> all) {
            show(key, all, ack);
        });
    }

    void show(const std::string& name, std::span<const sio::Json> args, const sio::Ack& ack) {
        uint64_t number = 0;
        if (ack) {
            number = ++last_answer_;
            answers_.emplace(number, ack);
            if (answers_.size() > answers_max) answers_.erase(answers_.begin());
        }
        host_.show(socketio_event(Direction::in, name, args, number));
        host_.received();
    }

    void run(const SocketIoLine& line) {
        using Kind = SocketIoLine::Kind;
        switch (line.kind) {
            case Kind::nothing: return;
            case Kind::help: return host_.help(socketio_line_help());
            case Kind::close: return close();
            case Kind::connect: left_ = false; return socket_.connect();
            case Kind::disconnect: left_ = true; return socket_.disconnect();
            case Kind::emit:
            case Kind::ack: return emit(line);
            case Kind::answer: return answer(line);
        }
    }

    void emit(const SocketIoLine& line) {
        try {
            if (line.kind == SocketIoLine::Kind::emit)
                socket_.emit_list(line.name, line.args);
            else
                socket_.emit_list_with_ack(
                    line.name, line.args,
                    [this, alive = alive_, name = line.name](const sio::Answer& answer) {
                        if (*alive) on_ack(name, answer);
                    });
            host_.show(socketio_event(Direction::out, line.name, line.args, 0));
        } catch (const std::invalid_argument& fault) {  // A reserved name.
            host_.show(notice_event(fault.what()));
        }
    }

    void on_ack(const std::string& name, const sio::Answer& answer) {
        using Status = sio::Answer::Status;
        if (!answer) {
            host_.show(no_ack_event(name, answer.status == Status::timed_out ? "timed out"
                                          : answer.status == Status::refused
                                              ? "too many acks are awaited"
                                              : "disconnected"));
            return;
        }
        host_.show(ack_event(name, {answer.args.data(), answer.args.size()}));
        host_.received();
    }

    void answer(const SocketIoLine& line) {
        const auto found = answers_.find(line.id);
        if (found == answers_.end())
            return host_.show(
                notice_event("no event " + std::to_string(line.id) + " waits for an answer"));
        const sio::Ack ack = found->second;
        answers_.erase(found);
        ack.list(line.args);
        host_.show(answered_event(line.id, line.args));
    }

    ClientLoop& loop_;
    Host& host_;
    const bool reconnects_;
    bool opened_ = false, closing_ = false, finished_ = false, failed_ = false, left_ = false;
    std::set<std::string> names_;  // Events with a listener.
    std::map<uint64_t, sio::Ack> answers_;
    uint64_t last_answer_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    sio::ClientSocket socket_;
};

}  // namespace

std::unique_ptr<Session> make_socketio_session(ClientLoop& loop, const Options& options,
                                               Host& host) {
    return std::make_unique<SocketIoSession>(loop, options, host);
}

}  // namespace starling::app::connect
