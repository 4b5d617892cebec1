#include "base/text.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <string_view>

namespace starling::base {
namespace {

static_assert(iequals("Sec-WebSocket-Key", "sec-websocket-key"));
static_assert(!iequals("Sec-WebSocket-Key", "sec-websocket-kez"));

// Every byte against every other one, at each place of texts that are compared by characters and
// of texts that are compared by words.
TEST(Text, ComparesWithoutCase) {
    for (const size_t size : {size_t{1}, size_t{7}, size_t{8}, size_t{9}, size_t{16}, size_t{21}})
        for (size_t at = 0; at < size; ++at)
            for (int a = 0; a < 256; ++a)
                for (int b = 0; b < 256; ++b) {
                    std::string left(size, 'x'), right(size, 'X');
                    left[at] = static_cast<char>(a);
                    right[at] = static_cast<char>(b);
                    const bool same =
                        a < 128 && b < 128 ? std::tolower(a) == std::tolower(b) : a == b;
                    ASSERT_EQ(iequals(left, right), same)
                        << size << ' ' << at << ' ' << a << ' ' << b;
                }
    EXPECT_FALSE(iequals("abcdefgh", "abcdefghi"));
    EXPECT_TRUE(iequals("", ""));
}

}  // namespace
}  // namespace starling::base
