// The lists of sockets in answers: what is read of each field, in JSON and in MessagePack alike.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <string_view>

#include "cluster/classic_codec.h"
#include "cluster/node_codec.h"
#include "cluster/socket_list.h"
#include "socketio/codec/msgpack_values.h"
#include "tests/cluster/shown.h"

namespace starling::cluster {
namespace {

using namespace test;

std::string msgpack(std::string_view json) {
    std::string out;
    EXPECT_TRUE(socketio::msgpack::append_value(out, boost::json::parse(json), 1));
    return out;
}

void show(std::string& line, std::string_view name,
          const std::vector<std::pair<std::string, std::string>>& pairs) {
    for (const auto& [key, value] : pairs)
        line.append(" ").append(name).append(".").append(key).append("=").append(value);
}

// Each field that is not as in an empty RemoteSocket.
std::string outcome(const Decoded& decoded) {
    if (!decoded) return std::string(name_of(decoded.error()));
    if ((*decoded).kind != Kind::fetched) return test::shown(*decoded);
    std::string line;
    for (const RemoteSocket& socket : (*decoded).sockets) {
        const sio::Handshake& handshake = socket.handshake;
        line.append(line.empty() ? "" : "; ").append(socket.id);
        for (const auto& room : socket.rooms) line.append(" in=").append(room);
        if (!socket.data.is_null()) line.append(" data=").append(shown(socket.data));
        show(line, "headers", handshake.headers);
        show(line, "query", handshake.query);
        if (!handshake.url.empty()) line.append(" url=").append(handshake.url);
        if (!handshake.address.empty()) line.append(" address=").append(handshake.address);
        if (!handshake.user.empty()) line.append(" user=").append(handshake.user);
        if (handshake.xdomain) line.append(" xdomain");
        if (handshake.secure) line.append(" secure");
        if (handshake.issued_ms != 0)
            line.append(" issued=").append(std::to_string(handshake.issued_ms));
        if (!handshake.auth.is_null()) line.append(" auth=").append(shown(handshake.auth));
    }
    return line;
}

constexpr Limits small{.answer_items_max = 6};

struct Case {
    std::string_view list;
    std::string_view outcome;
};

// Reads the list as all adapters write it.
void check(const Case& row) {
    Arena arena(decode_limits(1));
    const std::string list(row.list);
    const std::string data = R"({"requestId":"r","sockets":)" + list + "}";
    const std::string node = R"({"uid":"u","nsp":"/","type":8,"data":)" + data + "}";
    const Entry entry{{"uid", "u"}, {"nsp", "/"}, {"type", "8"}, {"data", data}};
    EXPECT_EQ(outcome(read_classic_response(data, "/", small, arena)), row.outcome) << list;
    EXPECT_EQ(outcome(read_node_message(node, small, arena)), row.outcome) << list;
    EXPECT_EQ(outcome(read_entry(entry, small, arena)), row.outcome) << list;
}

void check_both(const Case& row) {
    check(row);
    Arena arena(decode_limits(1));
    const std::string data = R"({"requestId":"r","sockets":)" + std::string(row.list) + "}";
    const std::string node = R"({"uid":"u","nsp":"/","type":8,"data":)" + data + "}";
    EXPECT_EQ(outcome(read_classic_response(msgpack(data), "/", small, arena)), row.outcome);
    EXPECT_EQ(outcome(read_node_message(msgpack(node), small, arena)), row.outcome) << row.list;
}

TEST(ClusterSocketList, Fields) {
    const Case cases[] = {
        {R"([])", ""},
        {R"([{"id":"a"},{"id":"b"}])", "a; b"},
        {R"([{"rooms":["a","r"],"new":{"x":[1,{"id":"y"}]},"id":"a"}])", "a in=a in=r"},
        {R"([{"id":"a","rooms":[1.5,-1,0,"x"]}])", "a in=1.5 in=-1 in=0 in=x"},
        {R"([{"id":"a","rooms":null,"data":null,"handshake":null}])", "a"},
        {R"([{"id":"a","data":{"n":[1,{"m":null}],"t":"x"}}])",
         R"(a data={"n":[1,{"m":null}],"t":"x"})"},
        {R"([{"id":"a","data":[]},{"id":"b","data":true},{"id":"c","data":"x"}])",
         R"(a data=[]; b data=true; c data="x")"},
        {R"([{"id":"a","data":-2.5},{"id":"b"}])", "a data=-2.5; b"},
        {R"([{"id":"a","handshake":{"headers":{"h":"1","l":["2","3"]},"query":{"q":"4"}}}])",
         "a headers.h=1 headers.l=2 headers.l=3 query.q=4"},
        {R"([{"id":"a","handshake":{"url":"/u","address":"::1","user":"me","time":"now"}}])",
         "a url=/u address=::1 user=me"},
        {R"([{"id":"a","handshake":{"xdomain":true,"secure":1,"issued":1700000000000}}])",
         "a xdomain secure issued=1700000000000"},
        {R"([{"id":"a","handshake":{"auth":{"token":["t"]},"secure":"no"}}])",
         R"(a secure auth={"token":["t"]})"},
        {R"([{"id":"a","handshake":{"auth":"t"}},{"id":"b","handshake":{"auth":7}}])",
         R"(a auth="t"; b auth=7)"},
    };
    for (const Case& row : cases) check_both(row);
}

// The sender is another version, or hostile.
TEST(ClusterSocketList, FieldsOfOtherKinds) {
    const Case cases[] = {
        {R"([{"id":7}])", "malformed"},
        {R"([{"id":""}])", "malformed"},
        {R"([{"id":{"id":"a"}}])", "malformed"},
        {R"([{"id":["a"]}])", "malformed"},
        {R"([{"id":"a"},7])", "malformed"},
        {R"([{"id":"a"},"b"])", "malformed"},
        {R"([{"id":"a"},["b"],{"id":"c"}])", "malformed"},
        {R"([{"id":"a"},null,{"id":"c"}])", "malformed"},
        {R"([{}])", "malformed"},
        {R"({"0":{"id":"a"}})", "malformed"},
        {R"([{"id":"a","rooms":"r"}])", "malformed"},
        {R"([{"id":"a","rooms":{"r":1}}])", "malformed"},
        {R"([{"id":"a","rooms":["r",null]}])", "malformed"},
        {R"([{"id":"a","rooms":["r",["s"]]}])", "malformed"},
        {R"([{"id":"a","rooms":["r",{"s":[]}]}])", "malformed"},
        {R"([{"id":"a","handshake":[{"url":"/u"}]},{"id":"b","handshake":"x"}])", "a; b"},
        {R"([{"id":"a","handshake":{"headers":["h"],"query":"q","url":["u"],"address":7}}])", "a"},
        {R"([{"id":"a","handshake":{"headers":{"h":7,"l":["2",["3"]],"n":{"o":"p"}}}}])",
         "a headers.l=2"},
        {R"([{"id":"a","handshake":{"xdomain":{},"secure":[],"issued":-1,"user":{}}}])",
         "a xdomain secure"},
        {R"([{"id":"a","handshake":{"xdomain":0,"secure":"","issued":1e30,"auth":null}}])", "a"},
        {R"([{"id":"a","handshake":{"issued":9007199254740991}}])", "a issued=253402300799999"},
        {R"([{"id":"a","handshake":{"issued":"7","xdomain":null,"secure":false}}])", "a"},
    };
    for (const Case& row : cases) check_both(row);
}

TEST(ClusterSocketList, Limits) {
    const Case cases[] = {
        {R"([{"id":"1"},{"id":"2"},{"id":"3"},{"id":"4"},{"id":"5"},{"id":"6"}])",
         "1; 2; 3; 4; 5; 6"},
        {R"([{"id":"1"},{"id":"2"},{"id":"3"},{"id":"4"},{"id":"5"},{"id":"6"},{"id":"7"}])",
         "too large"},
        {R"([{"id":"1"},{"id":"2"},{"id":"3"},{"id":"4"},{"id":"5"},{"id":"6"},7])", "too large"},
        {R"([{"id":"a","rooms":[1,2,3,4,5]}])", "a in=1 in=2 in=3 in=4 in=5"},
        {R"([{"id":"a","rooms":[1,2,3,4,5,6]}])", "too large"},
        {R"([{"id":"a","rooms":[1,2,3]},{"id":"b","rooms":[1,2]}])", "too large"},
        {R"([{"id":"a","rooms":[null,2,3,4,5,6]}])", "too large"},
        {R"([{"rooms":[1,2,3,4,5,6]}])", "malformed"},
        {R"([{"id":"a","rooms":[1],"handshake":{"headers":{"h":1,"i":"2"},"query":{"q":["3","4","5"]}}}])",
         "too large"},
        {R"([{"id":"a","handshake":{"query":{"q":["1","2","3","4","5","6"]}}}])", "too large"},
        {R"([{"id":"a","handshake":{"query":{"q":{"r":["1","2","3","4","5","6"]}}}}])", "a"},
        // The first fault counts.
        {R"([{"id":""},{"id":"a","rooms":[1,2,3,4,5,6]}])", "malformed"},
        {R"([{"id":"a","rooms":[1,2,3,4,5,6]},{"id":""}])", "too large"},
    };
    for (const Case& row : cases) check_both(row);
    const std::string longest(socketio::room_bytes_max, 'x');
    check_both({R"([{"id":")" + longest + R"("}])", longest});
    check_both({R"([{"id":"x)" + longest + R"("}])", "malformed"});
}

TEST(ClusterSocketList, TextsInJson) {
    const Case cases[] = {
        // The parser gives these in parts.
        {R"([{"id":"a\u0062c","rooms":["\"r\\s"],"data":"\ud83d\ude00x","h\u0061ndshake":7}])",
         "abc in=\"r\\s data=\"\xf0\x9f\x98\x80x\""},
        {R"([{"\u0069d":"a","handsh\u0061ke":{"\u0075rl":"\/u","query":{"\u0071":"\u0031"}}}])",
         "a query.q=1 url=/u"},
        // Half of a surrogate pair.
        {R"([{"id":"a","rooms":["\ud800"],"data":["\udc00"]}])",
         "a in=\xef\xbf\xbd data=[\"\xef\xbf\xbd\"]"},
        // Of members with one name the last counts.
        {R"([{"id":"a","id":"b","rooms":["r"],"rooms":["s"],"data":[1],"data":null}])", "b in=s"},
        {R"([{"id":"a","id":null}])", "malformed"},
        {R"([{"id":"a","rooms":7,"rooms":[]}])", "a"},
        {R"([{"id":"a","handshake":{"url":"/u","user":"me"},"handshake":{"url":"/v"}}])",
         "a url=/v"},
        {R"([{"id":"a","handshake":{"url":"/u","secure":true,"url":7,"secure":null}}])", "a"},
        {R"([{"id":"a","data":1.7976931348623157e308,"rooms":[0.1]}])",
         "a in=0.1 data=1.7976931348623157e+308"},
        {R"([{"id":"a"},])", "malformed"},
        {R"([{"id":"a"}})", "malformed"},
        {R"([{"id":"a","rooms":["\x"]}])", "malformed"},
    };
    for (const Case& row : cases) check(row);
}

