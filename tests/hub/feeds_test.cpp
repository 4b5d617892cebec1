// Feeds: no gap and no double, in whatever order posts arrive and whenever the History answers.
#include "hub/feeds.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace starling::hub {
namespace {

constexpr uint64_t now_ms = 0;
const HistoryRule rule{1000, 1'000'000};

// Answers at once, or when the test says so.
class TestHistory final : public History {
public:
    explicit TestHistory(uint64_t bytes_max = 10'000'000) : memory_("e", bytes_max) {}

    void append(std::string_view channel, const HistoryRule& with, std::string_view text,
                uint64_t now, const std::function<void(KeptPtr)>& done) override {
        done(memory_.append(channel, with, text, now));
    }
    void read(const HistoryQuery& query, uint64_t now,
              const std::function<void(HistoryPage)>& done) override {
        if (!later) return done(memory_.read(query, now));
        asked_.push_back({std::string(query.channel), query.since, query.limit, done, {}});
    }
    KeptPtr add(const std::string& text, const std::string& channel = "news",
                const HistoryRule& with = rule) {
        return memory_.append(channel, with, text, now_ms);
    }
    // Two steps: the store makes the page, and the page arrives.
    void make_pages(std::minstd_rand& random) {
        for (auto& one : asked_)
            if (!one.page && random() % 2) one.page = memory_.read(query_of(one), now_ms);
    }
    void answer_first() {
        if (asked_.empty()) return;
        const Asked one = std::move(asked_.front());
        asked_.pop_front();
        one.done(one.page ? *one.page : memory_.read(query_of(one), now_ms));
    }
    [[nodiscard]] bool answered_all() const { return asked_.empty(); }

    bool later = false;

private:
    struct Asked {
        std::string channel;
        std::optional<Position> since;
        size_t limit;
        std::function<void(HistoryPage)> done;
        std::optional<HistoryPage> page;
    };
    static HistoryQuery query_of(const Asked& one) { return {one.channel, one.since, one.limit}; }

    MemoryHistory memory_;
    std::deque<Asked> asked_;
};

struct TextSink final : Feeds::Sink {
    void deliver(const KeptPtr& kept) override { text += kept->text + " "; }
    void lost(std::string_view) override { text += "LOST "; }
    std::string take() { return std::exchange(text, {}); }
    std::string text;
};

std::string shown(const Beginning& beginning) {
    std::string text = position_text(beginning.position) + (beginning.recovered ? " yes:" : " no:");
    for (const auto& kept : beginning.missed) text += " " + kept->text;
    return text;
}

struct OneWorker {
    TestHistory history = TestHistory(10'000'000);
    TextSink sink = {};
    Feeds feeds{history, sink};
    std::string begun = {};

