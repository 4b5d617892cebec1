// Socket.IO packets: those that socket.io-parser 4.2.6 accepts, with the same result, and all
// others.
#include "socketio/codec/decoder.h"

#include <gtest/gtest.h>
#include <boost/json/array.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "tests/socketio/shown.h"

namespace starling::socketio {
namespace {

using namespace test;

struct Message {
    std::string_view text;
    std::vector<std::string_view> attachments;
    std::string_view shown;
};

// Returns the decoder's last outcome. All earlier ones must be `pending`.
std::string decoded(Decoder& decoder, Arena& arena, const Message& message) {
    Outcome outcome = decoder.add_text(message.text, arena);
    for (const std::string_view bytes : message.attachments) {
        EXPECT_EQ(shown(outcome), "pending") << message.text;
        EXPECT_TRUE(decoder.pending());
        const Outcome next = decoder.add_bytes(base::bytes_of(bytes), arena);
        if (next.kind != Outcome::Kind::pending) return shown(next);
    }
    return shown(outcome);
}

std::string decoded(std::string_view text, std::vector<std::string_view> attachments = {}) {
    Arena arena;
    Decoder decoder;
    return decoded(decoder, arena, {text, std::move(attachments), {}});
}

TEST(SocketioDecoder, TakesWhatTheReferenceTakes) {
    const Message messages[] = {
        // clang-format off
        {R"(0)", {}, R"(connect /)"},
        {R"(0{})", {}, R"(connect / {})"},
        {R"(0{"token":"a"})", {}, R"(connect / {"token":"a"})"},
        {R"(0/admin,)", {}, R"(connect /admin)"},
        {R"(0/admin)", {}, R"(connect /admin)"},
        {R"(0/admin,{"token":"a"})", {}, R"(connect /admin {"token":"a"})"},
        {R"(0/a/b-c.d,)", {}, R"(connect /a/b-c.d)"},
        {R"(1)", {}, R"(disconnect /)"},
        {R"(1/admin,)", {}, R"(disconnect /admin)"},
        {R"(2["a"])", {}, R"(event / ["a"])"},
        {R"(2["a",1,-1,0.5,true,null,"x",[],{}])", {}, R"(event / ["a",1,-1,0.5,true,null,"x",[],{}])"},
        {R"(2/admin,["a"])", {}, R"(event /admin ["a"])"},
        {R"(20["a"])", {}, R"(event / #0 ["a"])"},
        {R"(2/admin,456["a",{}])", {}, R"(event /admin #456 ["a",{}])"},
        {R"(2007["a"])", {}, R"(event / #7 ["a"])"},
        {R"(29007199254740991["a"])", {}, R"(event / #9007199254740991 ["a"])"},
        {R"(2[1,"x"])", {}, R"(event / [1,"x"])"},
        {R"(2[0.5])", {}, R"(event / [0.5])"},
        {R"(2["__proto__"])", {}, R"(event / ["__proto__"])"},
        {R"(2["constructor",{"__proto__":1}])", {}, R"(event / ["constructor",{"__proto__":1}])"},
        {R"(2[""])", {}, R"(event / [""])"},
        {R"(2["a",{"_placeholder":true,"num":0}])", {}, R"(event / ["a",{"_placeholder":true,"num":0}])"},
        {R"(2["a",{"b":1,"b":2}])", {}, R"(event / ["a",{"b":2}])"},
        {R"(2["a", 1 ] )", {}, R"(event / ["a",1])"},
        {R"(2["\u00e9\ud83d\ude00\n\/"])", {}, R"(event / ["é😀\n/"])"},
        {R"(2["a",0.1,0.30000000000000004,5e-324,1.7976931348623157e308,1e21,123456789012345680000])", {}, R"(event / ["a",0.1,0.30000000000000004,5e-324,1.7976931348623157e+308,1e+21,123456789012345680000])"},
        {R"(3[])", {}, R"(ack / [])"},
        {R"(30[])", {}, R"(ack / #0 [])"},
        {R"(3/admin,12["ok",null])", {}, R"(ack /admin #12 ["ok",null])"},
        {"31", {}, "ack / #1"},
        {"3", {}, "ack /"},
        {R"(2 ["e"])", {}, R"(event / #0 ["e"])"},
        {R"(2 12["e"])", {}, R"(event / #12 ["e"])"},
        {R"(212 ["e"])", {}, R"(event / #12 ["e"])"},
        {"2\t[\"e\"]", {}, R"(event / #0 ["e"])"},
        {R"(2/a, ["e"])", {}, R"(event /a #0 ["e"])"},
        {"3 ", {}, "ack / #0"},
        {R"(4"Not authorized")", {}, R"(connect_error / "Not authorized")"},
        {R"(4{"message":"x"})", {}, R"(connect_error / {"message":"x"})"},
        {R"(4/admin,{"message":"x","data":{"a":1}})", {}, R"(connect_error /admin {"message":"x","data":{"a":1}})"},
        {R"(51-["a",{"_placeholder":true,"num":0}])", {"xyz"}, R"(event / ["a",<xyz>])"},
        {R"(52-/admin,7["a",{"_placeholder":true,"num":1},{"b":[{"_placeholder":true,"num":0}]}])", {"one", "two"}, R"(event /admin #7 ["a",<two>,{"b":[<one>]}])"},
        {R"(61-3[{"_placeholder":true,"num":0}])", {""}, R"(ack / #3 [<>])"},
        {R"(51-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}])", {"xyz"}, R"(event / ["a",<xyz>,<xyz>])"},
        {R"(51-["a"])", {"xyz"}, R"(event / ["a"])"},
        {R"(51-["a",{"_placeholder":false,"num":0},{"_placeholder":1,"num":9}])", {"xyz"}, R"(event / ["a",{"_placeholder":false,"num":0},{"_placeholder":1,"num":9}])"},
        {R"(51-["a",{"_placeholder":true,"num":0.0,"more":1}])", {"xyz"}, R"(event / ["a",<xyz>])"},
        {R"(510-["a"])", {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, R"(event / ["a"])"},
        // clang-format on
    };
    Arena arena;
    Decoder decoder;
    for (const Message& message : messages) {
        EXPECT_EQ(decoded(decoder, arena, message), message.shown) << message.text;
        EXPECT_FALSE(decoder.pending());
    }
}

TEST(SocketioDecoder, TakesWhatOlderClientsSend) {
    const Message messages[] = {
        {"0/admin?x=1&y=2,", {}, "connect /admin?x=1&y=2"},
        {"0/admin?x=1", {}, "connect /admin?x=1"},
        {"0/?x=1,", {}, "connect /?x=1"},
        {R"(51-/admin?x=1,["a",{"_placeholder":true,"num":0}])",
         {"b"},
         R"(event /admin?x=1 ["a",<b>])"},
        {R"(4"Invalid namespace")", {}, R"(connect_error / "Invalid namespace")"},
    };
    Arena arena;
    Decoder decoder;
    for (const Message& message : messages)
        EXPECT_EQ(decoded(decoder, arena, message), message.shown) << message.text;
}

TEST(SocketioDecoder, RefusesWhatTheReferenceRefuses) {
    const struct {
        std::string_view text;
        std::string_view reason;
    } cases[] = {
        // clang-format off
        {R"(7)", "unknown packet type"},
        {R"(9["a"])", "unknown packet type"},
        {R"(a)", "unknown packet type"},
        {R"(-1)", "unknown packet type"},
        {R"(0[])", "invalid payload"},
        {R"(0"x")", "invalid payload"},
        {R"(01{}x)", "invalid JSON"},
        {R"(0null)", "invalid payload"},
        {R"(1{})", "invalid payload"},
        {R"(1[])", "invalid payload"},
        {R"(2{})", "invalid payload"},
        {R"(2"a")", "invalid payload"},
        {R"(2[])", "invalid payload"},
        {R"(2[null])", "invalid payload"},
        {R"(2[["a"]])", "invalid payload"},
        {R"(2[{}])", "invalid payload"},
        {R"(2[true])", "invalid payload"},
        {R"(2["connect"])", "invalid payload"},
        {R"(2["connect_error"])", "invalid payload"},
        {R"(2["disconnect"])", "invalid payload"},
        {R"(2["disconnecting"])", "invalid payload"},
        {R"(2["newListener"])", "invalid payload"},
        {R"(2["removeListener"])", "invalid payload"},
        {R"(2["a")", "invalid JSON"},
        {R"(2["a"]])", "invalid JSON"},
        {R"(2["a",])", "invalid JSON"},
        {R"(2["a",undefined])", "invalid JSON"},
        {R"(2['a'])", "invalid JSON"},
        {R"(2["a"]x)", "invalid JSON"},
        {"2[\"a\n\"]", "invalid JSON"},
        {R"(2/admin["a","b"])", "invalid JSON"},
        {R"(3{})", "invalid payload"},
        {R"(3"a")", "invalid payload"},
        {R"(4[])", "invalid payload"},
        {R"(5["a"])", "illegal number of attachments"},
        {R"(5-1-["a"])", "illegal number of attachments"},
        {R"(51.5-["a"])", "illegal number of attachments"},
        {R"(5a-["a"])", "illegal number of attachments"},
        {R"(511-["a"])", "illegal number of attachments"},
        {R"(51000000000-["a"])", "illegal number of attachments"},
        {R"(599999999999999999999-["a"])", "illegal number of attachments"},
        {R"(51)", "illegal number of attachments"},
        {R"(51-["a",{"_placeholder":true,"num":-1}])", "illegal placeholder"},
        {R"(51-["a",{"_placeholder":true,"num":1}])", "illegal placeholder"},
        {R"(51-["a",{"_placeholder":true,"num":"0"}])", "illegal placeholder"},
        {R"(51-["a",{"_placeholder":true}])", "illegal placeholder"},
        {R"(51-["disconnect"])", "invalid payload"},
        {R"(51-{"_placeholder":true,"num":0})", "invalid payload"},
        {R"(61-{})", "invalid payload"},
        // clang-format on
    };
    for (const auto& c : cases) EXPECT_EQ(decoded(c.text), c.reason) << c.text;
}

TEST(SocketioDecoder, RefusesMoreThanTheReference) {
    const struct {
        std::string_view text;
        std::string_view reason;
    } cases[] = {
        // clang-format off
        // The reference parser accepts an event without a name, an empty text as CONNECT, counts
        // like "", "00" and " 1", and NaN as an ack id.
        {"", "unknown packet type"},
        {R"(41)", "invalid payload"},
        {R"(5+1-["a"])", "illegal number of attachments"},
        {"2", "invalid payload"},
        {"2/admin,", "invalid payload"},
        {R"(21 2["a"])", "illegal ack id"},
        {"31null", "invalid payload"},
        {"2[1e400]", "invalid payload"},
        {"4", "invalid payload"},
        {R"(5-["a"])", "illegal number of attachments"},
        {R"(500-["a"])", "illegal number of attachments"},
        {R"(501-["a"])", "illegal number of attachments"},
        {R"(5 1-["a"])", "illegal number of attachments"},
        {R"(51e0-["a"])", "illegal number of attachments"},
        {R"(5-0-["a"])", "illegal number of attachments"},
        {R"(50-["a"])", "illegal number of attachments"},
        {R"(60-1["a"])", "illegal number of attachments"},
        {R"(51-["a",{"_placeholder":true,"num":0.5}])", "illegal placeholder"},
        {R"(51-["a",{"_placeholder":true,"num":1e400}])", "illegal placeholder"},
        {R"(51-["a",{"_placeholder":true,"num":18446744073709551615}])", "illegal placeholder"},
        {R"(51-["a",[[{"b":{"_placeholder":true,"num":null}}]]])", "illegal placeholder"},
        {R"(29007199254740992["a"])", "illegal ack id"},
        {R"(299999999999999999999999["a"])", "illegal ack id"},
        // clang-format on
    };
    for (const auto& c : cases) EXPECT_EQ(decoded(c.text), c.reason) << c.text;
}

TEST(SocketioDecoder, TakesJsonAsJavaScriptDoes) {
    const struct {
        std::string_view json;
        std::string_view shown;
    } cases[] = {
        {R"("\ud800")", "\"\ufffd\""},
        {R"("\udc00x")", "\"\ufffdx\""},
        {R"("\ud83dx\ude00")", "\"\ufffdx\ufffd\""},
        {R"("\ud83d\ud83d\ude00")", "\"\ufffd😀\""},
        {R"("\\ud800\uD83D")", R"("\\ud800)"
                               "\ufffd\""},
        {R"("\ud83d\n")",
         "\"\ufffd"
         R"(\n")"},
        {R"({"\ud800":1})", "{\"\ufffd\":1}"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"18446744073709551615", "18446744073709551615"},
        {"18446744073709551616", "18446744073709552000"},
        {"-9223372036854775809", "-9223372036854776000"},
        {"0.1234567890123456789", "0.12345678901234568"},
        {"2.2250738585072014e-308", "2.2250738585072014e-308"},
        {"37.774929012345678", "37.77492901234568"},
        {"1e400", "null"},
        {"1e-400", "0"},
        {"-0", "0"},
        {R"("\u0000")", R"("\u0000")"},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(decoded("2[\"a\"," + std::string(c.json) + "]"),
                  "event / [\"a\"," + std::string(c.shown) + "]");
    }
    for (const std::string_view json : {R"("\ud80")", R"("\ud800)", R"("\x")", "01", "1.", ".5",
                                        "+1", "NaN", "Infinity", "0x1", "// c\n1", "\"\t\""}) {
        EXPECT_EQ(decoded("2[\"a\"," + std::string(json) + "]"), "invalid JSON") << json;
    }
}

TEST(SocketioDecoder, LimitsNamesAndDepth) {
    const std::string a255(255, 'a');
    EXPECT_EQ(decoded("2[\"" + a255 + "\"]"), "event / [\"" + a255 + "\"]");
    EXPECT_EQ(decoded("2[\"" + a255 + "a\"]"), "invalid payload");
    EXPECT_EQ(decoded("2[\"" + std::string(1'000'000, 'a') + "\"]"), "invalid payload");
    EXPECT_EQ(decoded("0/" + a255.substr(1) + ","), "connect /" + a255.substr(1));
    EXPECT_EQ(decoded("0/" + a255 + ","), "namespace too long");
    EXPECT_EQ(decoded("0/" + a255), "namespace too long");

    const auto nested = [](size_t depth, char open, char close) {
        std::string text = "3[";
        for (size_t i = 1; i < depth; ++i) text.append(open == '{' ? "{\"a\":" : "[");
        text += '1';
        return text + std::string(depth - 1, close) + "]";
    };
    EXPECT_NE(decoded(nested(128, '[', ']')), "invalid JSON");
    EXPECT_NE(decoded(nested(128, '{', '}')), "invalid JSON");
    EXPECT_EQ(decoded(nested(129, '[', ']')), "invalid JSON");
    EXPECT_EQ(decoded(nested(129, '{', '}')), "invalid JSON");
    EXPECT_EQ(decoded(nested(100'000, '[', ']')), "invalid JSON");
    EXPECT_EQ(decoded(nested(100'000, '{', '}')), "invalid JSON");
    EXPECT_EQ(decoded("2" + std::string(100'000, '[')), "invalid JSON");
}

// The text is freed with the last attachment; it is too long to be stored inside the string object.
TEST(SocketioDecoder, TheRootNamespaceMayBeWrittenOut) {
    Arena arena;
    Decoder decoder;
    EXPECT_EQ(shown(decoder.add_text(R"(51-/?q=1,7["a name of some length",{"a":1}])", arena)),
              "pending");
    const auto outcome = decoder.add_bytes(base::bytes_of("x"), arena);
    ASSERT_EQ(outcome.kind, Outcome::Kind::packet);
    EXPECT_EQ(outcome.packet.nsp, "/");
    EXPECT_EQ(outcome.packet.query, "q=1");
}

TEST(SocketioDecoder, WantsAttachmentsWhereTheyAreDueAndNowhereElse) {
    Arena arena;
    Decoder idle;
    EXPECT_EQ(shown(idle.add_bytes(base::bytes_of("x"), arena)), "bytes where none were due");
    Decoder done;
    EXPECT_EQ(decoded(done, arena, {R"(51-["a"])", {"x"}, {}}), R"(event / ["a"])");
    EXPECT_EQ(shown(done.add_bytes(base::bytes_of("x"), arena)), "bytes where none were due");
    Decoder waiting;
    EXPECT_EQ(shown(waiting.add_text(R"(52-["a"])", arena)), "pending");
    EXPECT_EQ(shown(waiting.add_bytes(base::bytes_of("x"), arena)), "pending");
    EXPECT_EQ(shown(waiting.add_text(R"(2["b"])", arena)), "text where an attachment was due");
}

TEST(SocketioDecoder, LimitsAPacketTogetherWithAllItsAttachments) {
    const std::string text = R"(53-["a",{"_placeholder":true,"num":0}])";
    const struct {
        size_t limit, attachment_bytes;
        const char* last;  // "": the packet is complete.
    } cases[] = {
        {text.size() + 30, 10, ""},
        {text.size() + 29, 10, "packet too long"},
        {text.size() + 3, 1, ""},
        {text.size() + 2, 1, "packet too long"},
        {text.size(), 0, ""},
        {10, 1, "packet too long"},  // The text alone is over the limit.
    };
    for (const auto& one : cases) {
        DecodeLimits limits;
        limits.packet_bytes_max = one.limit;
        Arena arena(limits);
        Decoder decoder;
        ASSERT_EQ(decoder.add_text(text, arena).kind, Outcome::Kind::pending);
        const std::string bytes(one.attachment_bytes, 'x');
        Outcome outcome;
        for (int i = 0; i < 3 && outcome.kind == Outcome::Kind::pending; ++i)
            outcome = decoder.add_bytes(base::bytes_of(bytes), arena);
        EXPECT_EQ(outcome.reason, one.last) << one.limit;
        EXPECT_EQ(outcome.kind, *one.last ? Outcome::Kind::fault : Outcome::Kind::packet);
    }
}

TEST(SocketioDecoder, BoundsWhatRepeatedPlaceholdersCopy) {
    std::string text = R"(51-["a")";
    for (int i = 0; i < 10; ++i) text += R"(,{"_placeholder":true,"num":0})";
    text += "]";
    EXPECT_EQ(decoded(text, {std::string(120'000, 'x')}), "attachments repeated too often");
    EXPECT_TRUE(decoded(text, {std::string(110'000, 'x')}).starts_with("event"));
}

TEST(SocketioDecoder, SharesAnArenaWithOthers) {
    Arena arena;
    Decoder one;
    Decoder two;
    const std::string_view text = R"(51-/n?q,["a",{"_placeholder":true,"num":0}])";
    EXPECT_EQ(shown(one.add_text(text, arena)), "pending");
    EXPECT_EQ(shown(two.add_text(R"(2["between"])", arena)), R"(event / ["between"])");
    EXPECT_EQ(shown(two.add_text("2[", arena)), "invalid JSON");
    EXPECT_EQ(shown(one.add_bytes(base::bytes_of("x"), arena)), R"(event /n?q ["a",<x>])");
}

TEST(SocketioDecoder, TakesTheSameMemoryForEveryLargePacket) {
    // Block sizes must not grow from packet to packet: memory would run out after a few dozen
    // doublings.
    Arena arena;
    Decoder decoder;
    const std::string text = "2[\"a\",\"" + std::string(20'000, 'x') + "\"]";
    for (int i = 0; i < 100; ++i)
        ASSERT_EQ(decoder.add_text(text, arena).kind, Outcome::Kind::packet);
}

TEST(SocketioDecoder, TakesLargePacketsAndSmallOnesBehindThem) {
    Arena arena;
    Decoder decoder;
    std::string numbers = "0";
    for (int i = 1; i < 50'000; ++i) numbers += ",0";
    const std::string array = "[" + numbers + "]";
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(shown(decoder.add_text("3" + array, arena)), "ack / " + array);
        EXPECT_EQ(shown(decoder.add_text(R"(2["a"])", arena)), R"(event / ["a"])");
        arena.clear();
    }
}

}  // namespace
}  // namespace starling::socketio
