// The entries of a node are in the stream once and in their order, whatever happens to the connection.
#include "cluster/appends.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace starling::cluster {
namespace {

using Answer = Appends::Answer;
using socketio::StreamId;

Sending named(const std::string& name) {
    Sending sending;
    sending.name = name;
    return sending;
}

// Each letter is an entry. What append_script() does.
struct Model {
    StreamId append(uint64_t number, uint64_t first, char entry) {
        if (number <= last) return {stream.size(), 0};
        if (number != last + 1 && number != first) return {};
        stream.push_back(entry);
        last = number;
        return {stream.size(), 0};
    }
    uint64_t last = 0;
    std::string stream;
};

class Entries : public ::testing::Test {
protected:
    struct Command {
        uint64_t number, first;
        char entry;
    };
    Appends make(size_t bytes_max = 1u << 20) {
        return Appends(
            [this](uint64_t number, uint64_t first, const Sending& sending) {
                commands_.push_back({number, first, sending.name.front()});
                given_ += sending.name;
            },
            bytes_max);
    }
    void add(std::string_view entries) {
        for (const char entry : entries)
            appends_->add(named(std::string(1, entry)), [this, entry](std::optional<StreamId> id,
                                                                      std::string_view error) {
                done_ += id ? std::string(1, entry)
                            : std::string("(") + entry + ":" + std::string(error) + ")";
            });
    }
    // Redis executes the oldest commands and answers them.
    void execute(size_t count = 1) {
        for (; count > 0; --count) {
            const Command one = take();
            const StreamId id = redis_.append(one.number, one.first, one.entry);
            id == StreamId{} ? appends_->answered(one.number, Answer::out_of_order)
                             : appends_->answered(one.number, Answer::stored, id);
        }
    }
    void lose(bool executed) {
        const Command one = take();
        if (executed) redis_.append(one.number, one.first, one.entry);
        appends_->answered(one.number, Answer::lost);
    }
    void refuse() { appends_->answered(take().number, Answer::refused, {}, "OOM"); }
    Command take() {
        const Command one = commands_.front();
        commands_.pop_front();
        return one;
    }
    std::string given() { return std::exchange(given_, ""); }
    std::string done() { return std::exchange(done_, ""); }

