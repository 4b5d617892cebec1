#include "base/intrusive_list.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace starling::base {
namespace {

struct Item : ListLink {
    explicit Item(char n) : name(n) {}
    char name;
};

std::string names(ListLink& head) {
    std::string text;
    for (ListLink* link = head.next(); link != &head; link = link->next())
        text += static_cast<Item*>(link)->name;
    return text;
}

TEST(IntrusiveList, KeepsTheOrderOfInsertion) {
    ListLink head;
    Item a('a'), b('b'), c('c');
    EXPECT_FALSE(head.linked());
    a.insert_before(head);
    b.insert_before(head);
    c.insert_before(b);
    EXPECT_EQ(names(head), "acb");
    EXPECT_TRUE(a.linked());
}

TEST(IntrusiveList, UnlinkingTwiceIsHarmless) {
    ListLink head;
    Item a('a'), b('b');
    a.insert_before(head);
    b.insert_before(head);
    a.unlink();
    a.unlink();
    EXPECT_FALSE(a.linked());
    EXPECT_EQ(names(head), "b");
    a.insert_before(head);
    EXPECT_EQ(names(head), "ba");
}

TEST(IntrusiveList, ALinkThatIsDestroyedUnlinksItself) {
    ListLink head;
    Item a('a');
    auto b = std::make_unique<Item>('b');
    Item c('c');
    a.insert_before(head);
    b->insert_before(head);
    c.insert_before(head);
    b.reset();
    EXPECT_EQ(names(head), "ac");
}

TEST(IntrusiveList, AHeadThatIsDestroyedLeavesItsMembersLinkedToEachOtherAlone) {
    Item a('a'), b('b');
    {
        ListLink head;
        a.insert_before(head);
        b.insert_before(head);
    }
    EXPECT_EQ(a.next(), &b);
    a.unlink();
    EXPECT_FALSE(b.linked());
}

TEST(IntrusiveList, TakeAllMovesEveryMemberInOrder) {
    ListLink from, to;
    Item a('a'), b('b');
    to.take_all(from);
    EXPECT_FALSE(to.linked());
    a.insert_before(from);
    b.insert_before(from);
    to.take_all(from);
    EXPECT_FALSE(from.linked());
    EXPECT_EQ(names(to), "ab");
    a.unlink();
    b.unlink();
    EXPECT_FALSE(to.linked());
}

}  // namespace
}  // namespace starling::base
