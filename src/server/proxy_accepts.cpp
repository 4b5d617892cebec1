#include "server/proxy_accepts.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <utility>

#include "net/watch.h"
#include "peer/proxy_header.h"

namespace starling::server {

class ProxyAccepts::Pending final : public net::Watcher {
public:
    Pending(ProxyAccepts& all, net::Descriptor fd, uint64_t timeout_ms, Accepted accepted,
            Refused refused)
        : all_(all),
          accepted_(std::move(accepted)),
          refused_(std::move(refused)),
          fd_(std::move(fd)),
          watch_(std::in_place, all.loop_, fd_.get(), net::Interest{.readable = true}, *this),
          timer_(all.loop_.after(timeout_ms, [this] { refuse("no PROXY header in time"); })) {}
    ~Pending() { all_.loop_.cancel_timer(timer_); }

    // Looks at the bytes first and then takes those of the header, so that the rest stays in the
    // kernel for the stream.
    void on_ready(bool, bool) override {
        std::array<std::byte, 512> bytes;
        for (;;) {
            const ssize_t seen = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_PEEK);
            if (seen < 0 && errno == EINTR) continue;
            if (seen < 0 && errno == EAGAIN) return;
            if (seen <= 0) return refuse({});
            const size_t used = header_.take(std::span(bytes).first(static_cast<size_t>(seen)));
            if (header_.state() == peer::ProxyHeader::State::malformed)
                return refuse("no PROXY header, or a malformed one");
            (void)!::recv(fd_.get(), bytes.data(), used, 0);
            if (header_.state() == peer::ProxyHeader::State::complete) return accept();
        }
    }

private:
    // Both destroy this object: the descriptor must not be watched any more when it moves on.
    void accept() {
        watch_.reset();
        const auto self = all_.take(*this);
        self->accepted_(std::move(fd_), header_.is_relayed() ? header_.address() : std::string());
    }
    void refuse(std::string_view why) {
        const auto self = all_.take(*this);
        self->refused_(why);
    }

    ProxyAccepts& all_;
    Accepted accepted_;
    Refused refused_;
    net::Descriptor fd_;
    std::optional<net::Watch> watch_;
    net::TimerId timer_;
    peer::ProxyHeader header_;
};

ProxyAccepts::ProxyAccepts(net::Loop& loop) : loop_(loop) {}

ProxyAccepts::~ProxyAccepts() = default;

void ProxyAccepts::add(net::Descriptor fd, uint64_t timeout_ms, Accepted accepted,
                       Refused refused) {
    auto pending = std::make_unique<Pending>(*this, std::move(fd), timeout_ms, std::move(accepted),
                                             std::move(refused));
    const Pending* const key = pending.get();
    pending_.emplace(key, std::move(pending));
}

std::unique_ptr<ProxyAccepts::Pending> ProxyAccepts::take(const Pending& pending) {
    auto node = pending_.extract(&pending);
    return std::move(node.mapped());
}

size_t ProxyAccepts::clear() {
    const auto closed = std::exchange(pending_, {});
    return closed.size();
}

}  // namespace starling::server
