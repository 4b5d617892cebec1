// The history of channels: positions, limits in number, age and bytes, and pages.
#include "hub/history.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace starling::hub {
namespace {

TEST(Position, Texts) {
    struct Case {
        const char* text;
        bool valid;
    };
    const std::vector<Case> cases = {
        {"0-a", true},
        {"17-k3x9", true},
        {"18446744073709551615-Az09", true},
        {"18446744073709551616-a", false},
        {"", false},
        {"-", false},
        {"1-", false},
        {"-a", false},
        {"01-a", false},
        {"+1-a", false},
        {" 1-a", false},
        {"1-a ", false},
        {"1-a-b", false},
        {"1-\xc3\xa4", false},
        {"1-abcdefghijklmnopqrstuvwxyz012345", true},
        {"1-abcdefghijklmnopqrstuvwxyz0123456", false},
    };
    for (const auto& one : cases) {
        const auto position = parse_position(one.text);
        EXPECT_EQ(position.has_value(), one.valid) << one.text;
        if (position) {
            EXPECT_EQ(position_text(*position), one.text);
        }
    }
    EXPECT_FALSE(parse_position(std::string(100'000, '1') + "-a"));
}

constexpr uint64_t plenty = 1'000'000;
const HistoryRule rule_of_3{3, 1000};

// "first-top[+]: text text": `+` if the limit left some out.
std::string shown(const HistoryPage& page) {
    std::string text = std::to_string(page.first) + "-" + position_text(page.top);
    if (page.more) text += "+";
    text += ":";
    for (const auto& kept : page.messages) text += " " + kept->text;
    return text;
}

std::string since(MemoryHistory& history, const char* position, size_t limit = 100,
                  uint64_t now_ms = 0) {
    return shown(history.read({"news", parse_position(position), limit}, now_ms));
}

TEST(MemoryHistory, PagesAfterAPosition) {
    MemoryHistory history("e", plenty);
    EXPECT_EQ(shown(history.read({"news", {}, 10}, 0)), "1-0-e0:");
    for (const char* text : {"a", "b", "c", "d", "e"})
        static_cast<void>(history.append("news", rule_of_3, text, 0));
    struct Case {
        const char* position;
        size_t limit;
        const char* page;
        bool covered;
    };
    const std::vector<Case> cases = {
        {"2-e0", 100, "3-5-e0: c d e", true},
        {"3-e0", 100, "3-5-e0: d e", true},
        {"5-e0", 100, "3-5-e0:", true},
        {"2-e0", 2, "3-5-e0+: c d", true},
        {"2-e0", 0, "3-5-e0+:", true},
        {"1-e0", 100, "3-5-e0: c d e", false},  // "b" is gone.
        {"6-e0", 100, "3-5-e0:", false},        // There is no such publication.
        {"18446744073709551615-e0", 100, "3-5-e0:", false},
        {"3-e1", 100, "3-5-e0: c d e", false},
        {"3-x", 1, "3-5-e0+: c", false},
    };
    for (const auto& one : cases) {
        const auto position = parse_position(one.position);
        const auto page = history.read({"news", position, one.limit}, 0);
        EXPECT_EQ(shown(page), one.page) << one.position;
        EXPECT_EQ(page.covers(*position), one.covered) << one.position;
    }
    // Without a position: the newest.
    EXPECT_EQ(shown(history.read({"news", {}, 2}, 0)), "3-5-e0: d e");
    EXPECT_EQ(shown(history.read({"news", {}, 0}, 0)), "3-5-e0:");
    EXPECT_EQ(shown(history.read({"other", {}, 9}, 0)), "1-0-e0:");
}

TEST(MemoryHistory, OldPublicationsEndButOffsetsGoOn) {
    MemoryHistory history("e", plenty);
    static_cast<void>(history.append("news", rule_of_3, "a", 0));
    static_cast<void>(history.append("news", rule_of_3, "b", 500));
    EXPECT_EQ(since(history, "0-e0", 9, 999), "1-2-e0: a b");
    EXPECT_EQ(since(history, "0-e0", 9, 1000), "2-2-e0: b");
    EXPECT_EQ(since(history, "2-e0", 9, 1500), "3-2-e0:");
    // A client that had everything has missed nothing.
    EXPECT_TRUE(history.read({"news", {}, 9}, 1500).covers({"e0", 2}));
    EXPECT_EQ(history.stats().messages, 0U);
    EXPECT_EQ(history.append("news", rule_of_3, "c", 2000)->position(), (Position{"e0", 3}));
    // Channels with other ages end at other times.
    static_cast<void>(history.append("short", {10, 10}, "x", 2000));
    history.expire(2010);
    EXPECT_EQ(history.stats().messages, 1U);
    history.expire(3000);
    EXPECT_EQ(history.stats().messages, 0U);
    EXPECT_EQ(history.stats().channels, 2U);
}

TEST(MemoryHistory, TheOldestGoFirstWhenBytesRunOut) {
    MemoryHistory history("e", 20'000);
    const HistoryRule rule{1000, 1'000'000};
    const std::string text(1000, 'x');
    for (int i = 0; i < 100; ++i) {
        static_cast<void>(history.append(i % 2 ? "a" : "b", rule, text, 0));
        EXPECT_LE(history.stats().bytes, 20'000U);
    }
    const auto a = history.read({"a", {}, 100}, 0);
    const auto b = history.read({"b", {}, 100}, 0);
    EXPECT_EQ(a.top.offset, 50U);
    EXPECT_EQ(b.top.offset, 50U);
    EXPECT_LE(a.messages.size(), b.messages.size() + 1);
    EXPECT_LE(b.messages.size(), a.messages.size() + 1);
    EXPECT_GT(a.messages.size(), 5U);
    EXPECT_EQ(history.stats().evicted, 100 - a.messages.size() - b.messages.size());
    EXPECT_EQ(history.stats().messages, a.messages.size() + b.messages.size());
}

TEST(MemoryHistory, AChannelThatWasDroppedBeginsANewEpoch) {
    MemoryHistory history("e", 5'000);
    const HistoryRule rule{10, 1'000'000};
    const auto before = history.append("a", rule, "one", 0)->position();
    for (int i = 0; i < 100; ++i)
        static_cast<void>(history.append("c" + std::to_string(i), rule, "x", 0));
    const auto page = history.read({"a", before, 10}, 0);
    EXPECT_FALSE(page.covers(before));
    const auto after = history.append("a", rule, "two", 0)->position();
    EXPECT_EQ(after.offset, 1U);
    EXPECT_NE(after.epoch, before.epoch);
    EXPECT_LE(history.stats().bytes, 5'000U);
}

TEST(MemoryHistory, APublicationLargerThanTheMemoryIsNotKept) {
    MemoryHistory history("e", 2'000);
    const auto kept = history.append("a", rule_of_3, std::string(10'000, 'x'), 0);
    EXPECT_EQ(kept->text.size(), 10'000U);
    EXPECT_EQ(history.stats().messages, 0U);
    EXPECT_LE(history.stats().bytes, 2'000U);
    EXPECT_EQ(history.stats().evicted, 1U);
    EXPECT_FALSE(history.read({"a", Position{kept->epoch, 0}, 10}, 0).covers({kept->epoch, 0}));
    EXPECT_EQ(history.append("a", rule_of_3, "small", 0)->position(), (Position{kept->epoch, 2}));
}

TEST(MemoryHistory, ReadingTakesNoMemory) {
    MemoryHistory history("e", plenty);
    for (int i = 0; i < 10'000; ++i)
        static_cast<void>(history.read({"c" + std::to_string(i), Position{"e0", 0}, 10}, 0));
    EXPECT_EQ(history.stats().bytes, 0U);
    EXPECT_EQ(history.stats().channels, 0U);
}

}  // namespace
}  // namespace starling::hub