TEST(ClusterSocketList, TheMemberThatIsMeant) {
    const struct {
        std::string_view body;
        std::string_view outcome;
    } cases[] = {
        {R"({"requestId":"r","sockets":[{"id":"a"}],"sockets":[{"id":"b"}]})", "b"},
        {R"({"requestId":"r","sockets":[{"id":"a"}],"sockets":[]})", ""},
        {R"({"requestId":"r","sockets":[7],"sockets":[{"id":"a"}]})", "a"},
        {R"({"requestId":"r","sockets":[{}],"sockets":[{"id":"a"}]})", "a"},
        {R"({"requestId":"r","sockets":[{"id":"a"}],"sockets":7})", "malformed"},
        {R"({"requestId":"r","sockets":[{"id":"a"}],"sockets":null})", "done"},
        {R"({"requestId":"r","sockets":["a",{"id":"b"}]})", "malformed"},
        {R"({"requestId":"r","sockets":["a",7]})", "ids rooms a|7"},
        {R"({"requestId":"r","s\u006fckets":[{"id":"a"}]})", "a"},
        {R"({"requestId":"r","data":{"sockets":[{"id":"a"}]}})", "done"},
        {R"({"requestId":"r","x":[{"sockets":[{"id":"a"}]}],"sockets":[]})", ""},
        // Here the member means nothing, so nothing in it is a fault.
        {R"({"requestId":"r","type":8,"clientCount":2,"sockets":[{}]})", "count 2"},
    };
    Arena arena(decode_limits(1));
    for (const auto& row : cases)
        EXPECT_EQ(outcome(read_classic_response(row.body, "/", small, arena)), row.outcome)
            << row.body;
    const std::string begin = R"({"uid":"u","nsp":"/","type":8,)";
    for (const auto& [rest, expected] : std::initializer_list<std::pair<const char*, const char*>>{
             {R"("data":{"requestId":"r","sockets":[{"id":"a"}]},"sockets":[{"id":"b"}]})", "a"},
             {R"("data":{"sockets":[{"id":"a"}]},"data":{"requestId":"r","sockets":[]}})", ""},
             {R"("data":{"sockets":[{"id":"a"}]},"data":{"requestId":"r"}})", "malformed"},
             {R"("data":[{"sockets":[{"id":"a"}]}]})", "malformed"},
             {R"("data":{"requestId":"r","x":{"sockets":[{"id":"a"}]}}})", "malformed"},
             {R"("sockets":[{"id":"a"}],"data":{"requestId":"r"}})", "malformed"}})
        EXPECT_EQ(outcome(read_node_message(begin + rest, small, arena)), expected) << rest;
}

