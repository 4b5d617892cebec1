#include "base/segmented.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace starling::base {
namespace {

using List = Segmented<uint64_t>;

std::vector<uint64_t> all(List& list) {
    std::vector<uint64_t> found;
    list.each([&](uint64_t& item) { found.push_back(item); });
    return found;
}

TEST(Segmented, IsWhatAVectorIs) {
    List list;
    std::vector<uint64_t> want;
    for (const size_t size :
         {size_t{0}, size_t{1}, size_t{4}, size_t{5}, size_t{511}, size_t{512}, size_t{513},
          size_t{5000}, size_t{513}, size_t{512}, size_t{3}, size_t{0}, size_t{2000}, size_t{0}}) {
        for (uint64_t next = want.size(); want.size() < size; ++next) {
            list.push_back(next * 3);
            want.push_back(next * 3);
        }
        while (want.size() > size) {
            ASSERT_EQ(list.back(), want.back());
            list.pop_back();
            want.pop_back();
        }
        ASSERT_EQ(list.size(), size);
        ASSERT_EQ(list.empty(), size == 0);
        ASSERT_EQ(all(list), want);
        for (size_t i = 0; i < size; ++i) ASSERT_EQ(list[i], want[i]);
    }
}

TEST(Segmented, ElementsChangeInPlace) {
    List list;
    for (uint64_t i = 0; i < 1000; ++i) list.push_back(i);
    list[700] = 7;
    list.each([](uint64_t& item) { ++item; });
    EXPECT_EQ(list[700], 8u);
    EXPECT_EQ(list[999], 1000u);
}

}  // namespace
}  // namespace starling::base
