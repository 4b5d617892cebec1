#include "net/dialer.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include "base/assert.h"
#include "net/connector.h"
#include "net/host_name.h"
#include "net/loop.h"
#include "net/tls_filter.h"
#include "net/tunnel_run.h"

namespace starling::net {

using Kind = DialError::Kind;

// The steps: connect, to the host or to the proxy; the tunnel, if there is a proxy; the handshake,
// if there is TLS. Each step is an object that ends with the next one. The calls to the receiver
// come last, since they may destroy this object.
class Dial::Impl final : private Connector::Owner, private TunnelRun::Owner {
public:
    Impl(Loop& loop, Resolver& resolver, DialRequest request, DialReceiver& receiver);
    ~Impl();
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

private:
    class Handshake;

    void start();
    void on_socket(Descriptor fd, const Address& address) override;
    void on_no_socket(DialError error) override;
    void on_tunnel(Descriptor fd, std::string rest) override;
    void on_no_tunnel(DialError error) override;
    void open_way(Descriptor fd, std::string rest);
    void shake_hands(Descriptor fd);
    void on_secure(Stream& stream, const TlsSession& session);
    void on_insecure(const TlsFailure& failure);
    void on_handshake_ended();
    void connected(Dialed dialed);
    void fail(DialError error);
    void timed_out();
    [[nodiscard]] bool is_valid() const;
    [[nodiscard]] bool uses_proxy() const noexcept {
        return request_.proxy && request_.unix_path.empty();
    }
    [[nodiscard]] std::string target() const;
    [[nodiscard]] const std::string& tls_name() const noexcept {
        return request_.server_name.empty() ? request_.host : request_.server_name;
    }

    Loop& loop_;
    DialRequest request_;
    DialReceiver& receiver_;
    Connector connector_;
    std::optional<TunnelRun> tunnel_;
    Handshake* handshake_ = nullptr;  // The handler of the stream during the handshake.
    std::optional<Address> address_;
    TimerId start_ = 0, limit_ = 0;
};

// Of a stream whose TLS handshake is under way. If the dial ends first, the stream is being closed.
class Dial::Impl::Handshake final : public StreamHandler {
public:
    explicit Handshake(Impl& dial) noexcept : dial_(&dial) {}

    // The dial ends, or needs the stream no longer.
    Stream& let_go() noexcept {
        dial_->handshake_ = nullptr;
        dial_ = nullptr;
        return *stream_;
    }

