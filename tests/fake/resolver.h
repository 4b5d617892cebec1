// tests/fake/resolver.h: a resolver that answers when the test says so.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/resolver.h"
#include "tests/fake/sockets.h"

namespace starling::fake {

class Resolver final : public net::Resolver {
public:
    std::vector<std::string> asked;  // "host:port", in order.

    std::unique_ptr<Lookup> resolve(std::string_view host, uint16_t port,
                                    Receiver& receiver) override {
        asked.push_back(std::string(host) + ":" + std::to_string(port));
        auto lookup = std::make_unique<FakeLookup>(*this, std::string(host), port, receiver);
        open_[lookup->host] = lookup.get();
        return lookup;
    }
    [[nodiscard]] size_t open() const { return open_.size(); }
    [[nodiscard]] bool is_open(const std::string& host) const { return open_.contains(host); }

    // One address of each kind must be of one family: {"::1"} or {"127.0.0.1", "127.0.0.2"}.
    void answer(const std::string& host, const std::vector<std::string>& addresses) {
        FakeLookup& lookup = *open_.at(host);
        std::vector<net::Address> all;
        for (const std::string& address : addresses)
            all.push_back(net::Address::numeric(address, lookup.port).value());
        lookup.receiver.on_addresses(all);
    }
    void end(const std::string& host) { open_.at(host)->receiver.on_resolved(nullptr); }
    void fail(const std::string& host, const net::ResolveError& error) {
        open_.at(host)->receiver.on_resolved(&error);
    }

private:
    struct FakeLookup final : Lookup {
        FakeLookup(Resolver& owner, std::string name, uint16_t number, Receiver& to)
            : resolver(owner), host(std::move(name)), port(number), receiver(to) {}
        ~FakeLookup() override { resolver.open_.erase(host); }
        Resolver& resolver;
        const std::string host;
        const uint16_t port;
        Receiver& receiver;
    };
    std::map<std::string, FakeLookup*> open_;
};

}  // namespace starling::fake
