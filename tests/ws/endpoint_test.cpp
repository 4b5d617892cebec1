#include "ws/endpoint.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "tests/ws/wire.h"

namespace starling::ws::test {
namespace {

constexpr HeartbeatOptions beats{.interval_ms = 1000, .timeout_ms = 500};

// What net::Stream is for a connection. The kernel of a blocked stream takes nothing.
struct Stream {
    bool open = true, paused = false, blocked = false, blocks_when_offered = false;
    bool peer_reads = false;
    size_t queued = 0, unsent = 0;
    std::string log = {};

    [[nodiscard]] bool is_open() const { return open; }
    [[nodiscard]] bool is_paused() const { return paused; }
    [[nodiscard]] bool is_blocked() const { return blocked; }
    [[nodiscard]] size_t queued_bytes() const { return queued; }
    [[nodiscard]] size_t unsent_bytes() const { return unsent; }
    [[nodiscard]] bool peer_takes() const { return peer_reads; }
    void offer_queued() {
        log += "offer ";
        blocked = blocks_when_offered;
        if (!blocked) queued = 0;
    }
    void yield_turn() { log += "yield "; }
    void resume_receiving() {
        paused = false;
        log += "resume ";
    }
    void set_timeout(uint32_t ms) { log += "timeout " + std::to_string(ms) + " "; }
};

struct Connection {
    Stream& stream;
    std::function<void(std::string_view what)> handler = [](std::string_view) {};
    bool sends = true;
    std::string owed = {};
    size_t messages = 0;

