// Pausing of a client's Engine.IO session, and what waits to be sent.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/engineio/client_script.h"

namespace starling::engineio::test {
namespace {

TEST(EngineClientPause, HoldsTheAnswerToAPoll) {
    check({{"what comes is held, and no GET follows",
            {"open", "poll PLAIN", "pause", "poll 4a|4b", "resume", "at 0"},
            {"GET", "open S", "GET", "pause", "message a", "message b", "resume", "GET"}},
           {"an answer without messages",
            {"open", "poll PLAIN", "pause", "poll 6", "resume", "at 0", "poll 4a"},
            {"GET", "open S", "GET", "pause", "resume", "GET", "message a", "GET"}},
           {"paused again before the next turn",
            {"open", "poll PLAIN", "pause", "poll 4a", "resume", "pause", "at 0", "resume", "at 0"},
            {"GET", "open S", "GET", "pause", "message a", "resume", "GET"}},
           {"paused before the session is open",
            {"open", "pause", "poll PLAIN|4a", "resume", "at 0"},
            {"GET", "pause", "open S", "message a", "resume", "GET"}},
           {"resumed before the session is open",
            {"open", "pause", "resume", "poll PLAIN|4a"},
            {"GET", "open S", "message a", "GET"}},
           {"sends go on",
            {"open", "poll PLAIN", "pause", "send a", "post", "send b"},
            {"GET", "open S", "GET", "pause", "POST 4a", "POST 4b"}},
           {"closed while an answer is held",
            {"open", "poll PLAIN", "pause", "poll 4a", "close", "resume"},
            {"GET", "open S", "GET", "pause", "POST 1", "finish", "closed: forced close"}},
           {"closed, and the POST is not answered",
            {"open", "poll PLAIN", "pause", "send a", "at 10000", "close", "resume", "at 39999",
             "at 40000"},
            {"GET", "open S", "GET", "pause", "POST 4a", "finish", "closed: forced close"}},
           {"a POST fails while an answer is held",
            {"open", "poll PLAIN", "pause", "poll 4a", "send x", "post! 400", "resume", "at 0"},
            {"GET", "open S", "GET", "pause", "POST 4x", "error xhr post error 400", "finish",
             "closed: transport error, xhr post error"}}},
          polling_only);
}

// A handler pauses at the first of several packets.
TEST(EngineClientPause, StopsBetweenTwoPackets) {
    for (const bool resumes : {false, true}) {
        Script script(polling_only);
        script.on_message_step = "pause";
        script.run({"open", "poll PLAIN", "poll 4a|4b|4c"});
        EXPECT_EQ(script.lines.back(), "pause");
        script.lines.clear();
        if (resumes) script.on_message_step = "pause";
        script.run({"resume", "at 0"});
        EXPECT_EQ(script.lines, resumes ? Lines{"message b"}
                                        : (Lines{"message b", "message c", "resume", "GET"}));
    }
}

TEST(EngineClientPause, SendsPongsUnasked) {
    check({{"at the interval of the server's pings",
            {"open", "ws", "ws< PLAIN", "pause", "at 24999", "at 25000", "at 50000", "at 75000"},
            {"ws", "open S", "pause", "ws> 3", "ws> 3", "ws> 3"}},
           {"counted from the last ping that was read",
            {"open", "ws", "ws< PLAIN", "at 20000", "ws< 2", "at 40000", "pause", "at 44999",
             "at 45000"},
            {"ws", "open S", "ws> 3", "ping", "pause", "ws> 3"}},
           {"pings that are read after the resume are answered",
            {"open", "ws", "ws< PLAIN", "pause", "at 25000", "resume", "ws< 2"},
            {"ws", "open S", "pause", "ws> 3", "resume", "ws> 3", "ping"}},
           {"silence counts anew after the resume",
            {"open", "ws", "ws< PLAIN", "pause", "at 25000", "at 50000", "resume", "at 94999",
             "send a", "at 95000"},
            {"ws", "open S", "pause", "ws> 3", "ws> 3", "resume", "ws> 4a", "finish",
             "closed: ping timeout"}},
           {"pause and resume twice",
            {"open", "ws", "ws< PLAIN", "pause", "pause", "resume", "resume"},
            {"ws", "open S", "pause", "resume"}}},
          websocket_first);
}

// Revision 3: the client pings. Its pings keep the session, and their pongs are read later.
TEST(EngineClientPause, PingsAServerOfRevision3) {
    const ClientSessionOptions options{.revision = Revision::eio3,
                                       .transports = {Transport::websocket}};
    check({{"pings go on",
            {"open", "ws", "ws< PLAIN", "pause", "at 25000", "at 50000", "at 75000", "resume",
             "ws< 3", "at 99999", "at 100000"},
            {"ws", "open S", "pause", "ws> 2", "ping", "ws> 2", "ping", "ws> 2", "ping", "resume",
             "ws> 2", "ping"}},
           {"paused while a pong is due",
            {"open", "ws", "ws< PLAIN", "at 25000", "pause", "at 45000", "at 50000"},
            {"ws", "open S", "ws> 2", "ping", "pause", "ws> 2", "ping"}},
           {"no pong after the resume",
            {"open", "ws", "ws< PLAIN", "pause", "at 25000", "resume", "at 50000", "at 69999",
             "at 70000"},
            {"ws", "open S", "pause", "ws> 2", "ping", "resume", "ws> 2", "ping", "finish",
             "closed: ping timeout"}}},
          options);
}

// What is sent waits for an upgrade, so a pause does not keep an upgrade from its end.
TEST(EngineClientPause, AnUpgradeGoesOn) {
    check(
        {{"its GET is held until the resume",
          {"open", "poll OPEN", "ws", "ws< 3probe", "pause", "poll 4a", "send x", "resume", "at 0"},
          {"GET", "open S", "ws", "GET", "ws> 2probe", "ws> 5", "pause", "upgrade", "ws> 4x",
           "message a", "resume"}},
         {"paused before the probe is answered",
          {"open", "poll OPEN", "ws", "pause", "ws< 3probe", "poll 4a", "resume", "at 0"},
          {"GET", "open S", "ws", "GET", "ws> 2probe", "pause", "resume", "ws> 5", "pause",
           "upgrade", "message a", "resume"}},
         {"a POST is under way",
          {"open", "poll OPEN", "send a", "ws", "ws< 3probe", "poll 6", "pause", "post"},
          {"GET", "open S", "ws", "GET", "POST 4a", "ws> 2probe", "ws> 5", "pause", "upgrade"}},
         {"the server gives it up",
          {"open", "poll OPEN", "ws", "ws< 3probe", "pause", "send x", "ws. 1000", "resume"},
          {"GET", "open S", "ws", "GET", "ws> 2probe", "upgrade failed: transport closed", "pause",
           "POST 4x", "resume"}},
         {"the server gives it up while an answer is held",
          {"open", "poll OPEN", "send x", "ws", "ws< 3probe", "pause", "poll 4a", "ws. 1000",
           "post", "resume", "at 0"},
          {"GET", "open S", "ws", "GET", "POST 4x", "ws> 2probe",
           "upgrade failed: transport closed", "pause", "message a", "resume", "GET"}}});
}

TEST(EngineClientPause, TellsWhatWaits) {
    struct Row {
        const char* what;
        Lines steps;
        uint64_t bytes;
        bool drained;
    };
    const std::vector<Row> polling = {
        {"nothing was sent", {"open", "poll PLAIN"}, 0, false},
        {"in a POST, and behind it", {"open", "poll PLAIN", "send abc", "send de"}, 5, false},
        {"behind the first POST", {"open", "poll PLAIN", "send abc", "send de", "post"}, 2, false},
        {"answered", {"open", "poll PLAIN", "send abc", "send de", "post", "post"}, 0, true},
        {"a pong alone", {"open", "poll PLAIN", "poll 2", "post"}, 0, false},
        {"the session failed", {"open", "poll PLAIN", "send abc", "post! 400"}, 0, false},
    };
    const std::vector<Row> websocket = {
        {"taken at once", {"open", "ws", "ws< PLAIN", "send abc", "ws~"}, 0, true},
        {"in the wire", {"open", "ws", "ws< PLAIN", "send abc", "buffered 3"}, 3, false},
        {"not all", {"open", "ws", "ws< PLAIN", "send abc", "buffered 1", "ws~"}, 1, false},
        {"queued", {"open", "ws", "ws< PLAIN", "full", "send abc", "send de"}, 2, false},
        {"all at last",
         {"open", "ws", "ws< PLAIN", "send abc", "buffered 3", "ws~", "buffered 0", "ws~"},
         0,
         true},
        {"a pong alone", {"open", "ws", "ws< PLAIN", "ws< 2", "ws~"}, 0, false},
    };
    for (const auto* rows : {&polling, &websocket}) {
        for (const Row& row : *rows) {
            SCOPED_TRACE(row.what);
            Script script(rows == &polling ? polling_only : websocket_first);
            script.hears_drain = true;
            script.run(row.steps);
            EXPECT_EQ(script.session.buffered_bytes(), row.bytes);
            EXPECT_EQ(std::ranges::count(script.lines, "drain"), row.drained ? 1 : 0);
        }
    }
    Script both(polling_only);
    both.hears_drain = true;
    both.run({"open", "poll PLAIN", "send a", "post", "send b", "post", "post"});
    EXPECT_EQ(std::ranges::count(both.lines, "drain"), 2);
}

}  // namespace
}  // namespace starling::engineio::test
