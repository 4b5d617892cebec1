// server/accepting.cpp: how connections come to a Worker: from its listeners, or from another worker.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "base/checked_cast.h"
#include "base/exception_text.h"
#include "net/tls_filter.h"
#include "server/http_connection.h"
#include "server/overload_log.h"
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

// How many workers least_loaded() looks at: each costs a cache line that others write.
constexpr size_t looks_max = 8;
// So many more than the worker with the fewest are even enough: a sixteenth, and one from four
// connections on, so that a storm of short connections does not travel.
[[nodiscard]] constexpr uint64_t even_enough(uint64_t fewest) noexcept {
    return (fewest + 12) / 16;
}
static_assert(even_enough(3) == 0 && even_enough(4) == 1 && even_enough(1604) == 101);

// A client that counts for the limit of open connections. Unless keep() is called, it no longer does
// when this object ends.
class Entered {
public:
    Entered() = default;
    Entered(WorkerGroup& group, std::string address)
        : limits_(group.limits.get()), address_(std::move(address)) {}
    Entered(Entered&& other) noexcept
        : limits_(std::exchange(other.limits_, nullptr)), address_(std::move(other.address_)) {}
    Entered& operator=(Entered&& other) noexcept {
        std::swap(limits_, other.limits_);
        std::swap(address_, other.address_);
        return *this;
    }
    ~Entered() {
        if (limits_) limits_->leave(address_);
    }
    [[nodiscard]] explicit operator bool() const noexcept { return limits_ != nullptr; }
    // "": none.
    [[nodiscard]] std::string keep() noexcept {
        return std::exchange(limits_, nullptr) ? std::move(address_) : std::string();
    }
    void keep_in(std::string& place) noexcept { place = keep(); }

private:
    SharedLimits* limits_ = nullptr;
    std::string address_;
};

// Memory that runs out after the stream is there ends this connection.
template <class F>
void close_if_throws(Worker& worker, net::Stream& stream, F&& call) {
    try {
        call();
    } catch (...) {
        worker.log_exception("connection", base::describe_current_exception());
        stream.close(net::Stream::Close::reset);
    }
}

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
    if (proxy_accepts_) leave_places(proxy_accepts_->clear());
}

