#include "server/listening.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>

#include "base/user_ids.h"

namespace starling::server {
namespace {

constexpr uint64_t spare_descriptors = 256;  // For files, logs and the loops.

[[noreturn]] void cannot_listen(const std::string& address, const std::string& why) {
    const std::string prefix = address + ": ";
    throw std::runtime_error("cannot listen on " + address + ": " +
                             (why.starts_with(prefix) ? why.substr(prefix.size()) : why));
}

net::SocketFileAccess file_access(const Listen& listen) {
    net::SocketFileAccess access{.mode = listen.mode};
    if (listen.mode > 0777) cannot_listen(listen.address, "mode has other bits than those of 0777");
    if (!listen.owner.empty()) {
        access.owner = base::find_user(listen.owner);
        if (!access.owner) cannot_listen(listen.address, "no user '" + listen.owner + "'");
    }
    if (!listen.group.empty()) {
        access.group = base::find_group(listen.group);
        if (!access.group) cannot_listen(listen.address, "no group '" + listen.group + "'");
    }
    return access;
}

base::Result<net::Descriptor> copy_of(const net::Descriptor& fd) {
    net::Descriptor copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return base::Failure(std::string(std::strerror(errno)));
    return copy;
}

std::shared_ptr<const peer::AddressSet> proxies_of(const Listen& listen) {
    if (listen.proxy_protocol_from.empty()) return nullptr;
    try {
        return std::make_shared<const peer::AddressSet>(
            peer::AddressSet::read("proxy_protocol_from", listen.proxy_protocol_from));
    } catch (const std::invalid_argument& error) {
        cannot_listen(listen.address, error.what());
    }
}

// Copies of the inherited sockets that have the address.
std::vector<net::Descriptor> inherited_sockets(const net::Address& address,
                                               const std::vector<int>& inherited) {
    std::vector<net::Descriptor> found;
    for (const int fd : inherited) {
        int listens = 0;
        socklen_t size = sizeof listens;
        if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens) continue;
        const auto local = net::local_address(fd);
        if (!local || local->to_string() != address.to_string()) continue;
        net::Descriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
        if (copy && ::fcntl(copy.get(), F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) == 0)
            found.push_back(std::move(copy));
    }
    return found;
}

BoundAddress bind_one(const Listen& listen, bool tls, unsigned workers,
                      const std::vector<int>& inherited, bool files_stay) {
    auto address = net::Address::parse(listen.address);
    if (!address) cannot_listen(listen.address, address.error());
    BoundAddress taken;
    taken.sockets = inherited_sockets(*address, inherited);
    if (!taken.sockets.empty()) {
        taken.tls = tls;
        taken.address = address->to_string();
        taken.port = address->port();
        // Each worker has one; further ones go round.
        for (size_t i = 0; taken.sockets.size() < workers; ++i) {
            auto copy = copy_of(taken.sockets[i]);
            if (!copy) cannot_listen(listen.address, copy.error());
            taken.sockets.push_back(*std::move(copy));
        }
        if (address->is_unix() && !files_stay) taken.inherited_file = address->path();
        return taken;
    }
    if (const auto free = net::check_is_free(*address); !free)
        cannot_listen(listen.address, free.error());
    BoundAddress bound;
    bound.tls = tls;
    const bool share_port = !address->is_unix();
    const bool has_access = listen.mode != 0 || !listen.owner.empty() || !listen.group.empty();
    if (share_port && has_access)
        cannot_listen(listen.address, "mode, owner and group are for Unix-domain sockets alone");
    const net::SocketFileAccess access = file_access(listen);
    for (unsigned i = 0; i < workers; ++i) {
        // A Unix-domain socket cannot be bound twice, so all workers accept from the same one.
        auto fd = i > 0 && address->is_unix() ? copy_of(bound.sockets.front())
                                              : net::listen_on(*address, share_port, access);
        if (!fd) cannot_listen(listen.address, fd.error());
        if (const auto local = net::local_address(fd->get()); i == 0 && local && share_port)
            address->set_port(local->port());
        bound.sockets.push_back(*std::move(fd));
        if (i == 0 && address->is_unix()) bound.unix_file = SocketFile(address->path());
    }
    bound.address = address->to_string();
    bound.port = address->port();
    return bound;
}

}  // namespace

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
    struct stat info {};
    if (::lstat(path_.c_str(), &info) != 0) path_.clear();
    device_ = info.st_dev;
    inode_ = info.st_ino;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(device_, other.device_);
    std::swap(inode_, other.inode_);
    return *this;
}

void SocketFile::remove() noexcept {
    if (path_.empty()) return;
    struct stat info {};
    if (::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_)
        ::unlink(path_.c_str());
    path_.clear();
}

std::vector<BoundAddress> bind_all(const ServerOptions& options, bool has_certificates,
                                   unsigned workers) {
    if (options.listen.empty()) throw std::runtime_error("no address to listen on");
    std::vector<BoundAddress> all;
    for (const Listen& listen : options.listen) {
        const bool own = !listen.certificate.certificate_chain_path.empty();
        const bool certified = own || has_certificates;
        const bool tls =
            listen.tls == Listen::Tls::on || (listen.tls == Listen::Tls::automatic && certified);
        if (tls && !certified) cannot_listen(listen.address, "TLS needs a certificate");
        if (own && !tls) cannot_listen(listen.address, "a certificate needs TLS");
        all.push_back(
            bind_one(listen, tls, workers, options.inherited, options.inherited_files_stay));
        for (const net::Descriptor& socket : all.back().sockets)
            all.back().descriptors.push_back(socket.get());
        all.back().serves = listen.serves;
        all.back().proxies = proxies_of(listen);
    }
    return all;
}

uint64_t raise_descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
        ::getrlimit(RLIMIT_NOFILE, &limit);
    }
    const uint64_t descriptors = limit.rlim_cur;
    return descriptors > 2 * spare_descriptors ? descriptors - spare_descriptors : descriptors / 2;
}

}  // namespace starling::server
