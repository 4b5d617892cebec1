// tests/fake/socketio_client.h: a Socket.IO client without sockets: the test is its clock, its
// server and its application. What the client reports and what the server sees are lines of text.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "socketio/client/manager.h"
#include "tests/fake/client_wire.h"
#include "tests/socketio/shown.h"

namespace starling::fake {

using socketio::client::AckResult;
using socketio::client::Arguments;

// Bytes in a value become {"bytes":"0102"}, and back.
inline sio::Json bytes_as_text(const sio::Json& value) {
    if (const auto bytes = sio::Binary::view(value)) {
        boost::json::object object;
        object["bytes"] = ClientWire::shown(true, *bytes).substr(6);
        return object;
    }
    sio::Json out = value;
    if (auto* array = out.if_array())
        for (auto& item : *array) item = bytes_as_text(item);
    if (auto* object = out.if_object())
        for (auto& member : *object) member.value() = bytes_as_text(member.value());
    return out;
}
inline std::string from_hex(std::string_view hex) {
    std::string out;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
        out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return out;
}
inline sio::Json bytes_from_text(const sio::Json& value) {
    const auto* object = value.if_object();
    if (object && object->size() == 1 && object->if_contains("bytes"))
        return sio::Binary(from_hex(std::string_view(object->at("bytes").get_string())));
    sio::Json out = value;
    if (auto* array = out.if_array())
        for (auto& item : *array) item = bytes_from_text(item);
    if (auto* members = out.if_object())
        for (auto& member : *members) member.value() = bytes_from_text(member.value());
    return out;
}
// Without the reasons in errors, which are words of the wire.
inline std::string shown_args(Arguments args) {
    std::string text;
    for (const auto& arg : args) {
        sio::Json one = bytes_as_text(arg);
        if (auto* object = one.if_object(); object && object->contains("message"))
            object->erase("reason");
        text += " " + socketio::test::shown(one);
    }
    return text;
}

// The application: each event is one line, `/admin event "a" 1`.
class SioApplication final : public socketio::client::SocketEvents {
public:
    SioApplication(std::string name, std::vector<std::string>& lines)
        : nsp(std::move(name)), lines_(lines) {}

    void on_own_event(std::string_view name, Arguments args) override {
        if (only_modern && name != "connect" && name != "connect_error" && name != "disconnect")
            return;
        if (name == "connect")
            say("connect \"" + socket->id() + "\" " + (socket->recovered() ? "true" : "false"));
        else
            say(std::string(name) +
                (name == "disconnect" ? disconnection(args) : shown_args(args)));
        if (on_own) on_own(name);
    }
    void on_event(Arguments args, const socketio::client::Reply& reply) override {
        if (reply) replies.push_back(reply);
        say((reply ? "event?" : "event") + shown_args(args));
        if (on_args) on_args(args);
    }
    void on_outgoing(Arguments args) override { say("outgoing" + shown_args(args)); }
    bool wants_outgoing() const noexcept override { return hears_outgoing; }
    void say(std::string_view what) { lines_.push_back(nsp + " " + std::string(what)); }

    const std::string nsp;
    socketio::client::Socket* socket = nullptr;
    std::vector<socketio::client::Reply> replies;
    std::function<void(std::string_view)> on_own;
    std::function<void(Arguments)> on_args;
    bool hears_outgoing = true;
    bool only_modern = true;

private:
    // The reason, and the details as Node's client has them: an HTTP status, or words.
    static std::string disconnection(Arguments args) {
        const std::string reason = socketio::test::shown(args[0]);
        const auto* details = args[1].if_object();
        if (reason == "\"parse error\"") return " " + reason + " \"\"";
        if (!details) return " " + reason + " null";
        const bool error = reason == "\"transport error\"" && details->contains("code");
        return " " + reason + " " +
               socketio::test::shown(details->at(error ? "code" : "description"));
    }

    std::vector<std::string>& lines_;
};

// The client with its server. The server accepts each WebSocket and answers each POST, unless told
// otherwise. Nothing is reported inside a call: settle() reports.
class SioClient final : public socketio::client::Host, public socketio::client::ManagerEvents {
public:
    explicit SioClient(const socketio::client::ManagerOptions& options,
                       socketio::client::SocketOptions socket_options = {})
        : socket_options_(std::move(socket_options)), manager(options, *this, *this) {}

    class Wire final : public engineio::ClientWire {
    public:
        Wire(SioClient& client, engineio::ClientSession& to) : session(to), client_(client) {}
        ~Wire() override {
            *alive = false;
            std::erase(client_.wires, this);
        }
        void poll() override {
            client_.seen.emplace_back("GET");
            polls = true;
        }
        void post(std::string body, engineio::PayloadKind kind) override {
            for (char& c : body)
                if (c == '\x1e') c = '|';
            client_.seen.push_back(
                "POST " + fake::ClientWire::shown(kind == engineio::PayloadKind::binary, body));
            posts = true;
            if (client_.answers) answer(200);
        }
        void answer(uint32_t status) {
            later([this, status] {
                if (!std::exchange(posts, false)) return;
                if (status == 200)
                    session.on_post();
                else
                    session.on_post_error(status);
            });
        }
        void open_websocket() override {
            client_.seen.emplace_back(client_.refuses ? "ws refused" : "ws");
            if (client_.refuses) return later([this] { session.on_websocket_error("400"); });
            websocket = true;
            later([this] { session.on_websocket_open(); });
        }
        bool send(const engineio::Frame& frame, bool) override {
            client_.seen.push_back(
                "ws< " + fake::ClientWire::shown(
                             frame.binary, std::string(frame.head) + std::string(frame.data)));
            return true;
        }
        uint64_t buffered_bytes() const noexcept override { return client_.buffered; }
        void watch_drain() override { client_.seen.emplace_back("watch drain"); }
        void pause() override { client_.seen.emplace_back("pause"); }
        void resume() override { client_.seen.emplace_back("resume"); }
        void close_websocket() override {
            if (std::exchange(websocket, false)) client_.seen.emplace_back("ws closed");
        }
        void reset() override {
            close_websocket();
            polls = posts = false;
            *alive = false;
            alive = std::make_shared<bool>(true);
        }
        void finish() override { reset(); }
        // Reports unless the session gave up meanwhile what the report is about.
        void later(std::function<void()> call) {
            client_.later.push_back([call = std::move(call), alive = alive] {
                if (*alive) call();
            });
        }

