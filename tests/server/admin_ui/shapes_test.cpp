#include "server/admin_ui/shapes.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include <string>
#include <string_view>

#include "server/admin_ui/event_counts.h"
#include "socketio/namespace.h"
#include "tests/fake/socketio.h"

namespace starling::server {
namespace {

using boost::json::parse;
using boost::json::serialize;

TEST(AdminUiShapes, DatesAreThoseOfJavaScript) {
    EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(iso_time(1'796'011'506'007), "2026-11-30T04:05:06.007Z");
}

TEST(AdminUiShapes, LargeEventsAndDataShowTheirSizeAlone) {
    const auto event = parse(R"(["news",{"a":[1]}])").as_array();
    EXPECT_EQ(serialize(shown_event(event, 18, 18)), R"(["news",{"a":[1]}])");
    EXPECT_EQ(serialize(shown_event(event, 19, 18)), R"x(["news","(19 bytes, not shown)"])x");
    const Json null, small = parse(R"({"name":"eve"})"), large = Json(std::string(20'000, 'x'));
    EXPECT_EQ(serialize(shown_data(nullptr)), "{}");
    EXPECT_EQ(serialize(shown_data(&null)), "{}");
    EXPECT_EQ(serialize(shown_data(&small)), R"({"name":"eve"})");
    EXPECT_EQ(serialize(shown_data(&large)), R"x({"data":"(20002 bytes, not shown)"})x");
}

TEST(AdminUiShapes, WhatNoPacketCanHoldIsDescribed) {
    Json deep = 1;
    for (int i = 0; i < 100; ++i) deep = Json(boost::json::array{1, deep});
    const std::string text = serialize(shown_data(&deep));
    EXPECT_TRUE(text.starts_with("[1,[1,["));
    EXPECT_NE(text.find("(deeper values, not shown)"), std::string::npos);
    EXPECT_LT(text.size(), 200u);
    boost::json::array event{"file"};
    event.push_back(sio::Binary(std::string("abc")));
    EXPECT_EQ(serialize(shown_event(event, 10, 20)), R"x(["file","(3 bytes, not shown)"])x");
}

// What shown_socket() makes of a client whose request has this head.
boost::json::object shown(const std::string& head, std::string_view secret_parameter = "token") {
    fake::Workers workers;
    fake::Namespace root(workers.adapter.declare("/"));
    boost::json::object object;
    root.on_connection([&](sio::Socket socket) {
        socket.join("red");
        object = shown_socket(*socketio::Server::find_here(socket), secret_parameter);
    });
    fake::Client client(workers, 0, 4);
    client.transport.connect_info =
        socketio::ConnectInfo("192.0.2.7", "", head, {.issued_ms = 5000});
    client.says("0");
    return object;
}

TEST(AdminUiShapes, ASocketIsShownAsNodeShowsIt) {
    boost::json::object object = shown("/socket.io/?EIO=4\nhost: example.com\n");
    const std::string id(object.at("id").as_string());
    object.erase("id");
    EXPECT_EQ(id.size(), 20u);
    EXPECT_EQ(Json(object.at("rooms")), Json({id, "red"}));
    object.erase("rooms");
    EXPECT_EQ(Json(object), parse(R"({"clientId":")" + shown_client("ENGINE") +
                                  R"(","transport":"websocket","nsp":"/","data":{},"handshake":{
                    "address":"192.0.2.7","headers":{"host":"example.com"},"query":{"EIO":"4"},
                    "issued":5000,"secure":false,"time":"Thu, 01 Jan 1970 00:00:05 GMT",
                    "url":"/socket.io/?EIO=4","xdomain":false}})"));
}

TEST(AdminUiShapes, CredentialsAreHidden) {
    const auto handshake = shown(
                               "/socket.io/?EIO=4&token=abc?abc&x=1&t%6Fken=abc\n"
                               "authorization: Bearer abc\n"
                               "cookie: a=abc\nproxy-authorization: abc\nx-test: 1\n")
                               .at("handshake")
                               .as_object();
    EXPECT_EQ(handshake.at("url"), "/socket.io/?EIO=4&token=***&x=1&t%6Fken=***");
    EXPECT_EQ(Json(handshake.at("query")), Json({{"EIO", "4"}, {"token", "(hidden)"}, {"x", "1"}}));
    EXPECT_EQ(Json(handshake.at("headers")), Json({{"authorization", "(hidden)"},
                                                   {"cookie", "(hidden)"},
                                                   {"proxy-authorization", "(hidden)"},
                                                   {"x-test", "1"}}));
    EXPECT_EQ(shown("/?token=abc\n", "").at("handshake").at("url"), "/?token=abc");
}

TEST(AdminUiShapes, LongFieldsAreCut) {
    std::string head = "/?x=" + std::string(5000, 'x') + "\n";
    for (int i = 0; i < 100; ++i)
        head.append("x-").append(std::to_string(i)).append(": ").append(2000, 'y').append("\n");
    const boost::json::object object = shown(head);
    EXPECT_LT(serialize(object).size(), 24u * 1024);
    EXPECT_TRUE(object.at("handshake").at("url").as_string().ends_with("..."));
}

TEST(AdminUiShapes, ClientsHaveTheSameDigitsInAllNamespaces) {
    EXPECT_EQ(shown_client("ENGINE"), shown_client("ENGINE"));
    EXPECT_NE(shown_client("ENGINE"), shown_client("ENGINF"));
    EXPECT_EQ(shown_client("ENGINE").size(), 12u);
}

TEST(AdminUiEventCounts, AreOfWholeSecondsAndCountedOnce) {
    using Kind = EventCounts::Kind;
    EventCounts counts;
    counts.add(Kind::connections);
    counts.add(Kind::packets_in);
    counts.add(Kind::packets_in);
    counts.add(Kind::bytes_in, 17);
    counts.disconnected("ping timeout");
    counts.disconnected("transport close");
    counts.disconnected("ping timeout");
    boost::json::array events;
    counts.move_to(events, 12'345);
    EXPECT_EQ(Json(events), parse(R"([
        {"timestamp":12000,"type":"rawConnection","count":1},
        {"timestamp":12000,"type":"packetsIn","count":2},
        {"timestamp":12000,"type":"bytesIn","count":17},
        {"timestamp":12000,"type":"rawDisconnection","subType":"ping timeout","count":2},
        {"timestamp":12000,"type":"rawDisconnection","subType":"transport close","count":1}])"));
    counts.move_to(events, 13'000);
    EXPECT_EQ(events.size(), 5u);
}

}  // namespace
}  // namespace starling::server
