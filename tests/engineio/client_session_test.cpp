// The client's half of an Engine.IO session: each case is a script of what happens, and the
// transcript of what the session asks of its wire and reports.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engineio/client_session.h"
#include "tests/engineio/client_script.h"

namespace starling::engineio::test {
namespace {

TEST(EngineClient, OpensOverPolling) {
    check(
        {{"open", {"open", "poll PLAIN"}, {"GET", "open S", "GET"}},
         {"with a message", {"open", "poll PLAIN|4a"}, {"GET", "open S", "message a", "GET"}},
         {"no answer",
          {"open", "poll! 0"},
          {"GET", "error xhr poll error", "finish", "closed: transport error, xhr poll error"}},
         {"404",
          {"open", "poll! 404"},
          {"GET", "error xhr poll error 404", "finish", "closed: transport error, xhr poll error"}},
         {"no open packet",
          {"open", "poll 4a"},
          {"GET", "error server error", "finish", "closed: transport error, server error"}},
         {"an empty body",
          {"open", "poll "},
          {"GET", "error server error", "finish", "closed: transport error, server error"}},
         {"close before it is open",
          {"open", "close", "poll PLAIN"},
          {"GET", "finish", "closed: forced close"}},
         {"sends before it is open are dropped",
          {"open", "send a", "poll PLAIN"},
          {"GET", "open S", "GET"}}},
        polling_only);
}

TEST(EngineClient, OpensOverWebSocket) {
    check({{"open",
            {"open", "ws", "ws< PLAIN", "send a", "ws< 4b"},
            {"ws", "open S", "ws> 4a", "message b"}},
           {"no upgrade of a WebSocket", {"open", "ws", "ws< OPEN"}, {"ws", "open S"}},
           {"refused",
            {"open", "ws!"},
            {"ws", "error websocket error", "finish", "closed: transport error, websocket error"}},
           {"closed before the open packet",
            {"open", "ws", "ws. 1000"},
            {"ws", "error websocket connection closed 1000", "finish",
             "closed: transport error, websocket connection closed"}},
           {"no open packet",
            {"open", "ws", "ws< 40"},
            {"ws", "error server error", "finish", "closed: transport error, server error"}},
           {"binary instead of the open packet",
            {"open", "ws", "wsb< a"},
            {"ws", "error server error", "finish", "closed: transport error, server error"}}},
          websocket_first);
}

TEST(EngineClient, ChecksTheOpenPacket) {
    const std::string faults[] = {
        R"({"upgrades":[],"pingInterval":1,"pingTimeout":1})",
        R"({"sid":"","upgrades":[],"pingInterval":1,"pingTimeout":1})",
        R"({"sid":7,"upgrades":[],"pingInterval":1,"pingTimeout":1})",
        R"({"sid":"a b","upgrades":[],"pingInterval":1,"pingTimeout":1})",
        R"({"sid":"a\r\nb","upgrades":[],"pingInterval":1,"pingTimeout":1})",
        R"({"sid":"\u00e9","upgrades":[],"pingInterval":1,"pingTimeout":1})",
        R"({"sid":")" + std::string(1025, 'a') +
            R"(","upgrades":[],"pingInterval":1,"pingTimeout":1})",
        R"({"sid":")" + std::string(1'000'000, 'a') +
            R"(","upgrades":[],"pingInterval":1,"pingTimeout":1})",
        R"({"sid":"S","pingInterval":1,"pingTimeout":1})",
        R"({"sid":"S","upgrades":"websocket","pingInterval":1,"pingTimeout":1})",
        R"({"sid":"S","upgrades":{"0":"websocket"},"pingInterval":1,"pingTimeout":1})",
        R"({"sid":"S","upgrades":[],"pingTimeout":1})",
        R"({"sid":"S","upgrades":[],"pingInterval":1})",
        R"({"sid":"S","upgrades":[],"pingInterval":-1,"pingTimeout":1})",
        R"({"sid":"S","upgrades":[],"pingInterval":0,"pingTimeout":1})",
        R"({"sid":"S","upgrades":[],"pingInterval":1e300,"pingTimeout":1})",
        R"({"sid":"S","upgrades":[],"pingInterval":1e999,"pingTimeout":1})",
        R"({"sid":"S","upgrades":[],"pingInterval":2147483648,"pingTimeout":1})",
        R"({"sid":"S","upgrades":[],"pingInterval":"1","pingTimeout":1})",
        R"({"sid":"S","upgrades":[],"pingInterval":null,"pingTimeout":1})",
        R"({"sid":"S","upgrades":[],"pingInterval":1,"pingTimeout":-0.5})",
        R"({"sid":"S","upgrades":[],"pingInterval":1,"pingTimeout":1,"maxPayload":-1})",
        R"({"sid":"S","upgrades":[],"pingInterval":1,"pingTimeout":1,"maxPayload":"1"})",
        R"({"sid":"S","upgrades":[],"pingInterval":1,"pingTimeout":1)",
        R"([])",
        R"("S")",
        "",
        "null",
        R"({"x":)" + std::string(100, '[') + std::string(100, ']') + "}",
    };
    for (const std::string& fault : faults) {
        EXPECT_FALSE(read_open(fault)) << fault.substr(0, 100);
        EXPECT_EQ(Script(websocket_first).run({"open", "ws", "ws< 0" + fault}),
                  (Lines{"ws", "error parse error", "finish", "closed: parse error, parse error"}))
            << fault.substr(0, 100);
    }
    const auto open = read_open(
        R"({"sid":"a-_~","upgrades":[1,null,"webtransport","websocket"],"pingInterval":1.5,)"
        R"("pingTimeout":0,"maxPayload":1e6,"more":{}})");
    ASSERT_TRUE(open);
    EXPECT_EQ(open->sid, "a-_~");
    EXPECT_TRUE(open->upgrade_to_websocket);
    EXPECT_EQ(open->ping_interval_ms, 1u);
    EXPECT_EQ(open->max_payload_bytes, 1'000'000u);
    EXPECT_EQ(read_open(open_plain.substr(1))->max_payload_bytes, 0u);
    EXPECT_FALSE(read_open(open_plain.substr(1))->upgrade_to_websocket);
}

