// The table of a client's life: what each sequence of events tells the application and the server.
#include "ws/client_life.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "ws/buffered.h"

namespace starling::ws::test {
namespace {

std::string shown(const ClientLife::Actions& a, const ClientLife& life) {
    std::string out;
    if (a.wire.send_close) out += "send ";
    if (a.wire.echo_close) out += "echo ";
    if (a.wire.start_timer) out += "timer ";
    if (a.wire.shut_down) out += "shutdown ";
    if (a.wire.reset_transport) out += "reset ";
    if (a.cancel_opening) out += "cancel ";
    if (a.tell_open) out += "OPEN ";
    if (a.tell_error) out += "ERROR ";
    if (a.tell_close)
        out += "CLOSE(" + std::to_string(life.code()) + (life.was_clean() ? " clean" : "") + ") ";
    return out.empty() ? "- " : out;
}

// o: established; l: close(); p: the peer's close frame with 4000; n: one without a code; f: failure;
// t: timeout; e: the transport ended; r: the transport broke.
std::string play(std::string_view events) {
    ClientLife life;
    std::string out;
    for (const char c : events) {
        using Event = ClientLife::Event;
        const Event event = c == 'o'               ? Event::established
                            : c == 'l'             ? Event::local_close
                            : c == 'p' || c == 'n' ? Event::peer_close
                            : c == 'f'             ? Event::failure
                            : c == 't'             ? Event::timeout
                            : c == 'e'             ? Event::ended
                                                   : Event::lost;
        const uint16_t code = c == 'p' ? 4000 : c == 'l' ? 3000 : c == 'f' ? 1002 : 1005;
        const auto actions = life.on(event, code);
        out += shown(actions, life) + std::to_string(static_cast<int>(life.state())) + " | ";
        EXPECT_EQ(life.may_send(), life.state() == ClientLife::State::open) << events;
    }
    return out.substr(0, out.size() - 3);
}

TEST(WsClientLife, events) {
    struct Case {
        const char* name;
        std::string_view events, expected;
    };
    constexpr Case cases[] = {
        {"refused", "f", "ERROR CLOSE(1006) 3"},
        {"no answer", "t", "ERROR CLOSE(1006) 3"},
        {"ended in the handshake", "e", "ERROR CLOSE(1006) 3"},
        {"reset in the handshake", "r", "ERROR CLOSE(1006) 3"},
        {"closed while connecting", "lf", "cancel 2 | ERROR CLOSE(1006) 3"},
        {"closed twice while connecting", "llf", "cancel 2 | - 2 | ERROR CLOSE(1006) 3"},
        {"we close", "olpe", "OPEN 1 | send timer 2 | - 2 | CLOSE(4000 clean) 3"},
        {"we close, the answer has no code", "olne",
         "OPEN 1 | send timer 2 | - 2 | CLOSE(1005 clean) 3"},
        {"we close, and the server ends without a close frame", "ole",
         "OPEN 1 | send timer 2 | CLOSE(1006) 3"},
        {"we close, and the server resets", "olr", "OPEN 1 | send timer 2 | CLOSE(1006) 3"},
        {"we close, and no answer comes", "olt", "OPEN 1 | send timer 2 | reset CLOSE(1006) 3"},
        {"we close, and the server breaks the protocol", "olf",
         "OPEN 1 | send timer 2 | reset ERROR CLOSE(1006) 3"},
        {"both close, and the server does not end", "olpt",
         "OPEN 1 | send timer 2 | - 2 | reset CLOSE(4000 clean) 3"},
        {"the server closes", "ope", "OPEN 1 | echo timer 2 | CLOSE(4000 clean) 3"},
        {"the server closes without a code", "one", "OPEN 1 | echo timer 2 | CLOSE(1005 clean) 3"},
        {"the server closes, and does not end", "opt",
         "OPEN 1 | echo timer 2 | reset CLOSE(4000 clean) 3"},
        {"the server closes, and resets", "opr", "OPEN 1 | echo timer 2 | CLOSE(4000) 3"},
        {"the server closes, then we do", "ople",
         "OPEN 1 | echo timer 2 | - 2 | CLOSE(4000 clean) 3"},
        {"the server ends", "oe", "OPEN 1 | CLOSE(1006) 3"},
        {"the server resets", "or", "OPEN 1 | CLOSE(1006) 3"},
        {"the server is dead", "ot", "OPEN 1 | reset ERROR CLOSE(1006) 3"},
        {"the server breaks the protocol", "of",
         "OPEN 1 | send timer shutdown ERROR CLOSE(1006) 3"},
        {"nothing follows the close event", "oeeprlftol",
         "OPEN 1 | CLOSE(1006) 3 | - 3 | - 3 | - 3 | - 3 | - 3 | - 3 | - 3 | - 3"},
    };
    for (const Case& c : cases) EXPECT_EQ(play(c.events), c.expected) << c.name;
}

// Every sequence of five events ends in one close event at most, and in an error event only before it.
TEST(WsClientLife, order_of_events) {
    constexpr std::string_view all = "olpnfter";
    size_t closes = 0;
    for (size_t i = 0; i < 8 * 8 * 8 * 8 * 8; ++i) {
        std::string events;
        for (size_t rest = i, n = 0; n < 5; ++n, rest /= 8) events += all[rest % 8];
        const std::string told = play(events);
        const size_t close = told.find("CLOSE");
        EXPECT_EQ(told.find("CLOSE", close + 1), std::string::npos) << events << ": " << told;
        const size_t error = told.find("ERROR");
        EXPECT_TRUE(error == std::string::npos || close == error + 6) << events << ": " << told;
        const size_t open = told.find("OPEN");
        EXPECT_TRUE(open == std::string::npos || close == std::string::npos || open < close);
        closes += close != std::string::npos;
    }
    EXPECT_GT(closes, 20'000U);
}

TEST(WsBuffered, bytes) {
    struct Message {
        size_t wire_bytes, payload_bytes;
    };
    struct Case {
        std::vector<Message> messages;
        size_t queued_bytes;
        uint64_t buffered;
    };
    const Message hello{11, 5}, hundred{106, 100}, compressed{30, 1000};
    const Case cases[] = {
        {{}, 0, 0},
        {{}, 8, 0},        // Other frames.
        {{hello}, 11, 5},  // Nothing has left.
        {{hello}, 7, 5},   // Part of the header has left.
        {{hello}, 2, 2},
        {{hello}, 0, 0},
        {{hello, hundred}, 117, 105},
        {{hello, hundred}, 108, 102},
        {{hello, hundred}, 50, 50},
        {{compressed}, 30, 1000},  // Counts as a whole.
        {{compressed}, 1, 1000},
        {{hello, compressed}, 32, 1002},
    };
    for (const Case& c : cases)
        EXPECT_EQ(buffered_bytes(std::span(c.messages), c.queued_bytes), c.buffered)
            << c.queued_bytes;
}

}  // namespace
}  // namespace starling::ws::test