// Values that outlive the Arena, and bytes.
TEST(ClusterSocketList, Values) {
    using namespace std::string_literals;
    std::vector<RemoteSocket> sockets;
    {
        Arena arena(decode_limits(1));
        // {requestId: "r", sockets: [{id: "a", data: {b: <bytes>, d: <Date>}, rooms: [<bytes>]}]}
        const std::string begin = "\x82\xa9requestId\xa1r\xa7sockets\x91\x83\xa2id\xa1"s + "a\xa4" +
                                  "data\x82\xa1" + "b\xc4\x02\x01\xff\xa1" + "d\xd6\xff" +
                                  "\0\0\0\x01\xa5rooms"s;
        auto read = read_classic_response(begin + "\x90", "/", small, arena);
        ASSERT_TRUE(read);
        sockets = std::move((*read).sockets);
        EXPECT_EQ(outcome(read_classic_response(begin + "\x91\xc4\x01x", "/", small, arena)),
                  "malformed");
        // Every prefix is refused, and one byte more.
        for (size_t size = 0; size <= begin.size(); ++size)
            EXPECT_EQ(outcome(read_classic_response(begin.substr(0, size), "/", small, arena)),
                      "malformed")
                << size;
        EXPECT_EQ(outcome(read_classic_response(begin + "\x90\x90", "/", small, arena)),
                  "malformed");
    }
    ASSERT_EQ(sockets.size(), 1u);
    const auto& data = sockets[0].data.as_object();
    EXPECT_EQ(sio::Binary::view(data.at("b")), "\x01\xff");
    EXPECT_EQ(data.at("d"), "1970-01-01T00:00:01.000Z");
}

