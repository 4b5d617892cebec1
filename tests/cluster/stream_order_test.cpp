// Questions that go another way than the entries of a stream, and stay behind them.
#include "cluster/stream_order.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace starling::cluster {
namespace {

constexpr uint64_t wait_ms = 500;

class Order : public ::testing::Test {
protected:
    void ask(char name, uint64_t now_ms = 0, size_t bytes = 0, uint64_t unsent = 0) {
        order_.when_stored(now_ms, {bytes, unsent}, [this, name](StreamOrder::StreamId id) {
            log_ += std::string(1, name) + std::to_string(id.ms) + " ";
        });
    }
    void answer(char name, uint64_t id, uint64_t now_ms = 0, size_t bytes = 0) {
        order_.when_read({id, 0}, now_ms, bytes,
                         [this, name] { log_ += std::string(1, name) + " "; });
    }
    void send() { EXPECT_EQ(order_.sent(), ++sent_); }
    void stored(uint64_t id) { order_.answered(++answered_, StreamOrder::StreamId{id, 0}); }
    std::string take_log() { return std::exchange(log_, ""); }

    StreamOrder order_{{.wait_ms_max = wait_ms, .waiting_max = 3, .bytes_max = 100}};
    uint64_t sent_ = 0, answered_ = 0;
    std::string log_;
};

TEST_F(Order, AQuestionWaitsForTheEntriesBeforeIt) {
    ask('a');
    EXPECT_EQ(take_log(), "a0 ");
    send();
    send();
    ask('b');
    stored(7);
    EXPECT_EQ(take_log(), "");
    send();  // Behind the question.
    stored(8);
    EXPECT_EQ(take_log(), "b8 ");
    EXPECT_EQ(order_.due_ms(), std::nullopt);
    ask('c');
    order_.answered(++answered_, std::nullopt);  // Redis has refused the entry.
    EXPECT_EQ(take_log(), "c8 ");
    ask('d');
    EXPECT_EQ(take_log(), "d8 ");
}

TEST_F(Order, AnAnswerWaitsForTheEntryThatTheQuestionNames) {
    order_.read({5, 0});
    answer('a', 5);
    EXPECT_EQ(take_log(), "a ");
    answer('c', 9);
    answer('b', 7);
    order_.read({6, 3});
    EXPECT_EQ(take_log(), "");
    order_.read({7, 0});
    EXPECT_EQ(take_log(), "b ");
    order_.read({12, 0});
    EXPECT_EQ(take_log(), "c ");
    order_.read({3, 0});  // The stream begins anew; what was read is not forgotten.
    answer('d', 12);
    EXPECT_EQ(take_log(), "d ");
}

TEST_F(Order, NobodyWaitsForLongerThanTheLimit) {
    send();
    ask('a', 100);
    answer('b', 9, 200);
    EXPECT_EQ(order_.due_ms(), 600u);
    order_.on_time(599);
    EXPECT_EQ(take_log(), "");
    order_.on_time(600);
    EXPECT_EQ(take_log(), "a0 ");
    EXPECT_EQ(order_.due_ms(), 700u);
    order_.on_time(700);
    EXPECT_EQ(take_log(), "b ");
    EXPECT_EQ(order_.due_ms(), std::nullopt);
}

TEST_F(Order, NoMoreWaitThanTheLimit) {
    send();
    for (const char name : {'a', 'b', 'c', 'd'}) {
        ask(name);
        answer(name, 9);
    }
    EXPECT_EQ(take_log(), "d0 d ");
    order_.clear();
    stored(9);
    order_.read({9, 0});
    EXPECT_EQ(take_log(), "");
}

TEST_F(Order, NoMoreBytesWaitThanTheLimit) {
    send();
    ask('a', 0, 60);
    answer('b', 9, 0, 40);
    EXPECT_EQ(take_log(), "");
    ask('c', 0, 1);
    answer('d', 9, 0, 1);
    EXPECT_EQ(take_log(), "c0 d ");
    order_.read({9, 0});
    EXPECT_EQ(take_log(), "b ");
    send();
    ask('e', 0, 40);
    EXPECT_EQ(take_log(), "");
    stored(3);
    stored(4);
    EXPECT_EQ(take_log(), "a3 e4 ");
    send();
    ask('f', 0, 100);
    EXPECT_EQ(take_log(), "");
    order_.on_time(wait_ms);
    EXPECT_EQ(take_log(), "f4 ");
    answer('g', 10, 0, 100);
    EXPECT_EQ(take_log(), "");
}

// An entry that did not fit into the queue has its answer before older ones.
TEST_F(Order, AnAnswerToALaterEntryIsNoneToAnEarlierOne) {
    send();
    ask('a');
    send();
    order_.answered(2, std::nullopt);
    EXPECT_EQ(take_log(), "");
    ask('b');
    order_.answered(1, StreamOrder::StreamId{5, 0});
    EXPECT_EQ(take_log(), "a5 b5 ");
}

TEST_F(Order, AQuestionWaitsForEntriesThatAreNotSentYet) {
    ask('a', 0, 0, 2);
    EXPECT_EQ(take_log(), "");
    send();
    send();
    send();  // Behind the question.
    stored(1);
    EXPECT_EQ(take_log(), "");
    stored(2);
    EXPECT_EQ(take_log(), "a2 ");
}

// The call of a question may ask the next one.
TEST_F(Order, ACallMayAddAnother) {
    send();
    order_.when_stored(0, {}, [this](StreamOrder::StreamId) {
        log_ += "first ";
        ask('b');
        send();
        ask('c');
    });
    order_.when_read({5, 0}, 0, 0, [this] {
        log_ += "read ";
        answer('d', 5);
        answer('e', 6);
    });
    stored(4);
    EXPECT_EQ(take_log(), "first b4 ");
    order_.read({5, 0});
    EXPECT_EQ(take_log(), "read d ");
    stored(6);
    order_.read({6, 0});
    EXPECT_EQ(take_log(), "c6 e ");
}

}  // namespace
}  // namespace starling::cluster
