// engineio/client_session.h: the client's half of an Engine.IO session (engine.io-protocol): the
// open packet, polls and POSTs, the probe of a WebSocket and the upgrade to it, heartbeats, closing.
// The server's half is engineio/session.h. Only the client role uses this file. The behaviour is
// that of npm engine.io-client 6.6; the comments name the differences.
//
// A ClientSession lives for one connection: open() once, then at most one on_open(), and exactly
// one on_close(). The session sends through a ClientWire and reports to ClientEvents. The owner of
// the wire reports what arrives, and calls on_timer() at deadline_ms(), which every call may change.
//
// Owner: the client's manager, which frees a session only while none of its calls is on the stack.
// Thread: the owner's. Times are milliseconds of a steady clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engineio/client_open.h"
#include "engineio/packet.h"
#include "engineio/payload.h"
#include "engineio/request.h"

namespace starling::engineio {

struct ClientSessionOptions {
    Revision revision = Revision::eio4;
    // The first one opens the session; the others are for the upgrade and for try_all_transports.
    std::vector<Transport> transports = {Transport::polling, Transport::websocket};
    bool upgrade = true;
    // Opens over a WebSocket if the last session of this UpgradeMemory ended its upgrade well.
    bool remember_upgrade = false;
    // If the first transport fails before the session is open, tries the next one.
    bool try_all_transports = false;
    size_t packets_max = 65'536;  // In the answer to one poll.
    // Packets that wait for the POST under way, or for the upgrade: their data, and
    // queued_packet_bytes for each. One packet may be larger if no other waits. Node's client has no
    // limit.
    uint64_t queue_bytes_max = 64 * 1024 * 1024;
};

// What a queued packet costs beside its data: a server may cause any number of empty ones, pongs.
inline constexpr uint64_t queued_packet_bytes = 64;

inline constexpr uint64_t close_ms_max = 30'000;

// Remembers for the next session whether a WebSocket worked. Owner: the client's loop.
struct UpgradeMemory {
    bool websocket_worked = false;
};

// What went wrong, or how the transport ended.
struct ClientDetails {
    std::string message;   // "xhr poll error", "websocket connection closed"; "": nothing to say.
    uint32_t code = 0;     // Of an HTTP error the status, of a WebSocket the close code; 0: none.
    std::string reason{};  // More words for people, for example what the wire says of a failure.
};

enum class ClientReason : uint8_t {
    transport_error,
    transport_close,
    ping_timeout,
    forced_close,
    parse_error,  // The open packet is invalid. Node's client throws, and stays as it is.
};
[[nodiscard]] std::string_view reason_text(ClientReason reason) noexcept;  // Lives for ever.

// What a session asks of the connections below it. The wire reports the outcome through the
// session's functions of the same name, never inside a call of the wire.
class ClientWire {
public:
    ClientWire() = default;
    ClientWire(const ClientWire&) = delete;
    ClientWire& operator=(const ClientWire&) = delete;
    virtual ~ClientWire() = default;

    // Sends a GET with the session's sid, if it has one. At most one GET is under way.
    virtual void poll() = 0;
    // Sends a POST. At most one POST is under way.
    virtual void post(std::string body, PayloadKind kind) = 0;
    // Opens a WebSocket with the session's sid, if it has one. At most one WebSocket exists.
    virtual void open_websocket() = 0;
    // Sends one frame over the open WebSocket. True: the WebSocket takes more at once; false: it
    // does not, and on_websocket_drained() follows.
    [[nodiscard]] virtual bool send(const Frame& frame, bool compress) = 0;
    // Bytes of frames that the kernel has not taken.
    [[nodiscard]] virtual uint64_t buffered_bytes() const noexcept { return 0; }
    // From now on, on_websocket_drained() also follows each send(), when no bytes are buffered.
    virtual void watch_drain() = 0;
    // Stops and resumes receiving by the GET under way and by the WebSocket, if the WebSocket is the
    // session's transport.
    virtual void pause() = 0;
    virtual void resume() = 0;
    // Closes the WebSocket. Nothing about it is reported after the call.
    virtual void close_websocket() = 0;
    // Drops the GET, the POST and the WebSocket. Nothing about them is reported after the call.
    virtual void reset() = 0;
    // The session is closed: lets the POST under way end, then drops the GET, and closes the
    // WebSocket behind its queued frames. Nothing is reported after the call.
    virtual void finish() = 0;
};

// To whom a session reports. Each of the calls may call the session: send(), close().
class ClientEvents {
public:
    virtual void on_open() = 0;
    virtual void on_message(bool binary, std::string_view data, uint64_t now_ms) = 0;
    // Revision 4: a ping of the server came. Revision 3: a ping of the client was sent.
    virtual void on_ping() = 0;
    virtual void on_upgrade() = 0;                            // The WebSocket is now the transport.
    virtual void on_upgrade_error(std::string_view why) = 0;  // The session goes on by polling.
    // buffered_bytes() is 0 again after messages were sent. Over a WebSocket only after watch_drain().
    virtual void on_drain() = 0;
    virtual void on_error(const ClientDetails& details) = 0;  // on_close() follows.
    virtual void on_close(ClientReason reason, const ClientDetails& details) = 0;

protected:
    ~ClientEvents() = default;
};

class ClientSession {
public:
    enum class State : uint8_t { idle, opening, open, closing, closed };