    void follow(const char* since) {
        feeds.follow("news", parse_position(since), now_ms,
                     [this](const Beginning& beginning) { begun = shown(beginning); });
    }
};

TEST(Feeds, BeginsWhereItWasAsked) {
    struct Case {
        const char* since;
        const char* begun;
    };
    const std::vector<Case> cases = {
        {"", "3-e0 no:"},        {"0-e0", "3-e0 yes: a b c"}, {"2-e0", "3-e0 yes: c"},
        {"3-e0", "3-e0 yes:"},   {"4-e0", "3-e0 no:"},        {"9-e0", "3-e0 no:"},
        {"2-other", "3-e0 no:"},
    };
    for (const bool busy : {false, true}) {
        for (const auto& one : cases) {
            OneWorker worker;
            if (busy) worker.follow("");
            std::vector<KeptPtr> posts;
            for (const char* text : {"a", "b", "c"}) posts.push_back(worker.history.add(text));
            worker.follow(one.since);
            EXPECT_EQ(worker.begun, one.begun) << one.since << busy;
            // Another subscriber gets, before the new one is there, what both will not get again.
            EXPECT_EQ(worker.sink.take(), busy ? "a b c " : "");
            for (const auto& post : posts) worker.feeds.published(post, now_ms);
            EXPECT_EQ(worker.sink.take(), "");
            worker.feeds.published(worker.history.add("d"), now_ms);
            EXPECT_EQ(worker.sink.take(), "d ");
        }
    }
}

TEST(Feeds, PostsInAnyOrderAndLostOnes) {
    OneWorker worker;
    worker.follow("");
    const auto one = worker.history.add("1");
    const auto two = worker.history.add("2");
    worker.feeds.published(two, now_ms);
    EXPECT_EQ(worker.sink.take(), "1 2 ");
    worker.feeds.published(one, now_ms);
    worker.feeds.published(two, now_ms);
    EXPECT_EQ(worker.sink.take(), "");
    static_cast<void>(worker.history.add("3"));
    worker.feeds.catch_up(now_ms);
    EXPECT_EQ(worker.sink.take(), "3 ");
    worker.feeds.leave("news");
    EXPECT_EQ(worker.feeds.feeds(), 0U);
    worker.feeds.published(worker.history.add("4"), now_ms);
    EXPECT_EQ(worker.sink.take(), "");
}

TEST(Feeds, SaysThatPublicationsWereLost) {
    OneWorker worker;
    worker.follow("");
    KeptPtr last;
    for (int i = 1; i <= 5; ++i) last = worker.history.add(std::to_string(i), "news", {2, 1000});
    worker.feeds.published(last, now_ms);
    EXPECT_EQ(worker.sink.take(), "4 5 LOST ");
    worker.feeds.published(worker.history.add("6"), now_ms);
    EXPECT_EQ(worker.sink.take(), "6 ");
}

TEST(Feeds, ANewEpochIsALossForThoseWhoWereThere) {
    OneWorker worker{.history = TestHistory(3'000)};
    worker.feeds.published(worker.history.add("old"), now_ms);
    worker.follow("");
    for (int i = 0; i < 50; ++i)
        static_cast<void>(worker.history.add("x", "c" + std::to_string(i)));
    worker.feeds.published(worker.history.add("new"), now_ms);
    EXPECT_EQ(worker.sink.take(), "new LOST ");
    worker.feeds.published(worker.history.add("next"), now_ms);
    EXPECT_EQ(worker.sink.take(), "next ");
}

TEST(Feeds, AFollowerThatLeavesBeforeItsPageComes) {
    OneWorker worker;
    worker.history.later = true;
    worker.follow("0-e0");
    worker.feeds.leave("news");
    worker.history.answer_first();
    EXPECT_EQ(worker.begun, "");
    worker.follow("0-e0");
    worker.history.answer_first();
    EXPECT_EQ(worker.begun, "0-e0 yes:");
}

TEST(Feeds, AnAnswerAfterTheEndOfTheWorker) {
    TestHistory history;
    TextSink sink;
    auto feeds = std::make_unique<Feeds>(history, sink);
    history.later = true;
    bool begun = false;
    feeds->follow("news", {}, now_ms, [&](const Beginning&) { begun = true; });
    feeds.reset();
    history.answer_first();
    EXPECT_FALSE(begun);
}

// ---- several workers, by chance -----------------------------------------------------------------

struct World;

struct Client {
    uint64_t last = 0;  // Offset of the newest publication it got; all publications are "1", "2"...
    bool fresh = true;  // Has never had a position.
    int worker = -1;    // Where it is subscribed or waits to be; -1: nowhere.
    bool subscribed = false;
    uint64_t attempt = 0;
    std::string epoch;
    uint64_t recoveries = 0, got = 0;
};

struct TestWorker final : Feeds::Sink {
    TestWorker(World& w, int n, TestHistory& history)
        : world(w), number(n), feeds(history, *this) {}
    void deliver(const KeptPtr& kept) override;
    void lost(std::string_view) override { FAIL() << "nothing can be lost here"; }
    World& world;
    const int number;
    Feeds feeds;
    std::vector<KeptPtr> posts;  // Arrive in any order.
    bool must_catch_up = false;  // A post was dropped.
};

struct World {
    World(uint32_t seed, bool later) : random(seed) {
        history.later = later;
        for (int i = 0; i < 3; ++i)
            workers.push_back(std::make_unique<TestWorker>(*this, i, history));
    }

    void publish() {
        const auto kept = history.add(std::to_string(++published));
        for (const auto& worker : workers) {
            if (random() % 20 == 0)
                worker->must_catch_up = dropped = true;
            else
                worker->posts.push_back(kept);
        }
    }
    void receive() {
        TestWorker& worker = *workers[random() % workers.size()];
        if (std::exchange(worker.must_catch_up, false)) return worker.feeds.catch_up(now_ms);
        if (worker.posts.empty()) return;
        const size_t at = random() % worker.posts.size();
        const auto kept = worker.posts[at];
        worker.posts.erase(worker.posts.begin() + static_cast<std::ptrdiff_t>(at));
        worker.feeds.published(kept, now_ms);
    }
    void connect(Client& client) {
        client.worker = static_cast<int>(random() % workers.size());
        std::optional<Position> since;
        if (!client.fresh) since = Position{client.epoch, client.last};
        workers[static_cast<size_t>(client.worker)]->feeds.follow(
            "news", since, now_ms,
            [&client, attempt = ++client.attempt](const Beginning& beginning) {
                if (attempt == client.attempt) begin(client, beginning);
            });
    }
    static void begin(Client& client, const Beginning& beginning) {
        client.subscribed = true;
        client.epoch = beginning.position.epoch;
        if (client.fresh) {
            client.last = beginning.position.offset;
            client.fresh = false;
            return;
        }
        ASSERT_TRUE(beginning.recovered);
        ++client.recoveries;
        for (const auto& kept : beginning.missed) get(client, *kept);
        ASSERT_EQ(client.last, beginning.position.offset);
    }
    static void get(Client& client, const Kept& kept) {
        ASSERT_EQ(kept.offset, client.last + 1);
        ASSERT_EQ(kept.text, std::to_string(kept.offset));
        client.last = kept.offset;
        ++client.got;
    }
    void disconnect(Client& client) {
        workers[static_cast<size_t>(client.worker)]->feeds.leave("news");
        client.worker = -1;
        client.subscribed = false;
        ++client.attempt;
    }
    void step() {
        switch (random() % 6) {
            case 0: return publish();
            case 1:
            case 2: return receive();
            case 3: {
                Client& client = clients[random() % clients.size()];
                return client.worker < 0 ? connect(client) : disconnect(client);
            }
            case 4: return history.make_pages(random);
            default: return history.answer_first();
        }
    }
    // Everything that is on its way arrives.
    void settle() {
        for (auto& client : clients)
            if (client.worker < 0) connect(client);
        for (const auto& worker : workers)
            while (!worker->posts.empty()) {
                worker->feeds.published(worker->posts.back(), now_ms);
                worker->posts.pop_back();
            }
        for (const auto& worker : workers)
            if (std::exchange(worker->must_catch_up, false)) worker->feeds.catch_up(now_ms);
        while (!history.answered_all()) history.answer_first();
    }

    std::minstd_rand random;
    TestHistory history;
    std::vector<std::unique_ptr<TestWorker>> workers;
    std::vector<Client> clients = std::vector<Client>(8);
    uint64_t published = 0;
    bool dropped = false;
};

void TestWorker::deliver(const KeptPtr& kept) {
    for (auto& client : world.clients)
        if (client.worker == number && client.subscribed) World::get(client, *kept);
}

TEST(Feeds, NoGapAndNoDoubleByChance) {
    uint64_t recoveries = 0, got = 0;
    for (uint32_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        World world(seed, seed % 2 == 0);
        for (int i = 0; i < 400; ++i) {
            world.step();
            if (HasFatalFailure()) return;
        }
        world.settle();
        for (const auto& client : world.clients) {
            ASSERT_TRUE(client.subscribed);
            ASSERT_EQ(client.last, world.published);
            recoveries += client.recoveries;
            got += client.got;
        }
    }
    EXPECT_GT(recoveries, 1'500U);
    EXPECT_GT(got, 25'000U);
}

}  // namespace
}  // namespace starling::hub
