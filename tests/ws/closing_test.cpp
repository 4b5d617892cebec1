#include "ws/closing.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::ws::test {
namespace {

std::string actions_text(const Closing::Actions& a) {
    std::string out;
    if (a.send_close) out += "send ";
    if (a.echo_close) out += "echo ";
    if (a.start_timer) out += "timer ";
    if (a.shut_down) out += "shutdown ";
    if (a.reset_transport) out += "reset ";
    return out.empty() ? "- " : out;
}

// l: local close 3000; p: peer's close 4000; n: peer's close without a code; f: flushed; v:
// violation 1002; t: timeout; g: transport gone.
std::string play(Role role, std::string_view events) {
    Closing closing;
    std::string out;
    for (const char c : events) {
        using Event = Closing::Event;
        const Event event = c == 'l'               ? Event::local_close
                            : c == 'p' || c == 'n' ? Event::peer_close
                            : c == 'f'             ? Event::flushed
                            : c == 'v'             ? Event::violation
                            : c == 't'             ? Event::timeout
                                                   : Event::transport_gone;
        const uint16_t code = c == 'p' ? 4000 : c == 'l' ? 3000 : c == 'v' ? 1002 : 1005;
        const bool was_done = closing.state() == Closing::State::done;
        const std::string actions = actions_text(closing.on(event, role, code));
        const bool done = !was_done && closing.state() == Closing::State::done;
        if (!done || actions != "- ") out += actions;
        // From here on the code is final.
        if (done) out += "report " + std::to_string(closing.reported_code()) + " ";
        out += "| ";
        EXPECT_EQ(closing.may_send(), closing.state() == Closing::State::open);
    }
    return out.substr(0, out.size() - 3);
}

TEST(WsClosing, handshakes) {
    struct Case {
        const char* name;
        std::string_view events, server, client;
    };
    constexpr Case cases[] = {
        {"we close", "lpg", "send timer | shutdown | report 3000", "send timer | - | report 3000"},
        {"we close, the answer has no code", "lng", "send timer | shutdown | report 3000",
         "send timer | - | report 3000"},
        {"the peer closes", "pfg", "echo timer | shutdown | report 4000",
         "echo timer | - | report 4000"},
        {"the peer closes without a code", "nfg", "echo timer | shutdown | report 1005",
         "echo timer | - | report 1005"},
        {"the peer closes and leaves", "pg", "echo timer | report 4000",
         "echo timer | report 4000"},
        {"the peer leaves", "g", "report 1006", "report 1006"},
        {"we close, the peer leaves", "lg", "send timer | report 3000", "send timer | report 3000"},
        {"we close, no answer", "lt", "send timer | reset report 3000",
         "send timer | reset report 3000"},
        {"we close, the peer answers and stays", "lpt", "send timer | shutdown | reset report 3000",
         "send timer | - | reset report 3000"},
        {"the peer does not take our answer", "pt", "echo timer | reset report 4000",
         "echo timer | reset report 4000"},
        {"heartbeat ran out", "t", "reset report 1006", "reset report 1006"},
        {"violation", "vg", "send timer shutdown | report 1002",
         "send timer shutdown | report 1002"},
        {"violation, the peer stays", "vt", "send timer shutdown | reset report 1002",
         "send timer shutdown | reset report 1002"},
        {"violation after our close", "lvg", "send timer | reset report 3000 | -",
         "send timer | reset report 3000 | -"},
        {"we close twice", "llpg", "send timer | - | shutdown | report 3000",
         "send timer | - | - | report 3000"},
        {"we close after the peer", "plfg", "echo timer | - | shutdown | report 4000",
         "echo timer | - | - | report 4000"},
        {"flushing means nothing when open", "flfpg", "- | send timer | - | shutdown | report 3000",
         "- | send timer | - | - | report 3000"},
        {"nothing after the end", "glpvtfg", "report 1006 | - | - | - | - | - | -",
         "report 1006 | - | - | - | - | - | -"},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(play(Role::server, c.events), c.server) << c.name;
        EXPECT_EQ(play(Role::client, c.events), c.client) << c.name;
    }
}

TEST(WsClosing, every_sequence_reports_at_most_once_and_sends_one_close_frame) {
    constexpr std::string_view letters = "lpnfvtg";
    for (size_t number = 0; number < 7 * 7 * 7 * 7 * 7; ++number) {
        std::string events;
        for (size_t rest = number, i = 0; i < 5; ++i, rest /= 7) events += letters[rest % 7];
        for (const Role role : {Role::server, Role::client}) {
            const std::string got = play(role, events);
            const auto count = [&](std::string_view word) {
                size_t times = 0;
                for (size_t at = got.find(word); at != got.npos; at = got.find(word, at + 1))
                    ++times;
                return times;
            };
            EXPECT_LE(count("report"), 1u) << events;
            EXPECT_LE(count("send") + count("echo"), 1u) << events;
            EXPECT_EQ(count("report"),
                      events.find_first_of("gt") != events.npos || got.find("reset") != got.npos
                          ? 1u
                          : 0u)
                << events << ": " << got;
        }
    }
}

}  // namespace
}  // namespace starling::ws::test
