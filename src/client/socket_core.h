// client/socket_core.h: what is behind a WebSocket: its options, its life (ws/client_life.h) and its
// listeners, from the constructor to the close event. An Opening makes the connection; a Connection
// carries the messages.
//
// Owner:  the WebSocket, and whatever may still call: the stream's handler, a posted call. It holds a
//         pointer to the loop until the close event, or until the loop ends.
// Thread: the loop's.
#pragma once

#include <starling/client.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/intrusive_list.h"
#include "base/ref.h"
#include "client/listeners.h"
#include "client/options.h"
#include "client/terms.h"
#include "ws/client_life.h"
#include "ws/client_opening.h"
#include "ws/client_url.h"
#include "ws/heartbeat.h"
#include "ws/receiver.h"

namespace starling::net {
class Stream;
}

namespace starling::client {

class Connection;
class LoopCore;
class Opening;

class SocketCore final : public base::ListLink {
public:
    // Throws what WebSocket's constructor throws.
    SocketCore(LoopCore& loop, std::string_view url, WebSocketOptions options);
    ~SocketCore();
    void start();  // Connects, from the loop.

    // ---- WebSocket ------------------------------------------------------------------------------
    void send(ws::Message message);
    void close(bool has_code, uint16_t code, std::string_view reason);
    void terminate();
    void ping(std::string_view payload);
    void pause();
    void resume();
    void listens_for_drain();  // A listener of "drain" was added.
    void abandon();            // The WebSocket is destroyed.
    [[nodiscard]] uint64_t buffered_amount() const noexcept;
    [[nodiscard]] ws::ClientLife::State state() const noexcept { return life_.state(); }
    [[nodiscard]] Listeners& listeners() noexcept { return listeners_; }
    [[nodiscard]] const Listeners& listeners() const noexcept { return listeners_; }
    [[nodiscard]] const TermsFields& terms() const noexcept { return terms_->fields; }
    [[nodiscard]] const Connection* connection() const noexcept { return connection_; }
    [[nodiscard]] Connection* connection() noexcept { return connection_; }
    // Null after the close event, and after the end of the loop.
    [[nodiscard]] LoopCore* loop() const noexcept { return loop_; }
    [[nodiscard]] bool blob() const noexcept { return blob_; }  // binary_type()
    void blob(bool blob) noexcept { blob_ = blob; }

    // ---- LoopCore -------------------------------------------------------------------------------
    void go_away();  // The server stops: closes with 1001.
    void loop_ends() noexcept;

    // ---- Opening --------------------------------------------------------------------------------
    void opened(net::Stream& stream, const ws::ClientOpening& opening);
    void open_failed(std::string_view message, int status, std::string_view body);

    // ---- Connection -----------------------------------------------------------------------------
    void on_message(const ws::Event& event);
    void on_ping(std::string_view payload);
    void on_pong(std::string_view payload, std::optional<std::chrono::milliseconds> round_trip);
    void on_drained();
    void on_peer_close(uint16_t code, std::string_view reason);
    // Of the server, or of a handler: the server gets `code` and `reason`.
    void fail(uint16_t code, std::string_view reason, std::string_view message);
    void on_timeout(std::string_view message);
    void on_gone(bool ended);
    void overflowed();  // The send queue is full: fails from the loop.
    [[nodiscard]] bool may_send() const noexcept { return life_.may_send() && !overflowed_; }
    // A message that is never sent: its bytes count in buffered_amount() for ever.
    void refused(uint64_t payload_bytes);

    // While CONNECTING.
    [[nodiscard]] const WebSocketOptions& options() const noexcept {
        return aside_->asked->options;
    }
    [[nodiscard]] const ws::OpeningOptions& opening_options() const noexcept {
        return aside_->asked->opening;
    }
    // Outlives the Connection.
    [[nodiscard]] const Settings& settings() const noexcept { return terms().settings; }

private:
    using Self = base::Ref<SocketCore>;
    template <class T>
    friend class base::Ref;

    [[nodiscard]] Self self() noexcept { return Self(this); }
    void drop_opening() noexcept;
    // The connection is told nothing more; what it did not send counts as refused.
    void drop_connection();
    [[nodiscard]] std::string take_close_reason();
    void start_closing(bool has_code, uint16_t code, std::string_view reason,
                       std::string_view message);
    void tell_open();
    void tell_failure(const ws::ClientLife::Actions& actions, std::string_view message,
                      int status = 0, std::string_view body = {});
    void tell_close();
    template <class Event>
    void tell(const Event& event);
    void handler_threw(std::string_view what);
    void leave_loop() noexcept;

    struct Asked {
        WebSocketOptions options;
        ws::OpeningOptions opening;
    };
    // What an open connection does not pay for.
    struct Aside {
        std::unique_ptr<const Asked> asked;  // While CONNECTING.
        std::unique_ptr<Opening> opening;    // While CONNECTING.
        std::string close_reason;            // Of the peer's close frame.
        uint64_t refused_bytes = 0;
    };
    [[nodiscard]] Aside& aside();

    LoopCore* loop_;
    base::Ref<const Terms> terms_;
    std::unique_ptr<Aside> aside_;
    Connection* connection_ = nullptr;  // While its stream is there and this socket is not CLOSED.
    // The members below share the padding of those before.
    [[no_unique_address]] Listeners listeners_;
    bool blob_ : 1 = true;
    bool overflowed_ : 1 = false;
    ws::ClientLife life_;
    mutable std::atomic<uint32_t> refs_{0};  // Of base::Ref.
};
static_assert(sizeof(SocketCore) <= 136, "part of the 400 bytes that an idle connection may cost");

}  // namespace starling::client
