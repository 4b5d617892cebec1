// Plays words against a Pace: `3`: three packets are sent; `pong`: the ping is answered; `+100`: that
// many milliseconds pass; `?`: may a packet that can be left out be sent? What is recorded: pings,
// with the number of packets before them, and the answers.
#include "server/socketio/pace.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace starling::server {
namespace {

std::string play(const char* script) {
    Pace pace;
    uint64_t now_ms = 1000;
    size_t packets = 0;
    std::string out;
    const auto add = [&](const std::string& word) { out += (out.empty() ? "" : " ") + word; };
    std::istringstream words(script);
    for (std::string word; words >> word;) {
        if (word == "pong") {
            if (pace.answered(now_ms)) add("ping@" + std::to_string(packets));
        } else if (word == "?") {
            add(pace.may_send(now_ms) ? "yes" : "no");
        } else if (word == "left") {
            add("left=" + std::to_string(pace.left()));
        } else if (word.front() == '+') {
            now_ms += std::stoul(word.substr(1));
        } else {
            for (size_t i = std::stoul(word); i > 0; --i) {
                ++packets;
                if (pace.sent(now_ms)) add("ping@" + std::to_string(packets));
            }
        }
    }
    return out;
}

struct Case {
    const char* name;
    const char* script;
    const char* seen;
};

TEST(SocketioPace, sends_what_the_client_takes) {
    constexpr Case cases[] = {
        {"no ping before a batch is full", "? left 7 ? left", "yes left=8 yes left=1"},
        {"a ping behind each batch", "8 +1 pong 8 +1 pong 7", "ping@8 ping@16"},
        {"one more batch before the answer", "8 ? 7 ? 1 ?", "ping@8 yes yes no"},
        {"the answer asks for the batch behind it", "8 8 +1 pong ? 8 ?", "ping@8 ping@16 yes no"},
        {"packets that cannot be left out", "30 ? +1 pong ? +1 pong ?",
         "ping@8 no ping@30 yes yes"},
        {"a slow client gets smaller batches", "8 +800 pong left +1600 2", "ping@8 left=2 ping@10"},
        {"one packet at least", "8 +9000 pong left", "ping@8 left=1"},
        {"and a rest of twice the time", "8 +800 pong ? +1599 ? +1 ?", "ping@8 no no yes"},
        {"of five seconds at most", "8 +9000 pong +4999 ? +1 ?", "ping@8 no yes"},
        {"a prompt client gets none", "8 +50 pong ? 8 +51 pong ?", "ping@8 yes ping@16 no"},
        {"a client that is fast again",
         "8 +9000 pong +5000 1 +1 pong left 2 +1 pong left 4 +1 pong left",
         "ping@8 ping@9 left=2 ping@11 left=4 ping@15 left=8"},
        {"a pong of the heartbeat", "7 +9000 pong ? 1", "yes ping@8"},
    };
    for (const Case& c : cases) EXPECT_EQ(play(c.script), c.seen) << c.name;
}

}  // namespace
}  // namespace starling::server