    void on_bytes(std::span<std::byte>&) override {}  // Kept for the next handler.
    void on_tls(const TlsSession& session) override {
        if (!dial_) return;
        if (const TlsFailure* const failure = session.failure())
            dial_->on_insecure(*failure);
        else
            dial_->on_secure(*stream_, session);
    }
    void on_ended() override {
        if (dial_) dial_->on_handshake_ended();
        stream_->close();
    }
    void on_closed(CloseReason) override {
        if (dial_) dial_->on_handshake_ended();
    }

private:
    Impl* dial_;  // Null: the dial is over.
};

Dial::Impl::Impl(Loop& loop, Resolver& resolver, DialRequest request, DialReceiver& receiver)
    : loop_(loop),
      request_(std::move(request)),
      receiver_(receiver),
      connector_(loop, resolver, *this) {
    start_ = loop_.after(0, [this] {
        start_ = 0;
        start();
    });
    limit_ = loop_.after(request_.timeout_ms, [this] {
        limit_ = 0;
        timed_out();
    });
}

Dial::Impl::~Impl() {
    for (const TimerId timer : {start_, limit_})
        if (timer) loop_.cancel_timer(timer);
    if (handshake_) handshake_->let_go().close(Stream::Close::reset);
}

void Dial::Impl::start() {
    if (!is_valid()) return fail({.kind = Kind::name, .text = "cannot connect: not a host name"});
    if (!request_.unix_path.empty()) return connector_.connect_unix(request_.unix_path);
    if (uses_proxy())
        return connector_.connect(request_.proxy->host, request_.proxy->port, request_.overrides);
    connector_.connect(request_.host, request_.port, request_.overrides);
}

bool Dial::Impl::is_valid() const {
    const auto is_host = [](const std::string& host) {
        return is_host_name(host) || Address::numeric(host, 0);
    };
    if (request_.unix_path.empty() && !is_host(request_.host)) return false;
    if (request_.proxy && !is_host(request_.proxy->host)) return false;
    // Without a name the certificate of any host would do.
    return !request_.tls || is_host(tls_name());
}

std::string Dial::Impl::target() const {
    if (!request_.unix_path.empty()) return "unix:" + request_.unix_path;
    return host_and_port(request_.host, request_.port);
}

void Dial::Impl::on_socket(Descriptor fd, const Address& address) {
    address_ = address;
    if (!uses_proxy()) return open_way(std::move(fd), {});
    try {
        tunnel_.emplace(loop_, std::move(fd), std::move(request_.proxy->tunnel),
                        static_cast<TunnelRun::Owner&>(*this));
    } catch (const std::system_error& error) {
        fail({.kind = Kind::failed, .text = std::string("cannot connect: ") + error.what()});
    }
}

void Dial::Impl::on_no_socket(DialError error) {
    if (uses_proxy()) error.text = "the proxy: " + error.text;
    fail(std::move(error));
}

void Dial::Impl::on_tunnel(Descriptor fd, std::string rest) {
    tunnel_.reset();
    open_way(std::move(fd), std::move(rest));
}

void Dial::Impl::on_no_tunnel(DialError error) {
    error.text = "cannot connect to " + target() + " through the proxy " +
                 host_and_port(request_.proxy->host, request_.proxy->port) + ": " + error.text;
    fail(std::move(error));
}

// Bytes pass to the host and back.
void Dial::Impl::open_way(Descriptor fd, std::string rest) {
    if (request_.tls && rest.empty()) return shake_hands(std::move(fd));
    if (request_.tls)
        return fail({.kind = Kind::proxy,
                     .text = "cannot connect to " + target() +
                             ": the proxy sent bytes after its answer, before TLS"});
    Dialed dialed(loop_, *address_);
    dialed.fd_ = std::move(fd);
    if (!rest.empty()) dialed.kept_ = std::make_unique<KeptInput>(KeptInput{std::move(rest), 0});
    connected(std::move(dialed));
}

void Dial::Impl::shake_hands(Descriptor fd) {
    auto filter = std::make_unique<TlsFilter>(
        std::make_unique<TlsSession>(request_.tls, tls_name(), request_.port));
    auto handler = std::make_unique<Handshake>(*this);
    Handshake* const handshake = handler.get();
    loop_.open(std::move(fd), std::move(handler), std::move(filter));
    handshake_ = handshake;
}

void Dial::Impl::on_secure(Stream& stream, const TlsSession& session) {
    handshake_->let_go();
    Dialed dialed(loop_, *address_);
    dialed.stream_ = stream.slot_key();
    dialed.secure_ = true;
    dialed.alpn_ = session.alpn();
    dialed.tls_version_ = session.version();
    dialed.tls_resumed_ = session.resumed();
    connected(std::move(dialed));
}

// The stream sends its alert and closes by itself.
void Dial::Impl::on_insecure(const TlsFailure& failure) {
    handshake_->let_go();
    DialError error{.text = "cannot connect to " + target() + ": " + failure.text};
    switch (failure.kind) {
        case TlsFailure::Kind::expired: error.kind = Kind::tls_expired; break;
        case TlsFailure::Kind::host: error.kind = Kind::tls_host; break;
        case TlsFailure::Kind::untrusted: error.kind = Kind::tls_untrusted; break;
        case TlsFailure::Kind::other: error.kind = Kind::tls; break;
    }
    fail(std::move(error));
}

void Dial::Impl::on_handshake_ended() {
    handshake_->let_go();
    fail({.kind = Kind::tls,
          .text = "cannot connect to " + target() +
                  ": the connection was closed during the TLS handshake"});
}

void Dial::Impl::connected(Dialed dialed) {
    if (limit_) loop_.cancel_timer(std::exchange(limit_, 0));
    receiver_.on_connected(std::move(dialed));
}

void Dial::Impl::fail(DialError error) {
    if (limit_) loop_.cancel_timer(std::exchange(limit_, 0));
    // Nothing stays open, even if the caller keeps the dial.
    connector_.cancel();
    tunnel_.reset();
    receiver_.on_failed(error);
}

void Dial::Impl::timed_out() {
    DialError error{.kind = Kind::timed_out};
    error.text = "cannot connect to " + target() + " within " +
                 std::to_string(request_.timeout_ms) + " ms: ";
    if (handshake_)
        error.text += "the TLS handshake is not finished";
    else if (tunnel_)
        error.text += "no answer from the proxy";
    else
        error.text += connector_.waits_for();
    if (start_) loop_.cancel_timer(std::exchange(start_, 0));
    if (handshake_) handshake_->let_go().close(Stream::Close::reset);
    fail(std::move(error));
}

// ---- what the caller holds ----------------------------------------------------------------------

Dial::Dial(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Dial::~Dial() = default;

std::unique_ptr<Dial> Dialer::dial(DialRequest request, DialReceiver& receiver) {
    STARLING_ASSERT(!request.proxy || request.proxy->tunnel);
    return std::unique_ptr<Dial>(
        new Dial(std::make_unique<Dial::Impl>(loop_, resolver_, std::move(request), receiver)));
}

Dialed::Dialed(Loop& loop, Address address) noexcept : loop_(&loop), address_(address) {}

Dialed::Dialed(Dialed&& other) noexcept
    : loop_(other.loop_),
      address_(other.address_),
      fd_(std::move(other.fd_)),
      kept_(std::move(other.kept_)),
      stream_(other.stream_),
      secure_(std::exchange(other.secure_, false)),
      tls_resumed_(other.tls_resumed_),
      alpn_(std::move(other.alpn_)),
      tls_version_(std::move(other.tls_version_)) {}

Dialed::~Dialed() {
    if (!std::exchange(secure_, false)) return;
    if (Stream* const stream = loop_->find(stream_)) stream->close(Stream::Close::reset);
}

Stream& Dialed::open(std::unique_ptr<StreamHandler> handler) && {
    if (secure_) {
        Stream* const stream = loop_->find(stream_);
        STARLING_ASSERT(stream && "open() is for the call of on_connected()");
        stream->replace_handler(std::move(handler));
        secure_ = false;
        return *stream;
    }
    STARLING_ASSERT(fd_);
    const bool resume = kept_ != nullptr;
    Detached parts;
    parts.fd = std::move(fd_);
    parts.handler = std::move(handler);
    parts.kept = std::move(kept_);
    Stream& stream = loop_->open(std::move(parts));
    if (resume) stream.resume_receiving();
    return stream;
}

}  // namespace starling::net
