// Messages that no node of today sends: of older and newer versions, broken, and hostile ones.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "cluster/classic_codec.h"
#include "cluster/node_codec.h"
#include "socketio/codec/msgpack_values.h"
#include "tests/cluster/shown.h"

namespace starling::cluster {
namespace {

using namespace test;

std::string outcome(const Decoded& decoded) {
    return decoded ? shown(*decoded) : std::string(name_of(decoded.error()));
}

std::string msgpack(std::string_view json) {
    std::string out;
    EXPECT_TRUE(socketio::msgpack::append_value(out, boost::json::parse(json), 1));
    return out;
}

constexpr Limits small{.message_bytes_max = 1000,
                       .rooms_max = 3,
                       .answer_items_max = 4,
                       .uid_bytes_max = 16,
                       .request_id_bytes_max = 16};

TEST(ClusterCodec, ClassicEmits) {
    const struct {
        std::string_view json;
        std::string_view outcome;
    } cases[] = {
        {R"(["u",{"type":2,"data":["a"]},{}])", R"(emit ["a"])"},
        {R"(["u",{"type":2,"data":["a"],"nsp":"/n"},{"rooms":["r"]},"new"])",
         R"(emit nsp /n to r ["a"])"},
        {R"(["u",{"type":5,"data":["a"]},{"rooms":null,"flags":null}])", R"(emit ["a"])"},
        {R"(["u",{"type":2,"data":["a"]},{"rooms":[1.5,-1,"x"]}])", R"(emit to 1.5|-1|x ["a"])"},
        {R"(["u",{"type":2,"data":["a"]},{"flags":{"volatile":1,"compress":0,"timeout":-1}}])",
         R"(emit volatile uncompressed ["a"])"},
        {R"(["u",{"type":3,"data":["a"]},{}])", "unknown type"},
        {R"(["u",{"type":-2,"data":["a"]},{}])", "malformed"},
        {R"(["u",{"type":2,"data":[]},{}])", "malformed"},
        {R"(["u",{"type":2,"data":["disconnect"]},{}])", "malformed"},
        {R"(["u",{"type":2,"data":{}},{}])", "malformed"},
        {R"(["u",{"type":2},{}])", "malformed"},
        {R"(["u",{"type":2,"data":["a"],"nsp":7},{}])", "malformed"},
        {R"(["u",{"type":2,"data":["a"]},{"rooms":"r"}])", "malformed"},
        {R"(["u",{"type":2,"data":["a"]},{"rooms":[null]}])", "malformed"},
        {R"(["u",{"type":2,"data":["a"]},{"rooms":[["r"]]}])", "malformed"},
        {R"(["u",{"type":2,"data":["a"]},{"rooms":["a","b","c","d"]}])", "too large"},
        {R"(["u",{"type":2,"data":["a"]},{"except":["a","b","c","d"]}])", "too large"},
        {R"(["u",{"type":2,"data":["a"]}])", "malformed"},
        {R"([7,{"type":2,"data":["a"]},{}])", "malformed"},
        {R"(["",{"type":2,"data":["a"]},{}])", "malformed"},
        {R"(["a uid that is much too long",{"type":2,"data":["a"]},{}])", "malformed"},
        {R"({})", "malformed"},
        {R"("text")", "malformed"},
    };
    Arena arena(decode_limits(1));
    for (const auto& row : cases)
        EXPECT_EQ(outcome(read_classic_emit(msgpack(row.json), small, arena)), row.outcome)
            << row.json;
    EXPECT_EQ(outcome(read_classic_emit("", small, arena)), "malformed");
    EXPECT_EQ(outcome(read_classic_emit("\xc1", small, arena)), "malformed");
    EXPECT_EQ(outcome(read_classic_emit(std::string(1001, '\x90'), small, arena)), "too large");
    // An array and a text that promise more than follows.
    EXPECT_EQ(outcome(read_classic_emit("\xdd\xff\xff\xff\xff", small, arena)), "malformed");
    EXPECT_EQ(outcome(read_classic_emit("\x93\xdb\xff\xff\xff\xff", small, arena)), "malformed");
    EXPECT_EQ(outcome(read_classic_emit(std::string(999, '\x91'), small, arena)), "malformed");
}

struct TextCase {
    std::string_view body;
    std::string_view outcome;
};

TEST(ClusterCodec, ClassicRequests) {
    const TextCase cases[] = {
        // The older forms, of one socket.
        {R"({"requestId":"r","type":2,"sid":"s","room":"a"})", "join sid s rooms a"},
        {R"({"requestId":"r","type":3,"sid":"s","room":"a"})", "leave sid s rooms a"},
        {R"({"requestId":"r","type":4,"sid":"s","close":true})", "disconnect sid s close"},
        {R"({"requestId":"r","type":2,"sid":"s"})", "malformed"},
        {R"({"requestId":"r","type":4})", "malformed"},
        {R"({"type":2,"opts":{},"rooms":["a"]})", "join rooms a"},
        {R"({"type":2,"opts":{}})", "malformed"},
        {R"({"type":2,"opts":[],"rooms":["a"]})", "malformed"},
        {R"({"type":4,"opts":{"rooms":["a"]},"close":1})", "disconnect to a"},
        {R"({"type":0,"rooms":["a"]})", "malformed"},
        {R"({"type":1})", "malformed"},
        {R"({"type":5,"opts":{}})", "malformed"},
        {R"({"requestId":"r","type":5})", "malformed"},
        {R"({"requestId":7,"type":1})", "malformed"},
        {R"({"requestId":"an id that is too long","type":1})", "malformed"},
        {R"({"type":6,"data":["a"]})", R"(server_event ["a"])"},
        {R"({"type":6,"data":[1]})", "malformed"},
        {R"({"type":6,"data":[]})", "malformed"},
        {R"({"type":6})", "malformed"},
        {R"({"type":7,"packet":{"type":2,"data":["a"]},"opts":{}})", "malformed"},
        {R"({"requestId":"r","type":7,"packet":{"type":2,"data":["a"]},"opts":{}})",
         R"(ask ["a"])"},
        {R"({"type":8})", "unknown type"},
        {R"({"type":9007199254740991})", "unknown type"},
        {R"({"type":1e300})", "malformed"},
        {R"({"type":"1"})", "malformed"},
        {R"({"requestId":"r"})", "malformed"},
        {R"({"type":1,)", "malformed"},
        {R"({)", "malformed"},
        {"", "malformed"},
    };
    Arena arena(decode_limits(1));
    for (const auto& row : cases) {
        EXPECT_EQ(outcome(read_classic_request(row.body, "/", small, arena)), row.outcome)
            << row.body;
        if (row.outcome == "malformed") continue;
        EXPECT_EQ(outcome(read_classic_request(msgpack(row.body), "/", small, arena)), row.outcome)
            << row.body;
    }
    const std::string room(256, 'r');
    EXPECT_EQ(outcome(read_classic_request(R"({"type":2,"opts":{},"rooms":[")" + room + R"("]})",
                                           "/", small, arena)),
              "too large");
}

TEST(ClusterCodec, ClassicResponses) {
    const TextCase cases[] = {
        {R"({"requestId":"r"})", "done"},
        {R"({"requestId":"r","sockets":[]})", "fetched"},
        {R"({"requestId":"r","sockets":["a","b"]})", "ids rooms a|b"},
        {R"({"requestId":"r","sockets":{}})", "malformed"},
        {R"({"requestId":"r","sockets":[{}]})", "malformed"},
        {R"({"requestId":"r","sockets":[{"id":"a"}]})", "fetched { null   }"},
        {R"({"requestId":"r","sockets":[{"id":"a","rooms":7}]})", "malformed"},
        {R"({"requestId":"r","sockets":[{"id":"a","rooms":["1","2","3"]}]})",
         "fetched {1|2|3 null   }"},
        {R"({"requestId":"r","sockets":[{"id":"a","rooms":["1","2","3","4"]}]})", "too large"},
        {R"({"requestId":"r","sockets":[{"id":"a","handshake":{"query":{"a":["1","2","3","4"]}}}]})",
         "too large"},
        {R"({"requestId":"r","rooms":["a",7]})", "rooms rooms a|7"},
        {R"({"requestId":"r","rooms":["a","b","c","d","e"]})", "too large"},
        {R"({"requestId":"r","type":8,"clientCount":3})", "count 3"},
        {R"({"requestId":"r","type":8,"clientCount":-3})", "malformed"},
        {R"({"requestId":"r","type":8})", "malformed"},
        {R"({"requestId":"r","type":9})", "ack"},
        {R"({"requestId":"r","type":6,"data":[1]})", "answer [1]"},
        {R"({"requestId":"r","type":5})", "unknown type"},
        {R"({"type":9,"packet":1})", "malformed"},
        {R"([])", "malformed"},
    };
    Arena arena(decode_limits(1));
    for (const auto& row : cases)
        EXPECT_EQ(outcome(read_classic_response(row.body, "/", small, arena)), row.outcome)
            << row.body;
}

TEST(ClusterCodec, TheQuestionOfAnAnswerIsSeenWithoutDecoding) {
    const std::string long_id(40, 'i');
    const struct {
        std::string body;
        std::string_view id;
    } cases[] = {
        {R"({"requestId":"A-1","sockets":[]})", "A-1"},
        {msgpack(R"({"requestId":"A-1","sockets":[]})"), "A-1"},
        {msgpack(R"({"requestId":")" + long_id + R"(","sockets":[]})"), long_id},
        {R"({"type":6,"requestId":"A-1"})", ""},
        {msgpack(R"({"type":6,"requestId":"A-1"})"), ""},
        {R"({"requestId":"A\u002d1"})", ""},
        {R"({"requestId":7})", ""},
        {R"({"requestId":"A-1)", ""},
        {"", ""},
        {"\x82", ""},
        {"\x82\xa9requestId", ""},
        {"\x82\xa9requestId\xd9", ""},
        {"\x82\xa9requestId\xa3"
         "A-",
         ""},
        {"\x82\xa9requestId\xd9\x03"
         "A-",
         ""},
        {"\x82\xa9requestId\x07", ""},
    };
    for (const auto& [body, id] : cases) EXPECT_EQ(leading_request_id(body), id) << body;
}

TEST(ClusterCodec, HandshakesWithRepeatedNames) {
    Message message;
    message.kind = Kind::fetched;
    message.request_id = "A-1";
    RemoteSocket socket;
    socket.id = "s";
    socket.handshake.headers = {{"a", "1"}, {"b", "2"}, {"a", "3"}, {"a", "4"}};
    // More than are compared with one another.
    for (int i = 0; i < 40; ++i)
        socket.handshake.query.emplace_back("q" + std::to_string(i % 20), "v");
    message.sockets.push_back(socket);
    std::string body;
    ASSERT_TRUE(write_classic(message, body));
    EXPECT_NE(body.find(R"("headers":{"a":["1","3","4"],"b":"2"})"), std::string::npos) << body;
    EXPECT_NE(body.find(R"("query":{"q0":["v","v"],"q1":["v","v"],)"), std::string::npos) << body;
    Arena arena;
    auto read = read_classic_response(body, "/", Limits{}, arena);
    ASSERT_TRUE(read);
    EXPECT_EQ((*read).sockets[0].handshake.headers.size(), 4u);
    EXPECT_EQ((*read).sockets[0].handshake.query.size(), 40u);
}

// An application on a Node.js server reads `data.name` without a look whether there is data.
TEST(ClusterCodec, ASocketWithoutDataOrAuthHasEmptyObjects) {
    Message message;
    message.kind = Kind::fetched;
    message.request_id = "A-1";
    message.sockets.emplace_back().id = "s";
    std::string body;
    ASSERT_TRUE(write_classic(message, body));
    EXPECT_NE(body.find(R"("auth":{})"), std::string::npos) << body;
    EXPECT_NE(body.find(R"("data":{})"), std::string::npos) << body;
}

TEST(ClusterCodec, NodeMessages) {
    const TextCase cases[] = {
        {R"({"uid":"u","nsp":"/","type":1})", "hello"},
        {R"({"uid":"u","nsp":"/","type":2,"data":7})", "heartbeat"},
        {R"({"uid":"u","nsp":"/a","type":13})", "bye nsp /a"},
        {R"({"uid":"u","nsp":"/","type":3,"data":{"packet":{"type":2,"data":["a"]},"opts":{}}})",
         R"(emit ["a"])"},
        {R"({"uid":"u","nsp":"/","type":3,"data":{"packet":{"type":2,"data":["a"]}}})",
         "malformed"},
        {R"({"uid":"u","nsp":"/","type":3})", "malformed"},
        {R"({"uid":"u","nsp":"/","type":4,"data":{"opts":{},"rooms":["a"]}})", "join rooms a"},
        {R"({"uid":"u","nsp":"/","type":5,"data":{"opts":{}}})", "malformed"},
        {R"({"uid":"u","nsp":"/","type":7,"data":{"opts":{}}})", "malformed"},
        {R"({"uid":"u","nsp":"/","type":8,"data":{"requestId":"r","sockets":7}})", "malformed"},
        {R"({"uid":"u","nsp":"/","type":9,"data":{"packet":"a"}})", "malformed"},
        {R"({"uid":"u","nsp":"/","type":10,"data":{"packet":"a"}})", "malformed"},
        {R"({"uid":"u","nsp":"/","type":11,"data":{"requestId":"r","clientCount":1.5}})",
         "malformed"},
        {R"({"uid":"u","nsp":"/","type":12,"data":{"requestId":"r"}})", "ack"},
        {R"({"uid":"u","nsp":"/","type":14})", "unknown type"},
        {R"({"uid":"u","nsp":"/","type":0})", "unknown type"},
        {R"({"uid":"u","type":1})", "malformed"},
        {R"({"nsp":"/","type":1})", "malformed"},
        {R"({"uid":"u","nsp":"/"})", "malformed"},
        {R"({})", "malformed"},
    };
    Arena arena(decode_limits(1));
    for (const auto& row : cases) {
        EXPECT_EQ(outcome(read_node_message(row.body, small, arena)), row.outcome) << row.body;
        EXPECT_EQ(outcome(read_node_message(msgpack(row.body), small, arena)), row.outcome)
            << row.body;
    }
}

TEST(ClusterCodec, Entries) {
    std::string base64;
    base::base64_append(base64, msgpack(R"({"packet":["a"]})"));
    const struct {
        Entry entry;
        std::string_view outcome;
    } cases[] = {
        {{{"uid", "u"}, {"nsp", "/"}, {"type", "1"}}, "hello"},
        {{{"type", "13"}, {"new", "x"}, {"nsp", "/"}, {"uid", "u"}}, "bye"},
        {{{"uid", "u"}, {"nsp", "/"}, {"type", "9"}, {"data", R"({"packet":["a"]})"}},
         R"(server_event ["a"])"},
        {{{"uid", "u"}, {"nsp", "/"}, {"type", "9"}, {"data", base64}}, R"(server_event ["a"])"},
        {{{"uid", "u"}, {"nsp", "/"}, {"type", "9"}, {"data", "{"}}, "malformed"},
        {{{"uid", "u"}, {"nsp", "/"}, {"type", "9"}, {"data", "!!"}}, "malformed"},
        {{{"uid", "u"}, {"nsp", "/"}, {"type", "9"}, {"data", ""}}, "malformed"},
        {{{"uid", "u"}, {"nsp", "/"}, {"type", "9"}}, "malformed"},
        {{{"uid", "u"}, {"nsp", "/"}, {"type", "x"}}, "malformed"},
        {{{"uid", "u"}, {"nsp", "/"}, {"type", "-1"}}, "malformed"},
        {{{"uid", "u"}, {"nsp", "/"}, {"type", "99"}}, "unknown type"},
        {{{"uid", "u"}, {"nsp", ""}, {"type", "1"}}, "malformed"},
        {{{"nsp", "/"}, {"type", "1"}}, "malformed"},
        {{{"uid", "u"}, {"nsp", "/"}, {"type", "9"}, {"data", std::string(1001, '{')}},
         "too large"},
        {{}, "malformed"},
    };
    Arena arena(decode_limits(1));
    for (const auto& row : cases)
        EXPECT_EQ(outcome(read_entry(row.entry, small, arena)), row.outcome);
}

TEST(ClusterCodec, Sessions) {
    const struct {
        std::string_view json;
        std::string_view rooms;  // "-": refused.
    } cases[] = {
        {R"({"sid":"s","pid":"p","rooms":["s",7],"data":{}})", "s|7"},
        {R"({"sid":"s","pid":"p","rooms":[]})", ""},
        {R"({"sid":"s","pid":"p","rooms":["a"],"nsp":"/n","user":"u","begin":"1-0"})", "a"},
        {R"({"sid":"s","pid":"p","rooms":["a"],"nsp":7})", "-"},
        {R"({"sid":"s","pid":"p","rooms":["a"],"user":""})", "-"},
        {R"({"sid":"s","pid":"p","rooms":["a"],"begin":1})", "-"},
        {R"({"sid":"s","pid":"p"})", "-"},
        {R"({"pid":"p","rooms":[]})", "-"},
        {R"({"sid":"s","pid":"p","rooms":["a","b","c","d"]})", "-"},
        {R"([])", "-"},
    };
    Arena arena(decode_limits(1));
    for (const auto& row : cases) {
        std::string value;
        base::base64_append(value, msgpack(row.json));
        const auto session = read_session(value, small, arena);
        EXPECT_EQ(session ? joined(session->rooms) : "-", row.rooms) << row.json;
    }
    const Session whole{"s", "p", {"a"}, Json{{"n", 1}}, "/n", "ann", "5-1"};
    std::string value;
    ASSERT_TRUE(write_session(whole, value));
    const auto again = read_session(value, small, arena);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->nsp, "/n");
    EXPECT_EQ(again->user, "ann");
    EXPECT_EQ(again->begin, "5-1");
    EXPECT_EQ(again->data, whole.data);
    EXPECT_FALSE(read_session("not base64!", small, arena));
    EXPECT_FALSE(read_session("", small, arena));
}

TEST(ClusterCodec, WhatAMissedPacketIsFor) {
    const std::vector<std::string> rooms{"id", "a"};
    EXPECT_TRUE(is_for(rooms, {}));
    EXPECT_TRUE(is_for(rooms, {.rooms = {"x", "a"}}));
    EXPECT_FALSE(is_for(rooms, {.rooms = {"x"}}));
    EXPECT_FALSE(is_for(rooms, {.rooms = {"a"}, .except = {"id"}}));
    EXPECT_FALSE(is_for(rooms, {.except = {"a"}}));
}

TEST(ClusterCodec, TooDeepIsNotWritten) {
    Json deep = boost::json::array{"a"};
    for (int i = 0; i < 200; ++i) deep = boost::json::array{deep};
    Message message;
    message.uid = "u";
    message.kind = Kind::emit;
    message.data = deep;
    std::string out;
    Entry entry;
    EXPECT_FALSE(write_classic(message, out));
    EXPECT_FALSE(write_node_message(message, out));
    EXPECT_FALSE(write_entry(message, entry));
}

TEST(ClusterCodec, BytesGoInMessagePack) {
    Message message;
    message.uid = "u";
    message.kind = Kind::server_event;
    message.data = boost::json::array{"a", Binary(std::string("\x01\xff"))};
    std::string out;
    Arena arena(decode_limits(1));
    ASSERT_TRUE(write_classic(message, out));
    EXPECT_EQ(outcome(read_classic_request(out, "/", {}, arena)), R"(server_event ["a",<01ff>])");
    // A kind that only the classic adapter has.
    message.kind = Kind::list_rooms;
    EXPECT_FALSE(write_node_message(message, out));
}

// Extension -1 of MessagePack in its three sizes.
TEST(ClusterCodec, Dates) {
    using namespace std::string_view_literals;
    const struct {
        std::string_view bytes;
        std::string_view shown;
    } cases[] = {
        {"\xd6\xff\x00\x01\x51\x80"sv, R"("1970-01-02T00:00:00.000Z")"},
        {"\xd7\xff\x1d\xcd\x65\x00\x00\x01\x51\x80"sv, R"("1970-01-02T00:00:00.125Z")"},
        {"\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"sv,
         R"("1969-12-31T23:59:59.000Z")"},
        {"\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"sv, "null"},
        {"\xd4\xff\x00"sv, "[-1,<00>]"},
    };
    Arena arena(decode_limits(1));
    for (const auto& row : cases) {
        const auto value = socketio::read_msgpack_value(std::as_bytes(std::span(row.bytes)), arena,
                                                        socketio::MsgpackFrom::node);
        ASSERT_TRUE(value);
        EXPECT_EQ(shown(*value), row.shown);
    }
}

}  // namespace
}  // namespace starling::cluster
