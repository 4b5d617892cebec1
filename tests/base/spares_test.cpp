// Objects that a thread keeps for the next user.
#include "base/spares.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace starling::base {
namespace {

// Counts itself. Each test has its own type, since the spares of a type stay.
template <int test>
struct Counted {
    Counted() { ++alive; }
    ~Counted() { --alive; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    static inline int alive = 0;
};

TEST(Spares, ATakenObjectIsTheOneGivenLast) {
    using Object = std::unique_ptr<Counted<0>>;
    using Kept = Spares<Object, 4>;
    EXPECT_EQ(Kept::take(), nullptr);
    auto first = std::make_unique<Counted<0>>(), second = std::make_unique<Counted<0>>();
    const auto *const one = first.get(), *const other = second.get();
    Kept::give(std::move(first));
    Kept::give(std::move(second));
    const Object taken = Kept::take(), next = Kept::take();
    EXPECT_EQ(taken.get(), other);
    EXPECT_EQ(next.get(), one);
    EXPECT_EQ(Kept::take(), nullptr);
}

TEST(Spares, TheThreadKeepsNoMoreThanItsNumber) {
    using Kept = Spares<std::unique_ptr<Counted<1>>, 2>;
    for (int i = 0; i < 5; ++i) Kept::give(std::make_unique<Counted<1>>());
    EXPECT_EQ(Counted<1>::alive, 2);
    while (Kept::take()) {}
    EXPECT_EQ(Counted<1>::alive, 0);
}

TEST(Spares, EachThreadHasItsOwnAndFreesThemAtItsEnd) {
    using Kept = Spares<std::unique_ptr<Counted<2>>, 2>;
    std::thread([] { Kept::give(std::make_unique<Counted<2>>()); }).join();
    EXPECT_EQ(Counted<2>::alive, 0);
    EXPECT_EQ(Kept::take(), nullptr);
}

// An object of the thread that ends after the thread's spares: they are made later, so they end earlier.
TEST(Spares, AnObjectThatOutlivesThemIsFreed) {
    using Kept = Spares<std::unique_ptr<Counted<3>>, 2>;
    struct GivesAtItsEnd {
        ~GivesAtItsEnd() {
            Kept::give(std::make_unique<Counted<3>>());
            EXPECT_EQ(Kept::take(), nullptr);
        }
        bool used = false;
    };
    std::thread([] {
        static thread_local GivesAtItsEnd last;
        last.used = true;
        Kept::give(std::make_unique<Counted<3>>());
    }).join();
    EXPECT_EQ(Counted<3>::alive, 0);
}

struct Small final : InSpareMemory<Small, 2> {
    explicit Small(uint64_t number) : value(number) {}
    uint64_t value;
};

TEST(InSpareMemory, ObjectsAreMadeAndEndAsOthers) {
    std::vector<std::unique_ptr<Small>> objects;
    for (uint64_t round = 0; round < 3; ++round) {
        for (uint64_t i = 0; i < 10; ++i)
            objects.push_back(std::make_unique<Small>(round * 10 + i));
        for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(objects[i]->value, round * 10 + i);
        objects.clear();
    }
}

TEST(InSpareMemory, TheNextObjectLiesWhereTheLastOneDid) {
    auto object = std::make_unique<Small>(1);
    const auto at = reinterpret_cast<uintptr_t>(object.get());
    object.reset();
    object = std::make_unique<Small>(2);
    // AddressSanitizer sees a use of the freed object only if nothing else lies there.
    EXPECT_EQ(reinterpret_cast<uintptr_t>(object.get()) == at, !has_address_sanitizer);
}

}  // namespace
}  // namespace starling::base