        engineio::ClientSession& session;
        std::shared_ptr<bool> alive = std::make_shared<bool>(true);
        bool websocket = false, polls = false, posts = false;

    private:
        SioClient& client_;
    };

    // ---- Host, ManagerEvents --------------------------------------------------------------------
    uint64_t now_ms() const noexcept override { return clock_ms; }
    double random() override { return next_random; }
    std::unique_ptr<engineio::ClientWire> open_wire(engineio::ClientSession& session) override {
        auto wire = std::make_unique<Wire>(*this, session);
        wires.push_back(wire.get());
        return wire;
    }
    socketio::Arena& arena() noexcept override { return arena_; }
    engineio::UpgradeMemory& upgrade_memory() noexcept override { return memory; }
    void on_manager_event(std::string_view name, Arguments args) override {
        if (name == "drain" && !hears_drain) return;
        if (name == "close") args = args.first(1);
        lines.push_back("manager " + std::string(name) + shown_args(args));
    }

    // ---- The server -----------------------------------------------------------------------------
    void send(std::string_view text) {
        last([](const Wire& one) { return one.websocket; },
             [&](Wire& wire) {
                 wire.later([&wire, text = std::string(text), this] {
                     wire.session.on_websocket_text(text, clock_ms);
                 });
             });
    }
    void send_bytes(std::string_view bytes) {
        last([](const Wire& one) { return one.websocket; },
             [&](Wire& wire) {
                 wire.later([&wire, bytes = std::string(bytes), this] {
                     wire.session.on_websocket_bytes(bytes, clock_ms);
                 });
             });
    }
    void end(uint32_t code = 1001) {
        last([](const Wire& one) { return one.websocket; },
             [&](Wire& wire) {
                 wire.websocket = false;
                 wire.later([&wire, code] { wire.session.on_websocket_closed(code); });
             });
    }
    void answer_poll(std::string body, uint32_t status = 200) {
        for (char& c : body)
            if (c == '|') c = '\x1e';
        last([](const Wire& one) { return one.polls; },
             [&](Wire& wire) {
                 wire.polls = false;
                 wire.later([&wire, body, status, this] {
                     if (status == 200)
                         wire.session.on_poll(body, engineio::PayloadKind::text, clock_ms);
                     else
                         wire.session.on_poll_error(status);
                 });
             });
    }
    void answer_post(uint32_t status) {
        last([](const Wire& one) { return one.posts; }, [&](Wire& wire) { wire.answer(status); });
    }

    // ---- The application ------------------------------------------------------------------------
    SioApplication& of(const std::string& nsp) {
        auto& one = applications[nsp];
        if (!one) {
            one = std::make_unique<SioApplication>(nsp, lines);
            one->socket = &manager.socket(nsp, socket_options_, *one);
        }
        return *one;
    }
    socketio::client::Socket& socket(const std::string& nsp = "/") { return *of(nsp).socket; }
    template <class... Args>
    void emit(const std::string& nsp, std::string_view name, const Args&... args) {
        sio::detail::with_values([&](auto values) { socket(nsp).emit(name, values); }, args...);
    }

    // ---- Time -----------------------------------------------------------------------------------
    void settle() {
        while (!later.empty()) {
            const auto call = std::move(later.front());
            later.pop_front();
            call();
        }
        manager.sweep();
    }
    void advance(uint64_t ms) {
        const uint64_t until_ms = clock_ms + ms;
        while (manager.deadline_ms() <= until_ms) {
            clock_ms = std::max(clock_ms, manager.deadline_ms());
            manager.run(clock_ms);
            settle();
        }
        clock_ms = until_ms;
    }

private:
    template <class Fits, class Use>
    void last(Fits&& fits, Use&& use) {
        for (size_t i = wires.size(); i-- > 0;)
            if (fits(*wires[i])) return use(*wires[i]);
        lines.emplace_back("(the server has nothing to answer)");
    }

    socketio::Arena arena_;
    socketio::client::SocketOptions socket_options_;

public:
    std::vector<std::string> lines;  // What the client reports.
    std::vector<std::string> seen;   // What the server gets.
    std::vector<Wire*> wires;
    std::deque<std::function<void()>> later;
    std::map<std::string, std::unique_ptr<SioApplication>> applications;
    uint64_t clock_ms = 1'000'000;
    double next_random = 0;
    bool refuses = false, answers = true, hears_drain = false;
    uint64_t buffered = 0;  // By each connection.
    engineio::UpgradeMemory memory;
    socketio::client::Manager manager;
};

}  // namespace starling::fake
