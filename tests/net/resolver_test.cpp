// The system's resolver against a name server of the test.
#include "net/resolver.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/loop.h"
#include "tests/fake/certificates.h"
#include "tests/fake/descriptors.h"
#include "tests/fake/name_server.h"
#include "tests/fake/sockets.h"

namespace starling::net {
namespace {

using fake::NameServer;
using fake::run_ticks;
using fake::run_until;
using How = NameServer::How;

// Records what it gets: "[::1]:80 | 10.0.0.1:80, 10.0.0.2:80 | done".
struct Answers final : Resolver::Receiver {
    void on_addresses(std::span<const Address> addresses) override {
        EXPECT_FALSE(addresses.empty());
        std::string line;
        for (const Address& address : addresses)
            line += (line.empty() ? "" : ", ") + address.to_string();
        note(line);
        if (on_first) std::exchange(on_first, {})();
    }
    void on_resolved(const ResolveError* error) override {
        done = true;
        note(error ? error->text : "done");
        if (error) kind = error->kind;
        if (then) then();
    }
    void note(const std::string& line) { text += (text.empty() ? "" : " | ") + line; }

    std::string text;
    bool done = false;
    ResolveError::Kind kind{};
    std::function<void()> on_first, then;
};

class ResolverTest : public ::testing::Test {
protected:
    ResolverTest() : server_(loop_) {
        options_.servers = {server_.address()};
        options_.resolv_conf_path = directory_.file("resolv.conf");
        options_.try_ms = 2000;
        options_.tries = 2;
        configure("");
    }
    void configure(const std::string& text) { std::ofstream(options_.resolv_conf_path) << text; }

    Resolver& resolver() {
        if (!resolver_) resolver_ = make_system_resolver(loop_, options_);
        return *resolver_;
    }
    std::string resolve(const std::string& host) {
        Answers answers;
        const auto lookup = resolver().resolve(host, 80, answers);
        EXPECT_EQ(answers.text, "") << "told within resolve()";
        EXPECT_TRUE(run_until(loop_, [&] { return answers.done; })) << host;
        kind_ = answers.kind;
        return answers.text;
    }
    [[nodiscard]] bool wait_for_questions(size_t count) {
        return run_until(loop_, [&] { return server_.asked.size() >= count; });
    }

