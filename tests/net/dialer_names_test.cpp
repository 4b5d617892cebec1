// The dialer with the system's resolver and a name server of the test.
#include <gtest/gtest.h>

#include <string>

#include "tests/fake/name_server.h"
#include "tests/net/dial_fixture.h"

namespace starling::net {
namespace {

using fake::NameServer;
using fake::run_until;
using How = NameServer::How;

class DialerNames : public ::testing::Test {
protected:
    DialerNames() : server_(loop_), listening_(fake::listen_at("127.0.0.1:0")) {
        look_up_within(60'000);
    }

    void look_up_within(uint64_t timeout_ms) {
        resolver_ = make_system_resolver(loop_, {.timeout_ms = timeout_ms,
                                                 .resolv_conf_path = "/dev/null",
                                                 .servers = {server_.address()},
                                                 .try_ms = 60'000});
    }
    std::string dial(const std::string& host, uint64_t timeout_ms = 5000) {
        Dialer dialer(loop_, *resolver_);
        outcome_.text.clear();
        const auto dialing = dialer.dial(
            {.host = host, .port = port_of(listening_), .timeout_ms = timeout_ms}, outcome_);
        EXPECT_TRUE(run_until(loop_, [&] { return outcome_.done(); }));
        return outcome_.text;
    }
    [[nodiscard]] std::string to(const std::string& host) const {
        return host + ":" + std::to_string(port_of(listening_));
    }

    DialOutcome outcome_;
    Loop loop_;
    NameServer server_;
    std::unique_ptr<Resolver> resolver_;
    Descriptor listening_;
};

TEST_F(DialerNames, AFamilyThatIsNeverAnsweredIsNotWaitedFor) {
    server_.names["half.example"] = {{"127.0.0.1"}, {}, How::answer, How::never};
    EXPECT_EQ(dial("half.example"), "connected " + to("127.0.0.1"));
    EXPECT_EQ(server_.asked.size(), 2u);
}

TEST_F(DialerNames, AnAddressThatRefusesLeavesTheOther) {
    server_.names["both.example"] = {{"127.0.0.1"}, {"::1"}};  // Nothing listens on ::1.
    EXPECT_EQ(dial("both.example"), "connected " + to("127.0.0.1"));
}

TEST_F(DialerNames, ThisMachineIsFoundWithoutAQuestion) {
    EXPECT_EQ(dial("localhost"), "connected " + to("127.0.0.1"));
    EXPECT_TRUE(server_.asked.empty());
}

TEST_F(DialerNames, ErrorsNameTheHostAndTheReason) {
    server_.names["never.example"] = {.a = How::never, .aaaa = How::never};
    EXPECT_EQ(dial("no-such.example"),
              "name: cannot find " + to("no-such.example") + ": the name does not exist");
    EXPECT_EQ(dial("never.example", 50), "timed_out: cannot connect to " + to("never.example") +
                                             " within 50 ms: no answer from the name servers");
    look_up_within(50);
    EXPECT_EQ(dial("never.example"),
              "name: cannot find " + to("never.example") + ": no name server answered");
}

}  // namespace
}  // namespace starling::net
