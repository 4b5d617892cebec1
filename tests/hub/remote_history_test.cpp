// RemoteHistory: order, waiting and trying again, with a store that goes away at any moment.
#include "hub/remote_history.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "hub/feeds.h"

namespace starling::hub {
namespace {

using Outcome = RemoteHistory::Outcome;

constexpr HistoryRule rule{1000, 1'000'000'000};

// As the scripts of Redis do: leaves out the numbers of the sender that it has.
class TestStore final : public RemoteHistory::Store {
public:
    struct Call {
        std::function<void()> execute;     // Then the store has it,
        std::function<void(bool)> answer;  // and answers; false: the connection was cut.
    };
    std::deque<Call> calls;
    MemoryHistory* memory;
    std::map<std::string, uint64_t> newest;
    bool refuses = false;
    std::string sent;
    uint64_t until_ms = 0;  // Of the newest batch.

    explicit TestStore(MemoryHistory& to) : memory(&to) {}

    void append(const RemoteHistory::Batch& batch,
                std::function<void(const RemoteHistory::Appended&)> answer) override {
        auto appended = std::make_shared<RemoteHistory::Appended>();
        sent += "[" + batch.channel;
        until_ms = batch.until_ms;
        for (const auto& item : batch.items) sent += " " + item.text;
        sent += "]";
        calls.push_back({[this, copy = batch, appended] {
                             appended->outcome = refuses ? Outcome::refused : Outcome::done;
                             if (!refuses) execute(copy, *appended);
                         },
                         [appended, answer = std::move(answer)](bool arrives) {
                             if (!arrives) appended->outcome = Outcome::unknown;
                             answer(*appended);
                         }});
    }
    void read(const RemoteHistory::Question& question,
              std::function<void(Outcome, const HistoryPage&)> answer) override {
        auto page = std::make_shared<HistoryPage>();
        sent += "?" + question.channel;
        calls.push_back(
            {[this, question, page] {
                 *page = memory->read(
                     {question.channel, question.since, question.limit, question.bytes_max}, 0);
             },
             [this, page, answer = std::move(answer)](bool arrives) {
                 const Outcome told = refuses ? Outcome::refused : Outcome::done;
                 answer(arrives ? told : Outcome::unknown, *page);
             }});
    }
    void answer_all() {
        while (!calls.empty()) answer_first(true, true);
    }
    void answer_first(bool executes, bool arrives) {
        const Call call = std::move(calls.front());
        calls.pop_front();
        if (executes) call.execute();
        call.answer(executes && arrives);
    }
    std::string take() { return std::exchange(sent, {}); }

private:
    void execute(const RemoteHistory::Batch& batch, RemoteHistory::Appended& appended) {
        uint64_t& last = newest[batch.channel];
        for (const auto& item : batch.items) {
            if (item.number > last) {
                last = item.number;
                static_cast<void>(memory->append(batch.channel, batch.rule, item.text, 0));
            }
            const auto page = memory->read({batch.channel, std::nullopt}, 0);
            appended.epoch = page.top.epoch;
            for (const auto& kept : page.messages)
                if (kept->text == item.text) appended.offsets.push_back(kept->offset);
        }
    }
};

struct Remote {
    explicit Remote(RemoteHistory::Limits limits = {}) : history(store, limits) {}
    MemoryHistory memory{"e", 10'000'000};
    TestStore store{memory};
    RemoteHistory history;
    std::string done;

    void say(const std::string& text, uint64_t now_ms = 0, const std::string& channel = "c") {
        history.append(channel, rule, text, now_ms, [this, text](const KeptPtr& kept) {
            done += " " + text + "=" + (kept ? position_text(kept->position()) : "refused");
        });
    }
    void ask(uint64_t now_ms = 0) {
        history.read({"c", std::nullopt}, now_ms, [this](const HistoryPage& page) {
            done += page.failed ? " failed" : " page" + std::to_string(page.messages.size());
        });
    }
    std::string take() { return std::exchange(done, {}); }
    std::string counts() {
        const auto text = [](const RemoteHistory::Ended& ended) {
            return std::to_string(ended.done) + " full " + std::to_string(ended.full) + " late " +
                   std::to_string(ended.late) + " refused " + std::to_string(ended.refused);
        };
        const auto stats = history.stats();
        return "appends " + text(stats.appends) + ", reads " + text(stats.reads);
    }
};

TEST(RemoteHistory, OneBatchOfAChannelIsUnderWay) {
    Remote t;
    t.history.set_ready(true, 0);
    for (const char* text : {"a", "b", "c"}) t.say(text);
    t.say("x", 0, "d");
    EXPECT_EQ(t.store.take(), "[c a][d x]");
    t.store.answer_first(true, true);
    EXPECT_EQ(t.store.take(), "[c b c]");
    EXPECT_EQ(t.take(), " a=1-e0");
    t.store.answer_all();
    EXPECT_EQ(t.take(), " x=1-e0 b=2-e0 c=3-e0");
    EXPECT_EQ(t.history.stats().waiting, 0U);
    EXPECT_EQ(t.history.stats().waiting_bytes, 0U);
    EXPECT_FALSE(t.history.is_waiting());
    EXPECT_EQ(t.counts(), "appends 4 full 0 late 0 refused 0, reads 0 full 0 late 0 refused 0");
}

TEST(RemoteHistory, ABatchHoldsSoManyItemsAndBytes) {
    Remote t({.batch_items_max = 2});
    for (const char* text : {"a", "b", "c"}) t.say(text);
    t.history.set_ready(true, 0);
    EXPECT_EQ(t.store.take(), "[c a b]");
    Remote bytes({.batch_bytes_max = 600});
    for (const char* text : {"a", "b", "c", "d"}) bytes.say(text);
    bytes.history.set_ready(true, 0);
    EXPECT_EQ(bytes.store.take(), "[c a b c]");
}

TEST(RemoteHistory, SendsAgainWhatMayHaveBeenKept) {
    for (const bool executes : {false, true}) {
        Remote t;
        t.history.set_ready(true, 0);
        t.say("a");
        t.say("b");
        t.history.set_ready(false, 0);
        t.store.answer_first(executes, false);
        EXPECT_EQ(t.take(), "");
        t.store.take();
        t.history.run(100);
        EXPECT_EQ(t.store.take(), "");  // The store is away.
        EXPECT_EQ(t.history.stats().unanswered, 1U);
        t.history.set_ready(true, 200);
        EXPECT_EQ(t.store.take(), "[c a b]");
        t.store.answer_all();
        EXPECT_EQ(t.take(), " a=1-e0 b=2-e0");
    }
}

TEST(RemoteHistory, WhatWaitsTooLongFails) {
    Remote t({.append_wait_ms = 1000, .read_wait_ms = 500});
    t.say("a", 0);
    t.ask(0);
    t.say("b", 600);
    t.history.run(499);
    EXPECT_EQ(t.take(), "");
    t.history.run(500);
    EXPECT_EQ(t.take(), " failed");
    t.history.run(1000);
    EXPECT_EQ(t.take(), " a=refused");
    t.history.set_ready(true, 1001);
    t.store.answer_all();
    EXPECT_EQ(t.take(), " b=1-e0");
    EXPECT_EQ(t.counts(), "appends 1 full 0 late 1 refused 0, reads 0 full 0 late 1 refused 0");
}

// The store is there, and refuses for the moment whatever comes.
TEST(RemoteHistory, WhatTheStoreDoesNotTakeInTimeFails) {
    Remote t({.append_wait_ms = 1000, .read_wait_ms = 500});
    t.history.set_ready(true, 0);
    t.say("a", 0);
    EXPECT_EQ(t.store.until_ms, 1000u);
    t.ask(0);
    t.say("b", 700);
    t.history.run(499);
    EXPECT_EQ(t.take(), "");
    t.history.run(500);
    EXPECT_EQ(t.take(), " failed");
    t.history.run(1000);
    EXPECT_EQ(t.take(), "");  // The store may have begun to append it.
    t.store.answer_first(false, false);
    t.history.run(1000);
    EXPECT_EQ(t.take(), " a=refused");
    EXPECT_EQ(t.store.until_ms, 1700u);
    t.store.answer_all();  // Nobody waits for the page.
    EXPECT_EQ(t.take(), " b=1-e0");
    EXPECT_EQ(t.store.take(), "[c a]?c[c b]");
    EXPECT_EQ(t.counts(), "appends 1 full 0 late 1 refused 0, reads 0 full 0 late 1 refused 0");
    EXPECT_FALSE(t.history.is_waiting());
}

TEST(RemoteHistory, WhatIsRefusedOrDoesNotFitFailsAtOnce) {
    Remote t({.bytes_max = 600, .reads_max = 1});
    for (const char* text : {"a", "b", "c"}) t.say(text);
    EXPECT_EQ(t.take(), " c=refused");
    t.ask();
    t.ask();
    EXPECT_EQ(t.take(), " failed");
    t.store.refuses = true;
    t.history.set_ready(true, 0);
    t.store.answer_all();
    EXPECT_EQ(t.take(), " a=refused b=refused failed");
    EXPECT_FALSE(t.history.is_waiting());
    EXPECT_EQ(t.counts(), "appends 0 full 1 late 0 refused 2, reads 0 full 1 late 0 refused 1");
}

// What is under way and what waits fails once, and so does what a callback adds.
TEST(RemoteHistory, TheEndAnswersEverythingOnce) {
    Remote t;
    t.history.set_ready(true, 0);
    t.history.append("c", rule, "first", 0, [&t](const KeptPtr& kept) {
        t.done += kept ? " kept" : " lost";
        t.say("later");
        t.ask();
    });
    t.say("second");
    t.ask();
    t.history.end();
    EXPECT_EQ(t.take(), " lost later=refused failed second=refused failed");
    t.store.answer_all();
    t.history.end();
    t.history.run(1000);
    EXPECT_EQ(t.take(), "");
    EXPECT_EQ(t.counts(), "appends 0 full 0 late 3 refused 0, reads 0 full 0 late 2 refused 0");
    const auto stats = t.history.stats();
    EXPECT_EQ(stats.waiting + stats.waiting_bytes + stats.waiting_reads, 0U);
}

TEST(RemoteHistory, ACallbackMayPublishAndAsk) {
    Remote t;
    t.history.set_ready(true, 0);
    t.history.append("c", rule, "first", 0, [&t](const KeptPtr&) {
        t.say("second");
        t.ask();
    });
    t.store.answer_all();
    EXPECT_EQ(t.take(), " second=2-e0 page2");
}

// Two nodes share a store that is cut off at random moments.
struct TwoNodes {
    struct Sink final : Feeds::Sink {
        void deliver(const KeptPtr& kept) override { heard.push_back(kept->text); }
        void lost(std::string_view) override { heard.emplace_back("LOST"); }
        std::vector<std::string> heard;
    };
    struct Node {
        explicit Node(MemoryHistory& shared) : store(shared) {}
        TestStore store;
        RemoteHistory history{store, {.append_wait_ms = 1'000'000, .read_wait_ms = 1'000'000}};
        Sink sink;
        Feeds feeds{history, sink, 40};
        bool ready = false;
    };
    explicit TwoNodes(uint32_t seed) : random(seed) {}

    void work(Node& node, bool may_cut) {
        now_ms += 10;
        if (may_cut && random() % 8 == 0) {
            node.ready = !node.ready;
            node.history.set_ready(node.ready, now_ms);
            // A cut connection answers everything that is under way.
            while (!node.ready && !node.store.calls.empty())
                node.store.answer_first(random() % 2 == 0, false);
        } else if (!node.store.calls.empty()) {
            node.store.answer_first(true, true);
        }
        node.history.run(now_ms);
    }
    void settle() {
        for (Node& node : nodes) {
            node.ready = true;
            node.history.set_ready(true, now_ms);
        }
        for (Node& node : nodes) node.feeds.catch_up(now_ms);
        while (nodes[0].history.is_waiting() || nodes[1].history.is_waiting())
            for (Node& node : nodes) work(node, false);
    }
    void publish(const std::string& text) {
        nodes[random() % 2].history.append("c", rule, text, now_ms, [this](const KeptPtr& kept) {
            ++done;
            ASSERT_TRUE(kept);
            for (Node& node : nodes)  // Pushes are lost as well.
                if (random() % 4 != 0) node.feeds.published(kept, 0);
        });
    }

    std::minstd_rand random;
    MemoryHistory memory{"e", 10'000'000};
    Node nodes[2] = {Node(memory), Node(memory)};
    uint64_t now_ms = 0;
    size_t done = 0;
};

// Each listener of either node gets everything once and in order.
TEST(RemoteHistory, NothingIsLostOrDoubledWhateverIsCut) {
    for (uint32_t seed = 1; seed <= 200; ++seed) {
        TwoNodes t(seed);
        size_t begun = 0;
        for (auto& node : t.nodes)
            node.feeds.follow("c", std::nullopt, 0,
                              [&begun](const Beginning& b) { begun += b.failed ? 0 : 1; });
        t.settle();
        ASSERT_EQ(begun, 2U);
        for (size_t i = 0; i < 60; ++i) {
            t.publish(std::to_string(i));
            for (auto& node : t.nodes) t.work(node, true);
        }
        t.settle();
        for (auto& node : t.nodes) node.feeds.catch_up(t.now_ms);
        t.settle();
        ASSERT_EQ(t.done, 60U) << seed;
        std::vector<std::string> kept;
        for (const auto& one : t.memory.read({"c", std::nullopt}, 0).messages)
            kept.push_back(one->text);
        ASSERT_EQ(kept.size(), 60U) << seed;
        for (const auto& node : t.nodes) ASSERT_EQ(node.sink.heard, kept) << seed;
    }
}

}  // namespace
}  // namespace starling::hub
