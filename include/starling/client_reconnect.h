// <starling/client_reconnect.h>: a WebSocket that connects again when its connection is lost, with
// pauses that grow and vary.
//
//     starling::ClientLoop loop;
//     starling::ReconnectingWebSocket socket(loop, "wss://example.com/feed");
//     socket.onopen = [&] { socket.send("subscribe news"); };  // After each connection.
//     socket.onmessage = [](const starling::MessageEvent& event) { ... };
//     socket.onlost = [](const starling::LostEvent& event) { ... event.messages ... };
//     loop.run();
//
// Nothing is sent twice: a message that may be lost is told to `onlost`, and the application decides.
//
// Owner and thread: as for <starling/client.h>.
#pragma once

#include <starling/client.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace starling::client {
class ReconnectCore;
}

namespace starling {

// A message that was handed to send() and that the server has perhaps not received.
struct LostMessage {
    enum class Fate : uint8_t {
        // Some byte of the message never left this process: the server cannot have the whole message.
        never_sent,
        // The system took the message, and no pong has proved that the server received it.
        unknown,
    };
    std::string data;
    bool binary = false;
    Fate fate = Fate::unknown;
};

// A connection was lost, or could not be made.
struct LostEvent {
    uint16_t code = 1006;      // As in CloseEvent.
    std::string_view reason;   // Of the server's close frame.
    std::string_view message;  // Of the ErrorEvent; "" without one.
    int status = 0;            // Of the ErrorEvent.
    // Oldest first; the application may move them.
    std::span<LostMessage> messages;
    // Messages of unknown fate that `messages` does not hold, because of kept_bytes_max. They are older.
    uint64_t messages_not_kept = 0;
    // The pause before the next attempt. Nothing: it was the last one, and the close event follows.
    std::optional<std::chrono::milliseconds> retry_in;
    uint64_t attempts = 0;  // Attempts since the last stable connection, without the next one.
};

// False for an end that the next attempt would only repeat. Codes: 1000 (the server has finished), 1002,
// 1003, 1007, 1008, 1009 and 1010 (this client breaks the server's rules), 3000 and 3003 (unauthorized,
// forbidden). Statuses of a refused handshake: 400 to 499, but for 408, 425 and 429. True for all others,
// such as 1001, 1006, 1011 to 1014, and the codes from 4000 on, whose meaning only the application knows.
[[nodiscard]] bool worth_reconnecting(uint16_t code, int status) noexcept;

struct ReconnectOptions {
    // The first pause. Each further one is twice as long, up to `delay_max`.
    std::chrono::milliseconds delay{1'000};
    std::chrono::milliseconds delay_max{30'000};
    double jitter = 0.5;  // A pause changes at random by up to this share, 0 to 1.
    // Attempts since the last stable connection; 0: without end.
    uint64_t attempts_max = 0;
    // A connection that was open for this time is stable: the pauses begin again with `delay`.
    std::chrono::milliseconds stable_after{10'000};
    // Whether an end of a connection is followed by an attempt. `code`: of the close event. `status`: as in
    // ErrorEvent. Null: worth_reconnecting().
    std::function<bool(uint16_t code, int status)> should_reconnect = {};
    // Copies of messages that the server has perhaps not received, for LostEvent; the oldest ones go first.
    // 0: no copies; the messages are only counted.
    uint64_t kept_bytes_max = 1024 * 1024;
    // How often a ping asks whether the server has received the messages so far, while there are such
    // messages; 0: never, so that the fate of each message stays unknown.
    std::chrono::milliseconds confirm_interval{1'000};
};

// The events: `open` after each connection; `error` for each connection that fails; `lost` after each
// connection that ended, and after each attempt that failed, but for the end that close() asked for if
// nothing was lost; `close` once, when no further attempt follows.
//
// A pong proves that the server's WebSocket has received all messages before the ping; it does not prove
// that the application there has handled them. A closing handshake that close() began and that is
// complete proves the same.
class ReconnectingWebSocket {
    std::shared_ptr<client::ReconnectCore> core_;  // First: the members below refer to it.

public:
    template <class Event>
    using Handler = EventHandler<Event, client::ReconnectCore>;

    // Throws what WebSocket's constructor throws, and std::invalid_argument for an option out of its range.
    // Connects at once; the first attempt has no pause.
    ReconnectingWebSocket(ClientLoop& loop, std::string_view url, WebSocketOptions options = {},
                          ReconnectOptions reconnect = {});
    // Ends without events; an open connection gets 1001.
    ~ReconnectingWebSocket();
    ReconnectingWebSocket(const ReconnectingWebSocket&) = delete;
    ReconnectingWebSocket& operator=(const ReconnectingWebSocket&) = delete;

    Handler<OpenEvent> onopen;
    Handler<MessageEvent> onmessage;
    Handler<ErrorEvent> onerror;
    Handler<LostEvent> onlost;
    Handler<CloseEvent> onclose;

    // True: the message is queued on the open connection. False: there is none, and the message is neither
    // sent nor kept.
    bool send(ws::Message message);

    // Ends for good: with the closing handshake if there is a connection. Arguments and errors as
    // WebSocket::close(). The close event follows; without a connection it has 1006.
    void close();
    void close(uint16_t code, std::string_view reason = {});
    // Resets the connection, as WebSocket::terminate(). An attempt follows, unless close() was called.
    void terminate();

    // CONNECTING also during a pause.
    [[nodiscard]] WebSocket::ReadyState ready_state() const noexcept;
    // As those of WebSocket, of the connection that there is; without one 0 or "".
    [[nodiscard]] uint64_t buffered_amount() const noexcept;
    [[nodiscard]] std::string protocol() const;
    [[nodiscard]] std::optional<std::chrono::milliseconds> round_trip_time() const noexcept;
    // Messages whose arrival nothing has proved yet.
    [[nodiscard]] uint64_t unconfirmed() const noexcept;
};

}  // namespace starling
