#include "socketio/packed_head.h"

#include <gtest/gtest.h>

#include <string>

#include "socketio/connect_info.h"

namespace starling::socketio {
namespace {

constexpr std::string_view browser =
    "/socket.io/?EIO=4&transport=websocket\nhost: chat.example.com\npragma: no-cache\n"
    "cache-control: no-cache\nuser-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
    "(KHTML, "
    "like Gecko) Chrome/131.0.0.0 Safari/537.36\norigin: https://chat.example.com\n"
    "accept-encoding: gzip, deflate, br, zstd\naccept-language: en-US,en;q=0.9\n";

TEST(SocketioPackedHead, EveryTextComesBack) {
    std::string every_byte;
    for (int c = 0; c < 256; ++c) every_byte += static_cast<char>(c);
    const std::string texts[] = {"",
                                 "/",
                                 "/socket.io/?EIO=4&transport=polling&t=abc\nhost: localhost\n",
                                 "/socket.io/?EIO=3\nHOST: localhos",
                                 std::string(browser),
                                 every_byte,
                                 every_byte + every_byte,
                                 "\x01",
                                 "\x01\x01\x02"};
    for (const std::string& text : texts) EXPECT_EQ(unpack_head(pack_head(text)), text);
    for (size_t cut = 0; cut < browser.size(); ++cut)
        EXPECT_EQ(unpack_head(pack_head(browser.substr(cut))), browser.substr(cut));
}

TEST(SocketioPackedHead, WhatMostClientsSendTakesFewBytes) {
    EXPECT_EQ(pack_head("/socket.io/?EIO=4&transport=websocket\nhost: localhost\n").size(), 4u);
    EXPECT_LT(pack_head(browser).size() * 4, browser.size());
}

TEST(SocketioConnectInfo, KeepsWhatItGot) {
    const ConnectInfo nothing;
    EXPECT_EQ(nothing.address(), "");
    EXPECT_EQ(nothing.user(), "");
    EXPECT_EQ(nothing.head(), "");
    EXPECT_EQ(nothing.facts().issued_ms, 0);
    EXPECT_EQ(nothing.login().expires_s, ConnectInfo::never_s);

    const ConnectInfo plain("192.0.2.7", "", browser, {.issued_ms = 5, .xdomain = true});
    EXPECT_EQ(plain.address(), "192.0.2.7");
    EXPECT_EQ(plain.user(), "");
    EXPECT_EQ(plain.head(), browser);
    EXPECT_EQ(plain.facts().issued_ms, 5);
    EXPECT_TRUE(plain.facts().xdomain);
    EXPECT_FALSE(plain.facts().secure);
    EXPECT_FALSE(plain.facts().from_trusted_proxy);
    EXPECT_EQ(plain.login().expires_s, ConnectInfo::never_s);
    EXPECT_EQ(plain.login().failure, nullptr);

    base::Slabs slabs;
    const ConnectInfo known("::1", "ada", "/\n", {.secure = true, .from_trusted_proxy = true},
                            {.expires_s = 77, .failure = "token_expired"}, &slabs);
    EXPECT_EQ(known.address(), "::1");
    EXPECT_EQ(known.user(), "ada");
    EXPECT_EQ(known.head(), "/\n");
    EXPECT_TRUE(known.facts().secure);
    EXPECT_FALSE(known.facts().xdomain);
    EXPECT_TRUE(known.facts().from_trusted_proxy);
    EXPECT_EQ(known.login().expires_s, 77);
    EXPECT_STREQ(known.login().failure, "token_expired");

    const std::string long_head(10'000, 'x');  // Larger than a block of a slab.
    EXPECT_EQ(ConnectInfo("::1", "", long_head, {}, {}, &slabs).head(), long_head);
}

}  // namespace
}  // namespace starling::socketio
