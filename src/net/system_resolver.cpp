// net/system_resolver.cpp: the lookups of the system's resolver. Both families are asked for the
// same name at the same time, and each answer counts as soon as it arrives; the search domains
// follow one by one.
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "net/ares_channel.h"
#include "net/host_name.h"
#include "net/loop.h"
#include "net/resolver.h"

namespace starling::net {
namespace {

using Kind = ResolveError::Kind;

ResolveError error_of(int status) {
    switch (status) {
        case ARES_ENOTFOUND: return {Kind::not_found, "the name does not exist"};
        case ARES_ENODATA: return {Kind::no_address, "the name has no address"};
        case ARES_ETIMEOUT: return {Kind::no_answer, "no name server answered"};
        case ARES_ECONNREFUSED: return {Kind::no_answer, "no name server can be reached"};
        case ARES_EREFUSED: return {Kind::refused, "the name servers refuse to answer"};
        case ARES_EBADNAME:
        case ARES_EBADQUERY: return {Kind::invalid, "not a host name"};
        case ARES_ENOMEM: return {Kind::busy, "no memory to look the name up"};
        case ARES_ESERVFAIL: return {Kind::failed, "the name servers failed"};
        default: return {Kind::failed, "the answer of the name server is not usable"};
    }
}

// Which of two errors says more: that a question has failed, that there is no address, that there
// is no name.
int rank(Kind kind) noexcept {
    return kind == Kind::not_found ? 0 : kind == Kind::no_address ? 1 : 2;
}
bool has_failed(const ResolveError& error) noexcept { return rank(error.kind) == 2; }

// Lets a function that calls out find out whether its object was destroyed meanwhile.
class Presence {
public:
    Presence() = default;
    Presence(const Presence&) = delete;
    Presence& operator=(const Presence&) = delete;
    ~Presence() {
        if (gone_) *gone_ = true;
    }
    class Check {
    public:
        explicit Check(Presence& presence) noexcept : presence_(presence) {
            STARLING_ASSERT(!presence.gone_);
            presence.gone_ = &gone_;
        }
        Check(const Check&) = delete;
        Check& operator=(const Check&) = delete;
        ~Check() {
            if (!gone_) presence_.gone_ = nullptr;
        }
        [[nodiscard]] bool gone() const noexcept { return gone_; }

    private:
        Presence& presence_;
        bool gone_ = false;
    };

private:
    bool* gone_ = nullptr;
};

class SystemLookup;

class SystemResolver final : public Resolver {
public:
    SystemResolver(Loop& loop, ResolverOptions options)
        : loop_(loop),
          timeout_ms_(options.timeout_ms),
          lookups_max_(options.lookups_max),
          channel_(loop, std::move(options)) {}
    ~SystemResolver() override {
        STARLING_ASSERT(lookups_ == 0 && "a Lookup outlives its Resolver");
        if (soon_) loop_.cancel_timer(soon_);
    }

    std::unique_ptr<Lookup> resolve(std::string_view host, uint16_t port,
                                    Receiver& receiver) override;

private:
    friend class SystemLookup;

    [[nodiscard]] bool is_full() const noexcept {
        // Two questions for each lookup.
        return std::max(lookups_, channel_.questions() / 2) >= lookups_max_;
    }
    void is_ready(SystemLookup& lookup);
    void forget(SystemLookup& lookup) noexcept;
    void deliver_soon();
    void deliver();

    Loop& loop_;
    const uint64_t timeout_ms_;
    const size_t lookups_max_;
    size_t lookups_ = 0;
    std::vector<SystemLookup*> ready_;  // Have something to tell.
    TimerId soon_ = 0;
    Presence presence_;
    AresChannel channel_;
};

class SystemLookup final : public Resolver::Lookup, private AresChannel::Asker {
public:
    SystemLookup(SystemResolver& resolver, uint16_t port, Resolver::Receiver& receiver) noexcept
        : resolver_(resolver), port_(port), receiver_(receiver) {
        ++resolver_.lookups_;
    }
    ~SystemLookup() override {
        if (limit_) resolver_.loop_.cancel_timer(limit_);
        if (pending_) resolver_.channel_.cancel(*this);
        resolver_.forget(*this);
    }

    void start(std::string_view host);
    // Calls the receiver, which may destroy this object.
    void deliver();

private:
    friend class SystemResolver;

    void ask_next();
    void end(std::optional<ResolveError> error);
    void on_answer(int status, const ares_addrinfo* found) override;
    [[nodiscard]] std::vector<Address> addresses_of(const ares_addrinfo* found) const;

