// net/connector.h: a connected socket to a host: the addresses of the name, raced (RFC 8305), or a
// Unix-domain socket. Private to net/dialer.cpp.
//
// Owner: the dial; destroying it cancels everything. Thread: the loop's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/address_race.h"
#include "net/dialer.h"
#include "net/resolver.h"
#include "net/socket.h"
#include "net/timers.h"

namespace starling::net {

class Connector final : private Resolver::Receiver {
public:
    // One of the two is called, also from within connect(). It may destroy the Connector.
    class Owner {
    public:
        virtual void on_socket(Descriptor fd, const Address& address) = 0;
        virtual void on_no_socket(DialError error) = 0;

    protected:
        ~Owner() = default;
    };

    Connector(Loop& loop, Resolver& resolver, Owner& owner) noexcept;
    ~Connector();
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;

    // Call one of the two, once.
    void connect(const std::string& host, uint16_t port,
                 std::span<const ResolveOverride> overrides);
    void connect_unix(const std::string& path);

    // The owner is not called any more.
    void cancel() noexcept;
    // What the Connector still waits for, in words.
    [[nodiscard]] std::string waits_for() const;

private:
    struct Attempt;

    static constexpr uint64_t unix_pause_ms_min = 5, unix_pause_ms_max = 200;

    void on_addresses(std::span<const Address> addresses) override;
    void on_resolved(const ResolveError* error) override;
    void go_on();
    [[nodiscard]] bool try_address(const AddressRace::Attempt& attempt);
    void win(Descriptor fd, const Address& address);
    void attempt_ended(Attempt& attempt, int error);
    void try_unix(const Address& address, uint64_t pause_ms);

    Loop& loop_;
    Resolver& resolver_;
    Owner& owner_;
    std::string target_;  // "example.com:443", for messages.
    AddressRace race_;
    std::unique_ptr<Resolver::Lookup> lookup_;
    std::vector<std::unique_ptr<Attempt>> attempts_;  // Under way.
    TimerId timer_ = 0;
};

// "example.com:443", "[::1]:443".
[[nodiscard]] std::string host_and_port(std::string_view host, uint16_t port);

}  // namespace starling::net