TEST(EngineClient, PostsOneAfterTheOther) {
    check({{"one", {"open", "poll PLAIN", "send a"}, {"GET", "open S", "GET", "POST 4a"}},
           {"the next waits",
            {"open", "poll PLAIN", "send a", "send b", "bytes c", "post", "post"},
            {"GET", "open S", "GET", "POST 4a", "POST 4b|bYw=="}},
           {"a POST fails",
            {"open", "poll PLAIN", "send a", "post! 413", "poll 4late"},
            {"GET", "open S", "GET", "POST 4a", "error xhr post error 413", "finish",
             "closed: transport error, xhr post error"}},
           // OPEN allows 40 bytes: 4aaaaaaaaa|4bbbbbbbbb|4ccccccccc|4dddddd
           {"bodies have a limit",
            {"open", "poll OPEN", "send -", "send aaaaaaaaa", "send bbbbbbbbb", "send ccccccccc",
             "send dddddd", "send d", "post", "post"},
            {"GET", "open S", "GET", "POST 4-", "POST 4aaaaaaaaa|4bbbbbbbbb|4ccccccccc|4dddddd",
             "POST 4d"}},
           {"base64 counts",
            {"open", "poll OPEN", "send -", "bytes 123456789012", "bytes 123456789012",
             "bytes 123456789012", "post"},
            {"GET", "open S", "GET", "POST 4-", "POST bMTIzNDU2Nzg5MDEy|bMTIzNDU2Nzg5MDEy"}},
           {"one packet may be longer",
            {"open", "poll OPEN", "send " + std::string(60, 'x')},
            {"GET", "open S", "GET", "POST 4" + std::string(60, 'x')}}},
          polling_only);
}

// Pongs have no data, and wait for the POST that the server does not answer.
TEST(EngineClient, PongsThatWaitAreLimited) {
    const ClientSessionOptions options{.upgrade = false,
                                       .queue_bytes_max = 3 * queued_packet_bytes};
    check({{"within the limit",
            {"open", "poll PLAIN", "send a", "poll 2|2|2", "post"},
            {"GET", "open S", "GET", "POST 4a", "ping", "ping", "ping", "GET", "POST 3|3|3"}},
           {"beyond it",
            {"open", "poll PLAIN", "send a", "poll 2|2|2|2|2"},
            {"GET", "open S", "GET", "POST 4a", "ping", "ping", "ping",
             "error the server does not take what is sent", "finish",
             "closed: transport error, the server does not take what is sent"}}},
          options);
}

