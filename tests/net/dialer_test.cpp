// Outgoing connections without TLS: names, the race, errors, cancelling.
#include "net/dialer.h"

#include <gtest/gtest.h>
#include <sys/un.h>

#include <stdexcept>
#include <string>

#include "base/text.h"
#include "net/address_race.h"
#include "tests/fake/certificates.h"
#include "tests/net/dial_fixture.h"

namespace starling::net {
namespace {

using fake::run_ticks;
using fake::run_until;

class DialerTest : public ::testing::TestWithParam<fake::BackendKind> {
protected:
    DialerTest()
        : loop_(GetParam().make(late_), {}, clock_.source()),
          dialer_(loop_, resolver_),
          server_(fake::listen_at("127.0.0.1:0")),
          port_(port_of(server_)) {}

    void dial(DialRequest request) {
        outcome_.text.clear();
        dial_ = dialer_.dial(std::move(request), outcome_);
        EXPECT_EQ(outcome_.text, "") << "told within dial()";
    }
    std::string result() {
        EXPECT_TRUE(run_until(loop_, [&] { return outcome_.done(); }));
        dial_.reset();
        return outcome_.text;
    }
    bool asked(const std::string& host) {
        return run_until(loop_, [&] { return resolver_.is_open(host); });
    }
    // Moves the time, and gives the loop two ticks.
    void pass(uint64_t ms) {
        clock_.advance(ms);
        run_ticks(loop_, 2);
    }
    [[nodiscard]] std::string at(const std::string& host, uint16_t port) const {
        return host + ":" + std::to_string(port);
    }

