// net/resolver.h: looks up the addresses of a host name without blocking the loop.
//
// Resolver is the interface; make_system_resolver() implements it with c-ares, on the loop's own
// descriptors and timers, and reads /etc/hosts and /etc/resolv.conf. Tests implement it with a
// table.
//
// The addresses of the two families arrive separately, as RFC 8305 section 3 asks for: a name
// server that answers for IPv4 and never for IPv6 costs a connection no more than a short wait.
//
// Owner: the code that dials; it destroys each Lookup before the Resolver, and the Resolver before
//        the Loop. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.h"

namespace starling::net {

class Loop;

struct ResolveError {
    enum class Kind : uint8_t {
        invalid,     // The text is not a host name.
        not_found,   // The name does not exist.
        no_address,  // The name exists, and has no address.
        no_answer,   // No name server answered in time.
        refused,     // The name servers refuse to answer.
        failed,      // The name servers answer with a failure, or with something that is no answer.
        busy,        // Too many lookups are under way, or the system has no resources for one.
    };
    Kind kind = Kind::failed;
    std::string text;  // For people, without the name: "the name does not exist".
};

class Resolver {
public:
    // Gets the results of one lookup. The calls come from the loop, never from within resolve().
    // Each call may destroy the Lookup, any other Lookup, and the Resolver.
    class Receiver {
    public:
        // Addresses of one family, best first (RFC 6724), at least one. At most one call for each
        // family.
        virtual void on_addresses(std::span<const Address> addresses) = 0;
        // The last call. `error` is null if there was a call of on_addresses().
        virtual void on_resolved(const ResolveError* error) = 0;

    protected:
        ~Receiver() = default;
    };
    // A lookup under way. Destroying it cancels the lookup: no call follows.
    class Lookup {
    public:
        virtual ~Lookup() = default;
    };

    virtual ~Resolver() = default;
    // `host` is a name; for numeric addresses see Address::numeric(). `port` becomes that of the
    // addresses. The receiver must live as long as the Lookup.
    [[nodiscard]] virtual std::unique_ptr<Lookup> resolve(std::string_view host, uint16_t port,
                                                          Receiver& receiver) = 0;
};

struct ResolverOptions {
    // A lookup that has no result after this time ends with `no_answer`. /etc/resolv.conf says when
    // the next name server is asked.
    uint64_t timeout_ms = 15'000;
    // More lookups at a time fail as `busy`. A cancelled lookup counts until the name servers have
    // answered, or have not answered in their time.
    size_t lookups_max = 10'000;
    std::string resolv_conf_path = "/etc/resolv.conf";  // A changed file is read again.
    // In place of those in resolv.conf, if not empty: "127.0.0.1:5353", "[::1]:53".
    std::vector<Address> servers = {};
    // How long the first name server has for an answer; each further try takes longer. 0: as
    // resolv.conf says.
    uint64_t try_ms = 0;
    int tries = 0;  // Per name server. 0: as resolv.conf says.
};

// Throws std::bad_alloc.
[[nodiscard]] std::unique_ptr<Resolver> make_system_resolver(Loop& loop,
                                                             ResolverOptions options = {});

}  // namespace starling::net