    SystemResolver& resolver_;
    const uint16_t port_;
    Resolver::Receiver& receiver_;
    std::vector<std::string> names_;  // To ask for.
    size_t next_name_ = 0;
    int pending_ = 0;  // Questions without an answer.
    TimerId limit_ = 0;
    std::vector<std::vector<Address>> arrived_;  // To be told.
    bool found_ = false;                         // Addresses have arrived.
    bool ended_ = false;                         // on_resolved() is to be called.
    bool ready_ = false;                         // In SystemResolver::ready_.
    std::optional<ResolveError> error_;
    Presence presence_;
};

void SystemLookup::start(std::string_view host) {
    if (is_localhost(host)) {
        arrived_.push_back({*Address::numeric("::1", port_)});
        arrived_.push_back({*Address::numeric("127.0.0.1", port_)});
        found_ = true;
        return end({});
    }
    if (!is_host_name(host)) return end(error_of(ARES_EBADNAME));
    if (resolver_.is_full()) return end(ResolveError{Kind::busy, "too many names are looked up"});
    limit_ = resolver_.loop_.after(resolver_.timeout_ms_, [this] {
        limit_ = 0;
        resolver_.channel_.cancel(*this);
        pending_ = 0;
        end(error_of(ARES_ETIMEOUT));
    });
    resolver_.channel_.refresh();
    names_ = resolver_.channel_.names_of(host);
    ask_next();
}

void SystemLookup::ask_next() {
    const std::string& name = names_[next_name_++];
    pending_ =
        2;  // An answer may come from within ask(), and the last of them asks for the next name.
    resolver_.channel_.ask(*this, name, AF_INET6);
    resolver_.channel_.ask(*this, name, AF_INET);
}

void SystemLookup::on_answer(int status, const ares_addrinfo* found) {
    --pending_;
    std::vector<Address> addresses = addresses_of(found);
    if (!addresses.empty()) {
        found_ = true;
        arrived_.push_back(std::move(addresses));
        resolver_.is_ready(*this);
    } else {
        ResolveError error = error_of(status == ARES_SUCCESS ? ARES_ENODATA : status);
        if (!error_ || rank(error.kind) > rank(error_->kind)) error_ = std::move(error);
    }
    if (pending_ > 0) return;
    if (!found_ && !has_failed(*error_) && next_name_ < names_.size()) return ask_next();
    end(std::move(error_));
}

std::vector<Address> SystemLookup::addresses_of(const ares_addrinfo* found) const {
    std::vector<Address> addresses;
    for (const auto* node = found ? found->nodes : nullptr; node; node = node->ai_next) {
        sockaddr_storage storage{};
        const auto size = static_cast<socklen_t>(node->ai_addrlen);
        if (size > sizeof storage) continue;
        std::memcpy(&storage, node->ai_addr, size);
        Address address = Address::from(storage, size);
        address.set_port(port_);
        addresses.push_back(address);
    }
    return addresses;
}

void SystemLookup::end(std::optional<ResolveError> error) {
    error_ = std::move(error);
    ended_ = true;
    resolver_.is_ready(*this);
}

void SystemLookup::deliver() {
    const Presence::Check check(presence_);
    while (!arrived_.empty()) {
        const std::vector<Address> addresses = std::move(arrived_.front());
        arrived_.erase(arrived_.begin());
        receiver_.on_addresses(addresses);
        if (check.gone()) return;
    }
    if (!std::exchange(ended_, false)) return;
    if (limit_) resolver_.loop_.cancel_timer(std::exchange(limit_, 0));
    const std::optional<ResolveError> error = found_ ? std::nullopt : std::move(error_);
    receiver_.on_resolved(error ? &*error : nullptr);
}

std::unique_ptr<Resolver::Lookup> SystemResolver::resolve(std::string_view host, uint16_t port,
                                                          Receiver& receiver) {
    auto lookup = std::make_unique<SystemLookup>(*this, port, receiver);
    lookup->start(host);
    return lookup;
}

// Nothing is told from within resolve(), nor while c-ares is on the stack.
void SystemResolver::is_ready(SystemLookup& lookup) {
    if (lookup.ready_) return;
    ready_.push_back(&lookup);
    lookup.ready_ = true;
    deliver_soon();
}

void SystemResolver::forget(SystemLookup& lookup) noexcept {
    if (lookup.ready_) std::erase(ready_, &lookup);
    --lookups_;
}

void SystemResolver::deliver_soon() {
    if (!soon_)
        soon_ = loop_.after(0, [this] {
            soon_ = 0;
            deliver();
        });
}

void SystemResolver::deliver() {
    const Presence::Check check(presence_);
    while (!ready_.empty()) {
        SystemLookup& lookup = *ready_.front();
        ready_.erase(ready_.begin());
        lookup.ready_ = false;
        try {
            lookup.deliver();
        } catch (...) {
            if (!check.gone() && !ready_.empty()) deliver_soon();
            throw;
        }
        if (check.gone()) return;
    }
}

}  // namespace

std::unique_ptr<Resolver> make_system_resolver(Loop& loop, ResolverOptions options) {
    return std::make_unique<SystemResolver>(loop, std::move(options));
}

}  // namespace starling::net
