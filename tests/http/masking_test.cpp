// Request targets as logs show them.
#include "http/masking.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace starling::http {
namespace {

TEST(HttpMasking, HidesTheValuesOfNamedParametersAlone) {
    const std::vector<std::string> names{"token", "sid", "api key"};
    const struct {
        const char *target, *want;
    } cases[] = {
        {"/", "/"},
        {"*", "*"},
        {"/token=a", "/token=a"},
        {"/?", "/?"},
        {"/?a=1&b=2", "/?a=1&b=2"},
        {"/?token=a", "/?token=***"},
        {"/?token=", "/?token=***"},
        {"/?token", "/?token"},
        {"/?a=1&token=secret&b=2", "/?a=1&token=***&b=2"},
        {"/?token=a&token=b&sid=c", "/?token=***&token=***&sid=***"},
        {"/?TOKEN=a&Sid=b", "/?TOKEN=***&Sid=***"},
        {"/?%74oken=a", "/?%74oken=***"},
        {"/?api+key=a&api%20key=b", "/?api+key=***&api%20key=***"},
        {"/?token=a=b?c=d", "/?token=***"},
        {"/?mytoken=a&tokens=b", "/?mytoken=a&tokens=b"},
        {"/?&&token=a&", "/?&&token=***&"},
        {"http://here/socket.io/?EIO=4&sid=AAAA", "http://here/socket.io/?EIO=4&sid=***"},
    };
    std::string storage = "of the call before";
    for (const auto& [target, want] : cases)
        EXPECT_EQ(mask_query(target, names, storage), want) << target;
    EXPECT_EQ(mask_query("/?token=a", {}, storage), "/?token=a");
}

}  // namespace
}  // namespace starling::http
