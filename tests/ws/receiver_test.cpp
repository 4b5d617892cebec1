// Frames of RFC 6455 section 5, valid and invalid, at every read size, with further bytes.
#include "ws/receiver.h"

#include <gtest/gtest.h>

#include "tests/ws/wire.h"

namespace starling::ws::test {
namespace {

struct Case {
    const char* name;
    Role role;
    std::string_view wire;
    std::string_view want;
};

constexpr Role server = Role::server;
constexpr Role client = Role::client;

constexpr Case cases[] = {
    // Accepted: the examples of section 5.7.
    {"5.7 single unmasked text", client, "81 05 48656c6c6f", "text(Hello)"},
    {"5.7 single masked text", server, "81 85 37fa213d 7f9f4d5158", "text(Hello)"},
    {"5.7 fragmented text", client, "01 03 48656c 80 02 6c6f", "text(Hello)"},
    {"5.7 ping", client, "89 05 48656c6c6f", "ping(Hello)"},
    {"5.7 masked pong", server, "8a 85 37fa213d 7f9f4d5158", "pong(Hello)"},
    {"5.7 256 bytes", client, "82 7e 0100 61*256", "binary(256 bytes #1816453829)"},
    // Accepted: the rest.
    {"zero masking key", server, "81 82 00000000 6869", "text(hi)"},
    {"empty text", client, "81 00", "text()"},
    {"empty masked binary", server, "82 80 01020304", "binary()"},
    {"ping between fragments", client, "01 01 61 89 01 21 80 01 62", "ping(!) text(ab)"},
    {"masked fragments", server, "01 81 01010101 60 80 81 02020202 60", "text(ab)"},
    {"empty fragments", client, "02 00 00 01 61 00 00 80 00", "binary(a)"},
    {"two messages", client, "81 01 61 82 01 62", "text(a) binary(b)"},
    {"message behind a fragmented one", client, "01 01 61 80 01 62 81 01 63", "text(ab) text(c)"},
    {"empty ping and pong", client, "89 00 8a 00", "ping() pong()"},
    {"125 bytes of ping", client, "89 7d 61*125", "ping(125 bytes #2526518800)"},
    {"125 bytes of text", client, "81 7d 61*125", "text(125 bytes #2526518800)"},
    {"126 bytes of text", client, "81 7e 007e 61*126", "text(126 bytes #2175691747)"},
    {"character cut by fragments", client, "01 01 c3 80 01 a4", "text(\xc3\xa4)"},
    {"character cut three times", client, "01 01 f0 00 01 9f 00 01 98 80 01 80",
     "text(\xf0\x9f\x98\x80)"},
    {"close, empty", client, "88 00", "close(1005)"},
    {"close 1000", client, "88 02 03e8", "close(1000)"},
    {"close with a reason", client, "88 05 03e8 627965", "close(1000 bye)"},
    {"close with 123 bytes of reason", client, "88 7d 0fa0 61*123",
     "close(4000 "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)"},
    {"masked close", server, "88 82 01020304 02ea", "close(1000)"},
    {"close in a fragmented message", client, "01 01 61 88 02 03e9", "close(1001)"},
    {"data after close", client, "88 02 03e8 81 01 61 ff ff", "close(1000)"},
    {"close twice", client, "88 00 88 00", "close(1005)"},
    // Refused: masking (5.1), reserved bits and opcodes (5.2).
    {"unmasked from a client", server, "81 01 61", "violation(1002 wrong masking)"},
    {"unmasked ping from a client", server, "89 00", "violation(1002 wrong masking)"},
    {"masked from a server", client, "81 81 01020304 60", "violation(1002 wrong masking)"},
    {"RSV1 without negotiation", client, "c1 01 61", "violation(1002 reserved bit set)"},
    {"RSV2", client, "a1 01 61", "violation(1002 reserved bit set)"},
    {"RSV3", client, "91 01 61", "violation(1002 reserved bit set)"},
    {"RSV1 on ping", client, "c9 00", "violation(1002 reserved bit set)"},
    {"opcode 3", client, "83 00", "violation(1002 unknown opcode)"},
    {"opcode 7", client, "87 00", "violation(1002 unknown opcode)"},
    {"opcode 11", client, "8b 00", "violation(1002 unknown opcode)"},
    {"opcode 15", client, "8f 00", "violation(1002 unknown opcode)"},
    // Refused: control frames (5.5) and fragments (5.4).
    {"fragmented ping", client, "09 00", "violation(1002 fragmented control frame)"},
    {"fragmented close", client, "08 00", "violation(1002 fragmented control frame)"},
    {"126 bytes of ping", client, "89 7e 007e 61*126",
     "violation(1002 control frame over 125 bytes)"},
    {"64-bit length of close", client, "88 7f", "violation(1002 control frame over 125 bytes)"},
    {"continuation of nothing", client, "80 01 61", "violation(1002 continuation of nothing)"},
    {"continuation behind a message", client, "81 01 61 00 00",
     "text(a) violation(1002 continuation of nothing)"},
    {"continuation behind a fragmented one", client, "01 00 80 00 80 00",
     "text() violation(1002 continuation of nothing)"},
    {"message inside a message", client, "01 01 61 81 01 62",
     "violation(1002 new message inside a message)"},
    {"binary inside text", client, "01 01 61 02 01 62",
     "violation(1002 new message inside a message)"},
    // Refused: lengths (5.2); the limit of these tests is 300 bytes and 4 fragments.
    {"bit 63", client, "82 7f 8000000000000000", "violation(1002 length with bit 63 set)"},
    {"bit 63 of a masked one", server, "82 ff ffffffffffffffff",
     "violation(1002 length with bit 63 set)"},
    {"16 bits for 125", client, "82 7e 007d", "violation(1002 length not in its shortest form)"},
    {"16 bits for 0", client, "82 7e 0000", "violation(1002 length not in its shortest form)"},
    {"64 bits for 65535", client, "82 7f 000000000000ffff",
     "violation(1002 length not in its shortest form)"},
    {"64 bits for 5", client, "82 7f 0000000000000005",
     "violation(1002 length not in its shortest form)"},
    {"300 bytes", client, "82 7e 012c 61*300", "binary(300 bytes #664702721)"},
    {"301 bytes", client, "82 7e 012d", "violation(1009 message too big)"},
    {"2^62 bytes", client, "82 7f 4000000000000000", "violation(1009 message too big)"},
    {"65536 bytes", client, "82 7f 0000000000010000", "violation(1009 message too big)"},
    {"the limit is for the message", client, "02 7e 00ff 61*255 80 2e",
     "violation(1009 message too big)"},
    {"the limit, in fragments", client, "02 7e 00ff 61*255 80 2d 61*45",
     "binary(300 bytes #664702721)"},
    {"sum that overflows", client, "02 01 61 80 7f 7fffffffffffffff",
     "violation(1009 message too big)"},
    {"fourth fragment", client, "02 01 61 00 01 62 00 01 63 80 01 64", "binary(abcd)"},
    {"fifth fragment", client, "02 01 61 00 01 62 00 01 63 00 01 64 80",
     "violation(1008 too many fragments)"},
    {"fifth fragment, all empty", client, "02 00 00 00 00 00 00 00 00",
     "violation(1008 too many fragments)"},
    // Refused: UTF-8 (8.1), at the first byte that proves the fault.
    {"C0", client, "81 02 c0", "violation(1007 invalid UTF-8)"},
    {"surrogate", client, "81 03 eda080", "violation(1007 invalid UTF-8)"},
    {"cut character", client, "81 01 c3", "violation(1007 invalid UTF-8)"},
    {"cut character at the end of fragments", client, "01 01 61 80 01 c3",
     "violation(1007 invalid UTF-8)"},
    {"in an unfinished fragment", client, "01 7d 61 f490", "violation(1007 invalid UTF-8)"},
    {"in a later fragment", client, "01 01 f4 00 05 90", "violation(1007 invalid UTF-8)"},
    {"masked", server, "81 82 01010101 fea0", "violation(1007 invalid UTF-8)"},
    {"binary is not text", client, "82 02 c0ff", "binary(\xc0\xff)"},
    // Refused: close payloads (5.5.1, 7.4).
    {"close of one byte", client, "88 01", "violation(1002 close payload of one byte)"},
    {"close reason not UTF-8", client, "88 05 03e8 ff",
     "violation(1007 invalid UTF-8 in close reason)"},
    {"close reason cut", client, "88 03 03e8 c3", "violation(1007 invalid UTF-8 in close reason)"},
    {"masked close reason not UTF-8", server, "88 84 01020304 02ea c3",
     "violation(1007 invalid UTF-8 in close reason)"},
    {"close code 999 before its reason", client, "88 7d 03e7",
     "violation(1002 invalid close code)"},
};

Reader reader_of(const Case& c) {
    return {c.role, {.message_bytes_max = 300, .fragments_max = 4}, nullptr};
}

TEST(WsReceiver, gives_one_answer_however_tcp_cuts_the_bytes) {
    for (const Case& c : cases) {
        const Bytes wire = unhex(c.wire);
        for (size_t step = 1; step <= wire.size(); ++step) {
            const Transcript got = run(reader_of(c), wire, step);
            EXPECT_EQ(got.text, c.want) << c.name << ", reads of " << step;
            EXPECT_LE(got.kept_bytes_max, 139u) << c.name;
        }
    }
}

TEST(WsReceiver, gives_the_same_answer_with_bytes_behind) {
    for (const Case& c : cases) {
        const bool open =
            c.want.find("violation") == c.want.npos && c.want.find("close") == c.want.npos;
        const Bytes wire = join({unhex(c.wire), frame(c.role, Opcode::text, true, "next"),
                                 frame(c.role, Opcode::ping, true, "p")});
        const std::string want = std::string(c.want) + (open ? " text(next) ping(p)" : "");
        // A violation is found at its byte, so some cases stop within a frame that further bytes
        // would complete: the result must be the same.
        for (size_t step = 1; step <= wire.size(); ++step) {
            EXPECT_EQ(transcript(reader_of(c), wire, step), want)
                << c.name << ", reads of " << step;
        }
    }
}

TEST(WsReceiver, every_close_code) {
    for (unsigned code = 0; code < 65536; code += code < 5100 ? 1 : 997) {
        const bool valid = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                           (code >= 3000 && code <= 4999);
        EXPECT_EQ(close_code_is_valid(static_cast<uint16_t>(code)), valid) << code;
        const Bytes payload = {static_cast<std::byte>(code >> 8), static_cast<std::byte>(code)};
        for (const Role role : {server, client}) {
            const Bytes wire = frame(role, Opcode::close, true, false, payload);
            const std::string want = valid ? "close(" + std::to_string(code) + ")"
                                           : "violation(1002 invalid close code)";
            EXPECT_EQ(transcript({role, {}, nullptr}, wire, wire.size()), want);
            EXPECT_EQ(transcript({role, {}, nullptr}, wire, 1), want);
        }
    }
}

TEST(WsReceiver, every_first_byte) {
    for (unsigned first = 0; first < 256; ++first) {
        for (const bool in_message : {false, true}) {
            const unsigned opcode = first & 15;
            const bool control = opcode >= 8 && opcode <= 10 && (first & 0x80);
            const bool good = !(first & 0x70) &&
                              (control || (in_message ? opcode == 0 : opcode == 1 || opcode == 2));
            Bytes wire = in_message ? unhex("01 00") : Bytes();
            wire.push_back(static_cast<std::byte>(first));
            const std::string got = transcript({client, {}, nullptr}, wire, 1);
            EXPECT_EQ(got.starts_with("violation(1002"), !good)
                << first << " " << in_message << " " << got;
        }
    }
}

TEST(WsReceiver, whole_message_is_a_view_into_the_input) {
    Bytes wire = frame(server, Opcode::binary, true, std::string(1000, 'x'));
    const ReceiverLimits limits;
    Receiver in_place(server, limits);
    std::span<std::byte> input(wire);
    const Event event = in_place.next(input);
    EXPECT_EQ(event.bytes.data(), wire.data() + 8);
    EXPECT_EQ(event.bytes.size(), 1000u);
    EXPECT_TRUE(input.empty());
    EXPECT_EQ(in_place.memory_bytes(), 0u);
}

TEST(WsReceiver, memory_follows_bytes_received_and_is_freed_after_delivery) {
    const ReceiverLimits limits{.message_bytes_max = 1 << 30};
    Receiver receiver(client, limits);
    Bytes head = unhex("82 7f 0000000040000000");
    std::span<std::byte> input(head);
    EXPECT_EQ(receiver.next(input).kind, Event::Kind::need_more);
    EXPECT_LT(receiver.memory_bytes(), 300u) << "a gigabyte was promised, nothing came";
    size_t received = 0;
    for (int i = 0; i < 100; ++i) {
        Bytes part(997);
        received += part.size();
        input = part;
        EXPECT_EQ(receiver.next(input).kind, Event::Kind::need_more);
        EXPECT_LE(receiver.memory_bytes(), 2 * received + 300);
    }

    Receiver other(client, limits);
    Bytes fragments = join({frame(client, Opcode::binary, false, std::string(5000, 'a')),
                            frame(client, Opcode::continuation, true, "b")});
    input = fragments;
    EXPECT_EQ(other.next(input).bytes.size(), 5001u);
    EXPECT_GT(other.memory_bytes(), 5000u) << "the view is still valid";
    EXPECT_EQ(other.next(input).kind, Event::Kind::need_more);
    EXPECT_EQ(other.memory_bytes(), 0u);
    EXPECT_TRUE(other.idle());
}

TEST(WsReceiver, the_1025th_fragment_costs_nothing_more) {
    for (const bool empty : {true, false}) {
        Bytes wire = frame(server, Opcode::binary, false, empty ? "" : "x");
        for (int i = 0; i < 1023; ++i) {
            const Bytes next = frame(server, Opcode::continuation, false, empty ? "" : "x");
            wire.insert(wire.end(), next.begin(), next.end());
        }
        const Reader reader{server, {}, nullptr};
        EXPECT_EQ(transcript(reader, wire, 1000), "");
        wire.push_back(std::byte{0});
        const Transcript got = run(reader, wire, 1000);
        EXPECT_EQ(got.text, "violation(1008 too many fragments)");
        EXPECT_LT(got.memory_bytes_max, 4096u);
    }
}

TEST(WsReceiver, sixteen_mebibytes_in_fragments_of_64_bytes) {
    const std::string piece(64, 'z');
    constexpr size_t count = 262'144;
    Bytes wire = frame(server, Opcode::text, false, piece);
    const Bytes middle = frame(server, Opcode::continuation, false, piece);
    wire.reserve(wire.size() + middle.size() * count);
    for (size_t i = 0; i + 2 < count; ++i) wire.insert(wire.end(), middle.begin(), middle.end());
    const Bytes last = frame(server, Opcode::continuation, true, piece);
    wire.insert(wire.end(), last.begin(), last.end());
    const ReceiverLimits limits{.message_bytes_max = 16 << 20, .fragments_max = count};
    const Transcript got = run({server, limits, nullptr}, wire, 65'536);
    EXPECT_TRUE(got.text.starts_with("text(16777216 bytes")) << got.text;
    EXPECT_LE(got.memory_bytes_max, (16u << 20) + 65'536);
}

TEST(WsReceiver, moves_with_its_unfinished_message) {
    const ReceiverLimits limits;
    Receiver first(client, limits);
    Bytes begin = unhex("01 03 6162");
    std::span<std::byte> input(begin);
    EXPECT_EQ(first.next(input).kind, Event::Kind::need_more);
    Receiver second(std::move(first));
    Bytes end = unhex("63 80 01 64");
    input = end;
    EXPECT_EQ(to_text(second.next(input).bytes), "abcd");
}

}  // namespace
}  // namespace starling::ws::test
