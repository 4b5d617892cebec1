// Encoded packets: equal to those of socket.io-parser 4.2.6, with numbers and escapes of
// JSON.stringify.
#include "socketio/codec/encoder.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "base/text.h"
#include "tests/fake/heap_bytes.h"
#include "tests/socketio/shown.h"

namespace starling::socketio {
namespace {

using namespace test;
using boost::json::array;
using boost::json::object;

// The text, followed by the attachments.
std::string written(const Encoder& encoder) {
    std::string all(encoder.text());
    for (const std::string& bytes : encoder.attachments()) all += " | " + bytes;
    return all;
}

std::string written(const Packet& packet) {
    Encoder encoder;
    return encoder.encode(packet) ? written(encoder) : "(not to be sent)";
}

Packet packet(Type type, std::string_view nsp, std::optional<uint64_t> id, Json data) {
    return {type, nsp, {}, id, std::move(data)};
}

Json nested(size_t depth) {
    Json json = 1;
    for (size_t i = 0; i < depth; ++i) json = array{std::move(json)};
    return json;
}

TEST(SocketioEncoder, WritesWhatTheReferenceWrites) {
    const Json bytes = Binary("xyz");
    const struct {
        Packet packet;
        std::string_view text;
    } cases[] = {
        {packet(Type::connect, "/", {}, nullptr), "40"},
        {packet(Type::connect, "", {}, nullptr), "40"},
        {packet(Type::connect, "/admin", {}, object{{"sid", "x"}}), R"(40/admin,{"sid":"x"})"},
        {packet(Type::disconnect, "/admin", {}, nullptr), "41/admin,"},
        {packet(Type::event, "/", {},
                array{"a", 1, -1, 0.5, true, nullptr, "x", array(), object()}),
         R"(42["a",1,-1,0.5,true,null,"x",[],{}])"},
        {packet(Type::event, "/admin", 7, array{"a"}), R"(42/admin,7["a"])"},
        {packet(Type::ack, "/", 0, array()), "430[]"},
        {packet(Type::connect_error, "/admin", {}, object{{"message", "x"}}),
         R"(44/admin,{"message":"x"})"},
        {packet(Type::connect_error, "/", {}, "x"), R"(44"x")"},
        {packet(Type::event, "/", {}, array{"a", bytes}),
         R"(451-["a",{"_placeholder":true,"num":0}] | xyz)"},
        {packet(Type::ack, "/admin", 12, array{Binary("1"), object{{"b", array{Binary("2")}}}}),
         R"(462-/admin,12[{"_placeholder":true,"num":0},{"b":[{"_placeholder":true,"num":1}]}])"
         " | 1 | 2"},
    };
    for (const auto& c : cases) EXPECT_EQ(written(c.packet), c.text);
}

TEST(SocketioEncoder, WritesNumbersAsJavaScriptDoes) {
    const struct {
        double number;
        std::string_view text;
    } cases[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-1, "-1"},
        {0.1, "0.1"},
        {0.3333333333333333, "0.3333333333333333"},
        {123456.789, "123456.789"},
        {9007199254740992, "9007199254740992"},
        {12345678901234568, "12345678901234568"},
        {1e20, "100000000000000000000"},
        {123456789012345680000., "123456789012345680000"},
        {1e21, "1e+21"},
        {1.5e21, "1.5e+21"},
        {-1e21, "-1e+21"},
        {1e-6, "0.000001"},
        {1.5e-6, "0.0000015"},
        {1e-7, "1e-7"},
        {1.25e-7, "1.25e-7"},
        {-1e-7, "-1e-7"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {0.30000000000000004, "0.30000000000000004"},
        {1e300, "1e+300"},
        {4.35, "4.35"},
        {-4.35, "-4.35"},
        {std::nan(""), "null"},
        {std::numeric_limits<double>::infinity(), "null"},
        {-std::numeric_limits<double>::infinity(), "null"},
    };
    for (const auto& c : cases) {
        std::string out;
        append_json_number(out, c.number);
        EXPECT_EQ(out, c.text);
    }
}

TEST(SocketioEncoder, EscapesAndRepairsText) {
    std::string controls;
    for (char c = 0; c < 0x20; ++c) controls += c;
    const struct {
        std::string text;
        std::string_view json;
    } cases[] = {
        {"", R"("")"},
        {"plain", R"("plain")"},
        {controls,
         R"("\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f)"
         R"(\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d)"
         R"(\u001e\u001f")"},
        {"\"\\/\x7f\u2028é😀", "\"\\\"\\\\/\x7f\u2028é😀\""},
        {"\xff", "\"\ufffd\""},
        {"a\xc3", "\"a\ufffd\""},
        {"\xc3\xa9\xc0\xaf!", "\"é\ufffd\ufffd!\""},
        {"\xed\xa0\x80", "\"\ufffd\ufffd\ufffd\""},
        {"\xf0\x9f\x98x", "\"\ufffdx\""},
        {"\xe2\x82\"", "\"\ufffd\\\"\""},
        {"\xf4\x90\x80\x80", "\"\ufffd\ufffd\ufffd\ufffd\""},
    };
    for (const auto& c : cases) {
        // At every position within a word of eight bytes.
        for (size_t before = 0; before < 17; ++before) {
            const std::string padding(before, 'p');
            std::string out;
            append_json_string(out, padding + c.text);
            EXPECT_EQ(out, "\"" + padding + std::string(c.json.substr(1)));
        }
    }
    EXPECT_EQ(shown(Json(object{{"\xff\n", 1}})), "{\"\ufffd\\n\":1}");
}

TEST(SocketioEncoder, TakesValuesOneByOne) {
    for (const Codec codec : {Codec::json, Codec::msgpack}) {
        Encoder encoder(codec);
        for (int round = 0; round < 2; ++round) {
            encoder.begin(Type::event, "/n", 5);
            encoder.value("name");
            encoder.value(std::string_view("text"));
            encoder.value(int64_t{-1});
            encoder.value(uint64_t{18'446'744'073'709'551'615u});
            encoder.value(0.5);
            encoder.value(true);
            encoder.value(false);
            encoder.value(nullptr);
            encoder.value(Binary("bytes"));
            encoder.value(Json(array{1, Binary("more"), object{{"k", object()}}}));
            ASSERT_TRUE(encoder.finish());
        }
        EXPECT_EQ(encoder.text_is_binary(), codec == Codec::msgpack);
        const Encoded encoded = encoder.take();
        EXPECT_TRUE(encoder.text().empty());
        EXPECT_EQ(encoded.attachments.size(), codec == Codec::json ? 2u : 0u);

        Arena arena;
        Decoder decoder(codec);
        Outcome outcome = encoded.text_is_binary
                              ? decoder.add_bytes(base::bytes_of(encoded.text), arena)
                              : decoder.add_text(encoded.text.substr(1), arena);
        for (const std::string& bytes : encoded.attachments) {
            EXPECT_EQ(shown(outcome), "pending");
            outcome.kind = Outcome::Kind::fault;
            Outcome next = decoder.add_bytes(base::bytes_of(bytes), arena);
            if (next.kind == Outcome::Kind::pending) {
                outcome.kind = next.kind;
                continue;
            }
            EXPECT_EQ(shown(next),
                      R"(event /n #5 ["name","text",-1,18446744073709551615,0.5,true,false,null,)"
                      R"(<bytes>,[1,<more>,{"k":{}}]])");
        }
        if (codec == Codec::msgpack) {
            EXPECT_EQ(shown(outcome),
                      R"(event /n #5 ["name","text",-1,18446744073709551615,0.5,true,false,null,)"
                      R"(<bytes>,[1,<more>,{"k":{}}]])");
        }
    }
}

TEST(SocketioEncoder, TakesEveryKindOfNumberAndText) {
    Encoder encoder;
    encoder.begin(Type::event, "/");
    encoder.value(std::string("name"));
    encoder.value(-1);
    encoder.value(2u);
    encoder.value(short{3});
    encoder.value(4LL);
    encoder.value(5ULL);
    encoder.value(0.5f);
    encoder.value(std::numeric_limits<int64_t>::min());
    ASSERT_TRUE(encoder.finish());
    EXPECT_EQ(encoder.text(), R"(42["name",-1,2,3,4,5,0.5,-9223372036854775808])");
}

TEST(SocketioEncoder, HasAnErrorForWhatCannotBeSent) {
    const Json lookalike = object{{"_placeholder", true}, {"num", 9}};
    for (const Codec codec : {Codec::json, Codec::msgpack}) {
        Encoder encoder(codec);
        const auto sent = [&](Type type, Json data) {
            return encoder.encode(packet(type, "/", {}, std::move(data)));
        };
        EXPECT_TRUE(sent(Type::ack, nested(128)));
        EXPECT_FALSE(sent(Type::ack, nested(129)));
        EXPECT_FALSE(sent(Type::ack, nested(5000)));
        EXPECT_FALSE(sent(Type::connect, object{{"a", Binary("x")}}));
        EXPECT_FALSE(sent(Type::connect_error, object{{"data", array{Binary("x")}}}));
        EXPECT_TRUE(sent(Type::event, array{"a", lookalike}));
        // An application that echoes a peer's JSON must not make other clients close their
        // connections.
        EXPECT_EQ(sent(Type::event, array{"a", lookalike, Binary("x")}), codec == Codec::msgpack);
        EXPECT_TRUE(sent(Type::event, array{"a", object{{"_placeholder", 1}}, Binary("x")}));
        EXPECT_TRUE(sent(Type::event, array{"a"}));
    }
}

TEST(SocketioEncoder, ChangesItsCodec) {
    Encoder encoder;
    encoder.begin(Codec::msgpack, Type::disconnect, "/");
    EXPECT_TRUE(encoder.finish());
    EXPECT_TRUE(encoder.text_is_binary());
    encoder.begin(Codec::json, Type::disconnect, "/");
    EXPECT_TRUE(encoder.finish());
    EXPECT_FALSE(encoder.text_is_binary());
    EXPECT_EQ(encoder.text(), "41");
}

TEST(SocketioEncoder, AnEncoderKeepsNoLargeText) {
    Encoder encoder;
    const size_t before = fake::heap_bytes();
    encoder.begin(Type::event, "/", std::nullopt);
    encoder.value(std::string(1'000'000, 'x'));
    EXPECT_TRUE(encoder.finish());
    EXPECT_GT(fake::heap_bytes(), before + 1'000'000);
    encoder.begin(Type::event, "/", std::nullopt);
    EXPECT_LT(fake::heap_bytes(), before + 10'000);
}

}  // namespace
}  // namespace starling::socketio
