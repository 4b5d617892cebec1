// Feeds over a history elsewhere: it may be away, gives a page of bounded size, and may come back with
// a new epoch.
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>

#include "hub/feeds.h"

namespace starling::hub {
namespace {

constexpr HistoryRule rule{1000, 1'000'000'000};

// Answers when the test says so.
struct AwayHistory final : History {
    void append(std::string_view, const HistoryRule&, std::string_view, uint64_t,
                const std::function<void(KeptPtr)>& done) override {
        done(nullptr);
    }
    void read(const HistoryQuery& query, uint64_t,
              const std::function<void(HistoryPage)>& done) override {
        asked.push_back(
            {std::string(query.channel), query.since, query.limit, query.bytes_max, done});
    }
    void answer() {
        const Asked one = std::move(asked.front());
        asked.pop_front();
        one.done(memory.read({one.channel, one.since, one.limit, one.bytes_max}, 0));
    }
    void answer_all() {
        while (!asked.empty()) answer();
    }
    void fail() {
        const Asked one = std::move(asked.front());
        asked.pop_front();
        HistoryPage page;
        page.failed = true;
        one.done(page);
    }
    void give(const HistoryPage& page) {
        const Asked one = std::move(asked.front());
        asked.pop_front();
        one.done(page);
    }
    KeptPtr add(const std::string& text) { return memory.append("c", rule, text, 0); }

    struct Asked {
        std::string channel;
        std::optional<Position> since;
        size_t limit, bytes_max;
        std::function<void(HistoryPage)> done;
    };
    std::deque<Asked> asked;
    MemoryHistory memory{"e", 10'000'000};
};

struct TextSink final : Feeds::Sink {
    void deliver(const KeptPtr& kept) override { text += kept->text + " "; }
    void lost(std::string_view) override { text += "LOST "; }
    void opened(std::string_view channel) override { text += "+" + std::string(channel) + " "; }
    void closed(std::string_view channel) override { text += "-" + std::string(channel) + " "; }
    std::string take() { return std::exchange(text, {}); }
    std::string text;
};

struct Away {
    AwayHistory history;
    TextSink sink;
    Feeds feeds{history, sink, 3};  // A page has three texts of one letter.
    std::string begun;

    void follow(const char* since) {
        feeds.follow("c", parse_position(since), 0, [this](const Beginning& beginning) {
            begun += beginning.failed ? "failed" : position_text(beginning.position);
            begun += beginning.recovered ? " yes:" : " no:";
            for (const auto& kept : beginning.missed) begun += kept->text;
            begun += ";";
            if (beginning.failed) feeds.leave("c");
        });
    }
    std::string take() { return std::exchange(begun, {}); }
};

TEST(FeedsAway, ASubscriptionFailsAndTheNextOneBegins) {
    Away t;
    t.follow("");
    EXPECT_EQ(t.sink.take(), "+c ");
    t.history.fail();
    EXPECT_EQ(t.take(), "failed no:;");
    EXPECT_EQ(t.sink.take(), "-c ");
    EXPECT_EQ(t.feeds.feeds(), 0U);
    t.follow("");
    t.history.answer();
    EXPECT_EQ(t.take(), "0-e0 no:;");
    t.follow("0-e0");
    t.history.fail();
    EXPECT_EQ(t.take(), "failed no:;");
    EXPECT_EQ(t.sink.take(), "+c ");  // The first one is still there.
}

TEST(FeedsAway, WhatIsMissedIsReadWhenTheHistoryIsBack) {
    Away t;
    t.follow("");
    t.history.answer();
    t.history.add("a");
    t.feeds.published(t.history.add("b"), 0);
    t.history.fail();
    t.sink.take();
    EXPECT_TRUE(t.history.asked.empty());  // It does not ask in a circle.
    t.feeds.catch_up(0);
    t.history.answer();
    EXPECT_EQ(t.sink.take(), "a b ");
    t.history.add("c");
    t.feeds.catch_up("other", 0);
    EXPECT_TRUE(t.history.asked.empty());
    t.feeds.catch_up("c", 0);
    t.history.answer();
    EXPECT_EQ(t.sink.take(), "c ");
}

TEST(FeedsAway, WhatIsMissedBeforeTheFirstPageIsReadAfterIt) {
    Away t;
    t.follow("");
    const HistoryPage old = t.history.memory.read({"c", {}, 0, 3}, 0);
    t.history.add("a");
    t.feeds.catch_up("c", 0);
    EXPECT_EQ(t.history.asked.size(), 1U);  // The first page shows where the feed begins.
    t.history.give(old);
    EXPECT_EQ(t.take(), "0-e0 no:;");
    ASSERT_EQ(t.history.asked.size(), 1U);
    t.history.answer();
    EXPECT_EQ(t.sink.take(), "+c a ");
    EXPECT_TRUE(t.history.asked.empty());
}

TEST(FeedsAway, WhatCouldNotBeReadIsReadByTheNextCheckOfAnyPart) {
    constexpr uint64_t parts = 60;
    Away t;
    t.follow("");
    t.history.answer();
    t.history.add("a");
    t.feeds.catch_up("c", 0);
    t.feeds.catch_up("c", 0);
    t.history.fail();
    for (uint64_t part = 0; part < 2; ++part) t.feeds.catch_up(0, part + 7, parts);
    ASSERT_EQ(t.history.asked.size(), 1U);
    t.history.fail();
    t.feeds.catch_up(0, 9, parts);
    t.history.answer_all();
    EXPECT_EQ(t.sink.take(), "+c a ");
    t.feeds.catch_up(0, 10, parts);
    EXPECT_TRUE(t.history.asked.empty());  // Nothing is missing any more.
}

TEST(FeedsAway, AFeedReadsPageByPage) {
    Away t;
    t.follow("");
    t.history.answer();
    t.sink.take();
    for (const char* text : {"a", "b", "c", "d", "e", "f", "g"}) t.history.add(text);
    t.feeds.catch_up(0);
    t.history.answer();
    EXPECT_EQ(t.sink.take(), "a b c ");
    EXPECT_EQ(t.history.asked.size(), 1U);
    t.history.answer_all();
    EXPECT_EQ(t.sink.take(), "d e f g ");
}

TEST(FeedsAway, AFollowerThatMissedMoreThanAPageBeginsWithoutIt) {
    for (const bool busy : {false, true}) {
        Away t;
        if (busy) t.follow("");
        if (busy) t.history.answer();
        t.take();
        for (const char* text : {"a", "b", "c", "d"}) t.history.add(text);
        if (busy) t.feeds.catch_up(0);
        t.history.answer_all();
        t.sink.take();
        t.follow("0-e0");
        t.history.answer_all();
        EXPECT_EQ(t.take(), "4-e0 no:;") << busy;
        t.follow("1-e0");
        t.history.answer_all();
        EXPECT_EQ(t.take(), "4-e0 yes:bcd;") << busy;
        EXPECT_EQ(t.sink.take(), busy ? "" : "+c ") << busy;
        t.feeds.published(t.history.add("e"), 0);
        EXPECT_EQ(t.sink.take(), "e ");
    }
}

// A page that ends before the channel does moves the feed to its end, and the feed reads on.
TEST(FeedsAway, AFollowersPageAdvancesTheFeed) {
    Away t;
    t.follow("");
    t.history.answer();
    t.sink.take();
    for (const char* text : {"a", "b", "c", "d", "e"}) t.history.add(text);
    t.follow("0-e0");
    t.history.answer();
    EXPECT_EQ(t.sink.take(), "a b c ");
    t.history.answer_all();
    EXPECT_EQ(t.sink.take(), "d e ");
    EXPECT_EQ(t.begun, "0-e0 no:;3-e0 yes:abc;");
}

// Redis was started again with what it had saved: the offsets go on in a new epoch.
TEST(FeedsAway, WhatIsLeftOfAnEarlierEpochIsNotDeliveredAgain) {
    Away t;
    t.follow("");
    t.history.answer();
    t.sink.take();
    const auto kept = [](uint64_t offset, const char* text) {
        auto one = std::make_shared<Kept>();
        one->channel = "c";
        one->epoch = "new";
        one->offset = offset;
        one->text = text;
        return one;
    };
    HistoryPage page{.top = {"new", 7}, .first = 4};
    page.messages = {kept(4, "old"), kept(5, "old"), kept(6, "x"), kept(7, "y")};
    page.begun = 5;
    t.feeds.published(kept(7, "y"), 0);
    t.history.give(page);
    EXPECT_EQ(t.sink.take(), "x y LOST ");
    t.feeds.published(kept(8, "z"), 0);
    EXPECT_EQ(t.sink.take(), "z ");
}

}  // namespace
}  // namespace starling::hub
