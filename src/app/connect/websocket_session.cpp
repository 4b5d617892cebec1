// The WebSocket of `starling connect`.
#include <optional>
#include <string>
#include <utility>

#include "app/connect/session.h"
#include "app/connect/tls.h"
#include "app/connect/words.h"
#include "base/text.h"
#include "base/url_text.h"
#include "base/utf8.h"

namespace starling::app::connect {
namespace {

// What the program sends at once is bounded by what it reads: a part of a pipe, or a file.
constexpr uint64_t send_queue_bytes_max = 4 * uint64_t{file_bytes_max};

class WebSocketSession final : public Session {
public:
    WebSocketSession(ClientLoop& loop, const Options& options, Host& host)
        : host_(host), socket_(loop, options.url, socket_options(options)) {}

    void start() override {
        socket_.onopen = [this] {
            opened_ = true;
            host_.show(open_event(base::without_password(socket_.url()), socket_.protocol(),
                                  socket_.extensions()));
            host_.ready(true);
        };
        socket_.onmessage = [this](const MessageEvent& event) {
            host_.show_message(Direction::in, event.data());
            host_.received();
        };
        socket_.add_event_listener("ping", [this](const PingEvent& event) {
            host_.show(ping_event(Direction::in, event.payload));
        });
        socket_.add_event_listener("pong", [this](const PongEvent& event) {
            const Event pong = pong_event(Direction::in, event.payload, event.round_trip);
            host_.show(asked_pings_ > 0 ? asked(pong) : pong);
            if (asked_pings_ > 0) --asked_pings_;
        });
        socket_.add_event_listener("drain", [this] { host_.drained(); });
        socket_.onerror = [this](const ErrorEvent& event) {
            failed_ = true;
            host_.show(error_event(event.message, event.status, event.body));
        };
        socket_.onclose = [this](const CloseEvent& event) { on_close(event); };
    }

    void send(const ws::Message& message) override {
        if (!message.is_binary() && !base::utf8_is_valid(message.text())) {
            bad_text_ = true;
            host_.show(
                error_event("a text to send is not UTF-8; --send-binary sends bytes", 0, {}));
            return close();
        }
        socket_.send(message);
        host_.show_message(Direction::out, message);
    }

    void typed(std::string_view line) override {
        const auto parsed = parse_typed_line(line);
        if (!parsed) return host_.show(notice_event(parsed.error()));
        using Kind = TypedLine::Kind;
        switch (parsed->kind) {
            case Kind::text: return send_typed(parsed->text);
            case Kind::help: return host_.help(typed_line_help());
            case Kind::binary: return send_file(parsed->text);
            case Kind::ping:
                socket_.ping(parsed->text);
                ++asked_pings_;
                return host_.show(asked(ping_event(Direction::out, parsed->text)));
            case Kind::close: break;
        }
        if (parsed->code == 0) return close();
        asked_code_ = parsed->code;
        socket_.close(parsed->code, parsed->reason);
    }

    [[nodiscard]] uint64_t waiting_bytes() const override { return socket_.buffered_amount(); }
    void close() override { socket_.close(1000); }
    void terminate() override { socket_.terminate(); }
    bool pause() override {
        socket_.pause();
        return true;
    }
    void resume() override { socket_.resume(); }

private:
    static WebSocketOptions socket_options(const Options& options) {
        constexpr int redirects_max = 10;
        WebSocketOptions socket;
        socket.protocols = options.protocols;
        socket.headers = options.headers;
        socket.origin = options.origin;
        socket.compression.enabled = options.compress;
        socket.compression.context_takeover = options.compress;
        socket.message_bytes_max = options.message_bytes_max;
        socket.send_queue_bytes_max = send_queue_bytes_max;
        socket.handshake_timeout = options.connect_timeout;
        socket.ping_interval = options.ping_interval;
        socket.tls = client_tls(options);
        socket.proxy = options.proxy;
        socket.redirects_max = options.redirects ? redirects_max : 0;
        return socket;
    }

    // A ping that was asked for by a command is shown without --show-pings.
    static Event asked(Event event) {
        event.mark = Event::Mark::state;
        return event;
    }

    void send_typed(const std::string& text) {
        if (!base::utf8_is_valid(text)) return host_.show(notice_event("a text must be UTF-8"));
        send(ws::Message(text));
    }

    void send_file(const std::string& path) {
        const auto bytes = read_file(path);
        if (!bytes) return host_.show(notice_event(bytes.error()));
        send(ws::Message(base::bytes_of(*bytes)));
    }

    void on_close(const CloseEvent& event) {
        // While connecting, the error has said everything.
        const bool wanted = event.code == 1000 || event.code == 1001 || event.code == 1005 ||
                            event.code == asked_code_;
        const bool in_order = event.was_clean && wanted;
        if (opened_) host_.show(close_event(event.code, event.reason, event.was_clean, in_order));
        const bool good = in_order && !failed_ && !bad_text_;
        host_.ended(!opened_ ? unreachable_exit : good ? clean_exit : lost_exit);
    }

    Host& host_;
    bool opened_ = false, failed_ = false, bad_text_ = false;
    uint16_t asked_code_ = 1000;  // Of /close.
    uint32_t asked_pings_ = 0;    // Of /ping, without a pong yet.
    WebSocket socket_;
};

}  // namespace

std::unique_ptr<Session> make_websocket_session(ClientLoop& loop, const Options& options,
                                                Host& host) {
    return std::make_unique<WebSocketSession>(loop, options, host);
}

}  // namespace starling::app::connect
