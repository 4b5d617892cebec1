#include <gtest/gtest.h>

#include <starling/gateway.h>

#include <memory>
#include <string>
#include <vector>

#include "server/gateway/log.h"
#include "server/gateway/log_event.h"
#include "server/gateway/log_queue.h"
#include "tests/server/fixture.h"

namespace starling::server::test {
namespace {

std::string data_of(std::string_view value, std::string_view secret = {}) {
    LogEvent event("x", 0);
    const std::string text(event.data(value, secret).finish());
    constexpr std::string_view before = R"({"type":"x","time_ms":0,"data":")";
    EXPECT_TRUE(text.starts_with(before)) << text;
    return text.substr(before.size(), text.rfind("\",\"data_bytes\":") - before.size());
}

TEST(GatewayLogEvent, WritesItsMembersInTheirOrder) {
    LogEvent event("webhook", 1'700'000'000'123);
    event.text("user", "a\"b\n").number("status", 200).flag("public", true).data("hello");
    EXPECT_EQ(event.finish(),
              R"({"type":"webhook","time_ms":1700000000123,"user":"a\"b\n","status":200,)"
              R"("public":true,"data":"hello","data_bytes":5})");
}

TEST(GatewayLogEvent, CutsTextsAtACharacter) {
    const std::string a255(255, 'a');
    EXPECT_EQ(data_of(a255 + "b"), a255 + "b");
    EXPECT_EQ(data_of(a255 + "bc"), a255 + "b");
    EXPECT_EQ(data_of(a255 + "é"), a255);
    EXPECT_EQ(data_of(a255 + "中"), a255);
    EXPECT_EQ(data_of(a255 + "😀"), a255);
    EXPECT_EQ(data_of(std::string(252, 'a') + "😀😀"), std::string(252, 'a') + "😀");
}

TEST(GatewayLogEvent, TellsTheSizeBeforeTheCut) {
    LogEvent event("x", 0);
    EXPECT_TRUE(event.data(std::string(1000, 'a')).finish().ends_with(R"(,"data_bytes":1000})"));
}

TEST(GatewayLogEvent, BytesAreBase64) {
    LogEvent few("x", 0), many("x", 0);
    EXPECT_EQ(few.payload({.binary = true, .bytes = std::string("\0\1\2", 3)}).finish(),
              R"({"type":"x","time_ms":0,"binary":true,"data":"AAEC","data_bytes":3})");
    EXPECT_EQ(many.payload({.binary = true, .bytes = std::string(1000, '\0')}).finish(),
              R"({"type":"x","time_ms":0,"binary":true,"data":")" + std::string(256, 'A') +
                  R"(","data_bytes":1000})");
}

TEST(GatewayLogEvent, HidesASecretWhereverItStands) {
    const std::string secret = "0123456789";
    const auto a = [](size_t n) { return std::string(n, 'a'); };
    struct Case {
        std::string data, shown;
    };
    for (const auto& [data, shown] : std::vector<Case>{
             {secret, "***"},
             {"a" + secret + secret + "b", "a******b"},
             {"012345678", "012345678"},
             {a(250) + secret + "b", a(250) + "***"},
             {a(255) + secret + "b", a(255) + "*"},
             {a(256) + secret, a(256)},
             // Hiding the first shows nothing that lies behind the cut.
             {secret + a(240) + secret + "b", "***" + a(240) + "***"},
             {secret + a(246) + secret, "***" + a(246)},
         })
        EXPECT_EQ(data_of(data, secret), shown) << data;
}

TEST(GatewayLogEvent, ASecretThatEndsWithinACharacterBreaksNothing) {
    const std::string shown = data_of(std::string(254, 'a') + "中中", "a\xe4");
    EXPECT_EQ(shown.substr(0, 253), std::string(253, 'a'));
    EXPECT_EQ(shown.find("\xe4"), std::string::npos);
}

TEST(GatewayLogEvent, ShowsTheFirstNamesAndCountsTokens) {
    webhook::Selector selector;
    for (int i = 0; i < 9; ++i) selector.conns.add("c" + std::to_string(i));
    selector.users.add("ada");
    selector.tokens.add("secret");
    LogEvent event("x", 0);
    EXPECT_EQ(event.selector(selector).finish(),
              R"({"type":"x","time_ms":0,"conn_ids":["c0","c1","c2","c3","c4","c5","c6","c7"],)"
              R"("conn_ids_number":9,"users":["ada"],"tokens_number":1})");
}

TEST(GatewayLogQueue, WakesTheReaderOnce) {
    LogQueue queue;
    EXPECT_TRUE(queue.add("1"));
    EXPECT_FALSE(queue.add("2"));
    EXPECT_EQ(queue.take(), "data: 1\n\ndata: 2\n\n");
    EXPECT_FALSE(queue.add("3"));  // The reader calls again until nothing waits.
    EXPECT_EQ(queue.take(), "data: 3\n\n");
    EXPECT_EQ(queue.take(), "");
    EXPECT_TRUE(queue.add("4"));
}

TEST(GatewayLogQueue, ASlowReaderLosesEventsAndIsToldHowMany) {
    LogQueue queue;
    const std::string event(1000, 'e');
    const std::string line = "data: " + event + "\n\n";
    const size_t fit = LogQueue::bytes_max / line.size();
    for (size_t i = 0; i < fit + 3; ++i) (void)queue.add(event);
    (void)queue.add("small");  // There would be room, but not in its order.
    const std::string text = queue.take();
    EXPECT_EQ(
        text.size(),
        fit * line.size() + std::string_view("data: {\"type\":\"lost\",\"count\":4}\n\n").size());
    EXPECT_TRUE(text.ends_with("e\n\ndata: {\"type\":\"lost\",\"count\":4}\n\n"));
    (void)queue.add("next");
    EXPECT_EQ(queue.take(), "data: next\n\n");
}

TEST(GatewayLog, HasABoundedNumberOfReaders) {
    TestServer test;
    (void)test.server.gateway({.routes = {{.application = ""}}, .api_keys = {"key"}});
    test.start();
    const auto status = [&](Client& client) {
        EXPECT_TRUE(client.send("GET /tapr/ws/log HTTP/1.1\r\nHost: x\r\nX-Api-Key: key\r\n\r\n"));
        return client.read_until("\r\n").substr(9, 3);
    };
    std::vector<std::unique_ptr<Client>> readers;
    for (size_t i = 0; i < GatewayLog::readers_max; ++i) {
        readers.push_back(std::make_unique<Client>(test.port()));
        EXPECT_EQ(status(*readers.back()), "200");
    }
    Client refused(test.port());
    EXPECT_EQ(status(refused), "503");
    readers.pop_back();
    EXPECT_TRUE(eventually([&] {
        Client next(test.port());
        return status(next) == "200";
    }));
}

}  // namespace
}  // namespace starling::server::test
