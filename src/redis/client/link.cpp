#include "redis/client/link.h"

#include <openssl/rand.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "redis/errors.h"

namespace starling::redis::client {

double random_share() {
    uint32_t bits = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&bits), sizeof bits);
    return static_cast<double>(bits) / 4294967296.0;
}

// The stream's handler; it outlives the link by a tick.
class Link::Handler final : public net::StreamHandler {
public:
    explicit Handler(Link& link) noexcept : link_(&link) {}

    [[nodiscard]] net::Stream& stream() const noexcept { return *stream_; }
    void leave() noexcept {
        link_ = nullptr;
        stream_->close(net::Stream::Close::reset);
    }
    void on_bytes(std::span<std::byte>& input) override {
        if (link_)
            link_->on_bytes(input);
        else
            input = input.last(0);
    }
    void on_ended() override {
        if (link_) link_->end("the server closed the connection");
    }
    void on_closed(net::CloseReason reason) override {
        if (!link_) return;
        Link& link = *std::exchange(link_, nullptr);
        link.handler_ = nullptr;
        link.end(reason == net::CloseReason::stalled ? "the server takes no bytes"
                                                     : "the connection broke");
    }

private:
    Link* link_;  // Null once the link is gone.
};

namespace {

SessionLimits limits_of(const ClientOptions& options) {
    const auto periods = [](uint64_t ms) {
        return static_cast<uint32_t>(std::max<uint64_t>(1, ms / Context::period_ms));
    };
    return {options.reader, periods(options.reply_timeout_ms), periods(options.ping_interval_ms)};
}

}  // namespace

Link::Link(const Context& context, const Endpoint& endpoint, Session::Role role,
           OpeningOptions opening, Subscriptions& subscriptions, LinkEvents& events)
    : context_(context),
      endpoint_(endpoint),
      events_(events),
      session_(role, std::move(opening), limits_of(context.options), subscriptions, *this),
      periods_(context.loop),
      pause_(context.loop) {
    net::DialRequest request;
    request.host = endpoint.host;
    request.port = endpoint.port;
    request.unix_path = endpoint.unix_path;
    request.tls = context.tls;
    request.server_name = context.options.server_name;
    request.timeout_ms = context.options.connect_timeout_ms;
    dial_ = context.dialer.dial(std::move(request), *this);
}

Link::~Link() {
    if (handler_) std::exchange(handler_, nullptr)->leave();
    session_.cut("closed");
}

void Link::on_connected(net::Dialed dialed) {
    auto handler = std::make_unique<Handler>(*this);
    handler_ = handler.get();
    std::move(dialed).open(std::move(handler));
    dial_.reset();
    periods_.every(Context::period_ms, [this] { on_period(); });
    session_.start();
    write();
}

void Link::on_failed(const net::DialError& error) {
    const std::string text = error.text;
    end(text);
}

void Link::on_bytes(std::span<std::byte>& input) {
    std::span<const std::byte> rest = input;
    reading_ = true;
    const bool goes_on = session_.on_bytes(rest);
    reading_ = false;
    input = input.last(rest.size());
    if (!goes_on) return end(session_.error());
    if (session_.waits() && !pause_.is_set())
        pause_.after(context_.options.loading_pause_ms, [this] {
            session_.on_waited();
            write();
        });
    events_.on_progress();
    write();
}

void Link::on_period() {
    if (!session_.on_period())
        return end("no answer within " + std::to_string(context_.options.reply_timeout_ms) + " ms");
    write();
}

// The stream gathers what is written in a tick.
void Link::write() {
    if (reading_ || session_.output().empty()) return;
    if (handler_) handler_->stream().write(base::bytes_of(session_.output()));
    session_.output().clear();
}

void Link::end(std::string_view why) {
    const bool is_final = session_.is_final();
    const std::string text = show(endpoint_) + ": " + std::string(why);
    if (handler_) std::exchange(handler_, nullptr)->leave();
    dial_.reset();
    periods_.stop();
    pause_.stop();
    session_.cut(text);
    events_.on_down(*this, text, is_final);
}

void Link::send(std::string_view encoded, Done done) {
    session_.send(encoded, std::move(done));
    write();
}

void Link::subscribe(Topic topic, std::string_view name) {
    session_.subscribe(topic, name);
    write();
}

void Link::restore(Topic topic, std::vector<std::string> names) {
    session_.restore(topic, std::move(names));
    write();
}

void Link::unsubscribe(Topic topic, std::string_view name) {
    session_.unsubscribe(topic, name);
    write();
}

}  // namespace starling::redis::client