TEST(EngineClient, Upgrades) {
    const Lines begin = {"GET", "open S", "ws", "GET"};
    const auto after = [&](const Lines& steps, const Lines& transcript) {
        Lines all = {"open", "poll OPEN"};
        all.insert(all.end(), steps.begin(), steps.end());
        Lines lines = begin;
        lines.insert(lines.end(), transcript.begin(), transcript.end());
        return Case{steps.empty() ? "" : steps.back().c_str(), all, lines};
    };
    check({
        after({"ws", "ws< 3probe", "poll 6", "send a", "ws< 4b"},
              {"ws> 2probe", "ws> 5", "upgrade", "ws> 4a", "message b"}),
        // What is sent meanwhile goes out after the upgrade, in its order.
        after({"ws", "send a", "ws< 3probe", "send b", "poll 6", "send c", "post", "send d"},
              {"ws> 2probe", "POST 4a", "ws> 5", "upgrade", "ws> 4b", "ws> 4c", "ws> 4d"}),
        after({"ws", "send a", "send b", "ws< 3probe", "post", "poll 4x"},
              {"ws> 2probe", "POST 4a", "message x", "ws> 5", "upgrade", "ws> 4b"}),
        // A failed probe costs nothing.
        after({"ws!", "send a"}, {"upgrade failed: websocket error", "POST 4a"}),
        after({"ws", "ws. 1006", "poll 4a"},
              {"ws> 2probe", "upgrade failed: transport closed", "message a", "GET"}),
        after({"ws", "ws< 3other"}, {"ws> 2probe", "ws close", "upgrade failed: probe error"}),
        after({"ws", "ws< 4a"}, {"ws> 2probe", "ws close", "upgrade failed: probe error"}),
        after({"ws", "ws< 9"}, {"ws> 2probe", "ws close", "upgrade failed: probe error"}),
        after({"ws", "wsb< 9"}, {"ws> 2probe", "ws close", "upgrade failed: probe error"}),
        after({"ws", "ws< 3probe", "ws. 1006", "send a", "poll 4b"},
              {"ws> 2probe", "upgrade failed: transport closed", "POST 4a", "message b", "GET"}),
        after({"ws", "ws< 3probe", "send a", "ws. 1006"},
              {"ws> 2probe", "upgrade failed: transport closed", "POST 4a"}),
        after({"ws", "send a", "ws< 3probe", "poll 6", "ws!", "post"},
              {"ws> 2probe", "POST 4a", "upgrade failed: websocket error", "GET"}),
        // The session ends meanwhile.
        after({"ws", "ws< 3probe", "poll 1"},
              {"ws> 2probe", "finish", "closed: transport close, transport closed by the server"}),
        after({"ws", "ws< 3probe", "poll! 400", "ws< 4x"},
              {"ws> 2probe", "error xhr poll error 400", "finish",
               "closed: transport error, xhr poll error"}),
        after({"ws", "ws< 3probe", "close", "poll 6"},
              {"ws> 2probe", "ws> 5", "upgrade", "finish", "closed: forced close"}),
        after({"ws", "ws< 3probe", "close", "ws!"},
              {"ws> 2probe", "upgrade failed: websocket error", "POST 1", "finish",
               "closed: forced close"}),
        after({"ws", "close", "ws< 3probe"},
              {"ws> 2probe", "POST 1", "finish", "closed: forced close"}),
    });
}

