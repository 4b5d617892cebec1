// tests/net/dial_fixture.h: a dial on a loop of the test, and what came of it as text.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/acceptor.h"
#include "net/dialer.h"
#include "net/loop.h"
#include "tests/fake/backends.h"
#include "tests/fake/clock.h"
#include "tests/fake/descriptors.h"
#include "tests/fake/resolver.h"
#include "tests/fake/sockets.h"
#include "tests/fake/stream_script.h"

namespace starling::net {

inline const char* name_of(DialError::Kind kind) {
    static constexpr const char* names[] = {"name",          "refused", "unreachable", "timed_out",
                                            "failed",        "proxy",   "tls_expired", "tls_host",
                                            "tls_untrusted", "tls"};
    return names[size_t(kind)];
}

// Records "connected ADDRESS" or "KIND: TEXT"; what the stream does is in `log`.
class DialOutcome final : public DialReceiver {
public:
    void on_connected(Dialed dialed) override {
        text += "connected " + dialed.address().to_string();
        alpn = dialed.alpn();
        tls_version = dialed.tls_version();
        tls_resumed = dialed.tls_resumed();
        if (keep) {
            auto handler = std::make_unique<fake::StreamScript>(log);
            script = handler.get();
            stream = &std::move(dialed).open(std::move(handler));
        }
        if (then) then();
    }
    void on_failed(const DialError& error) override {
        text += std::string(name_of(error.kind)) + ": " + error.text;
        proxy_status = error.proxy_status;
        if (then) then();
    }
    [[nodiscard]] bool done() const { return !text.empty(); }

    std::string text, log, alpn, tls_version;
    bool tls_resumed = false;
    bool keep = true;  // False: the connection is dropped.
    int proxy_status = 0;
    Stream* stream = nullptr;
    fake::StreamScript* script = nullptr;
    std::function<void()> then;
};

// A port on which nothing answers: the queue of its socket is full.
class Blackhole {
public:
    explicit Blackhole(const std::string& host = "127.0.0.1", uint16_t port = 0) {
        const auto any = *Address::numeric(host, port);
        listening_ = Descriptor(::socket(any.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::bind(listening_.get(), any.data(), any.size()), 0);
        EXPECT_EQ(::listen(listening_.get(), 0), 0);
        waiting_ = fake::connect_to(listening_.get());
        EXPECT_TRUE(fake::wait_for(waiting_.get(), POLLOUT));
    }
    [[nodiscard]] uint16_t port() const { return local_address(listening_.get())->port(); }

private:
    Descriptor listening_, waiting_;
};

inline uint16_t port_of(const Descriptor& fd) { return local_address(fd.get())->port(); }

// Nothing listens there. The kernel gives it to no test that wants any port.
inline uint16_t free_port() { return 1; }

}  // namespace starling::net
