#include "load/engine.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <system_error>

#include "base/text.h"
#include "load/usage.h"

namespace starling::load {
namespace {

using State = Link::State;

constexpr uint64_t late_check_ns = 100'000'000;

Fault tls_fault(const net::TlsSession& session) {
    const net::TlsFailure* const failure = session.failure();
    return {Fault::Kind::tls, 0, failure ? failure->text : "the server ended TLS"};
}

// The server has ended the connection.
Fault fault_of_end(State state) {
    switch (state) {
        case State::tunnelling: return {Fault::Kind::proxy, 0, "the proxy closed the connection"};
        case State::securing: return {Fault::Kind::tls, 0, "the server closed the connection"};
        case State::asking:
            return {Fault::Kind::closed, 0, "in place of an answer to the handshake"};
        default: return {Fault::Kind::closed};
    }
}

}  // namespace

Engine::Engine(const Plan& plan, LinkHandler& handler)
    : plan_(plan),
      handler_(handler),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      buffer_(buffer_bytes),
      plain_(net::TlsSession::record_bytes_max) {}

void Engine::open(Link& link, const Target& target) {
    link.target = &target;
    link.attempt = ++attempts_;
    link.started_ns = now_ns();
    link.state = State::connecting;
    link.own_request.clear();
    if (plan_.connection_headers && !target.request.empty()) {
        link.own_request = target.request;
        link.own_request.insert(link.own_request.size() - 2, plan_.connection_headers(link.index));
    }
    link.unsent.clear();
    link.answer.clear();
    link.tls.reset();
    link.tunnel.reset();
    link.deflate_bits = 0;
    link.waits_for_out = false;
    ++opening_count_;
    started_.emplace_back(&link, link.attempt);
    connect(link);
}

void Engine::connect(Link& link) {
    const Endpoint& endpoint = *link.target->endpoint;
    // A Unix-domain socket that does not block would fail if the server's queue is full.
    const bool is_unix = endpoint.address.is_unix();
    link.fd = base::Descriptor(::socket(
        endpoint.address.family(), SOCK_STREAM | SOCK_CLOEXEC | (is_unix ? 0 : SOCK_NONBLOCK), 0));
    if (!link.fd) return fail(link, fault_of_error(errno));
    const int on = 1;
    if (is_unix) {
        const timeval patience{static_cast<time_t>(plan_.timeout_seconds) + 1, 0};
        ::setsockopt(link.fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    } else {
        ::setsockopt(link.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (!endpoint.sources.empty()) {
        // The port is chosen at connect(), where it must only differ from the ports of the same
        // pair of addresses (ip(7), IP_BIND_ADDRESS_NO_PORT).
        ::setsockopt(link.fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        const net::Address& source = endpoint.sources[link.attempt % endpoint.sources.size()];
        if (::bind(link.fd.get(), source.data(), source.size()) < 0)
            return fail(link, {Fault::Kind::local, 0,
                               source.ip() + ": " + std::generic_category().message(errno)});
    }
    if (::connect(link.fd.get(), endpoint.address.data(), endpoint.address.size()) == 0) {
        watch(link, false, EPOLL_CTL_ADD);
        return connected(link);
    }
    if (errno != EINPROGRESS) return fail(link, fault_of_error(errno));
    // Over loopback the connection stands already, and the request can go: no wait for EPOLLOUT.
    const std::string_view request =
        link.own_request.empty() ? link.target->request : link.own_request;
    if (!endpoint.tls && !endpoint.tunnel && !request.empty()) {
        const ssize_t sent =
            ::send(link.fd.get(), request.data(), request.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return fail(link, fault_of_error(errno));
        if (sent > 0) {
            link.state = State::asking;
            link.unsent = request.substr(static_cast<size_t>(sent));
            link.waits_for_out = !link.unsent.empty();
            return watch(link, link.waits_for_out, EPOLL_CTL_ADD);
        }
    }
    link.waits_for_out = true;
    watch(link, true, EPOLL_CTL_ADD);
}

void Engine::connected(Link& link) {
    const Endpoint& endpoint = *link.target->endpoint;
    if (!endpoint.tunnel) return reached(link);
    link.state = State::tunnelling;
    link.tunnel = endpoint.tunnel();
    send(link, link.tunnel->request());
}

// The connection leads to the server.
void Engine::reached(Link& link) {
    const Endpoint& endpoint = *link.target->endpoint;
    if (!endpoint.tls) return secured(link);
    link.state = State::securing;
    link.tls =
        std::make_unique<net::TlsSession>(endpoint.tls, endpoint.tls_host, endpoint.address.port());
    flush(link);
}

void Engine::secured(Link& link) {
    const std::string_view request =
        link.own_request.empty() ? link.target->request : link.own_request;
    if (request.empty()) return opened(link);
    link.state = State::asking;
    send(link, request);
}

void Engine::opened(Link& link) {
    link.state = State::open;
    link.answer = {};
    link.own_request = {};
    --opening_count_;
    handler_.on_open(link);
}

void Engine::watch(Link& link, bool out, int operation) const {
    epoll_event event{};
    event.events = EPOLLIN;
    if (out) event.events |= EPOLLOUT;
    event.data.ptr = &link;
    ::epoll_ctl(epoll_.get(), operation, link.fd.get(), &event);
}

void Engine::want_out(Link& link, bool out) {
    if (link.waits_for_out == out) return;
    link.waits_for_out = out;
    watch(link, out, EPOLL_CTL_MOD);
}

void Engine::send(Link& link, std::string_view bytes) {
    if (!link.fd) return;
    if (!link.tls && link.unsent.empty()) {
        bytes.remove_prefix(offer(link, bytes));
        if (bytes.empty()) return;
    }
    link.unsent.append(bytes);
    if (link.tls) return flush(link);
    want_out(link, true);
}

size_t Engine::offer(Link& link, std::string_view bytes) {
    const ssize_t sent =
        ::send(link.fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<size_t>(sent);
    if (errno != EAGAIN) fail(link, fault_of_error(errno));
    return 0;
}

// With TLS a record is encrypted when no ciphertext is left, so that little of it is held.
void Engine::flush(Link& link) {
    if (!link.tls) {
        link.unsent.erase(0, offer(link, link.unsent));
        return want_out(link, !link.unsent.empty());
    }
    std::string& out = link.tls->output();
    for (;;) {
        if (!out.empty()) {
            out.erase(0, offer(link, out));
            if (!out.empty()) return want_out(link, true);
        }
        if (link.unsent.empty() || !link.tls->established()) return want_out(link, false);
        const std::string_view record =
            std::string_view(link.unsent).substr(0, net::TlsSession::record_bytes_max);
        if (!link.tls->write(base::bytes_of(record))) return fail(link, tls_fault(*link.tls));
        link.unsent.erase(0, record.size());
    }
}

void Engine::close(Link& link, bool reset) noexcept {
    if (link.state == State::closed) return;
    finish_opening(link);
    if (reset && link.fd) {
        const linger none{1, 0};
        ::setsockopt(link.fd.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
    }
    link.fd.reset();  // This also removes the descriptor from the epoll set.
    link.state = State::closed;
    link.unsent.clear();
    link.tls.reset();
    link.tunnel.reset();
}

void Engine::finish_opening(Link& link) noexcept {
    if (link.state != State::open && link.state != State::closed) --opening_count_;
}

void Engine::fail(Link& link, Fault fault) {
    if (!failed_.empty() && failed_.back().link == &link && failed_.back().attempt == link.attempt)
        return;
    failed_.push_back({&link, link.attempt, std::move(fault)});
}

// A handler may open links again, which may fail at once: those are told by the next call.
void Engine::tell_failed() {
    std::vector<Failed> failed;
    failed.swap(failed_);
    for (const Failed& one : failed) {
        if (one.link->state == State::closed || one.link->attempt != one.attempt) continue;
        close(*one.link);
        handler_.on_failed(*one.link, one.fault);
    }
}

int Engine::poll(uint64_t timeout_ns) {
    if (!failed_.empty()) {
        timeout_ns = 0;
        tell_failed();
    }
    epoll_event events[events_max];
    const timespec timeout{static_cast<time_t>(timeout_ns / 1'000'000'000),
                           static_cast<long>(timeout_ns % 1'000'000'000)};
    const int count = ::epoll_pwait2(epoll_.get(), events, events_max, &timeout, nullptr);
    for (int i = 0; i < count; ++i)
        handle(*static_cast<Link*>(events[i].data.ptr), events[i].events);
    if (opening_count_ > 0) end_late();
    return count;
}

// The oldest attempts are in front.
void Engine::end_late() {
    const uint64_t now = now_ns();
    if (now - late_checked_ < late_check_ns) return;
    late_checked_ = now;
    const auto patience = static_cast<uint64_t>(plan_.timeout_seconds * 1e9);
    while (!started_.empty()) {
        const auto [link, attempt] = started_.front();
        const bool opening =
            link->attempt == attempt && link->state != State::open && link->state != State::closed;
        if (opening && now - link->started_ns < patience) return;
        started_.pop_front();
        if (opening) fail(*link, {Fault::Kind::timeout});
    }
}

void Engine::handle(Link& link, uint32_t events) {
    if (link.state == State::closed) return;
    if (link.state == State::connecting) {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(link.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return fail(link, fault_of_error(error));
        want_out(link, false);
        return connected(link);
    }
    if (events & ~static_cast<uint32_t>(EPOLLOUT)) read(link);
    if (!(events & EPOLLOUT) || link.state == State::closed || !link.waits_for_out) return;
    flush(link);
    if (link.is_open() && drained(link)) handler_.on_writable(link);
}

void Engine::read(Link& link) {
    const ssize_t count = ::recv(link.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) return fail(link, fault_of_error(errno));
    if (count == 0) return fail(link, fault_of_end(link.state));
    read_at_ = now_ns();
    const std::span bytes(buffer_.data(), static_cast<size_t>(count));
    if (link.tunnel) return take_tunnel(link, bytes);
    if (link.tls) return take_tls(link, bytes);
    take(link, bytes);
}

void Engine::take_tunnel(Link& link, std::span<std::byte> bytes) {
    std::span<const std::byte> left = bytes;
    switch (link.tunnel->on_bytes(left)) {
        case net::Tunnel::Step::more: return;
        case net::Tunnel::Step::failed:
            return fail(link, {Fault::Kind::proxy, 0, link.tunnel->failure().text});
        case net::Tunnel::Step::open: break;
    }
    link.tunnel.reset();
    // A client speaks first, with TLS and with HTTP.
    if (!left.empty())
        return fail(link, {Fault::Kind::bad_answer, 0, "the server speaks before it is asked"});
    reached(link);
}

void Engine::take_tls(Link& link, std::span<const std::byte> ciphertext) {
    const uint64_t attempt = link.attempt;
    link.tls->feed(ciphertext, read_at_ / 1'000'000);
    if (link.state == State::securing && link.tls->shake_hands()) {
        flush(link);
        secured(link);
    }
    auto status = net::TlsSession::Status::ok;
    // The handler may close the link, and open it again.
    while (link.tls && link.attempt == attempt) {
        const size_t count = link.tls->read(plain_, status);
        if (status == net::TlsSession::Status::failed) return fail(link, tls_fault(*link.tls));
        if (count == 0) break;
        take(link, std::span(plain_).first(count));
        if (!failed_.empty() && failed_.back().link == &link) return;
    }
    if (!link.tls || link.attempt != attempt) return;
    if (status == net::TlsSession::Status::ended) return fail(link, fault_of_end(link.state));
    if (!link.tls->output().empty()) flush(link);
}

void Engine::take(Link& link, std::span<std::byte> bytes) {
    if (link.state == State::asking) {
        link.answer.append(base::text_of(bytes));
        const UpgradeAnswer answer = check_upgrade(link.answer, link.target->endpoint->upgrade);
        if (answer.bytes == 0) return;
        if (answer.fault) return fail(link, *answer.fault);
        if (answer.deflate) link.deflate_bits = answer.deflate->client_max_window_bits;
        std::string rest = link.answer.substr(answer.bytes);
        const uint64_t attempt = link.attempt;
        opened(link);
        if (rest.empty() || link.attempt != attempt || !link.is_open()) return;
        return handler_.on_bytes(link, std::as_writable_bytes(std::span(rest)));
    }
    if (link.is_open()) handler_.on_bytes(link, bytes);
}

}  // namespace starling::load