    fake::LateControl late_;
    fake::Clock clock_;
    DialOutcome outcome_;
    Loop loop_;
    fake::Resolver resolver_;
    Dialer dialer_;
    Descriptor server_;
    const uint16_t port_;
    std::unique_ptr<Dial> dial_;
};

INSTANTIATE_TEST_SUITE_P(All, DialerTest, ::testing::ValuesIn(fake::backend_kinds),
                         fake::kind_name);

TEST_P(DialerTest, AnAddressIsConnectedWithoutALookup) {
    dial({.host = "127.0.0.1", .port = port_});
    EXPECT_EQ(result(), "connected " + at("127.0.0.1", port_));
    EXPECT_TRUE(resolver_.asked.empty());
    EXPECT_EQ(outcome_.alpn + outcome_.tls_version, "");

    const Descriptor peer(::accept4(server_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    outcome_.stream->write(base::bytes_of("hello"));
    std::string got;
    EXPECT_TRUE(run_until(loop_, [&] { return (got += fake::receive_text(peer)) == "hello"; }));
    fake::send_text(peer, "hi");
    EXPECT_TRUE(run_until(loop_, [&] { return outcome_.log == "bytes(hi)"; }));
}

TEST_P(DialerTest, ANameIsLookedUp) {
    dial({.host = "a.example", .port = port_});
    ASSERT_TRUE(asked("a.example"));
    EXPECT_EQ(resolver_.asked, std::vector<std::string>{at("a.example", port_)});
    resolver_.answer("a.example", {"127.0.0.1"});
    pass(AddressRace::resolution_delay_ms);
    EXPECT_EQ(result(), "connected " + at("127.0.0.1", port_));
    EXPECT_EQ(resolver_.open(), 0u) << "the lookup ends with the race";
}

TEST_P(DialerTest, ANameThatDoesNotResolveSaysWhy) {
    dial({.host = "a.example", .port = 80});
    ASSERT_TRUE(asked("a.example"));
    resolver_.fail("a.example", {ResolveError::Kind::not_found, "the name does not exist"});
    EXPECT_EQ(result(), "name: cannot find a.example:80: the name does not exist");
}

TEST_P(DialerTest, ErrorsOfConnectingAreToldApart) {
    const uint16_t closed = free_port();
    dial({.host = "127.0.0.1", .port = closed});
    EXPECT_EQ(result(),
              "refused: cannot connect to " + at("127.0.0.1", closed) + ": connection refused");
    // A broadcast address is refused at once, without a packet.
    dial({.host = "255.255.255.255", .port = 80});
    const std::string text = result();
    EXPECT_TRUE(text.starts_with("unreachable: cannot connect to 255.255.255.255:80: ") ||
                text.starts_with("failed: cannot connect to 255.255.255.255:80: "))
        << text;
    for (const std::string host : {"", "a b", "a\r\nb", "[::1]"}) {
        dial({.host = host, .port = 80});
        EXPECT_EQ(result(), "name: cannot connect: not a host name");
    }
}

TEST_P(DialerTest, AllAddressesOfANameAreTried) {
    const uint16_t closed = free_port();
    dial({.host = "a.example", .port = closed});
    ASSERT_TRUE(asked("a.example"));
    resolver_.answer("a.example", {"127.0.0.1", "127.0.0.2"});
    resolver_.end("a.example");
    EXPECT_EQ(result(), "refused: cannot connect to " + at("a.example", closed) + ": " +
                            at("127.0.0.1", closed) + ": connection refused; " +
                            at("127.0.0.2", closed) + ": connection refused");
}

TEST_P(DialerTest, ASilentAddressCosts250MsAndNoMore) {
    // Other programs may have any port of 127.0.0.1, and none of 127.0.0.9.
    const Descriptor second = fake::listen_at(at("127.0.0.1", 0));
    const Blackhole hole("127.0.0.9", port_of(second));
    dial({.host = "a.example", .port = hole.port()});
    ASSERT_TRUE(asked("a.example"));
    const size_t before = fake::open_descriptors();
    resolver_.answer("a.example", {"127.0.0.9", "127.0.0.1"});
    resolver_.end("a.example");
    pass(AddressRace::attempt_delay_ms - 1);
    EXPECT_EQ(outcome_.text, "");
    EXPECT_EQ(fake::open_descriptors(), before + 1);
    pass(1);
    EXPECT_EQ(result(), "connected " + at("127.0.0.1", hole.port()));
    EXPECT_EQ(fake::open_descriptors(), before + 1) << "the loser stays open";
}

TEST_P(DialerTest, NothingAnswersInTime) {
    const Blackhole hole;
    dial({.host = "127.0.0.1", .port = hole.port(), .timeout_ms = 5000});
    pass(4999);
    EXPECT_EQ(outcome_.text, "");
    pass(1);
    EXPECT_EQ(result(), "timed_out: cannot connect to " + at("127.0.0.1", hole.port()) +
                            " within 5000 ms: no answer from " + at("127.0.0.1", hole.port()));

    dial({.host = "a.example", .port = 80, .timeout_ms = 5000});
    ASSERT_TRUE(asked("a.example"));
    pass(5000);
    EXPECT_EQ(result(),
              "timed_out: cannot connect to a.example:80 within 5000 ms: no answer from "
              "the name servers");
    EXPECT_EQ(resolver_.open(), 0u);
}

TEST_P(DialerTest, AnOverrideWinsOverTheResolver) {
    const Address here = fake::address(at("127.0.0.1", port_));
    const Address no_port = fake::address("127.0.0.1:0");
    const auto request = [&](const std::string& host, uint16_t port) {
        return DialRequest{.host = host,
                           .port = port,
                           .overrides = {{"a.example", 80, here}, {"b.example", 0, no_port}}};
    };
    dial(request("A.example.", 80));
    EXPECT_EQ(result(), "connected " + at("127.0.0.1", port_));
    dial(request("b.example", port_));
    EXPECT_EQ(result(), "connected " + at("127.0.0.1", port_));
    dial(request("a.example", 81));
    EXPECT_TRUE(asked("a.example"));
}

TEST_P(DialerTest, AUnixDomainSocketIsConnected) {
    const fake::TemporaryDirectory directory;
    const std::string path = directory.file("s");
    const Descriptor listening = fake::listen_at("unix:" + path);
    dial({.host = "a.example", .port = 80, .unix_path = path});
    EXPECT_EQ(result(), "connected unix:" + path);
    dial({.host = "", .unix_path = directory.file("none")});
    EXPECT_EQ(result(), "unreachable: cannot connect to unix:" + directory.file("none") +
                            ": no such Unix-domain socket");
    dial({.host = "", .unix_path = std::string(200, 'x')});
    EXPECT_TRUE(result().ends_with(": a Unix-domain socket wants a path of 1 to 107 bytes"));
}

TEST_P(DialerTest, AFullQueueOfAUnixDomainSocketIsWaitedFor) {
    const fake::TemporaryDirectory directory;
    const Address address = fake::address("unix:" + directory.file("s"));
    const Descriptor listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listening.get(), address.data(), address.size()), 0);
    ASSERT_EQ(::listen(listening.get(), 0), 0);
    Descriptor waiting = fake::connect_to(listening.get());
    dial({.host = "", .unix_path = directory.file("s"), .timeout_ms = 5000});
    run_ticks(loop_, 3);
    pass(100);
    EXPECT_EQ(outcome_.text, "");
    const Descriptor accepted(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    pass(300);
    EXPECT_EQ(result(), "connected " + address.to_string());

    dial({.host = "", .unix_path = directory.file("s"), .timeout_ms = 5000});
    run_ticks(loop_, 3);
    pass(5000);
    EXPECT_EQ(result(), "timed_out: cannot connect to " + address.to_string() +
                            " within 5000 ms: its queue is full");
}

TEST_P(DialerTest, ADialCanBeCancelledAtAnyPoint) {
    const Blackhole hole;
    const size_t before = fake::open_descriptors();
    for (int step = 0; step < 6; ++step) {
        dial({.host = "a.example", .port = hole.port()});
        if (step > 0) run_ticks(loop_, 1);
        if (step > 1) resolver_.answer("a.example", {"127.0.0.1", "127.0.0.1"});
        if (step > 2) pass(50);
        if (step > 3) resolver_.end("a.example");
        if (step > 4) pass(250);
        dial_.reset();
        EXPECT_EQ(fake::open_descriptors(), before) << step;
        EXPECT_EQ(resolver_.open(), 0u) << step;
        pass(60'000);
        EXPECT_EQ(outcome_.text, "") << step;
    }
}

TEST_P(DialerTest, TheReceiverMayDestroyTheDial) {
    outcome_.then = [&] { dial_.reset(); };
    const uint16_t closed = free_port();
    dial({.host = "127.0.0.1", .port = port_});
    ASSERT_TRUE(run_until(loop_, [&] { return outcome_.done(); }));
    dial({.host = "127.0.0.1", .port = closed});
    ASSERT_TRUE(run_until(loop_, [&] { return outcome_.done(); }));
    dial({.host = "a.example", .port = 80, .timeout_ms = 10});
    pass(10);
    ASSERT_TRUE(run_until(loop_, [&] { return outcome_.done(); }));
    dial({.host = "b.example", .port = 80});
    ASSERT_TRUE(asked("b.example"));
    resolver_.fail("b.example", {});
    EXPECT_TRUE(outcome_.text.starts_with("name: ")) << outcome_.text;
    EXPECT_EQ(dial_, nullptr);
}

TEST_P(DialerTest, AConnectionThatNobodyOpensIsClosed) {
    outcome_.keep = false;
    const size_t before = fake::open_descriptors();
    dial({.host = "127.0.0.1", .port = port_});
    EXPECT_EQ(result(), "connected " + at("127.0.0.1", port_));
    EXPECT_EQ(fake::open_descriptors(), before);
}

TEST_P(DialerTest, AnExceptionOfTheReceiverIsTold) {
    std::string told;
    loop_.on_escaped([&](std::string_view what) { told += what; });
    outcome_.then = [] { throw std::runtime_error("broken"); };
    dial({.host = "127.0.0.1", .port = port_});
    ASSERT_TRUE(run_until(loop_, [&] { return !told.empty(); }));
    EXPECT_EQ(told, "broken");
}

TEST_P(DialerTest, ManyDialsLeaveNoDescriptor) {
    const uint16_t closed = free_port();
    const size_t before = fake::open_descriptors();
    std::vector<std::unique_ptr<DialOutcome>> outcomes;
    std::vector<std::unique_ptr<Dial>> dials;
    for (int i = 0; i < 100; ++i) {
        outcomes.push_back(std::make_unique<DialOutcome>());
        outcomes.back()->keep = false;
        dials.push_back(
            dialer_.dial({.host = "127.0.0.1", .port = i % 2 ? port_ : closed}, *outcomes.back()));
    }
    for (const auto& outcome : outcomes)
        EXPECT_TRUE(run_until(loop_, [&] { return outcome->done(); }));
    EXPECT_EQ(fake::open_descriptors(), before);
}

}  // namespace
}  // namespace starling::net