    // The last three live longer than the session.
    ClientSession(ClientSessionOptions options, UpgradeMemory& memory, ClientWire& wire,
                  ClientEvents& events);
    ~ClientSession();
    ClientSession(const ClientSession&) = delete;
    ClientSession& operator=(const ClientSession&) = delete;

    void open();
    // Sends a message, or queues it until the transport can take it. Dropped unless the session is
    // open. `data` is copied if it is queued.
    void send(bool binary, std::string_view data, bool compress = true);
    // Sends what is queued, then closes: "forced close". A session that is not open yet closes at
    // once. If the server does not take what is queued, the session closes after close_ms_max; Node's
    // client waits on.
    void close(uint64_t now_ms);
    // Delivers no message until resume(). The server's pings are not read either: pongs are sent at
    // the same interval without being asked for, and the server's silence proves nothing. A session
    // that is not open yet pauses when it is.
    void pause(uint64_t now_ms);
    void resume(uint64_t now_ms);
    [[nodiscard]] bool paused() const noexcept { return paused_; }
    void watch_drain() { wire_.watch_drain(); }

    // ---- Reports of the wire --------------------------------------------------------------------
    void on_poll(std::string body, PayloadKind kind, uint64_t now_ms);  // 200.
    void on_poll_error(uint32_t status, std::string_view why = {});     // 0: no answer came.
    void on_post();                                                     // 200.
    void on_post_error(uint32_t status, std::string_view why = {});
    void on_websocket_open();
    void on_websocket_text(std::string_view text, uint64_t now_ms);
    void on_websocket_bytes(std::string_view bytes, uint64_t now_ms);
    void on_websocket_drained();
    void on_websocket_error(std::string_view why = {});
    void on_websocket_closed(uint32_t code);

    void on_timer(uint64_t now_ms);
    [[nodiscard]] uint64_t deadline_ms() const noexcept;  // UINT64_MAX: there is none.

    // ---- Facts ----------------------------------------------------------------------------------
    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] Revision revision() const noexcept { return options_.revision; }
    [[nodiscard]] Transport transport() const noexcept { return transport_; }
    [[nodiscard]] const std::string& sid() const noexcept { return open_.sid; }  // "" before open.
    // A message sent now would leave now, or with the upgrade that is about to end.
    [[nodiscard]] bool writable() const noexcept;
    // The server's ping is overdue: the session ends as soon as on_timer() is called.
    [[nodiscard]] bool ping_expired(uint64_t now_ms) const noexcept;
    [[nodiscard]] size_t queued() const noexcept { return queue_.size(); }
    // Of messages that were sent: what waits here, what is in a POST that the server has not
    // answered, what the wire buffers.
    [[nodiscard]] uint64_t buffered_bytes() const noexcept {
        return queue_bytes_ + posted_bytes_ + wire_.buffered_bytes();
    }

private:
    enum class Probe : uint8_t {
        none,
        opening,  // The WebSocket is being opened.
        asked,    // `2probe` was sent.
        pausing,  // `3probe` came: the upgrade waits for the GET and the POST under way.
    };
    struct Queued {
        Type type;
        bool binary;
        bool compress;
        std::string data;
    };

    struct Answer;  // To a poll.

    void start();
    void take_answer(std::unique_ptr<Answer> answer, uint64_t now_ms);
    void start_pause(uint64_t now_ms);
    void pause_wire();
    void resume_wire();
    void take(const Packet& packet, uint64_t now_ms);
    void take_open(std::string_view data, uint64_t now_ms);
    void take_heartbeat(Type type, uint64_t now_ms);
    void expect_until(uint64_t ms) noexcept;
    void send_packet(Type type, bool binary, std::string_view data, bool compress);
    void send_frame(const Packet& packet, bool compress);
    void flush();
    Queued unqueue();
    void post_queued();
    [[nodiscard]] bool can_flush() const noexcept;
    void drained();
    void close_if_drained();
    void fail(ClientDetails details, ClientReason reason = ClientReason::transport_error);
    void finish(ClientReason reason, const ClientDetails& details, bool tell_server);

    // client_probe.cpp
    void start_probe();
    void take_probe_frame(const Decoded& decoded);
    void probe_failed(std::string_view why);
    void upgrade_if_paused();

    ClientSessionOptions options_;
    UpgradeMemory& memory_;
    ClientWire& wire_;
    ClientEvents& events_;
    ClientOpen open_;
    std::deque<Queued> queue_;
    std::string scratch_;
    uint64_t expires_ms_ = UINT64_MAX;  // When the other side's heartbeat is overdue.
    // When the next heartbeat is due: revision 3, a ping; revision 4, while paused, a pong.
    uint64_t ping_ms_ = UINT64_MAX;
    uint64_t queue_bytes_ = 0;
    uint64_t posted_bytes_ = 0;     // Data of the packets in the POST under way.
    std::unique_ptr<Answer> held_;  // Its packets wait for resume().
    size_t in_flight_ = 0;          // Packets that the transport has not reported as sent.
    State state_ = State::idle;
    Transport transport_ = Transport::polling;
    Probe probe_ = Probe::none;
    bool polling_ = false;   // A GET is under way.
    bool writable_ = false;  // No POST is under way; the WebSocket takes more.
    bool paused_ = false;
    bool wire_paused_ = false;
    bool drain_due_ = false;  // Messages were sent since the last on_drain().
};

}  // namespace starling::engineio
