#include "net/connector.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "net/host_name.h"
#include "net/loop.h"
#include "net/watch.h"

namespace starling::net {
namespace {

using Kind = DialError::Kind;

Kind kind_of(int error) noexcept {
    switch (error) {
        case ECONNREFUSED: return Kind::refused;
        case ETIMEDOUT: return Kind::timed_out;
        case ENETUNREACH:
        case ENETDOWN:
        case EHOSTUNREACH:
        case EHOSTDOWN:
        case EADDRNOTAVAIL:  // No address of this family on this machine.
        case ENOENT: return Kind::unreachable;
        default: return Kind::failed;
    }
}

// Of several addresses the kind that says most.
Kind kind_of(std::span<const AddressRace::Fault> faults) noexcept {
    for (const Kind kind : {Kind::refused, Kind::timed_out, Kind::failed})
        if (std::ranges::any_of(faults, [&](const auto& f) { return kind_of(f.error) == kind; }))
            return kind;
    return Kind::unreachable;
}

std::string text_of(std::span<const AddressRace::Fault> faults, std::string_view target) {
    constexpr size_t faults_max = 4;
    if (faults.size() == 1 && faults[0].address.to_string() == target)
        return describe_connect_error(faults[0].error);
    std::string text;
    for (const auto& fault : faults.first(std::min(faults.size(), faults_max))) {
        if (!text.empty()) text += "; ";
        text += fault.address.to_string() + ": " + describe_connect_error(fault.error);
    }
    if (faults.size() > faults_max)
        text += "; and " + std::to_string(faults.size() - faults_max) + " more";
    return text;
}

bool same_host(std::string_view a, std::string_view b) noexcept {
    if (a.ends_with('.')) a.remove_suffix(1);
    if (b.ends_with('.')) b.remove_suffix(1);
    return base::iequals(a, b);
}

Descriptor new_socket(int family) noexcept {
    Descriptor fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (fd && family != AF_UNIX) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

}  // namespace

struct Connector::Attempt final : Watcher {
    Attempt(Connector& owner, AddressRace::Attempt number, Descriptor socket)
        : connector(owner),
          attempt(number),
          fd(std::move(socket)),
          watch(owner.loop_, fd.get(), {.writable = true}, *this) {}
    void on_ready(bool, bool) override {
        int error = 0;
        socklen_t size = sizeof error;
        if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
        connector.attempt_ended(*this, error);  // Destroys this object.
    }