// Accepted by one worker for another one, or moving between two. If no worker takes the connection,
// its place is given back.
class Worker::Place {
public:
    explicit Place(Worker& of) noexcept : worker_(&of) {
        of.inbox_.placed.fetch_add(1, std::memory_order_relaxed);
    }
    Place(Place&& other) noexcept : worker_(std::exchange(other.worker_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
        if (worker_) worker_->leave_places(1);
    }
    // The connection is one of the worker's now.
    void keep() noexcept { worker_ = nullptr; }

private:
    Worker* worker_;
};

void Worker::leave_places(uint64_t count) noexcept {
    inbox_.placed.fetch_sub(count, std::memory_order_relaxed);
    group_.connections.fetch_sub(count, std::memory_order_relaxed);
}

// The kernel spreads connections by a hash of their addresses, and workers that share one socket are
// woken one at a time. So a worker keeps what it accepts only if no other worker has clearly fewer.
Worker& Worker::least_loaded() noexcept {
    if (!group_.places_connections || stopping_ || group_.stopping.load(std::memory_order_relaxed))
        return *this;
    const auto& workers = group_.workers;
    Worker* least = this;
    uint64_t fewest = UINT64_MAX;
    for (size_t left = std::min(workers.size(), looks_max); left > 0; --left) {
        next_look_ = next_look_ + 1 < workers.size() ? next_look_ + 1 : 0;
        const uint64_t count = workers[next_look_]->placed();
        if (count < fewest) fewest = count, least = workers[next_look_].get();
    }
    return placed() <= fewest + even_enough(fewest) ? *this : *least;
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
    // If memory runs out from here on, this connection is lost, and its place is given back.
    Worker& to = least_loaded();
    Place place(to);
    if (&to == this) return begin(std::move(fd), traits, std::move(place));
    // Counted first: the other worker may answer before this one goes on.
    counters_.connections_given.add();
    to.post([&to, fd = std::move(fd), traits, place = std::move(place)]() mutable {
        to.begin(std::move(fd), traits, std::move(place));
    });
}

void Worker::begin(net::Descriptor fd, const ListenerTraits& traits, Place place) {
    // Another worker accepted it just before the stop. As those that nobody accepts any more.
    if (stopping_ && listeners_.empty()) return;
    if (traits.proxies)
        await_proxy_header(std::move(fd), traits);
    else
        open(std::move(fd), traits, {});
    place.keep();
}

void Worker::await_proxy_header(net::Descriptor fd, const ListenerTraits& traits) {
    const std::string peer = net::peer_ip(fd.get());
    if (!traits.proxies->contains(peer))
        return proxy_header_refused("the peer may not send a PROXY header", peer);
    if (!proxy_accepts_) proxy_accepts_ = std::make_unique<ProxyAccepts>(loop_);
    proxy_accepts_->add(
        std::move(fd), static_cast<uint64_t>(site().http_rules->limits.head_timeout.count()),
        [this, traits](net::Descriptor arrived, std::string address) {
            try {
                open(std::move(arrived), traits, std::move(address));
            } catch (...) {  // As in accepted().
                leave_places(1);
                throw;
            }
        },
        [this, peer](std::string_view why) { proxy_header_refused(why, peer); });
}

void Worker::proxy_header_refused(std::string_view why, std::string_view peer) {
    leave_places(1);
    if (why.empty()) return;
    counters_.proxy_headers_refused.add();
    try {
        const std::array<log::Field, 2> fields{{{"peer", peer}, {"reason", why}}};
        log(log::Level::debug, "a PROXY header was refused", fields);
        log_overload_of(*this, proxy_headers_logged_ms_,
                        "connections are closed for their PROXY header",
                        counters_.proxy_headers_refused.get(), {{"peer", peer}, {"reason", why}});
    } catch (const std::bad_alloc&) {  // Only the line is lost: the place has been given back.
    }
}

namespace {

void log_limited(Worker& worker, uint64_t& logged_ms, std::string_view address,
                 const SharedLimits::Verdict& verdict) {
    const Counters& counters = worker.counters();
    const Counter& counter = verdict.admission == SharedLimits::Admission::over_rate
                                 ? counters.limited_connections
                                 : counters.limited_connections_open;
    log_overload_of(worker, logged_ms,
                    "an address has too many connections: they are refused (if it is that of a "
                    "proxy, name it in trusted_proxies)",
                    counter.get(), {{"address", address}});
}

}  // namespace

bool Worker::admit(const net::Descriptor& fd, const ListenerTraits& traits,
                   const std::string& address, bool& counts) {
    const SharedLimits::Verdict verdict = group_.limits->enter(address, loop_.now_ms());
    const uint64_t retry_after_s = count(verdict);
    counts = verdict.counts;
    if (retry_after_s == 0) return true;
    log_limited(*this, limited_logged_ms_, address, verdict);
    const std::string answer =
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\n"
        "Content-Length: 21\r\nRetry-After: " +
        std::to_string(retry_after_s) + "\r\nConnection: close\r\n\r\nToo many connections.";
    leave_places(1);  // From here on nothing fails.
    if (!traits.tls) refuse(fd, answer);
    return false;
}

uint64_t Worker::enter(std::string_view address, const net::Stream& stream) {
    if (!group_.limits || !group_.limits->limits_addresses()) return 0;
    const SharedLimits::Verdict verdict = group_.limits->enter(address, loop_.now_ms());
    const uint64_t retry_after_s = count(verdict);
    if (retry_after_s != 0) log_limited(*this, limited_logged_ms_, address, verdict);
    if (retry_after_s != 0 || !verdict.counts) return retry_after_s;
    leave(stream.slot_key().slot);
    entered_[stream.slot_key().slot] = address;
    return 0;
}

void Worker::leave(uint32_t slot) noexcept {
    const auto found = entered_.find(slot);
    if (found == entered_.end()) return;
    group_.limits->leave(found->second);
    entered_.erase(found);
}

// 0: admitted. Otherwise the seconds for Retry-After.
uint64_t Worker::count(const SharedLimits::Verdict& verdict) {
    if (verdict.admission == SharedLimits::Admission::admitted) return 0;
    Counter& counter = verdict.admission == SharedLimits::Admission::over_rate
                           ? counters_.limited_connections
                           : counters_.limited_connections_open;
    counter.add();
    return verdict.retry_after_s;
}

void Worker::open(net::Descriptor fd, const ListenerTraits& traits, std::string relayed_address) {
    Entered entered;
    if (group_.limits && group_.limits->limits_addresses()) {
        const std::string address =
            relayed_address.empty() ? net::peer_ip(fd.get()) : relayed_address;
        // Of a peer that is a trusted proxy, each client is admitted with its request's head.
        if (!group_.trusted_proxies->contains(address)) {
            bool counts = false;
            if (!admit(fd, traits, address, counts)) return;
            if (counts) entered = Entered(group_, address);
        }
    }
    auto connection = std::make_unique<HttpConnection>(*this, traits.serves);
    HttpConnection& http = *connection;
    net::Stream& stream = loop_.open(
        std::move(fd), std::move(connection),
        traits.tls ? std::make_unique<net::TlsFilter>(
                         std::make_unique<net::TlsSession>(tls_contexts_[traits.address]))
                   : nullptr);
    counters_.connections_accepted.add();
    counters_.connections_open.add();
    // The connection has the place from here on, and gives it back when it closes.
    close_if_throws(*this, stream, [&] {
        if (entered) entered.keep_in(entered_[stream.slot_key().slot]);
        http.start(std::move(relayed_address));
    });
}

void Worker::hand_over(net::Stream& stream, Worker& to) {
    const uint32_t slot = stream.slot_key().slot;
    addresses_.forget(slot);
    Entered entered;
    if (auto node = entered_.extract(slot)) entered = Entered(group_, std::move(node.mapped()));
    counters_.connections_open.subtract();
    inbox_.placed.fetch_sub(1, std::memory_order_relaxed);
    to.post([&to, place = Place(to), detached = stream.detach(),
             entered = std::move(entered)]() mutable {
        place.keep();
        to.arrived(std::move(detached), entered.keep());
    });
}

void Worker::arrived(net::Detached stream, std::string entered) {
    auto& connection = base::checked_cast<HttpConnection>(*stream.handler);
    Entered counted;
    if (!entered.empty()) counted = Entered(group_, std::move(entered));
    counters_.connections_open.add();
    net::Stream* opened = nullptr;
    try {
        opened = &loop_.open(std::move(stream));
    } catch (...) {  // Out of memory, as in accepted().
        give_place_back();
        throw;
    }
    close_if_throws(*this, *opened, [&] {
        if (counted) counted.keep_in(entered_[opened->slot_key().slot]);
        if (opened->is_open()) connection.arrived();
    });
}

}  // namespace starling::server
