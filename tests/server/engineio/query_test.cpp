// The query of an Engine.IO request: the first value of each name, decoded.
#include "server/engineio/query.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::server {
namespace {

struct Case {
    const char* raw;
    const char* fields;  // EIO, transport, sid, b64, j ("-": absent).
};

TEST(EngineQuery, TakesTheFirstOfEachName) {
    const Case cases[] = {
        {"", "||||-"},
        {"EIO=4&transport=polling", "4|polling|||-"},
        {"sid=abc&EIO=3&transport=websocket&b64=1&j=0", "3|websocket|abc|1|0"},
        {"EIO=4&EIO=3", "4||||-"},
        {"eio=4&Transport=polling", "||||-"},
        {"j&b64=", "||||"},
        {"j=&sid", "||||"},
        {"t=Nx&EIO=4&&sid=a=b&", "4||a=b||-"},
        {"transport=p%6fll%69ng&sid=a+b%2", "|polling|a b%2||-"},
    };
    for (const auto& c : cases) {
        const EngineQuery query(c.raw);
        std::string fields;
        for (const auto value : {query->eio, query->transport, query->sid, query->b64})
            fields.append(value).append("|");
        EXPECT_EQ(fields.append(query->j.value_or("-")), c.fields) << c.raw;
        // The request's worker and its session are found by the same session id.
        std::string decoded;
        EXPECT_EQ(sid_of(c.raw, decoded), query->sid) << c.raw;
    }
}

}  // namespace
}  // namespace starling::server
