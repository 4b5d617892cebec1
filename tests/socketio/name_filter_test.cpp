// The names of namespaces that clients may ask for.
#include "socketio/name_filter.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::socketio {
namespace {

TEST(NameFilter, AStarIsAnyText) {
    const struct {
        const char *pattern, *name;
        bool want;
    } cases[] = {
        {"/", "/", true},
        {"/", "/chat", false},
        {"/chat", "/chat", true},
        {"/chat", "/chats", false},
        {"/chats", "/chat", false},
        {"/room-*", "/room-1", true},
        {"/room-*", "/room-", true},
        {"/room-*", "/room", false},
        {"/*/chat", "/a/chat", true},
        {"/*/chat", "/a/b/chat", true},
        {"/*/chat", "/a/chat/x", false},
        {"/*a*b", "/xaxaxb", true},
        {"/*a*b", "/xbxa", false},
        {"/*", "/", true},
        {"/*", "", false},
        {"*", "", true},
        {"", "", true},
        {"", "/", false},
    };
    for (const auto& [pattern, name, want] : cases)
        EXPECT_EQ(name_matches(pattern, name), want) << pattern << " " << name;
}

TEST(NameFilter, ManyStarsCostNoMoreThanTheProductOfBothLengths) {
    std::string pattern = "/";
    for (int i = 0; i < 100; ++i) pattern += "a*";
    // Exponential time would not end within this test.
    EXPECT_FALSE(name_matches(pattern + "b", "/" + std::string(250, 'a')));
    EXPECT_TRUE(name_matches(pattern + "b", "/" + std::string(250, 'a') + "b"));
}

TEST(NameFilter, AnEmptyListAllowsEveryName) {
    EXPECT_TRUE(is_allowed({}, "/anything"));
    EXPECT_TRUE(is_allowed({"/", "/room-*"}, "/room-7"));
    EXPECT_FALSE(is_allowed({"/", "/room-*"}, "/admin"));
}

}  // namespace
}  // namespace starling::socketio
