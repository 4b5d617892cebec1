// Events of a node on their way to the stream and back: which one an entry is, and which are lost.
#include "cluster/own_events.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

namespace starling::cluster {
namespace {

// Each letter is an event, which is its print.
class Events : public ::testing::Test {
protected:
    void add(std::string_view events) {
        for (const char event : events) own_->add(uint64_t(event), make(event), lost_);
    }
    uint64_t sent(char event) { return own_->sent(uint64_t(event)); }
    void send(std::string_view events) {
        for (const char event : events) EXPECT_NE(sent(event), 0u) << event;
    }
    static OwnEvents::Event make(char event) {
        auto command = std::make_shared<socketio::Command>();
        command->nsp = event;
        return command;
    }
    // What is delivered in this order: with the place in the stream, or lost, in brackets.
    std::string back(std::string_view entries) {
        std::string all = take_lost();
        for (const char entry : entries) {
            const auto event = own_->came_back(uint64_t(entry), lost_);
            all += take_lost() + (event ? event->nsp : "-");
        }
        return all;
    }
    std::string round(uint64_t number) {
        own_->round_ended(number, lost_);
        return take_lost();
    }
    std::string take_lost() {
        std::string all;
        for (const auto& event : std::exchange(lost_, {})) all += "(" + event->nsp + ")";
        return all;
    }
    std::optional<OwnEvents> own_{std::in_place, 1u << 20};
    OwnEvents::Events lost_;
};

TEST_F(Events, ComeBackInTheirOrder) {
    const struct {
        std::string_view added, sent, entries;
        std::string delivered;
        size_t left;
    } cases[] = {
        {"abc", "abc", "abc", "abc", 0},
        {"abc", "ab", "ab", "ab", 1},
        {"aab", "aab", "aab", "aab", 0},      // The same bytes twice.
        {"abc", "abc", "ac", "a(b)c", 0},     // Redis has refused one.
        {"abc", "c", "c", "(a)(b)c", 0},      // The queue has dropped two.
        {"abc", "abc", "xay", "-a-", 2},      // Another entry of this node, such as a join.
        {"abc", "", "a", "-", 3},             // Nothing was sent yet.
        {"abc", "abc", "cb", "(a)(b)c-", 0},  // An order that Redis cannot make.
    };
    for (const auto& row : cases) {
        own_.emplace(1u << 20);
        add(row.added);
        send(row.sent);
        EXPECT_EQ(back(row.entries), row.delivered) << row.added << " " << row.entries;
        EXPECT_EQ(own_->size(), row.left) << row.added << " " << row.entries;
    }
}

TEST_F(Events, AreLostWhenTwoRoundsHaveNotBroughtThem) {
    add("abc");
    const uint64_t a = sent('a'), b = sent('b');
    send("c");
    own_->answered(a, true, 5);
    own_->answered(b, false, 5);
    EXPECT_EQ(round(10), "");  // `a` is in the stream, and comes.
    EXPECT_EQ(back("a"), "a");
    own_->answered(b, false, 5);
    EXPECT_EQ(round(6), "");
    EXPECT_EQ(round(7), "(b)");
    EXPECT_EQ(round(8), "");  // Redis has not answered about `c`.
    EXPECT_EQ(back("c"), "c");
    own_->answered(a, false, 9);  // Late, or about nothing.
    own_->answered(99, false, 9);
    EXPECT_EQ(own_->size(), 0u);
    EXPECT_EQ(own_->bytes(), 0u);
}

TEST_F(Events, AnEventWhoseConnectionBrokeMayBeThere) {
    add("ab");
    own_->answered(sent('a'), false, 1);
    own_->answered(sent('b'), false, 1);
    EXPECT_EQ(back("b"), "(a)b");
    EXPECT_EQ(back("a"), "-");  // It came late all the same: nobody gets it twice.
}

TEST_F(Events, AreBounded) {
    own_.emplace(3 * make('a')->bytes());
    add("abcd");
    EXPECT_EQ(take_lost(), "(a)");
    EXPECT_EQ(own_->size(), 3u);
    EXPECT_EQ(sent('a'), 0u);
}

TEST(OwnEventsPrint, LeavesOutTheSender) {
    const Entry entry{{"uid", "1"}, {"nsp", "/"}, {"type", "3"}, {"data", "{}"}};
    Entry other = entry;
    other[0].second = "2";
    EXPECT_EQ(OwnEvents::print_of(entry), OwnEvents::print_of(other));
    other[3].second = "{} ";
    EXPECT_NE(OwnEvents::print_of(entry), OwnEvents::print_of(other));
    std::swap(other[1].second, other[3].second);
    EXPECT_NE(OwnEvents::print_of(entry), OwnEvents::print_of(other));
}

}  // namespace
}  // namespace starling::cluster
