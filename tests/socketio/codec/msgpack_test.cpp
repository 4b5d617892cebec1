// Decodes MessagePack of socket.io-msgpack-parser 3.0.2 (notepack.io 2.2) and formats that it never
// writes, and encodes for it.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "base/text.h"
#include "socketio/codec/encoder.h"
#include "socketio/codec/msgpack_reader.h"
#include "tests/socketio/shown.h"

namespace starling::socketio {
namespace {

using namespace test;
using boost::json::array;
using boost::json::object;

std::string from_hex(std::string_view hex) {
    std::string bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return bytes;
}

std::string to_hex(std::string_view bytes) {
    std::string hex;
    for (const char c : bytes) {
        hex += "0123456789abcdef"[static_cast<uint8_t>(c) >> 4];
        hex += "0123456789abcdef"[static_cast<uint8_t>(c) & 15];
    }
    return hex;
}

std::string read(std::string_view bytes) {
    Arena arena;
    // On the heap without slack, so that AddressSanitizer sees a read beyond the end.
    const std::vector<char> exact(bytes.begin(), bytes.end());
    return shown(read_msgpack(base::bytes_of({exact.data(), exact.size()}), arena));
}

// An ACK for / whose data is [value].
std::string ack_of(std::string_view value_hex) {
    return from_hex(
        "83a47479706503a36e7370a12fa464617461"
        "91" +
        std::string(value_hex));
}

TEST(SocketioMsgpack, ReadsWhatClientsWrite) {
    const struct {
        std::string_view hex;
        std::string_view shown;
    } cases[] = {
        {"83a47479706500a46461746181a5746f6b656ea161a36e7370a12f", R"(connect / {"token":"a"})"},
        {"82a47479706500a36e7370a62f61646d696e", "connect /admin"},
        {"83a47479706500a36e7370a12fa464617461d40000", "connect /"},
        {"82a47479706501a36e7370a62f61646d696e", "disconnect /admin"},
        {"84a47479706502a46461746199a16101ffcb3fe0000000000000c3c0a1789080a76f7074696f6e7381a8636f"
         "6d7072657373c3a36e7370a12f",
         R"(event / ["a",1,-1,0.5,true,null,"x",[],{}])"},
        {"84a47479706502a46461746191a161a2696407a36e7370a62f61646d696e",
         R"(event /admin #7 ["a"])"},
        {"83a47479706503a2696400a36e7370a12fa464617461dc00127fcc80ccffcd0100cdffffce00010000ceffff"
         "ffffcf0000000100000000cf001fffffffffffffe0d0dfd080d1ff7fd18000d2ffff7fffd280000000d3ffff"
         "ffff7fffffffd3ffe0000000000001",
         "invalid MessagePack"},  // Four members announced as three.
        {"84a47479706503a2696400a36e7370a12fa464617461dc00127fcc80ccffcd0100cdffffce00010000ceffff"
         "ffffcf0000000100000000cf001fffffffffffffe0d0dfd080d1ff7fd18000d2ffff7fffd280000000d3ffff"
         "ffff7fffffffd3ffe0000000000001",
         "ack / #0 [127,128,255,256,65535,65536,4294967295,4294967296,9007199254740991,-32,-33,"
         "-128,-129,-32768,-32769,-2147483648,-2147483649,-9007199254740991]"},
        {"83a47479706504a36e7370a12fa464617461a178", R"(connect_error / "x")"},
        {"83a47479706504a36e7370a12fa46461746181a76d657373616765a178",
         R"(connect_error / {"message":"x"})"},
        {"83a47479706502a36e7370a12fa46461746193a161c40378797a81a162c7010078",
         R"(event / ["a",<xyz>,{"b":<x>}])"},
        {"83a47479706502a36e7370a12fa46461746195a161d7000000018df4dc5495d700ffffffffffffffffd40000"
         "82a175d40000a17601",
         R"(event / ["a","2024-02-29T12:34:56.789Z","1969-12-31T23:59:59.999Z",null,{"v":1}])"},
        {"83a47479706502a36e7370a12fa46461746192a6c3a9f09f9880a4f0908080",
         "event / [\"é😀\",\"𐀀\"]"},
        {"83a47479706502a36e7370a12fa46461746192ab636f6e7374727563746f72dc001000000000000000000000"
         "000000000000",
         R"(event / ["constructor",[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]])"},
    };
    for (const auto& c : cases) EXPECT_EQ(read(from_hex(c.hex)), c.shown) << c.hex;
}

TEST(SocketioMsgpack, ReadsEachKindOfValue) {
    const struct {
        std::string_view hex;
        std::string_view shown;
    } cases[] = {
        {"c2", "false"},
        {"ca3fc00000", "1.5"},
        {"cb7ff8000000000000", "null"},
        {"cfffffffffffffffff", "18446744073709551615"},
        {"d38000000000000000", "-9223372036854775808"},
        {"d90178", R"("x")"},
        {"da000178", R"("x")"},
        {"db0000000178", R"("x")"},
        {"c5000178", "<x>"},
        {"c60000000178", "<x>"},
        {"c800010078", "<x>"},
        {"c9000000010078", "<x>"},
        {"dd0000000101", "[1]"},
        {"de0001a16101", R"({"a":1})"},
        {"df00000001a16101", R"({"a":1})"},
        {"82a16101a16102", R"({"a":2})"},
        {"81a70062696e617279a178", R"({"\u0000binary":"x"})"},
        {"d40178", "[1,<x>]"},
        {"d5ff7878", "[-1,<xx>]"},
        {"d60178787878", "[1,<xxxx>]"},
        {"d7017878787878787878", "[1,<xxxxxxxx>]"},
        {"d80178787878787878787878787878787878", "[1,<xxxxxxxxxxxxxxxx>]"},
        {"c7010178", "[1,<x>]"},
        {"a2c328", "\"\ufffd(\""},
        {"81a1ff01", "{\"\ufffd\":1}"},
        // Years that do not fit into four digits.
        {"d7007fffffffffffffff", "null"},
        {"d7008000000000000000", "null"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(read(ack_of(c.hex)), "ack / [" + std::string(c.shown) + "]") << c.hex;
}

TEST(SocketioMsgpack, RefusesWhatIsNoValue) {
    for (const std::string_view hex : {"c1",         "0101",
                                       "91",         "81",
                                       "81a161",     "8101c0",
                                       "81c0c0",     "a178ff",
                                       "a2",         "d9",
                                       "d901",       "c4",
                                       "c401",       "c5",
                                       "c6ffffffff", "dbffffffff",
                                       "ddffffffff", "dfffffffff",
                                       "df80000000", "dcffff",
                                       "cc",         "cd00",
                                       "ce000000",   "cf00000000000000",
                                       "ca000000",   "cb00000000000000",
                                       "d0",         "d1",
                                       "d4",         "d400",
                                       "d4ff",       "d70000",
                                       "c70100",     "c9ffffffff00"}) {
        EXPECT_EQ(read(ack_of(hex)), "invalid MessagePack") << hex;
    }
    EXPECT_EQ(read(""), "invalid MessagePack");
    const std::string whole = ack_of("82a161c40178a162cb3ff8000000000000");
    for (size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(read(whole.substr(0, size)), "invalid MessagePack") << size;
    EXPECT_EQ(read(whole + "x"), "invalid MessagePack");
}

TEST(SocketioMsgpack, RefusesWhatIsNoPacket) {
    const auto packet = [](std::string_view type, std::string_view nsp, std::string_view more,
                           int members) {
        return from_hex("8" + std::to_string(members) + "a474797065" + std::string(type) +
                        "a36e7370" + std::string(nsp) + std::string(more));
    };
    const std::string data = "a464617461";
    EXPECT_EQ(read(from_hex("90")), "MessagePack that is no map");
    EXPECT_EQ(read(from_hex("80")), "unknown packet type");
    EXPECT_EQ(read(from_hex("81a474797065"
                            "00")),
              "invalid namespace");
    for (const std::string_view type : {"05", "06", "ff", "c0", "a130", "cb3fe0000000000000",
                                        "cb7ff8000000000000", "cfffffffffffffffff"})
        EXPECT_EQ(read(packet(type, "a12f", "", 2)), "unknown packet type") << type;
    EXPECT_EQ(read(packet("cb0000000000000000", "a12f", "", 2)), "connect /");
    for (const std::string_view nsp : {"c0", "00", "a0", "a161", "c4012f"})
        EXPECT_EQ(read(packet("00", nsp, "", 2)), "invalid namespace") << nsp;
    EXPECT_EQ(read(packet("00", "a62f613f783d31", "", 2)), "connect /a?x=1");
    EXPECT_EQ(read(packet("00", "da0100" + to_hex("/" + std::string(255, 'a')), "", 2)),
              "namespace too long");
    for (const std::string_view id :
         {"ff", "c0", "a137", "cb3fe0000000000000", "cf0020000000000000", "cfffffffffffffffff"})
        EXPECT_EQ(read(packet("03", "a12f",
                              data +
                                  "90"
                                  "a26964" +
                                  std::string(id),
                              4)),
                  "invalid ack id")
            << id;
    EXPECT_EQ(read(packet("03", "a12f",
                          data + "90"
                                 "a26964cb401c000000000000",
                          4)),
              "ack / #7 []");
    const struct {
        std::string_view type;
        std::string_view data;
    } shapes[] = {
        {"00", "c0"},
        {"00", "90"},
        {"01", "c0"},
        {"01", "80"},
        {"02", "c0"},
        {"02", "80"},
        {"02", "90"},
        {"02", "91c0"},
        {"02", "91c40161"},
        {"02", "91cb7ff8000000000000"},
        {"02", "91a7636f6e6e656374"},
        {"03", "c0"},
        {"03", "80"},
        {"04", "c0"},
        {"04", "90"},
    };
    for (const auto& c : shapes)
        EXPECT_EQ(read(packet(c.type, "a12f", data + std::string(c.data), 3)), "invalid payload")
            << c.type << " " << c.data;
    for (const std::string_view type : {"02", "03", "04"})
        EXPECT_EQ(read(packet(type, "a12f", "", 2)), "invalid payload") << type;
}

TEST(SocketioMsgpack, LimitsDepthWithoutRecursion) {
    const auto nested = [](size_t depth) {
        return ack_of(to_hex(std::string(depth - 2, '\x91') + "\x90"));
    };
    EXPECT_TRUE(read(nested(128)).starts_with("ack"));
    EXPECT_EQ(read(nested(129)), "invalid MessagePack");
    EXPECT_EQ(read(nested(100'000)), "invalid MessagePack");
}

TEST(SocketioMsgpack, WritesShortestForms) {
    const auto written = [](Type type, std::optional<uint64_t> id, Json data) {
        Encoder encoder(Codec::msgpack);
        EXPECT_TRUE(encoder.encode({type, "/", {}, id, std::move(data)}));
        EXPECT_TRUE(encoder.text_is_binary());
        EXPECT_TRUE(encoder.attachments().empty());
        return to_hex(encoder.text());
    };
    EXPECT_EQ(written(Type::connect, {}, nullptr), "82a47479706500a36e7370a12f");
    EXPECT_EQ(written(Type::connect, {}, object{{"sid", "x"}}),
              "83a47479706500a36e7370a12fa46461746181a3736964a178");
    EXPECT_EQ(written(Type::connect_error, {}, "x"), "83a47479706504a36e7370a12fa464617461a178");
    EXPECT_EQ(written(Type::ack, 7, array()), "84a47479706503a36e7370a12fa2696407a46461746190");
    // As notepack.io writes these numbers.
    const std::string numbers =
        "dc00127fcc80ccffcd0100cdffffce00010000ceffffffffcf0000000100000000cf001fffffffffffffe0d0df"
        "d080d1ff7fd18000d2ffff7fffd280000000d3ffffffff7fffffffd3ffe0000000000001";
    EXPECT_EQ(written(Type::ack, {},
                      array{127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296,
                            9007199254740991, -32, -33, -128, -129, -32768, -32769, -2147483648,
                            -2147483649, -9007199254740991}),
              "83a47479706503a36e7370a12fa464617461" + numbers);
    EXPECT_EQ(written(Type::ack, {}, array{std::string(31, 'x'), std::string(32, 'x')}),
              "83a47479706503a36e7370a12fa46461746192bf" + to_hex(std::string(31, 'x')) + "d920" +
                  to_hex(std::string(32, 'x')));
    EXPECT_EQ(written(Type::ack, {}, array{Binary("xyz"), "\xff", 0.5, true, nullptr}),
              "83a47479706503a36e7370a12fa46461746195c40378797aa3efbfbdcb3fe0000000000000c3c0");
}

TEST(SocketioMsgpack, ReadsBackEverySize) {
    Arena arena;
    Encoder encoder(Codec::msgpack);
    for (const size_t size : {0u, 1u, 15u, 16u, 31u, 32u, 255u, 256u, 65'535u, 65'536u}) {
        const std::string text(size, 'x');
        array items(size, Json(1));
        object members;
        for (size_t i = 0; i < size; ++i) members.emplace(std::to_string(i), 1);
        const Json data = array{text, Binary(text), items, members};
        for (const Json& json : {data, Json(items)}) {
            ASSERT_TRUE(encoder.encode({Type::ack, "/", {}, {}, json}));
            const Outcome outcome = read_msgpack(base::bytes_of(encoder.text()), arena);
            ASSERT_EQ(outcome.kind, Outcome::Kind::packet) << size;
            EXPECT_TRUE(outcome.packet.data == json) << size;
        }
    }
}

TEST(SocketioMsgpack, TakesNoText) {
    Arena arena;
    Decoder decoder(Codec::msgpack);
    EXPECT_EQ(shown(decoder.add_text("0", arena)), "text where MessagePack was due");
}

}  // namespace
}  // namespace starling::socketio