    Connector& connector;
    const AddressRace::Attempt attempt;
    Descriptor fd;
    Watch watch;
};

Connector::Connector(Loop& loop, Resolver& resolver, Owner& owner) noexcept
    : loop_(loop), resolver_(resolver), owner_(owner) {}

Connector::~Connector() { cancel(); }

void Connector::cancel() noexcept {
    lookup_.reset();
    attempts_.clear();
    if (timer_) loop_.cancel_timer(std::exchange(timer_, 0));
}

void Connector::connect(const std::string& host, uint16_t port,
                        std::span<const ResolveOverride> overrides) {
    target_ = host_and_port(host, port);
    std::vector<Address> addresses;
    for (const ResolveOverride& entry : overrides) {
        if (!same_host(entry.host, host) || (entry.port != 0 && entry.port != port)) continue;
        addresses.push_back(entry.address);
        if (entry.address.port() == 0) addresses.back().set_port(port);
    }
    if (addresses.empty())
        if (const auto address = Address::numeric(host, port)) addresses.push_back(*address);
    if (addresses.empty()) {
        lookup_ = resolver_.resolve(host, port, *this);
        return;
    }
    race_.all_known();
    race_.add(addresses, loop_.now_ms());
    go_on();
}

void Connector::on_addresses(std::span<const Address> addresses) {
    race_.add(addresses, loop_.now_ms());
    go_on();
}

void Connector::on_resolved(const ResolveError* error) {
    race_.all_known();
    if (error) {
        const std::string text = "cannot find " + target_ + ": " + error->text;
        return owner_.on_no_socket({.kind = Kind::name, .text = text});
    }
    go_on();
}

void Connector::go_on() {
    while (const auto attempt = race_.next(loop_.now_ms()))
        if (try_address(*attempt)) return;
    if (race_.lost()) {
        DialError error{.kind = kind_of(race_.faults())};
        error.text = "cannot connect to " + target_ + ": " + text_of(race_.faults(), target_);
        return owner_.on_no_socket(std::move(error));
    }
    const auto wake_ms = race_.wake_ms();
    if (!wake_ms) return;
    if (timer_) loop_.cancel_timer(timer_);
    timer_ = loop_.after(*wake_ms > loop_.now_ms() ? *wake_ms - loop_.now_ms() : 0, [this] {
        timer_ = 0;
        go_on();
    });
}

// True: connected, and the owner may have destroyed this object.
bool Connector::try_address(const AddressRace::Attempt& attempt) {
    Descriptor fd = new_socket(attempt.address.family());
    const int result =
        fd ? ::connect(fd.get(), attempt.address.data(), attempt.address.size()) : -1;
    if (result == 0) {
        win(std::move(fd), attempt.address);
        return true;
    }
    int error = errno;
    if (fd && error == EINPROGRESS) {
        try {
            attempts_.push_back(std::make_unique<Attempt>(*this, attempt, std::move(fd)));
            return false;
        } catch (
            const std::system_error& refused) {  // The kernel has no memory to watch the socket.
            error = refused.code().value();
        }
    }
    race_.failed(attempt, error, loop_.now_ms());
    return false;
}

void Connector::attempt_ended(Attempt& attempt, int error) {
    if (error == 0) return win(std::move(attempt.fd), Address(attempt.attempt.address));
    race_.failed(attempt.attempt, error, loop_.now_ms());
    std::erase_if(attempts_, [&](const auto& each) { return each.get() == &attempt; });
    go_on();
}

// `address` is no part of this object.
void Connector::win(Descriptor fd, const Address& address) {
    cancel();
    owner_.on_socket(std::move(fd), address);
}

void Connector::connect_unix(const std::string& path) {
    target_ = "unix:" + path;
    const auto address = Address::parse(target_);
    if (address) return try_unix(*address, unix_pause_ms_min);
    owner_.on_no_socket(
        {.kind = Kind::failed, .text = "cannot connect to " + target_ + ": " + address.error()});
}

// A Unix-domain socket connects at once, or its queue is full and nothing tells when it has room
// again.
void Connector::try_unix(const Address& address, uint64_t pause_ms) {
    Descriptor fd = new_socket(AF_UNIX);
    if (fd && ::connect(fd.get(), address.data(), address.size()) == 0)
        return win(std::move(fd), address);
    const int error = errno;
    if (!fd || error != EAGAIN)
        return owner_.on_no_socket(
            {.kind = kind_of(error),
             .text = "cannot connect to " + target_ + ": " + describe_connect_error(error)});
    timer_ = loop_.after(pause_ms, [this, address, pause_ms] {
        timer_ = 0;
        try_unix(Address(address), std::min(pause_ms * 2, unix_pause_ms_max));
    });
}

std::string Connector::waits_for() const {
    std::string text;
    for (const auto& attempt : attempts_)
        text += (text.empty() ? "" : ", ") + attempt->attempt.address.to_string();
    if (!text.empty()) text = "no answer from " + text;
    if (text.empty()) text = lookup_ ? "no answer from the name servers" : "its queue is full";
    if (!race_.faults().empty()) text += "; " + text_of(race_.faults(), target_);
    return text;
}

std::string host_and_port(std::string_view host, uint16_t port) {
    const bool v6 = host.find(':') != std::string_view::npos;
    return (v6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::to_string(port);
}

}  // namespace starling::net
