#include "client/socketio/http_lane.h"

#include <utility>

#include "base/text.h"
#include "client/dialing.h"
#include "net/loop.h"
#include "net/stream.h"

namespace starling::client {

namespace {

constexpr uint64_t hold_ms = 24 * 3600 * 1000;  // A dial ends much earlier.

}  // namespace

// The stream's handler. It outlives a lane that has let it go.
class HttpLane::Handler final : public net::StreamHandler {
public:
    explicit Handler(HttpLane& lane) noexcept : lane_(&lane) {}
    [[nodiscard]] net::Stream& stream() const noexcept { return *stream_; }
    void leave() noexcept {
        lane_ = nullptr;
        stream_->close(net::Stream::Close::reset);
    }

    void on_bytes(std::span<std::byte>& input) override {
        if (lane_) return lane_->on_bytes(input);
        input = {};
    }
    void on_ended() override {
        stream_->close();
        gone();
    }
    void on_closed(net::CloseReason) override { gone(); }

private:
    void gone() {
        if (auto* const lane = std::exchange(lane_, nullptr)) lane->on_closed();
    }

    HttpLane* lane_;
};

HttpLane::HttpLane(LoopCore& loop, const ws::ClientUrl& url, const WebSocketOptions& options,
                   uint64_t body_bytes_max)
    : loop_(loop),
      url_(url),
      options_(options),
      reader_({.body_bytes_max = body_bytes_max}),
      self_(std::make_shared<HttpLane*>(this)) {}

HttpLane::~HttpLane() {
    *self_ = nullptr;
    release_hold();
    let_go();
}

void HttpLane::let_go() noexcept {
    if (handler_) std::exchange(handler_, nullptr)->leave();
}

void HttpLane::send(Request request, Done done) {
    request_ = std::move(request);
    done_ = std::move(done);
    response_ = {};
    reader_.begin();
    reused_ = handler_ != nullptr;
    reused_ ? write() : dial();
}

void HttpLane::dial() {
    base::Result<net::DialRequest> request = base::Failure(std::string(loop_.refusal()));
    if (loop_.refusal().empty()) request = dial_request(url_, options_, loop_.tls_contexts());
    if (request) {
        hold_ = loop_.add_timer(hold_ms, false, [] {});
        dial_ = loop_.dialer().dial(*std::move(request), *this);
        return;
    }
    loop_.post([self = self_, error = request.error()] {
        if (*self) (*self)->finish({.failure = error});
    });
}

void HttpLane::release_hold() noexcept {
    if (hold_ != 0) loop_.cancel(std::exchange(hold_, 0));
}

void HttpLane::on_connected(net::Dialed dialed) {
    auto handler = std::make_unique<Handler>(*this);
    Handler* const opened = handler.get();
    (void)std::move(dialed).open(std::move(handler));
    handler_ = opened;
    dial_.reset();
    release_hold();
    if (paused_) handler_->stream().pause_receiving();
    write();
}

void HttpLane::on_failed(const net::DialError& error) {
    release_hold();
    finish({.failure = error.text});
}

void HttpLane::pause() {
    if (!std::exchange(paused_, true) && handler_) handler_->stream().pause_receiving();
}

void HttpLane::resume() {
    if (std::exchange(paused_, false) && handler_) handler_->stream().resume_receiving();
}

void HttpLane::write() {
    handler_->stream().write(base::bytes_of(request_.head));
    handler_->stream().write(base::bytes_of(request_.body));
}

void HttpLane::on_bytes(std::span<std::byte>& input) {
    if (!done_) return let_go();  // The server speaks unasked.
    std::span<const std::byte> rest = input;
    for (;;) {
        const http::ResponseEvent event = reader_.next(rest);
        input = input.last(rest.size());
        switch (event.kind) {
            case http::ResponseEvent::Kind::need_more: return;
            case http::ResponseEvent::Kind::head:
                response_.status = reader_.head().status;
                response_.content_type = reader_.field("content-type");
                break;
            case http::ResponseEvent::Kind::body_chunk:
                response_.body += base::text_of(event.body);
                break;
            case http::ResponseEvent::Kind::complete:
                if (!reader_.head().keep_alive || !rest.empty()) let_go();
                return finish(std::move(response_));
            case http::ResponseEvent::Kind::error:
                let_go();
                return finish({.failure = std::string(reader_.reason())});
        }
    }
}

void HttpLane::on_closed() {
    handler_ = nullptr;
    if (!done_) return;
    if (reused_ && request_.may_repeat && !reader_.started()) {
        reused_ = false;
        reader_.begin();
        return dial();
    }
    if (reader_.finish().kind == http::ResponseEvent::Kind::complete)
        return finish(std::move(response_));
    finish({.failure = "the server has closed the connection"});
}

void HttpLane::finish(Response response) {
    const Done done = std::exchange(done_, nullptr);
    if (done) done(std::move(response));
}

}  // namespace starling::client
