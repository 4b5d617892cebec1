// Keys of an HTTP API: which are taken, and where a request holds its key.
#include "auth/api_key.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/request_parts.h"

namespace starling::auth {
namespace {

TEST(ApiKeys, TheKeysAndNoOthers) {
    const std::vector<std::string> keys{"first", "second", std::string("nul\0", 4)};
    const ApiKeys accepted{keys};
    for (const std::string& key : keys) EXPECT_TRUE(accepted.contain(key)) << key;
    for (const std::string_view other : {"", "firs", "first ", "First", "firstsecond", "nul"})
        EXPECT_FALSE(accepted.contain(other)) << other;
    EXPECT_FALSE(ApiKeys({}).contain(""));
    const std::vector<std::string> blank{"", "first"};
    EXPECT_FALSE(ApiKeys(blank).contain(""));  // What a request without a key brings.
    EXPECT_TRUE(ApiKeys(blank).contain("first"));
}

TEST(ApiKeys, WhereARequestHoldsItsKey) {
    struct Case {
        std::vector<http::Field> fields;
        std::string_view key;
    };
    const Case cases[] = {
        {{}, ""},
        {{{"X-Api-Key", "a"}}, "a"},
        {{{"authorization", "Bearer b"}}, "b"},
        {{{"Authorization", "bearer   b "}}, "b"},
        {{{"Authorization", "Basic b"}}, ""},
        {{{"Authorization", "Bearer b"}, {"x-api-key", "a"}}, "a"},
        {{{"Authorization", "Bearer b"}, {"x-api-key", ""}}, ""},
    };
    for (const Case& c : cases) {
        http::RequestParts parts;
        parts.fields = c.fields;
        EXPECT_EQ(api_key_of(http::Request(parts)), c.key);
    }
}

}  // namespace
}  // namespace starling::auth