    Model redis_;
    std::deque<Command> commands_;
    std::string given_, done_;
    std::unique_ptr<Appends> appends_ = std::make_unique<Appends>(make());
};

TEST_F(Entries, AreGivenAtOnce) {
    add("ab");
    EXPECT_EQ(given(), "ab");
    execute(2);
    EXPECT_EQ(done(), "ab");
    EXPECT_EQ(appends_->size(), 0u);
}

TEST_F(Entries, AreGivenAgainAfterALossAndNotDoubled) {
    add("abcd");
    execute();
    lose(true);   // b is in the stream, and nobody knows.
    lose(false);  // c is not.
    EXPECT_EQ(given(), "abcd");
    execute();  // d waited in the queue of the client: it is not its turn.
    add("e");
    EXPECT_EQ(given(), "");  // Until Redis is back.
    appends_->again();
    EXPECT_EQ(given(), "bcde");
    execute(4);
    EXPECT_EQ(redis_.stream, "abcde");
    EXPECT_EQ(done(), "abcde");
}

TEST_F(Entries, AreOnceInTheStreamIfTheOldConnectionIsServedLater) {
    add("abc");
    const auto old = commands_;
    for (int i = 0; i < 3; ++i) lose(false);
    appends_->again();
    execute(2);
    for (const Command& one : old) redis_.append(one.number, one.first, one.entry);
    execute();
    EXPECT_EQ(redis_.stream, "abc");
    EXPECT_EQ(done(), "abc");
}

TEST_F(Entries, GoOnWithAnEmptyRedis) {
    add("ab");
    execute(2);
    add("cd");
    lose(true);
    redis_ = {};
    execute();  // d is refused: c is the first one.
    appends_->again();
    execute(2);
    EXPECT_EQ(redis_.stream, "cd");
}

TEST_F(Entries, GoOnBehindOneThatRedisRefuses) {
    add("abc");
    execute();
    refuse();
    execute();  // c was given when b was not stored yet.
    EXPECT_EQ(done(), "a(b:OOM)");
    EXPECT_EQ(given(), "abcc");
    execute();
    EXPECT_EQ(redis_.stream, "ac");
    EXPECT_EQ(done(), "c");
}

TEST_F(Entries, CostOneWayEachWhileRedisRefusesAll) {
    add(std::string(1000, 'x'));
    size_t ways = 0;
    for (; !commands_.empty(); ++ways)
        commands_.front().number == commands_.front().first ? refuse() : execute();
    EXPECT_EQ(appends_->size(), 0u);
    EXPECT_LE(ways, 2000u);
    add("ab");
    execute(2);  // One, then as many as a window that grows allows.
    EXPECT_EQ(redis_.stream, "ab");
}

TEST_F(Entries, AreUnderWayWithinAWindow) {
    add(std::string(5000, 'x'));
    EXPECT_LE(commands_.size(), 1024u);
    while (!commands_.empty()) execute();
    EXPECT_EQ(redis_.stream.size(), 5000u);
}

TEST_F(Entries, WaitIfRedisDoesNotKnowTheFirstOne) {
    add("a");
    appends_->answered(take().number, Answer::out_of_order);  // What Redis remembers is nonsense.
    EXPECT_TRUE(commands_.empty());
    EXPECT_TRUE(appends_->is_paused());
    appends_->again();
    execute();
    EXPECT_EQ(redis_.stream, "a");
}

TEST_F(Entries, AreDroppedAboveTheLimit) {
    const size_t each = named("a").bytes();
    Appends small = make(2 * each);
    std::string dropped;
    const auto add_to = [&](const std::string& name) {
        small.add(named(name), [&dropped, name](std::optional<StreamId> id, std::string_view) {
            if (!id) dropped += name;
        });
    };
    add_to("a");
    add_to("b");
    add_to("c");  // Above the limit, and under way.
    EXPECT_EQ(dropped, "");
    for (uint64_t number : {1, 2, 3}) small.answered(number, Answer::lost);
    add_to("d");
    EXPECT_EQ(dropped, "ab");
    EXPECT_EQ(small.dropped(), 2u);
    given();
    small.again();
    EXPECT_EQ(given(), "cd");
    EXPECT_EQ(commands_.back().first, 3u);
}

// Any order of losses, refusals out of turn, and returns.
TEST_F(Entries, AreOnceAndInOrderInEachRandomRun) {
    for (unsigned seed = 0; seed < 300; ++seed) {
        std::mt19937 random(seed);
        redis_ = {};
        commands_.clear();
        appends_ = std::make_unique<Appends>(make());
        std::string all;
        while (all.size() < 26 || appends_->size() > 0) {
            const auto step = random() % 8;
            if (step < 3 && all.size() < 26) {
                all.push_back(static_cast<char>('a' + all.size()));
                add(all.substr(all.size() - 1));
            } else if (step < 6 && !commands_.empty()) {
                execute();
            } else if (step == 6 && !commands_.empty()) {
                // A connection breaks: some commands were executed, those in the client's queue are not lost.
                for (auto lost = 1 + random() % commands_.size(), executed = random() % (lost + 1);
                     lost > 0; --lost, executed -= executed > 0)
                    lose(executed > 0);
            } else if (step == 7) {
                appends_->again();
            }
        }
        EXPECT_EQ(redis_.stream, all) << "seed " << seed;
    }
}

TEST_F(Entries, UnknownAnswersMeanNothing) {
    add("a");
    appends_->answered(7, Answer::stored, StreamId{1, 0});
    appends_->answered(0, Answer::lost);
    EXPECT_EQ(appends_->size(), 1u);
    execute();
    appends_->answered(1, Answer::stored, StreamId{1, 0});
    EXPECT_EQ(done(), "a");
}

}  // namespace
}  // namespace starling::cluster
