#include "client/opening.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "client/dialing.h"
#include "client/loop_core.h"
#include "client/socket_core.h"
#include "net/loop.h"

namespace starling::client {

using Step = ws::ClientOpening::Step;

namespace {

constexpr uint64_t body_wait_ms_max = 1000;  // For the body of a refusal.

}  // namespace

// The stream's handler until the handshake is done. It outlives an Opening that is cancelled.
class OpeningHandler final : public net::StreamHandler {
public:
    explicit OpeningHandler(Opening& opening) noexcept : opening_(&opening) {}

    [[nodiscard]] net::Stream& stream() const noexcept { return *stream_; }
    void leave() noexcept {
        opening_ = nullptr;
        stream_->close(net::Stream::Close::reset);
    }
    void replaced() noexcept { opening_ = nullptr; }

    void on_bytes(std::span<std::byte>& input) override {
        std::span<const std::byte> rest = input;
        if (!opening_) return;
        const Step step = opening_->handshake_->on_bytes(rest);
        input = input.last(rest.size());
        opening_->on_step(step);
    }
    void on_ended() override {
        stream_->close();
        if (opening_) opening_->on_step(opening_->handshake_->on_ended());
    }
    void on_timeout() override {
        if (opening_) opening_->on_time();
    }
    void on_closed(net::CloseReason) override {
        if (!opening_) return;
        Opening& opening = *std::exchange(opening_, nullptr);
        opening.handler_ = nullptr;
        opening.on_step(opening.handshake_->on_ended());
    }

private:
    Opening* opening_;  // Null once the connection is of no interest to it.
};

Opening::Opening(SocketCore& core, LoopCore& loop, ws::ClientUrl url)
    : core_(core), loop_(loop), url_(std::move(url)) {
    const auto timeout = core.options().handshake_timeout.count();
    if (timeout > 0) ends_ms_ = net::Loop::steady_clock()() + static_cast<uint64_t>(timeout);
}

Opening::~Opening() { let_go(); }

void Opening::let_go() noexcept {
    if (handler_) std::exchange(handler_, nullptr)->leave();
}

// At least 1: the time is over at the next look at the clock.
uint64_t Opening::left_ms() const noexcept {
    const uint64_t now = loop_.net().now_ms();
    return ends_ms_ > now ? ends_ms_ - now : 1;
}

void Opening::dial() {
    auto request = dial_request(url_, core_.options(), loop_.tls_contexts());
    if (!request) return fail(request.error());
    if (ends_ms_ != 0) request->timeout_ms = left_ms();
    dial_ = loop_.dialer().dial(*std::move(request), *this);
}

void Opening::on_connected(net::Dialed dialed) {
    auto handler = std::make_unique<OpeningHandler>(*this);
    OpeningHandler* const opened = handler.get();
    net::Stream& stream = std::move(dialed).open(std::move(handler));
    handler_ = opened;
    start_handshake(stream);
    dial_.reset();
}

void Opening::on_failed(const net::DialError& error) {
    const std::string text = error.text;
    fail(text, error.proxy_status);
}

void Opening::start_handshake(net::Stream& stream) {
    std::array<std::byte, 16> random;
    LoopCore::fill_random(random);
    handshake_ =
        std::make_unique<ws::ClientOpening>(core_.opening_options(), url_, random, credentials_);
    stream.write(base::bytes_of(handshake_->request()));
    if (ends_ms_ != 0) stream.set_timeout(left_ms());
}

void Opening::on_step(Step step) {
    switch (step) {
        case Step::more: return;
        case Step::body:
            if (handler_)
                handler_->stream().set_timeout(
                    ends_ms_ == 0 ? body_wait_ms_max : std::min(body_wait_ms_max, left_ms()));
            return;
        case Step::open: {
            // The core destroys this object.
            net::Stream& stream = handler_->stream();
            std::exchange(handler_, nullptr)->replaced();
            return core_.opened(stream, *handshake_);
        }
        case Step::redirect: return on_redirect();
        case Step::failed: {
            const auto handshake = std::move(handshake_);
            return fail(handshake->error(), handshake->status(), handshake->body());
        }
    }
}

void Opening::on_redirect() {
    const int status = handshake_->status();
    const std::string answered = "the server answered " + std::to_string(status) +
                                 " with a redirect to " + handshake_->location();
    const int redirects_max = core_.options().redirects_max;
    if (redirects_max == 0) return fail(answered + ", and redirects are not followed", status);
    if (++redirects_ > redirects_max) return fail(answered + ": too many redirects", status);
    auto next = ws::resolve_redirect(url_, handshake_->location());
    if (!next) return fail(answered + ": " + next.error(), status);
    credentials_ = credentials_ && url_.same_origin(*next);
    // The handler that called may not be freed yet; it has no Opening from here on.
    let_go();
    handshake_.reset();
    url_ = *std::move(next);
    dial();
}

void Opening::on_time() {
    const Step step = handshake_->on_waited();
    if (step == Step::failed) return on_step(step);
    fail("no answer of the server within the handshake timeout");
}

// The core destroys this object.
void Opening::fail(std::string_view message, int status, std::string_view body) {
    let_go();
    core_.open_failed(message, status, body);
}

}  // namespace starling::client
