// Server events in `starling connect`: the stream, and its reconnection (WHATWG HTML section 9.2.3).
#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "app/connect/event_source.h"
#include "app/connect/session.h"
#include "app/connect/sse_parser.h"
#include "app/connect/stream_url.h"
#include "base/url_text.h"

namespace starling::app::connect {
namespace {

constexpr uint64_t retry_ms_default = 3000;
constexpr uint64_t retry_ms_min = 100;  // A server that names less gets this.

class SseSession final : public Session {
public:
    SseSession(ClientLoop& loop, const Options& options, Host& host)
        : loop_(loop), options_(options), host_(host) {
        auto url = parse_stream_url(options.url);
        if (!url) throw std::invalid_argument(url.error());
        url_ = *std::move(url);
        last_id_ = options.last_event_id;
    }
    ~SseSession() override {
        *alive_ = false;
        loop_.cancel(timer_);
    }

    void start() override {
        loop_.post([this, alive = alive_] {
            if (*alive) connect();
        });
    }
    void send(const ws::Message&) override {}
    void typed(std::string_view) override {
        host_.show(notice_event("server events come from the server alone"));
    }
    void close() override { finish(clean_exit); }
    void terminate() override { finish(clean_exit); }
    bool pause() override {
        paused_ = true;
        if (source_) source_->pause();
        return true;
    }
    void resume() override {
        paused_ = false;
        if (source_) source_->resume();
    }

private:
    void connect() {
        if (finished_) return;
        parser_ = SseParser(last_id_, options_.message_bytes_max);
        EventSource::Calls calls;
        calls.on_open = [this] {
            opened_ = true;
            host_.show(stream_event(base::without_password(options_.url)));
            host_.ready(true);
        };
        calls.on_bytes = [this](std::string_view bytes) { on_bytes(bytes); };
        calls.on_end = [this](const EventSource::Answer& answer) { on_end(answer); };
        source_ = std::make_unique<EventSource>(loop_, url_, options_, last_id_, std::move(calls));
        if (paused_) source_->pause();
    }

    void on_bytes(std::string_view bytes) {
        if (finished_) return;
        const bool good = parser_.feed(bytes, [this](const SseEvent& event) {
            if (finished_) return;
            host_.show(server_event(event));
            host_.received();
        });
        if (good || finished_) return;
        host_.show(error_event("an event is larger than --max-message", 0, {}));
        finish(lost_exit);
    }

    void on_end(const EventSource::Answer& answer) {
        last_id_ = parser_.last_id();
        if (finished_) return;
        if (answer.status == 204) {  // The server asks clients to stop.
            host_.show(notice_event("the server has no more events (204)"));
            return finish(clean_exit);
        }
        if (answer.status != 0 && !answer.is_stream()) {
            host_.show(error_event(refusal(answer), answer.status, answer.body));
            return finish(opened_ ? lost_exit : unreachable_exit);
        }
        if (!opened_) {
            host_.show(error_event(answer.error, 0, {}));
            return finish(unreachable_exit);
        }
        const std::string why = answer.error.empty() ? "the stream has ended" : answer.error;
        if (!options_.reconnect) {
            if (answer.error.empty())
                host_.show(notice_event(why));
            else
                host_.show(error_event(why, 0, {}));
            return finish(answer.error.empty() ? clean_exit : lost_exit);
        }
        const uint64_t wait_ms = std::max(parser_.retry_ms().value_or(retry_ms_), retry_ms_min);
        retry_ms_ = wait_ms;
        host_.show(retry_event(why, wait_ms, last_id_));
        timer_ = loop_.after(std::chrono::milliseconds(wait_ms), [this] {
            timer_ = 0;
            connect();
        });
    }

    static std::string refusal(const EventSource::Answer& answer) {
        if (answer.status == 200)
            return "the answer is no stream of server events, but of type '" + answer.type + "'";
        return "the server answered " + std::to_string(answer.status);
    }

    // From the loop: libcurl may be on the stack.
    void finish(int exit_code) {
        if (std::exchange(finished_, true)) return;
        loop_.post([this, alive = alive_, exit_code] {
            if (!*alive) return;
            source_.reset();
            loop_.cancel(std::exchange(timer_, 0));
            host_.ended(exit_code);
        });
    }

    ClientLoop& loop_;
    const Options& options_;
    Host& host_;
    StreamUrl url_;
    std::string last_id_;
    SseParser parser_;
    std::unique_ptr<EventSource> source_;
    ClientLoop::Timer timer_ = 0;
    uint64_t retry_ms_ = retry_ms_default;
    bool opened_ = false, finished_ = false, paused_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<Session> make_sse_session(ClientLoop& loop, const Options& options, Host& host) {
    return std::make_unique<SseSession>(loop, options, host);
}

}  // namespace starling::app::connect