TEST(EngineClient, Closes) {
    check({{"polling",
            {"open", "poll PLAIN", "close", "poll 4a"},
            {"GET", "open S", "GET", "POST 1", "finish", "closed: forced close"}},
           {"what is queued goes first",
            {"open", "poll PLAIN", "send a", "send b", "close", "send c", "post", "post", "post"},
            {"GET", "open S", "GET", "POST 4a", "POST 4b", "POST 1", "finish",
             "closed: forced close"}},
           {"twice",
            {"open", "poll PLAIN", "close", "close"},
            {"GET", "open S", "GET", "POST 1", "finish", "closed: forced close"}},
           {"the POST is not answered, though the server pings",
            {"open", "poll PLAIN", "send a", "close", "at 20000", "poll 2", "at 29999", "at 30000"},
            {"GET", "open S", "GET", "POST 4a", "ping", "GET", "finish", "closed: forced close"}},
           {"the server closes",
            {"open", "poll PLAIN", "poll 4a|1|4b"},
            {"GET", "open S", "GET", "message a", "finish",
             "closed: transport close, transport closed by the server"}},
           {"a fault in a payload",
            {"open", "poll PLAIN", "poll 4a|9|4b"},
            {"GET", "open S", "GET", "message a", "error server error", "finish",
             "closed: transport error, server error"}},
           {"a second open packet",
            {"open", "poll PLAIN", "poll PLAIN"},
            {"GET", "open S", "GET", "error server error", "finish",
             "closed: transport error, server error"}},
           {"while it closes it receives",
            {"open", "poll PLAIN", "send a", "close", "poll 4b", "poll! 0"},
            {"GET", "open S", "GET", "POST 4a", "message b", "GET", "error xhr poll error",
             "finish", "closed: transport error, xhr poll error"}}},
          polling_only);
    check(
        {{"WebSocket",
          {"open", "ws", "ws< PLAIN", "send a", "close", "ws. 1000"},
          {"ws", "open S", "ws> 4a", "finish", "closed: forced close"}},
         {"the server closes",
          {"open", "ws", "ws< PLAIN", "ws. 1001", "send a"},
          {"ws", "open S", "finish", "closed: transport close, websocket connection closed"}},
         {"an error, then the end",
          {"open", "ws", "ws< PLAIN", "ws!", "ws. 1006"},
          {"ws", "open S", "error websocket error", "finish",
           "closed: transport error, websocket error"}},
         {"the close packet means nothing",
          {"open", "ws", "ws< PLAIN", "ws< 1", "ws< 6"},
          {"ws", "open S"}},
         {"an unknown packet",
          {"open", "ws", "ws< PLAIN", "ws< 7"},
          {"ws", "open S", "error server error", "finish",
           "closed: transport error, server error"}},
         {"a full WebSocket",
          {"open", "ws", "ws< PLAIN", "full", "send a", "send b", "send c", "close", "free", "ws~"},
          {"ws", "open S", "ws> 4a", "ws> 4b", "ws> 4c", "finish", "closed: forced close"}}},
        websocket_first);
}

