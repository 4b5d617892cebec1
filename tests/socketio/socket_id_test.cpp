#include "socketio/socket_id.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace starling::socketio {
namespace {

TEST(SocketioSocketId, EachTextComesBack) {
    const std::vector<std::string> texts = {
        "AAAAAAAAAAAAAAAAAAAA",    // All bits 0.
        "____________________",    // All bits 1.
        "abcdefghijABCDEFGH-_",    // Made by a server.
        "abcdefghijABCDEFGH+/",    // Another alphabet.
        "abcdefghijABCDEFGH-",     // Shorter by one.
        "abcdefghijABCDEFGH-_a",   // Longer by one.
        "/chat#abcdefghijABCDEF",  // Of a client before 3.0.
        "",
        std::string(300, 'x'),
        std::string("abcdefghi\0ABCDEFGH-_", 20),
    };
    for (const std::string& text : texts) {
        SocketId id(text);
        EXPECT_EQ(id.text().view(), text);
        EXPECT_EQ(id.hash(), SocketId::hash_of(text));
        for (const std::string& other : texts) EXPECT_EQ(id.is(other), other == text) << other;
        SocketId moved(std::move(id));
        EXPECT_EQ(moved.text().view(), text);
        moved = SocketId("short");
        EXPECT_EQ(moved.text().view(), "short");
    }
}

TEST(SocketioSocketId, EachCharacterCounts) {
    const std::string text = "abcdefghijABCDEFGH-_";
    const SocketId id(text);
    for (size_t i = 0; i < text.size(); ++i) {
        std::string other = text;
        other[i] = other[i] == 'Z' ? 'Y' : 'Z';
        EXPECT_FALSE(id.is(other)) << i;
        EXPECT_EQ(SocketId(other).text().view(), other);
    }
}

}  // namespace
}  // namespace starling::socketio