    void told(const std::string& what) {
        stream.log += what + " ";
        handler(what);
    }
    void on_message(const Event& event) {
        ++messages;
        if (event.bytes.size() <= 40) told(to_text(event.bytes));
    }
    void on_ping(std::string_view payload) { told("ping:" + std::string(payload)); }
    void on_pong(std::span<const std::byte> payload) { told("pong:" + to_text(payload)); }
    void on_peer_close(uint16_t code, std::string_view reason) {
        told("close:" + std::to_string(code) + std::string(reason));
    }
    void on_violation(uint16_t code, std::string_view) {
        told("violation:" + std::to_string(code));
    }
    [[nodiscard]] bool may_send() const { return sends; }
    void owe_pong(std::string_view payload) { owed = payload; }
    void write_control(Opcode opcode, std::span<const std::byte> payload) {
        stream.log += opcode == Opcode::pong   ? "<pong:"
                      : opcode == Opcode::ping ? "<ping:"
                                               : "<close:";
        stream.log += (opcode == Opcode::pong ? to_text(payload) : to_hex(payload)) + "> ";
        stream.queued += payload.size() + 2;
    }
};

// t, p, o, c: a text, ping, pong and close of the letter behind it; x: a reserved opcode.
Bytes wire(Role role, std::string_view letters) {
    Bytes out;
    for (size_t i = 0; i < letters.size(); i += 2) {
        const std::string_view payload = letters.substr(i + 1, 1);
        const char kind = letters[i];
        const Opcode opcode = kind == 't'   ? Opcode::text
                              : kind == 'p' ? Opcode::ping
                              : kind == 'o' ? Opcode::pong
                              : kind == 'c' ? Opcode::close
                                            : static_cast<Opcode>(3);
        const Bytes bytes = frame(role, opcode, true, kind == 'c' ? "\x0f\xa0" : payload);
        out.insert(out.end(), bytes.begin(), bytes.end());
    }
    return out;
}

TEST(WsEndpoint, ReceivesInOrderInBothRoles) {
    struct Case {
        const char* name;
        std::string_view sent, log;
        // What the handler does when this comes: p pauses, c closes the stream.
        std::string_view at = "", does = "";
        std::string_view rest = "";  // Letters whose frames stay in the input.
    };
    constexpr Case cases[] = {
        {"messages", "tatb", "a b "},
        {"a pong comes before what follows the ping", "p1ta", "<pong:1> ping:1 a "},
        {"each ping is answered", "p1p2", "<pong:1> ping:1 <pong:2> ping:2 "},
        {"a pong", "o1ta", "pong:1 a "},
        {"nothing follows a close", "tac_tb", "a close:4000 "},
        {"nothing follows a violation", "tax_tb", "a violation:1002 "},
        {"a handler pauses", "tatbtc", "a b ", "b", "p", "tc"},
        {"a handler pauses at a ping", "p1ta", "<pong:1> ping:1 ", "ping:1", "p", "ta"},
        {"a handler closes", "tatbtc", "a b ", "b", "c", "tc"},
    };
    for (const Role role : {Role::server, Role::client}) {
        for (const Case& c : cases) {
            SCOPED_TRACE(c.name);
            Stream stream;
            Connection connection{stream};
            connection.handler = [&](std::string_view what) {
                if (what != c.at || c.at.empty()) return;
                (c.does == "p" ? stream.paused : stream.open) = c.does == "p";
            };
            const ReceiverLimits limits;
            Receiver receiver(role, limits);
            Bytes bytes = wire(role, c.sent);
            std::span<std::byte> input = bytes;
            receive(connection, stream, receiver, input);
            EXPECT_EQ(stream.log, c.log);
            EXPECT_EQ(input.size(), wire(role, c.rest).size());
            if (c.does.empty()) continue;
            stream.paused = false;
            stream.log.clear();
            receive(connection, stream, receiver, input);
            EXPECT_EQ(stream.log.substr(0, 1), c.does == "p" ? c.rest.substr(1, 1) : "");
        }
    }
}

TEST(WsEndpoint, EndsItsTurnAtALimitOfEventsAndOfBytes) {
    struct Case {
        const char* name;
        size_t count, bytes, taken;
        bool yields;
    };
    constexpr Case cases[] = {
        {"as many events as a turn has", turn_events_max, 50, turn_events_max, false},
        {"one more", turn_events_max + 1, 50, turn_events_max, true},
        {"as many bytes as a turn has", 4, turn_bytes_max / 4, 4, false},
        {"one message more", 5, turn_bytes_max / 4, 4, true},
        {"a message that is larger", 2, turn_bytes_max + 1, 1, true},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        Stream stream;
        Connection connection{stream};
        const ReceiverLimits limits;
        Receiver receiver(Role::server, limits);
        Bytes bytes;
        for (size_t i = 0; i < c.count; ++i) {
            const Bytes one = frame(Role::server, Opcode::binary, true, std::string(c.bytes, 'x'));
            bytes.insert(bytes.end(), one.begin(), one.end());
        }
        std::span<std::byte> input = bytes;
        receive(connection, stream, receiver, input);
        EXPECT_EQ(connection.messages, c.taken);
        EXPECT_EQ(stream.log, c.yields ? "yield " : "");
        while (!input.empty()) receive(connection, stream, receiver, input);
        EXPECT_EQ(connection.messages, c.count);
    }
}

// A paused connection may wait for long: it keeps no buffer of a message that was delivered.
TEST(WsEndpoint, APausedConnectionFreesTheMessageThatWasDelivered) {
    Stream stream;
    Connection connection{stream};
    connection.handler = [&](std::string_view) { stream.paused = true; };
    const ReceiverLimits limits;
    Receiver receiver(Role::server, limits);
    Bytes bytes = join({frame(Role::server, Opcode::text, false, "a"),
                        frame(Role::server, Opcode::continuation, true, "b")});
    std::span<std::byte> input = bytes;
    receive(connection, stream, receiver, input);
    EXPECT_EQ(stream.log, "ab ");
    EXPECT_EQ(receiver.memory_bytes(), 0U);
}

TEST(WsEndpoint, AnswersAPing) {
    struct Case {
        const char* name;
        bool sends, blocked, blocks_when_offered;
        size_t queued;
        std::string_view log, owed;
    };
    constexpr Case cases[] = {
        {"at once", true, false, false, 0, "<pong:1> ", ""},
        {"a close frame was sent", false, false, false, 0, "", ""},
        {"the kernel takes nothing", true, true, true, 100, "", "1"},
        {"much is queued, and the kernel takes it", true, false, false, pongs_queued_bytes_max,
         "offer <pong:1> ", ""},
        {"much is queued, and the kernel takes nothing", true, false, true, pongs_queued_bytes_max,
         "offer ", "1"},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        Stream stream{
            .blocked = c.blocked, .blocks_when_offered = c.blocks_when_offered, .queued = c.queued};
        Connection connection{stream};
        connection.sends = c.sends;
        answer_ping(connection, stream, to_bytes("1"));
        EXPECT_EQ(stream.log, c.log);
        EXPECT_EQ(connection.owed, c.owed);
    }
}

TEST(WsEndpoint, AFloodOfPingsQueuesLittleAndOwesOnePong) {
    Stream stream{.blocks_when_offered = true};
    Connection connection{stream};
    for (int i = 0; i < 10'000; ++i) answer_ping(connection, stream, to_bytes(std::to_string(i)));
    EXPECT_LT(stream.queued, pongs_queued_bytes_max + control_payload_bytes_max);
    EXPECT_EQ(connection.owed, "9999");
}

TEST(WsEndpoint, KeepsAlive) {
    struct Case {
        const char* name;
        Stream stream;
        uint32_t at_ms;  // After the last byte; with `pinged` after the ping.
        bool pinged, alive;
        std::string_view log;
    };
    const Case cases[] = {
        {"silence is short", {}, 400, false, true, "timeout 600 "},
        {"a ping is due", {}, 1000, false, true, "<ping:00000000000003e8> timeout 500 "},
        {"its pong is due", {}, 200, true, true, "timeout 300 "},
        {"its pong did not come", {}, 500, true, false, ""},
        {"the ping waits in the kernel, which the peer empties",
         {.peer_reads = true, .unsent = pongs_queued_bytes_max},
         500,
         true,
         true,
         "timeout 1000 "},
        {"the ping waits in the kernel, which nobody empties",
         {.unsent = pongs_queued_bytes_max},
         500,
         true,
         false,
         ""},
        {"little waits in the kernel",
         {.peer_reads = true, .unsent = pongs_queued_bytes_max - 1},
         500,
         true,
         false,
         ""},
        {"the kernel takes nothing", {.blocked = true}, 500, true, true, "timeout 1000 "},
        {"receiving is paused", {.paused = true}, 500, true, true, "timeout 1000 "},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        Stream stream = c.stream;
        Connection connection{stream};
        Heartbeat heartbeat(0);
        uint32_t now_ms = c.at_ms;
        if (c.pinged) {
            (void)heartbeat.on_timer(beats, beats.interval_ms);
            now_ms += beats.interval_ms;
        }
        EXPECT_EQ(keep_alive(connection, stream, heartbeat, beats, now_ms), c.alive);
        EXPECT_EQ(stream.log, c.log);
    }
}

TEST(WsEndpoint, SilenceCountsAnewAfterAPause) {
    Stream stream{.paused = true};
    Connection connection{stream};
    Heartbeat heartbeat(0);
    resume_receiving(stream, heartbeat, 5000);
    resume_receiving(stream, heartbeat, 5500);  // It is not paused.
    EXPECT_TRUE(keep_alive(connection, stream, heartbeat, beats, 5500));
    EXPECT_EQ(stream.log, "resume timeout 500 ");
}

TEST(WsEndpoint, SendsAPingOfTheApplication) {
    struct Case {
        const char* name;
        bool blocked;
        size_t bytes;
        std::string_view log;
    };
    constexpr Case cases[] = {
        {"an empty one measures the round trip", false, 0, "<ping:0000000000000007> "},
        {"a payload", false, 2, "<ping:6161> "},
        {"the kernel takes nothing", true, 2, ""},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        Stream stream{.blocked = c.blocked};
        Connection connection{stream};
        Heartbeat heartbeat(0);
        const bool sent =
            send_ping(connection, stream, heartbeat, to_bytes(std::string(c.bytes, 'a')), 7);
        EXPECT_EQ(sent, !c.blocked);
        EXPECT_EQ(stream.log, c.log);
    }
    Stream stream;
    Connection connection{stream};
    Heartbeat heartbeat(0);
    send_ping(connection, stream, heartbeat, to_bytes(std::string(200, 'a')), 7);
    EXPECT_EQ(stream.queued, control_payload_bytes_max + 2);  // RFC 6455 5.5: 125 bytes at most.
}

TEST(WsEndpoint, WritesACloseFrame) {
    Stream stream;
    Connection connection{stream};
    write_close(connection, 1000, "ok");
    write_close(connection, 1005, "");
    EXPECT_EQ(stream.log, "<close:03e86f6b> <close:> ");
}

TEST(WsEndpoint, LimitsTheQueueButNotOneLargeMessage) {
    EXPECT_TRUE(fits_queue(0, 1000, 10));
    EXPECT_TRUE(fits_queue(4, 6, 10));
    EXPECT_FALSE(fits_queue(4, 7, 10));
}

}  // namespace
}  // namespace starling::ws::test
