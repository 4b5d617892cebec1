#include "events/publish_request.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::events {
namespace {

// The parsed items, "a=x, b=y", or the fault, "400 what".
std::string parsed(std::string_view body) {
    Table table;
    table.declare({.pattern = "ApiIndex"});
    table.declare({.pattern = "ArticleMessage{id:number}"});
    const auto request =
        parse_publish_request(body, table, {.event_bytes_max = 10, .batch_events_max = 3});
    if (request.status != 200) return std::to_string(request.status) + " " + request.problem;
    std::string all = request.array ? "[" : "";
    for (const auto& item : request.items)
        all.append(all.size() > 1 ? ", " : "").append(item.channel).append("=").append(item.event);
    return all;
}

TEST(EventPublishRequest, Bodies) {
    const struct {
        std::string body, result;
    } cases[] = {
        {R"({"channel":"ApiIndex","event":"hi"})", "ApiIndex=hi"},
        {R"({"event":"","channel":"ArticleMessage256"})", "ArticleMessage256="},
        {R"({"channel":"ApiIndex","event":"\u4f60\u597d"})", "ApiIndex=你好"},
        {R"([{"channel":"ApiIndex","event":"1"},{"channel":"ApiIndex","event":"2"}])",
         "[ApiIndex=1, ApiIndex=2"},
        {"[]", "["},
        {"", "400 the body: is not JSON"},
        {"{", "400 the body: is not JSON"},
        {R"({"channel":"ApiIndex","event":"hi"}x)", "400 the body: is not JSON"},
        {"{\"channel\":\"ApiIndex\",\"event\":\"\xff\"}", "400 the body: is not JSON"},
        {"7", "400 the body: must be an object with 'channel' and 'event'"},
        {R"({"channel":"ApiIndex"})", "400 event: is missing"},
        {R"({"event":"hi"})", "400 channel: is missing"},
        {R"({"channel":1,"event":"hi"})", "400 channel: must be text"},
        {R"({"channel":"ApiIndex","event":null})", "400 event: must be text"},
        {R"({"channel":"ApiIndex","event":"hi","to":1})", "400 'to': is not known"},
        {R"({"channel":"","event":"hi"})",
         "400 channel: must be 1 to 255 bytes without control characters"},
        {R"({"channel":"a\u0000b","event":"hi"})",
         "400 channel: must be 1 to 255 bytes without control characters"},
        {"{\"channel\":\"" + std::string(256, 'c') + "\",\"event\":\"hi\"}",
         "400 channel: must be 1 to 255 bytes without control characters"},
        {R"({"channel":"ApiIndex","event":"01234567890"})", "413 event: larger than 10 bytes"},
        {R"({"channel":"Other","event":"hi"})", "404 channel: no channel 'Other' is declared"},
        {R"([{"channel":"ApiIndex","event":"1"},{"channel":"ApiIndex","event":2}])",
         "400 [1].event: must be text"},
        {R"([{"channel":"ApiIndex","event":"1"},"x"])",
         "400 [1]: must be an object with 'channel' and 'event'"},
        {R"([{"channel":"ApiIndex","event":"1"},{"channel":"No","event":"2"}])",
         "404 [1].channel: no channel 'No' is declared"},
        {"[1,1,1,1]", "400 the body: more than 3 events"},
        {std::string(100'000, '['), "400 the body: is not JSON"},
    };
    for (const auto& c : cases) EXPECT_EQ(parsed(c.body), c.result) << c.body.substr(0, 100);
}

}  // namespace
}  // namespace starling::events
