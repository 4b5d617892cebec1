#include "net/tunnel_run.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "base/text.h"
#include "net/address_race.h"

namespace starling::net {

TunnelRun::TunnelRun(Loop& loop, Descriptor fd, std::unique_ptr<Tunnel> tunnel, Owner& owner)
    : tunnel_(std::move(tunnel)),
      owner_(owner),
      unsent_(tunnel_->request()),
      fd_(std::move(fd)),
      watch_(loop, fd_.get(), {.writable = true}, *this) {}

void TunnelRun::on_ready(bool, bool) { unsent_.empty() ? receive() : send(); }

void TunnelRun::send() {
    const ssize_t sent = ::send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EINTR) return;
        return fail("the connection to the proxy failed: " + describe_connect_error(errno));
    }
    unsent_.remove_prefix(static_cast<size_t>(sent));
    if (unsent_.empty()) (void)watch_.change({.readable = true});
}

void TunnelRun::receive() {
    std::array<std::byte, 4096> bytes;
    const ssize_t size = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    if (size < 0) {
        if (errno == EAGAIN || errno == EINTR) return;
        return fail("the connection to the proxy failed: " + describe_connect_error(errno));
    }
    if (size == 0) return fail("the proxy closed the connection without an answer");
    std::span<const std::byte> input = std::span(bytes).first(static_cast<size_t>(size));
    switch (tunnel_->on_bytes(input)) {
        case Tunnel::Step::more: return;
        case Tunnel::Step::failed: {
            Tunnel::Failure failure = tunnel_->failure();
            return fail(std::move(failure.text), failure.status);
        }
        case Tunnel::Step::open: break;
    }
    (void)watch_.change({});  // The next owner of the socket watches it anew.
    owner_.on_tunnel(std::move(fd_), std::string(base::text_of(input)));
}

void TunnelRun::fail(std::string text, int status) {
    owner_.on_no_tunnel(
        {.kind = DialError::Kind::proxy, .text = std::move(text), .proxy_status = status});
}

}  // namespace starling::net
