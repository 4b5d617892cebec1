#include "net/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/assert.h"

namespace starling::net {
namespace {

constexpr int backlog = 4096;  // The kernel limits a backlog to net.core.somaxconn.

void set_option(int fd, int level, int name, int value) noexcept {
    ::setsockopt(fd, level, name, &value, sizeof value);
}

// A failure with the address, and the text of errno.
base::Failure<std::string> last_failure(const Address& address, const std::string& what = {}) {
    const int error = errno;
    return base::Failure(address.to_string() + ": " + what + std::strerror(error));
}

base::Result<Descriptor> bound_socket(const Address& address, bool share_port) {
    Descriptor fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd && !address.is_unix()) {
        set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
        if (share_port) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
        // [::] serves IPv6 only, so that 0.0.0.0 can use the same port.
        if (address.family() == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
        // Accepted sockets inherit it, which saves a call for each connection.
        set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    }
    if (!fd || ::bind(fd.get(), address.data(), address.size()) != 0) return last_failure(address);
    return fd;
}

// Does not follow a link that another user may have put in the socket's place.
base::Result<void> set_access(const Address& address, const SocketFileAccess& file) {
    if (!address.is_unix()) return {};
    const std::string path = address.path();
    constexpr auto as_it_is = static_cast<uint32_t>(-1);
    if ((file.owner || file.group) &&
        ::fchownat(AT_FDCWD, path.c_str(), file.owner.value_or(as_it_is),
                   file.group.value_or(as_it_is), AT_SYMLINK_NOFOLLOW) != 0)
        return last_failure(address, "cannot set its owner and group: ");
    if (file.mode != 0 && ::fchmodat(AT_FDCWD, path.c_str(), file.mode, AT_SYMLINK_NOFOLLOW) != 0)
        return last_failure(address, "cannot set its mode: ");
    return {};
}

// Removes a socket file on which no process answers: a process that died has left it.
void remove_stale_socket_file(const Address& address) noexcept {
    struct stat info {};
    const std::string path = address.path();
    if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return;
    // Non-blocking: connect() would block if the backlog of a listener is full.
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (::connect(probe.get(), address.data(), address.size()) != 0 && errno == ECONNREFUSED)
        ::unlink(path.c_str());
}

}  // namespace

base::Result<void> check_is_free(const Address& address) {
    if (address.is_unix()) remove_stale_socket_file(address);
    if (address.is_unix() || address.port() == 0) return {};
    // Without listen(): whoever connected meanwhile would be accepted, and reset by the close.
    const auto fd = bound_socket(address, false);
    if (!fd) return base::Failure(fd.error());
    return {};
}

base::Result<Descriptor> listen_on(const Address& address, bool share_port,
                                   const SocketFileAccess& file) {
    STARLING_ASSERT((file.mode & ~0777u) == 0);
    STARLING_ASSERT(address.is_unix() || (file.mode == 0 && !file.owner && !file.group));
    STARLING_ASSERT(!address.is_unix() || !share_port);
    auto fd = bound_socket(address, share_port);
    if (!fd) return fd;
    // No client can connect before listen(), so none connects with the permissions of the umask.
    base::Result<void> done = set_access(address, file);
    if (done && ::listen(fd->get(), backlog) != 0) done = last_failure(address);
    if (done) return fd;
    if (address.is_unix()) ::unlink(address.path().c_str());
    return base::Failure(done.error());
}

std::optional<Address> local_address(int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
    return Address::from(storage, length);
}

std::optional<Address> peer_address(int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
    return Address::from(storage, length);
}

std::string peer_ip(int fd) {
    if (const auto peer = peer_address(fd)) return peer->ip();
    const auto own = local_address(fd);
    return own && own->is_unix() ? own->ip() : "unknown";
}

void close_with_reset(Descriptor fd) noexcept {
    STARLING_ASSERT(fd);
    const linger now{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace starling::net