TEST(ClusterSocketList, Depth) {
    const size_t depth_max = decode_limits(1).depth_max;
    const auto nested = [](size_t depth) {
        return R"({"requestId":"r","sockets":[{"id":"a","data":)" + std::string(depth, '[') +
               std::string(depth, ']') + "}]}";
    };
    Arena arena(decode_limits(1));
    EXPECT_TRUE(read_classic_response(nested(depth_max - 3), "/", small, arena));
    EXPECT_FALSE(read_classic_response(nested(depth_max - 2), "/", small, arena));
    EXPECT_FALSE(read_classic_response(nested(100'000), "/", small, arena));
    const auto packed = [](size_t depth) {
        return "\x82\xa9requestId\xa1r\xa7sockets\x91\x82\xa2id\xa1" + std::string("a\xa4") +
               "data" + std::string(depth, '\x91') + "\x90";
    };
    EXPECT_TRUE(read_classic_response(packed(depth_max - 4), "/", small, arena));
    EXPECT_FALSE(read_classic_response(packed(depth_max - 3), "/", small, arena));
    EXPECT_FALSE(read_classic_response(packed(100'000), "/", small, arena));
}

// Names that a hostile node chose so that Boost's table is slow with them; see base/json_builder.h.
TEST(ClusterSocketList, LargeObjects) {
    std::string data;
    for (int i = 0; i < 1000; ++i)
        data.append(data.empty() ? "{" : ",").append("\"k" + std::to_string(i) + "\":1");
    Arena arena(decode_limits(1));
    auto read = read_classic_response(R"({"requestId":"r","sockets":[{"id":"a","data":)" + data +
                                          R"(},"handshake":{"auth":)" + data + "}}}]}",
                                      "/", small, arena);
    ASSERT_TRUE(read);
    const RemoteSocket& socket = (*read).sockets.at(0);
    EXPECT_EQ(socket.data.as_object().size(), 1000u);
    EXPECT_EQ(socket.handshake.auth, socket.data);
}

}  // namespace
}  // namespace starling::cluster
