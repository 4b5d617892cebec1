// client/reconnect_core.h: what is behind a ReconnectingWebSocket: one WebSocket after the other. The
// pauses are ws/reconnect_plan.h, what may be lost is ws/unconfirmed.h.
//
// Owner:  the ReconnectingWebSocket, and the calls that are under way.
// Thread: the loop's.
#pragma once

#include <starling/client_reconnect.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "client/loop_core.h"
#include "ws/reconnect_plan.h"
#include "ws/unconfirmed.h"

namespace starling::client {

class ReconnectCore final : public LoopGuest, public std::enable_shared_from_this<ReconnectCore> {
public:
    // Throws what the constructor of ReconnectingWebSocket throws.
    ReconnectCore(ClientLoop& loop, std::string_view url, WebSocketOptions options,
                  ReconnectOptions reconnect);
    void connect();

    bool send(ws::Message message);
    void close(bool has_code, uint16_t code, std::string_view reason);
    void terminate();
    void abandon();  // The ReconnectingWebSocket is destroyed.
    [[nodiscard]] WebSocket::ReadyState state() const noexcept;
    [[nodiscard]] uint64_t unconfirmed() const noexcept { return unconfirmed_.count(); }
    // The WebSocket if it is OPEN; else null.
    [[nodiscard]] WebSocket* open() const noexcept;
    // Null after the end of the loop, and after the close event.
    [[nodiscard]] LoopCore* loop() const noexcept;
    void set_handler(detail::EventType type, detail::Callback call) noexcept;
    [[nodiscard]] bool has_handler(detail::EventType type) const noexcept;

    // LoopGuest
    void server_stops() override;
    void loop_ends() noexcept override;

private:
    void on_pong(std::string_view payload);
    void on_close(const CloseEvent& event);
    [[nodiscard]] bool may_retry(uint16_t code) const;
    void tell_lost(LostEvent& event);
    void finish(const CloseEvent& event);
    void finish_soon();
    void leave_loop() noexcept;
    void await_confirmation();
    void cancel(ClientLoop::Timer& timer) noexcept;
    template <class Event>
    void tell(const Event& event);
    template <class Event>
    void tell_guarded(const Event& event);

    // While a handler runs it is not in its place, where another one may be put meanwhile.
    struct Handler {
        detail::Callback call = {};
        bool runs = false;
    };

    ClientLoop* loop_;
    const std::string url_;
    const WebSocketOptions options_;
    const ReconnectOptions reconnect_;
    std::array<Handler, detail::event_types> handlers_;
    ws::ReconnectPlan plan_;
    ws::Unconfirmed<LostMessage> unconfirmed_;
    std::unique_ptr<WebSocket> socket_;
    std::string error_;  // Of this attempt.
    int status_ = 0;
    ClientLoop::Timer pause_ = 0, confirmation_ = 0;
    bool ending_ = false;  // No attempt follows: close() was called, or the server stops.
    bool closed_ = false;
};

}  // namespace starling::client