TEST(EngineClient, AnswersPings) {
    check({{"in time",
            {"open", "ws", "ws< PLAIN", "at 25000", "ws< 2", "at 69999", "ws< 2"},
            {"ws", "open S", "ws> 3", "ping", "ws> 3", "ping"}},
           {"none",
            {"open", "ws", "ws< PLAIN", "at 44999", "at 45000"},
            {"ws", "open S", "finish", "closed: ping timeout"}},
           // Messages are no heartbeat, as in Node's client.
           {"messages",
            {"open", "ws", "ws< PLAIN", "at 44999", "ws< 4a", "at 45000"},
            {"ws", "open S", "message a", "finish", "closed: ping timeout"}},
           {"a pong of the server",
            {"open", "ws", "ws< PLAIN", "ws< 3", "ws< 5", "ws< 6"},
            {"ws", "open S"}}},
          websocket_first);
    check({{"polling",
            {"open", "poll PLAIN", "poll 2", "at 45000"},
            {"GET", "open S", "GET", "POST 3", "ping", "GET", "finish", "closed: ping timeout"}},
           {"polling, nothing under way",
            {"open", "poll PLAIN", "at 45000"},
            {"GET", "open S", "GET", "POST 1", "finish", "closed: ping timeout"}}},
          polling_only);
    Script late(websocket_first);
    late.run({"open", "ws", "ws< PLAIN"});
    EXPECT_FALSE(late.session.ping_expired(45'000));
    EXPECT_TRUE(late.session.ping_expired(45'001));
}

TEST(EngineClient, PingsInRevision3) {
    ClientSessionOptions options = websocket_first;
    options.revision = Revision::eio3;
    check({{"pings each interval",
            {"open", "ws", "ws< PLAIN", "at 25000", "at 26000", "ws< 3", "at 51000", "ws< 3"},
            {"ws", "open S", "ws> 2", "ping", "ws> 2", "ping"}},
           {"no pong",
            {"open", "ws", "ws< PLAIN", "at 25000", "at 44999", "at 45000"},
            {"ws", "open S", "ws> 2", "ping", "finish", "closed: ping timeout"}},
           {"every packet counts",
            {"open", "ws", "ws< PLAIN", "at 25000", "at 44000", "ws< 4a", "at 88999", "at 89000"},
            {"ws", "open S", "ws> 2", "ping", "message a", "finish", "closed: ping timeout"}},
           {"bytes have a type",
            {"open", "ws", "ws< PLAIN", "bytes x", std::string("wsb< ") + "\x04y", "wsb< z"},
            {"ws", "open S", "ws> bytes 0478", "message bytes 79", "error server error", "finish",
             "closed: transport error, server error"}}},
          options);
    options.transports = {Transport::polling};
    check({{"payloads have lengths",
            {"open",
             "poll 67:PLAIN6:4ab\xc3\xa9"
             "cd",
             "send \xc3\xa9", "send b", "bytes c", "post", "post"},
            {"GET", "open S",
             "message ab\xc3\xa9"
             "cd",
             "GET", "POST 2:4\xc3\xa9", "POST bytes 0002ff34620102ff0463"}},
           {"closing",
            {"open", "poll 67:PLAIN", "close"},
            {"GET", "open S", "GET", "POST 1:1", "finish", "closed: forced close"}}},
          options);
    // Text of servers 2.x is encoded once, even if it looks as if it were encoded twice.
    EXPECT_EQ(Script(options).run({"open", "poll 67:PLAIN3:4\xc3\x83\xc2\xa9"}).at(2),
              "message \xc3\x83\xc2\xa9");
}

TEST(EngineClient, ChoosesTransports) {
    const ClientSessionOptions remembers{.remember_upgrade = true};
    EXPECT_EQ(Script(remembers, false).run({"open"}), Lines{"GET"});
    EXPECT_EQ(Script(remembers, true).run({"open"}), Lines{"ws"});
    EXPECT_EQ(Script({}, true).run({"open"}), Lines{"GET"});
    Script upgrades(remembers);
    upgrades.run({"open", "poll OPEN", "ws", "ws< 3probe"});
    EXPECT_TRUE(upgrades.memory.websocket_worked);
    Script fails(remembers, true);
    fails.run({"open", "ws!"});
    EXPECT_FALSE(fails.memory.websocket_worked);

    const ClientSessionOptions all{.try_all_transports = true};
    EXPECT_EQ(Script(all).run({"open", "poll! 400", "ws", "ws< OPEN"}),
              (Lines{"GET", "reset", "ws", "open S"}));
    EXPECT_EQ(Script(all).run({"open", "poll! 400", "ws!"}),
              (Lines{"GET", "reset", "ws", "error websocket error", "finish",
                     "closed: transport error, websocket error"}));
    EXPECT_EQ(Script(all).run({"open", "poll OPEN", "poll! 400"}).back(),
              "closed: transport error, xhr poll error");
    EXPECT_EQ(Script({.transports = {}}).run({"open"}).front(), "error No transports available");
    EXPECT_EQ(Script({.transports = {Transport::polling}}).run({"open", "poll OPEN"}),
              (Lines{"GET", "open S", "GET"}));
}

TEST(EngineClient, MayBeClosedAnywhere) {
    for (const char* const step : {"close", "ws. 1000", "ws!", "send x"}) {
        for (const auto* options : {&websocket_first, &polling_only}) {
            Script script(*options);
            script.on_message_step = step;
            const bool polls = options == &polling_only;
            const Lines lines = polls ? script.run({"open", "poll PLAIN", "poll 4a|4b"})
                                      : script.run({"open", "ws", "ws< PLAIN", "ws< 4a", "ws< 4b"});
            const bool open = script.session.state() == ClientSession::State::open;
            const auto messages = std::ranges::count_if(
                lines, [](const std::string& line) { return line.starts_with("message"); });
            EXPECT_EQ(messages, open ? 2 : 1) << step;
        }
    }
}

TEST(EngineClient, LimitsThePacketsOfAPoll) {
    ClientSessionOptions options = polling_only;
    options.packets_max = 3;
    EXPECT_EQ(Script(options).run({"open", "poll PLAIN", "poll 4a|4b|4c|4d"}).back(),
              "closed: transport error, server error");
    EXPECT_EQ(Script(options).run({"open", "poll PLAIN", "poll 4a|4b|4c"}).back(), "GET");
}

}  // namespace
}  // namespace starling::engineio::test
