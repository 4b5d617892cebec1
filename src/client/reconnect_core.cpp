#include "client/reconnect_core.h"

#include <charconv>
#include <exception>
#include <stdexcept>
#include <utility>

#include "base/exception_text.h"
#include "client/options.h"
#include "net/loop.h"

namespace starling::client {
namespace {

// Of the pings that ask for a confirmation; a number follows.
constexpr std::string_view ping_prefix = "received? ";

uint64_t ms_of(std::chrono::milliseconds time, const char* option) {
    if (time.count() < 0) throw std::invalid_argument(std::string(option) + " is negative");
    return static_cast<uint64_t>(time.count());
}

ws::ReconnectPlan::Options plan_options(const ReconnectOptions& options) {
    if (!(options.jitter >= 0 && options.jitter <= 1))
        throw std::invalid_argument("jitter is not from 0 to 1");
    (void)ms_of(options.confirm_interval, "confirm_interval");
    return {.delay_ms = ms_of(options.delay, "delay"),
            .delay_max_ms = ms_of(options.delay_max, "delay_max"),
            .jitter = options.jitter,
            .attempts_max = options.attempts_max,
            .stable_ms = ms_of(options.stable_after, "stable_after")};
}

}  // namespace

ReconnectCore::ReconnectCore(ClientLoop& loop, std::string_view url, WebSocketOptions options,
                             ReconnectOptions reconnect)
    : loop_(&loop),
      url_(url),
      options_(std::move(options)),
      reconnect_(std::move(reconnect)),
      plan_(plan_options(reconnect_)),
      unconfirmed_(reconnect_.kept_bytes_max) {
    connect();
    LoopCore::of(loop).add(*this);
}

LoopCore* ReconnectCore::loop() const noexcept { return loop_ ? &LoopCore::of(*loop_) : nullptr; }

// ---- telling the application --------------------------------------------------------------------

// An exception reaches the WebSocket whose event this is.
template <class Event>
void ReconnectCore::tell(const Event& event) {
    const auto self = shared_from_this();  // A handler may destroy the ReconnectingWebSocket.
    Handler& handler = handlers_[static_cast<size_t>(detail::event_type<Event>)];
    detail::Callback call = std::move(handler.call);
    if (!call) return;
    handler.runs = true;
    std::exception_ptr thrown;
    try {
        call(&event);
    } catch (...) {
        thrown = std::current_exception();
    }
    if (std::exchange(handler.runs, false)) handler.call = std::move(call);
    if (thrown) std::rethrow_exception(thrown);
}

void ReconnectCore::set_handler(detail::EventType type, detail::Callback call) noexcept {
    Handler& handler = handlers_[static_cast<size_t>(type)];
    handler.runs = false;
    handler.call = std::move(call);
}

bool ReconnectCore::has_handler(detail::EventType type) const noexcept {
    const Handler& handler = handlers_[static_cast<size_t>(type)];
    return handler.call || handler.runs;
}

// For events after the end of a WebSocket, and for those without one.
template <class Event>
void ReconnectCore::tell_guarded(const Event& event) {
    try {
        tell(event);
    } catch (...) {
        if (LoopCore* const core = loop()) core->tell_exception(base::describe_current_exception());
    }
}

// ---- connections --------------------------------------------------------------------------------

void ReconnectCore::connect() {
    error_.clear();
    status_ = 0;
    socket_ = std::make_unique<WebSocket>(*loop_, url_, options_);
    // The WebSocket ends with this object, and its handlers with it.
    socket_->onopen = [this] {
        plan_.opened(loop()->net().now_ms());
        tell(OpenEvent{});
    };
    socket_->onmessage = [this](const MessageEvent& event) { tell(event); };
    socket_->onerror = [this](const ErrorEvent& event) {
        error_ = event.message;
        status_ = event.status;
        tell_guarded(event);
    };
    socket_->onclose = [this](const CloseEvent& event) { on_close(event); };
    socket_->add_event_listener("pong", [this](const PongEvent& event) { on_pong(event.payload); });
}

bool ReconnectCore::may_retry(uint16_t code) const {
    if (ending_ || !loop_ || !LoopCore::of(*loop_).refusal().empty()) return false;
    if (reconnect_.should_reconnect) return reconnect_.should_reconnect(code, status_);
    return ws::worth_reconnecting(code, status_);
}

void ReconnectCore::on_close(const CloseEvent& event) {
    const auto self = shared_from_this();
    cancel(confirmation_);
    // The server has answered a close frame, and so it has received all frames before.
    const bool all_arrived = ending_ && event.was_clean;
    if (all_arrived) unconfirmed_.confirmed_all();
    LostEvent lost;
    lost.code = event.code;
    lost.reason = event.reason;
    lost.message = error_;
    lost.status = status_;
    lost.messages_not_kept = unconfirmed_.not_kept();
    auto messages = unconfirmed_.take(socket_->buffered_amount(), [](LostMessage& message) {
        message.fate = LostMessage::Fate::never_sent;
    });
    lost.messages = messages;
    bool retry = false;
    try {
        retry = may_retry(event.code);
    } catch (...) {
        loop()->tell_exception(base::describe_current_exception());
    }
    lost.attempts = plan_.attempts();
    if (retry)
        if (const auto pause = plan_.lost(loop()->net().now_ms(), LoopCore::random_fraction())) {
            lost.retry_in = std::chrono::milliseconds(*pause);
            pause_ = loop_->after(*lost.retry_in, [this] {
                pause_ = 0;
                connect();
            });
        }
    const bool ends = !lost.retry_in;
    if (!(ending_ && messages.empty() && lost.messages_not_kept == 0)) tell_guarded(lost);
    if (ends) finish(event);
}

void ReconnectCore::finish(const CloseEvent& event) {
    if (std::exchange(closed_, true)) return;
    tell_guarded(event);
    leave_loop();
}

// During a pause there is no WebSocket whose end would be an event.
void ReconnectCore::finish_soon() {
    loop_->post([core = shared_from_this()] { core->finish(CloseEvent{}); });
}

void ReconnectCore::leave_loop() noexcept {
    cancel(pause_);
    cancel(confirmation_);
    unlink();
    loop_ = nullptr;
}

void ReconnectCore::cancel(ClientLoop::Timer& timer) noexcept {
    if (const auto id = std::exchange(timer, 0); id != 0 && loop_)
        LoopCore::of(*loop_).forget_timer(id);
}

// ---- what the server has received ---------------------------------------------------------------

void ReconnectCore::await_confirmation() {
    if (confirmation_ != 0 || reconnect_.confirm_interval.count() == 0) return;
    confirmation_ = loop_->after(reconnect_.confirm_interval, [this] {
        confirmation_ = 0;
        if (unconfirmed_.count() == 0 || !open()) return;
        socket_->ping(std::string(ping_prefix) + std::to_string(unconfirmed_.ask()));
        await_confirmation();
    });
}

void ReconnectCore::on_pong(std::string_view payload) {
    if (!payload.starts_with(ping_prefix)) return;
    const std::string_view digits = payload.substr(ping_prefix.size());
    uint64_t number = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (read.ec == std::errc() && read.ptr == digits.data() + digits.size())
        unconfirmed_.confirmed(number);
}

// ---- ReconnectingWebSocket ----------------------------------------------------------------------

WebSocket* ReconnectCore::open() const noexcept {
    return socket_ && socket_->ready_state() == WebSocket::OPEN ? socket_.get() : nullptr;
}

WebSocket::ReadyState ReconnectCore::state() const noexcept {
    if (closed_) return WebSocket::CLOSED;
    if (ending_) return WebSocket::CLOSING;
    return open() ? WebSocket::OPEN : WebSocket::CONNECTING;
}

bool ReconnectCore::send(ws::Message message) {
    if (ending_ || !open()) return false;
    socket_->send(message);
    unconfirmed_.sent(message.text(), message.is_binary());
    await_confirmation();
    return true;
}

void ReconnectCore::close(bool has_code, uint16_t code, std::string_view reason) {
    check_close(has_code, code, reason);
    if (closed_ || std::exchange(ending_, true)) return;
    if (socket_->ready_state() == WebSocket::CLOSED) {
        cancel(pause_);
        finish_soon();
    } else if (has_code) {
        socket_->close(code, reason);
    } else {
        socket_->close();
    }
}

void ReconnectCore::terminate() {
    if (open()) socket_->terminate();
}

void ReconnectCore::server_stops() {
    if (closed_ || std::exchange(ending_, true)) return;
    if (socket_->ready_state() != WebSocket::CLOSED) return;  // Closed with the other sockets.
    cancel(pause_);
    finish_soon();
}

void ReconnectCore::loop_ends() noexcept {
    ending_ = closed_ = true;
    loop_ = nullptr;
}

void ReconnectCore::abandon() {
    for (size_t type = 0; type < handlers_.size(); ++type)
        set_handler(static_cast<detail::EventType>(type), {});
    ending_ = closed_ = true;
    if (loop_) leave_loop();
    socket_.reset();
}

}  // namespace starling::client