    fake::TemporaryDirectory directory_;
    Loop loop_;
    NameServer server_;
    ResolverOptions options_;
    std::unique_ptr<Resolver> resolver_;
    ResolveError::Kind kind_{};
};

TEST_F(ResolverTest, BothFamiliesAreAskedAndToldSeparately) {
    server_.names["both.example"] = {{"10.0.0.1"}, {"2001:db8::1"}};
    server_.names["four.example"] = {.v4 = {"10.0.0.1"}};
    server_.names["six.example"] = {.v6 = {"2001:db8::1"}};
    EXPECT_EQ(resolve("both.example"), "[2001:db8::1]:80 | 10.0.0.1:80 | done");
    EXPECT_EQ(resolve("four.example"), "10.0.0.1:80 | done");
    EXPECT_EQ(resolve("six.example"), "[2001:db8::1]:80 | done");
    EXPECT_EQ(resolve("SIX.example."), "[2001:db8::1]:80 | done");
    const std::vector<std::string> asked(server_.asked.begin(), server_.asked.begin() + 2);
    EXPECT_EQ(asked, (std::vector<std::string>{"AAAA both.example", "A both.example"}));
}

TEST_F(ResolverTest, ALateFamilyDoesNotHoldUpTheOther) {
    server_.names["late.example"] = {{"10.0.0.1"}, {"2001:db8::1"}, How::answer, How::hold};
    Answers answers;
    const auto lookup = resolver().resolve("late.example", 80, answers);
    ASSERT_TRUE(run_until(loop_, [&] { return !answers.text.empty(); }));
    EXPECT_EQ(answers.text, "10.0.0.1:80");
    ASSERT_TRUE(run_until(loop_, [&] { return server_.held() == 1; }));
    server_.release();
    ASSERT_TRUE(run_until(loop_, [&] { return answers.done; }));
    EXPECT_EQ(answers.text, "10.0.0.1:80 | [2001:db8::1]:80 | done");
}

TEST_F(ResolverTest, AFamilyThatIsNeverAnsweredIsNoError) {
    options_.try_ms = 500;
    options_.tries = 1;
    server_.names["half.example"] = {{"10.0.0.1"}, {}, How::answer, How::never};
    EXPECT_EQ(resolve("half.example"), "10.0.0.1:80 | done");
}

TEST_F(ResolverTest, ErrorsAreToldApart) {
    options_.try_ms = 500;
    options_.tries = 1;
    using Kind = ResolveError::Kind;
    server_.names["empty.example"] = {};
    server_.names["never.example"] = {.a = How::never, .aaaa = How::never};
    server_.names["garbage.example"] = {{"10.0.0.1"}, {"::1"}, How::garbage, How::garbage};
    server_.names["servfail.example"] = {.a = How::servfail, .aaaa = How::servfail};
    server_.names["refused.example"] = {.a = How::refused, .aaaa = How::refused};
    const struct {
        std::string host;
        Kind kind;
        std::string text;
    } cases[] = {
        {"no-such.example", Kind::not_found, "the name does not exist"},
        {"empty.example", Kind::no_address, "the name has no address"},
        {"never.example", Kind::no_answer, "no name server answered"},
        {"garbage.example", Kind::failed, "the answer of the name server is not usable"},
        {"servfail.example", Kind::failed, "the name servers failed"},
        {"refused.example", Kind::refused, "the name servers refuse to answer"},
        {"a..b", Kind::invalid, "not a host name"},
        {"", Kind::invalid, "not a host name"},
        {"a b", Kind::invalid, "not a host name"},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(resolve(c.host), c.text) << c.host;
        EXPECT_EQ(kind_, c.kind) << c.host;
    }
}

TEST_F(ResolverTest, AServerThatIsNotThereIsAnError) {
    auto free = fake::listen_at("127.0.0.1:0");
    options_.servers = {local_address(free.get()).value()};
    free.reset();
    options_.try_ms = 500;
    options_.tries = 1;
    EXPECT_EQ(resolve("a.example"), "no name server can be reached");
    EXPECT_EQ(kind_, ResolveError::Kind::no_answer);
}

TEST_F(ResolverTest, ATruncatedAnswerIsAskedForOverTcp) {
    server_.names["long.example"] = {{"10.0.0.1", "10.0.0.2"}, {}, How::truncated, How::answer};
    EXPECT_EQ(resolve("long.example"), "10.0.0.1:80, 10.0.0.2:80 | done");
    EXPECT_EQ(server_.asked.back(), "tcp A long.example");
}

TEST_F(ResolverTest, SearchDomainsFollowOneByOne) {
    configure("search one.example two.example\noptions ndots:2\n");
    server_.names["host.two.example"] = {{"10.0.0.2"}, {}};
    EXPECT_EQ(resolve("host"), "10.0.0.2:80 | done");
    EXPECT_EQ(server_.asked,
              (std::vector<std::string>{"AAAA host.one.example", "A host.one.example",
                                        "AAAA host.two.example", "A host.two.example"}));
    server_.asked.clear();
    EXPECT_EQ(resolve("no.such"), "the name does not exist");
    EXPECT_EQ(server_.asked.size(), 6u);
    EXPECT_EQ(server_.asked.back(), "A no.such");
    server_.asked.clear();
    EXPECT_EQ(resolve("host."), "the name does not exist");
    EXPECT_EQ(server_.asked.size(), 2u);
}

TEST_F(ResolverTest, AFailureEndsTheSearch) {
    configure("search one.example two.example\n");
    options_.try_ms = 500;
    options_.tries = 1;
    server_.names["host.one.example"] = {.a = How::never};
    server_.names["host.two.example"] = {{"10.0.0.2"}, {}};
    EXPECT_EQ(resolve("host"), "no name server answered");
}

TEST_F(ResolverTest, AChangedFileIsReadAgain) {
    server_.names["host.one.example"] = {{"10.0.0.1"}, {}};
    configure("search two.example\n");
    EXPECT_EQ(resolve("host"), "the name does not exist");
    configure("search one.example # another length\n");
    EXPECT_EQ(resolve("host"), "10.0.0.1:80 | done");
}

TEST_F(ResolverTest, ThisMachineNeedsNoNameServer) {
    for (const std::string host : {"localhost", "a.localhost", "LOCALHOST."})
        EXPECT_EQ(resolve(host), "[::1]:80 | 127.0.0.1:80 | done");
    EXPECT_TRUE(server_.asked.empty());
}

TEST_F(ResolverTest, TheHostsFileOfTheSystemIsRead) {
    // The first line of an IPv4 address with a name that is not localhost.
    std::ifstream file("/etc/hosts");
    std::string name, address;
    for (std::string line; name.empty() && std::getline(file, line);) {
        std::istringstream words(line);
        std::string first, second;
        if (words >> first >> second && first.starts_with("127.") && second != "localhost")
            address = first, name = second;
    }
    if (name.empty()) return;  // Nothing to look up on this machine.
    EXPECT_EQ(resolve(name), address + ":80 | done");
}

TEST_F(ResolverTest, ALookupHasATimeLimit) {
    options_.timeout_ms = 500;
    server_.names["never.example"] = {.a = How::never, .aaaa = How::never};
    EXPECT_EQ(resolve("never.example"), "no name server answered");
    server_.names["half.example"] = {{"10.0.0.1"}, {}, How::answer, How::never};
    EXPECT_EQ(resolve("half.example"), "10.0.0.1:80 | done");
}

TEST_F(ResolverTest, ALookupCanBeCancelledAtAnyPoint) {
    server_.names["held.example"] = {{"10.0.0.1"}, {"::1"}, How::hold, How::hold};
    for (int ticks = 0; ticks < 8; ++ticks) {
        const size_t before = fake::open_descriptors();
        Answers answers;
        auto lookup = resolver().resolve("held.example", 80, answers);
        for (int i = 0; i < ticks; ++i) {
            loop_.run_once(1);
            server_.release();
        }
        const std::string text = answers.text;
        lookup.reset();
        EXPECT_EQ(fake::open_descriptors(), before) << ticks;
        server_.release();
        run_ticks(loop_, 5);
        EXPECT_EQ(answers.text, text) << ticks;
    }
}

TEST_F(ResolverTest, OneLookupIsCancelledAndAnotherGoesOn) {
    server_.names["held.example"] = {{"10.0.0.1"}, {}, How::hold, How::answer};
    Answers first, second;
    auto cancelled = resolver().resolve("held.example", 80, first);
    const auto other = resolver().resolve("held.example", 81, second);
    ASSERT_TRUE(run_until(loop_, [&] { return server_.held() == 2; }));
    cancelled.reset();
    server_.release();
    ASSERT_TRUE(run_until(loop_, [&] { return second.done; }));
    EXPECT_EQ(second.text, "10.0.0.1:81 | done");
    EXPECT_EQ(first.text, "");
}

TEST_F(ResolverTest, AReceiverMayDestroyEverything) {
    server_.names["both.example"] = {{"10.0.0.1"}, {"2001:db8::1"}};
    for (const bool at_first : {true, false}) {
        for (const std::string host : {"both.example", "localhost"}) {
            Answers answers, other;
            auto lookup = resolver().resolve(host, 80, answers);
            auto second = resolver().resolve("both.example", 80, other);
            bool called = false;
            (at_first ? answers.on_first : answers.then) = [&] {
                lookup.reset();
                second.reset();
                resolver_.reset();
                called = true;
            };
            ASSERT_TRUE(run_until(loop_, [&] { return called; }));
            run_ticks(loop_, 3);
            EXPECT_EQ(answers.done, !at_first);
        }
    }
}

TEST_F(ResolverTest, AnExceptionOfAReceiverCostsNoOtherLookup) {
    std::string told;
    loop_.on_escaped([&](std::string_view what) { told += what; });
    Answers answers, other;
    const auto lookup = resolver().resolve("localhost", 80, answers);
    const auto second = resolver().resolve("localhost", 80, other);
    answers.on_first = [] { throw std::runtime_error("broken"); };
    ASSERT_TRUE(run_until(loop_, [&] { return other.done; }));
    EXPECT_EQ(told, "broken");
}

TEST_F(ResolverTest, TooManyLookupsAreRefused) {
    options_.lookups_max = 2;
    server_.names["held.example"] = {.a = How::hold, .aaaa = How::hold};
    Answers answers[2];
    std::unique_ptr<Resolver::Lookup> lookups[2];
    for (int i = 0; i < 2; ++i) lookups[i] = resolver().resolve("held.example", 80, answers[i]);
    EXPECT_EQ(resolve("held.example"), "too many names are looked up");
    EXPECT_EQ(kind_, ResolveError::Kind::busy);
    lookups[0].reset();
    // c-ares still has its questions.
    EXPECT_EQ(resolve("held.example"), "too many names are looked up");
    lookups[1].reset();
    server_.names["held.example"] = {{"10.0.0.1"}, {}};
    EXPECT_EQ(resolve("held.example"), "10.0.0.1:80 | done");
}

TEST_F(ResolverTest, ManyLookupsLeaveNoDescriptor) {
    server_.names["many.example"] = {{"10.0.0.1"}, {"2001:db8::1"}};
    (void)resolve("many.example");
    const size_t before = fake::open_descriptors();
    std::vector<std::unique_ptr<Answers>> answers;
    std::vector<std::unique_ptr<Resolver::Lookup>> lookups;
    for (int i = 0; i < 50; ++i) {
        answers.push_back(std::make_unique<Answers>());
        lookups.push_back(resolver().resolve("many.example", 80, *answers.back()));
    }
    for (const auto& answer : answers) EXPECT_TRUE(run_until(loop_, [&] { return answer->done; }));
    EXPECT_EQ(fake::open_descriptors(), before);
}

}  // namespace
}  // namespace starling::net
