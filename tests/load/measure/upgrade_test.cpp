#include "load/measure/upgrade.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using starling::load::check_upgrade;
using starling::load::engine_target;
using starling::load::name_of;
using starling::load::request_head;
using starling::load::Upgrade;
using starling::load::upgrade_request;

TEST(LoadUpgrade, Request) {
    EXPECT_EQ(upgrade_request({.host = "h:1", .target = "/a?b"}),
              "GET /a?b HTTP/1.1\r\nHost: h:1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    EXPECT_EQ(upgrade_request({.host = "h",
                               .target = "/",
                               .origin = "http://o",
                               .protocols = {"a", "b"},
                               .authorization = "Basic eA==",
                               .headers = {"X-A: 1", "X-B: 2"}}),
              "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Protocol: a, b\r\nOrigin: http://o\r\nAuthorization: Basic eA==\r\n"
              "X-A: 1\r\nX-B: 2\r\n\r\n");
    EXPECT_EQ(request_head("POST", {.host = "h", .target = "/e"}, "Content-Length: 0\r\n"),
              "POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    const std::string offers =
        upgrade_request({.host = "h", .target = "/", .deflate = {.enabled = true}});
    EXPECT_NE(offers.find("\r\nSec-WebSocket-Extensions: permessage-deflate; "
                          "server_no_context_takeover; client_no_context_takeover; "
                          "client_max_window_bits\r\n"),
              std::string::npos)
        << offers;
}

const std::string fields =
    "Upgrade: WebSocket\r\nConnection: Upgrade\r\n"
    "sec-websocket-accept: \t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\n";
const std::string good = "HTTP/1.1 101 Switching Protocols\r\n" + fields + "\r\n";

// "ok", "waits", or the fault.
std::string told(const std::string& bytes, bool deflate = false) {
    const Upgrade offered{
        .host = "h", .target = "/", .protocols = {"chat"}, .deflate = {.enabled = deflate}};
    const auto answer = check_upgrade(bytes, offered);
    if (answer.bytes == 0) return "waits";
    if (!answer.fault)
        return answer.deflate ? std::to_string(answer.deflate->client_max_window_bits) : "ok";
    return name_of(answer.fault->kind, answer.fault->code) +
           (answer.fault->text.empty() ? "" : ": " + answer.fault->text);
}

TEST(LoadUpgrade, EachPrefixOfAnAnswerWaits) {
    for (size_t size = 0; size < good.size(); ++size)
        ASSERT_EQ(told(good.substr(0, size)), "waits") << size;
    EXPECT_EQ(told(good), "ok");
    EXPECT_EQ(check_upgrade(good + "frame", Upgrade{}).bytes, good.size());
}

TEST(LoadUpgrade, Answers) {
    const std::string end = "\r\n\r\n";
    struct {
        std::string bytes, told;
    } const cases[] = {
        {"HTTP/1.0 101\r\n" + fields + "\r\n", "ok"},
        {"HTTP/1.1 101 S\r\nSec-WebSocket-Protocol: chat\r\n" + fields + "\r\n", "ok"},
        {"HTTP/1.1 404 Not Found" + end, "handshake status 404"},
        {"HTTP/1.1 503" + end, "handshake status 503"},
        {"HTTP/1.1 200 OK\r\n" + fields + "\r\n", "handshake status 200"},
        {"HTTP/1.1 101 S\r\nUpgrade: websocket" + end, "bad answer: Sec-WebSocket-Accept is wrong"},
        {"HTTP/1.1 101 S\r\nUpgrade: h2c" + end,
         "bad answer: the handshake's answer lacks Upgrade: websocket"},
        {"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
         "s3pPLMBiTxaQ9kYGzzhZRbK+xOo" +
             end,
         "bad answer: Sec-WebSocket-Accept is wrong"},
        {"HTTP/1.1 101 S\r\nSec-WebSocket-Protocol: other\r\n" + fields + "\r\n",
         "bad answer: the server chose a subprotocol that was not offered"},
        {"HTTP/1.1 101 S\r\nSec-WebSocket-Extensions: permessage-deflate\r\n" + fields + "\r\n",
         "bad answer: Sec-WebSocket-Extensions: extension that was not offered"},
        {"HTTP/2 101 S" + end, "bad answer: the answer to the handshake is not HTTP/1"},
        {"HTTP/1.1 1x1 S" + end, "bad answer: the answer to the handshake has no status"},
        {"HTTP/1.1" + end, "bad answer: the answer to the handshake is not HTTP/1"},
        {"SSH-2.0-x" + end, "bad answer: the answer to the handshake is not HTTP/1"},
        {std::string(20'000, 'x'), "bad answer: the answer to the handshake does not end"},
    };
    for (const auto& one : cases) EXPECT_EQ(told(one.bytes), one.told) << one.bytes.substr(0, 80);
}

TEST(LoadUpgrade, AHeadThatIsTooLong) {
    const std::string head = "HTTP/1.1 404 N\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n";
    EXPECT_EQ(told(head), "bad answer: the answer to the handshake does not end");
}

TEST(LoadUpgrade, Compression) {
    constexpr const char* name = "permessage-deflate";
    struct {
        std::string answer, told;
    } const cases[] = {
        {"", "ok"},
        {"; server_no_context_takeover", "15"},
        {"; server_no_context_takeover; client_no_context_takeover", "15"},
        {"; server_no_context_takeover; client_max_window_bits=10", "10"},
        {"; server_no_context_takeover; server_max_window_bits=8", "15"},
        {"; client_no_context_takeover",
         "bad answer: Sec-WebSocket-Extensions: server_no_context_takeover was not accepted"},
        {"; server_no_context_takeover; client_max_window_bits=16",
         "bad answer: Sec-WebSocket-Extensions: invalid parameter of permessage-deflate"},
        {"; server_no_context_takeover; x",
         "bad answer: Sec-WebSocket-Extensions: invalid parameter of permessage-deflate"},
    };
    for (const auto& one : cases) {
        const std::string line =
            one.answer.empty() ? "" : "Sec-WebSocket-Extensions: " + (name + one.answer) + "\r\n";
        EXPECT_EQ(told("HTTP/1.1 101 S\r\n" + line + fields + "\r\n", true), one.told)
            << one.answer;
    }
}

TEST(LoadUpgrade, EngineTargets) {
    EXPECT_EQ(engine_target("/", "websocket"), "/socket.io/?EIO=4&transport=websocket");
    EXPECT_EQ(engine_target("/io/", "polling"), "/io/?EIO=4&transport=polling");
    EXPECT_EQ(engine_target("/io/?a=b", "polling"), "/io/?a=b&EIO=4&transport=polling");
    EXPECT_EQ(engine_target("/?EIO=4&transport=polling", "websocket"), "/?EIO=4&transport=polling");
}

}  // namespace
