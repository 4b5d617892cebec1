#include "net/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <stop_token>
#include <string>
#include <thread>

#include "net/socket.h"
#include "tests/fake/sockets.h"

namespace starling::net {
namespace {

std::string parsed(std::string_view text) {
    const auto address = Address::parse(text);
    if (address) return address->to_string();
    EXPECT_NE(address.error(), "") << text;
    return "error: " + address.error();
}

TEST(Address, ParsesWhatItPrints) {
    const struct {
        std::string text, want;
    } cases[] = {
        {"127.0.0.1:8080", "127.0.0.1:8080"},
        {"0.0.0.0:0", "0.0.0.0:0"},
        {":8080", "0.0.0.0:8080"},
        {"*:8080", "0.0.0.0:8080"},
        {"localhost:80", "127.0.0.1:80"},
        {"[::1]:8080", "[::1]:8080"},
        {"[::]:65535", "[::]:65535"},
        {"[0:0:0:0:0:0:0:1]:1", "[::1]:1"},
        {"unix:/run/x.sock", "unix:/run/x.sock"},
        {"unix:relative", "unix:relative"},
    };
    for (const auto& [text, want] : cases) EXPECT_EQ(parsed(text), want);
}

TEST(Address, ReadsHostsInDigits) {
    const struct {
        std::string host, want;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1:80"},
        {"::1", "[::1]:80"},
        {"2001:DB8::0:1", "[2001:db8::1]:80"},
        {"::ffff:10.0.0.1", "[::ffff:10.0.0.1]:80"},
        {"::1%lo", "[::1]:80"},
        {"::1%no-such-interface", "a name"},
        {"::1%", "a name"},
        {"[::1]", "a name"},
        {"127.1", "a name"},
        {"0x7f.0.0.1", "a name"},
        {"127.0.0.1.", "a name"},
        {std::string("127.0.0.1\0.example", 18), "a name"},
        {"localhost", "a name"},
        {"", "a name"},
    };
    for (const auto& [host, want] : cases) {
        const auto address = Address::numeric(host, 80);
        EXPECT_EQ(address ? address->to_string() : "a name", want) << host;
    }
}

TEST(Address, RefusesTheRestWithAReason) {
    for (const std::string text : {"",
                                   ":",
                                   "8080",
                                   "127.0.0.1",
                                   "127.0.0.1:",
                                   "127.0.0.1:65536",
                                   "127.0.0.1:-1",
                                   "127.0.0.1:+1",
                                   "127.0.0.1: 80",
                                   "127.0.0.1:80 ",
                                   "127.0.0.256:80",
                                   "example.com:80",
                                   "::1:80",
                                   "[::1]",
                                   "[::1:80",
                                   "::1]:80",
                                   "[]:80",
                                   "[:80",
                                   "]:80",
                                   "[127.0.0.1]:80",
                                   "unix:"})
        EXPECT_TRUE(parsed(text).starts_with("error: ")) << text;
    EXPECT_TRUE(parsed("unix:" + std::string(108, 'x')).starts_with("error: "));
    EXPECT_EQ(parsed("unix:" + std::string(107, 'x')), "unix:" + std::string(107, 'x'));
}

TEST(Address, TellsPartsAndTakesAPort) {
    auto v6 = fake::address("[::1]:80");
    v6.set_port(81);
    EXPECT_EQ(v6.port(), 81);
    EXPECT_EQ(v6.ip(), "::1");
    EXPECT_FALSE(v6.is_unix());
    auto local = fake::address("unix:/x");
    local.set_port(81);
    EXPECT_EQ(local.port(), 0);
    EXPECT_EQ(local.ip(), "unix");
    EXPECT_EQ(local.path(), "/x");
    EXPECT_TRUE(local.is_unix());
}

TEST(Address, FourBytesAsText) {
    for (const char* const text :
         {"0.0.0.0", "1.20.255.9", "127.0.0.1", "99.100.10.0", "255.255.255.255"}) {
        in_addr parsed{};
        ASSERT_EQ(::inet_pton(AF_INET, text, &parsed), 1);
        EXPECT_EQ(ipv4_text(parsed.s_addr), text);
    }
}

TEST(Listening, TellsWhenAnotherHoldsThePort) {
    auto address = fake::address("127.0.0.1:0");
    const auto first = listen_on(address, true);
    ASSERT_TRUE(first) << first.error();
    address = local_address(first->get()).value();
    EXPECT_NE(address.port(), 0);

    const auto is_free = check_is_free(address);
    ASSERT_FALSE(is_free);
    EXPECT_TRUE(is_free.error().starts_with(address.to_string() + ": ")) << is_free.error();
    EXPECT_FALSE(listen_on(address, false));
    // A second worker of the process may listen on the same address.
    EXPECT_TRUE(listen_on(address, true));
}

// Such a client would be reset a moment later.
TEST(Listening, NobodyConnectsWhileAnAddressIsTried) {
    const auto address = fake::address("127.0.0.1:" + std::to_string(fake::port_of_two()));
    std::jthread trying([&address](const std::stop_token& stop) {
        while (!stop.stop_requested()) EXPECT_TRUE(check_is_free(address));
    });
    // Of another address: from its own, a socket can connect to itself.
    const auto from = fake::address("127.0.0.2:0");
    for (int i = 0; i < 5000; ++i) {
        const Descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(::bind(client.get(), from.data(), from.size()), 0);
        ASSERT_NE(::connect(client.get(), address.data(), address.size()), 0) << i;
        ASSERT_EQ(errno, ECONNREFUSED) << i;
    }
}

TEST(Listening, RemovesASocketFileThatNobodyAnswersOnAndNoOther) {
    std::string directory = ::testing::TempDir() + "starling-XXXXXX";
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    const std::string path = directory + "/s";
    const auto address = fake::address("unix:" + path);
    {
        const auto live = listen_on(address, false);
        ASSERT_TRUE(live) << live.error();
        EXPECT_TRUE(check_is_free(address));
        EXPECT_TRUE(std::filesystem::exists(path)) << "it is in use";
        const auto second = listen_on(address, false);
        ASSERT_FALSE(second);
        EXPECT_TRUE(second.error().starts_with("unix:" + path + ": ")) << second.error();
    }
    EXPECT_TRUE(std::filesystem::exists(path)) << "left behind";
    EXPECT_TRUE(check_is_free(address));
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_TRUE(listen_on(address, false));
    std::filesystem::remove_all(directory);
}

// Without O_NONBLOCK the probe would never return.
TEST(Listening, AFullBacklogIsNotWaitedFor) {
    std::string directory = ::testing::TempDir() + "starling-XXXXXX";
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    const auto address = fake::address("unix:" + directory + "/s");
    const Descriptor live(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(live.get(), address.data(), address.size()), 0);
    ASSERT_EQ(::listen(live.get(), 0), 0);
    const Descriptor waiting(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(waiting.get(), address.data(), address.size()), 0);
    EXPECT_TRUE(check_is_free(address));
    EXPECT_TRUE(std::filesystem::exists(directory + "/s"));
    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace starling::net
