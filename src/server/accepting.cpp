// server/accepting.cpp: how connections come to a Worker: from its listeners, or from another worker.
#include <sys/socket.h>

#include <array>
#include <utility>

#include "base/checked_cast.h"
#include "net/tls_filter.h"
#include "server/http_connection.h"
#include "server/worker.h"

namespace starling::server {
namespace {

constexpr std::string_view busy_response =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n"
    "Retry-After: 1\r\nConnection: close\r\n\r\nToo busy.\n";

// Reads the request first: closing with unread bytes would reset the connection, and the client
// might lose the answer.
void refuse(const net::Descriptor& fd, std::string_view answer) {
    (void)!::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    ::shutdown(fd.get(), SHUT_WR);
    std::array<char, 4096> request;
    (void)!::recv(fd.get(), request.data(), request.size(), MSG_DONTWAIT);
}

// A connection that moves between two workers. If no worker takes it, its place is given back.
struct Travelling {
    Travelling(WorkerGroup& t, net::Detached s) noexcept : group(t), stream(std::move(s)) {}
    Travelling(Travelling&&) noexcept = default;
    ~Travelling() {
        if (stream.handler) group.connections.fetch_sub(1, std::memory_order_relaxed);
    }
    WorkerGroup& group;
    net::Detached stream;
};

}  // namespace

void Worker::listen(net::Descriptor listening, ListenerTraits traits) {
    auto acceptor = std::make_unique<net::Acceptor>(
        loop_, std::move(listening),
        [this, traits](net::Descriptor fd) { accepted(std::move(fd), traits); });
    if (!traits.tls && !traits.proxies) acceptor->set_refusal(busy_response);
    acceptor->on_pause([this] {
        accept_pauses_.add();
        log_overload(pauses_logged_ms_, "out of descriptors: accepting pauses",
                     accept_pauses_.get());
    });
    listeners_.push_back(std::move(acceptor));
}

void Worker::stop_listening() {
    listeners_.clear();
    if (proxy_accepts_) group_.connections.fetch_sub(proxy_accepts_->clear());
}

void Worker::accepted(net::Descriptor fd, const ListenerTraits& traits) {
    if (group_.connections.fetch_add(1, std::memory_order_relaxed) >= group_.connections_max) {
        group_.connections.fetch_sub(1, std::memory_order_relaxed);
        counters_.connections_refused.add();
        log_overload(refusals_logged_ms_, "at connections_max: connections are refused",
                     counters_.connections_refused.get());
        if (!traits.tls && !traits.proxies) refuse(fd, busy_response);
        return;
    }
    try {
        if (traits.proxies)
            await_proxy_header(std::move(fd), traits);
        else
            open(std::move(fd), traits, {});
    } catch (...) {  // Out of memory: this connection is lost, and its place is given back.
        group_.connections.fetch_sub(1, std::memory_order_relaxed);
        throw;
    }
}

void Worker::await_proxy_header(net::Descriptor fd, const ListenerTraits& traits) {
    const auto peer = net::peer_address(fd.get());
    if (!peer || !traits.proxies->contains(peer->ip()))
        return proxy_header_refused("the peer may not send a PROXY header", peer ? peer->ip() : "");
    if (!proxy_accepts_)
        proxy_accepts_ = std::make_unique<ProxyAccepts>(
            loop_, static_cast<uint64_t>(site().options.http.head_timeout.count()));
    proxy_accepts_->add(
        std::move(fd),
        [this, traits](net::Descriptor arrived, std::string address) {
            try {
                open(std::move(arrived), traits, std::move(address));
            } catch (...) {  // As in accepted().
                group_.connections.fetch_sub(1, std::memory_order_relaxed);
                throw;
            }
        },
        [this, ip = peer->ip()](std::string_view why) { proxy_header_refused(why, ip); });
}

void Worker::proxy_header_refused(std::string_view why, std::string_view peer) {
    group_.connections.fetch_sub(1, std::memory_order_relaxed);
    if (why.empty()) return;
    counters_.proxy_headers_refused.add();
    const std::array<log::Field, 2> fields{{{"peer", peer}, {"reason", why}}};
    log(log::Level::debug, "a PROXY header was refused", fields);
    log_overload(proxy_headers_logged_ms_, "connections are closed for their PROXY header",
                 counters_.proxy_headers_refused.get());
}

void Worker::open(net::Descriptor fd, const ListenerTraits& traits, std::string relayed_address) {
    auto connection = std::make_unique<HttpConnection>(*this, traits.serves);
    HttpConnection& http = *connection;
    loop_.open(std::move(fd), std::move(connection),
               traits.tls ? std::make_unique<net::TlsFilter>(
                                std::make_unique<net::TlsSession>(tls_context_))
                          : nullptr);
    http.start(std::move(relayed_address));
    counters_.connections_accepted.add();
    counters_.connections_open.add();
}

void Worker::hand_over(net::Stream& stream, Worker& to) {
    addresses_.forget(stream.slot_key().slot);
    counters_.connections_open.subtract();
    to.post([&to, travelling = Travelling(group_, stream.detach())]() mutable {
        to.arrived(std::move(travelling.stream));
    });
}

void Worker::arrived(net::Detached stream) {
    auto& connection = base::checked_cast<HttpConnection>(*stream.handler);
    counters_.connections_open.add();
    try {
        if (!loop_.open(std::move(stream)).is_open()) return;
    } catch (...) {  // Out of memory, as in accepted().
        give_place_back();
        throw;
    }
    connection.arrived();
}

}  // namespace starling::server
