// Bytes inside a Json: no JSON from a client is mistaken for them, and what is sent on has the
// limits of what is received.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <string>
#include <vector>

#include "socketio/codec/msgpack_reader.h"
#include "tests/fake/socketio.h"

namespace starling {
namespace {

using fake::Client;
using fake::Workers;
using sio::Binary;
using sio::Json;
using Lines = std::vector<std::string>;

// A chat: the server sends each client's message to all clients.
void relay(sio::Namespace& io) {
    io.on("pub", [&io](const Json& value) { io.emit("pub", value); });
    io.on("twice", [&io](const Json& value) { io.emit("pub", value, value); });
    io.on("is bytes", [](const Json& value) { return Binary::view(value).has_value(); });
    io.on("bytes", [](Binary bytes) { return bytes.size(); });
}

struct Chat {
    Chat() {
        for (Client* client : {&sender, &other}) {
            client->says("0");
            static_cast<void>(client->takes());
        }
    }
    Workers workers;
    const bool declared = (relay(workers.of("/")), true);  // Set before the first client.
    Client sender{workers, 0, 4}, other{workers, 0, 4};
};

TEST(SocketIoBytesInJson, NoTextOfAClientIsBytes) {
    const std::string marks[] = {R"({"\u0000binary":""})",        R"({"\u0000binary":"x"})",
                                 R"({"\u00ff\u00febinary":"x"})", R"({"\ufffd\ufffdbinary":"x"})",
                                 R"({"\ud800binary":"x"})",       R"({"\u0000\u0000binary":"x"})"};
    for (const std::string& mark : marks) {
        Chat chat;
        std::string eleven = mark;
        for (int i = 0; i < 10; ++i) eleven += "," + mark;
        chat.sender.says(R"(2["pub",[)" + eleven + "]]");
        const auto told = chat.other.takes();
        ASSERT_EQ(told.size(), 1u) << mark;
        EXPECT_TRUE(told[0].starts_with("42[\"pub\",[{")) << told[0];
        EXPECT_EQ(boost::json::parse(std::string_view(told[0]).substr(2)).at(1).as_array().size(),
                  11u);
        EXPECT_EQ(chat.sender.takes(), told);
        chat.sender.says(R"(21["is bytes",)" + mark + "]");
        EXPECT_EQ(chat.sender.takes(), Lines{"431[false]"});
    }
}

TEST(SocketIoBytesInJson, NoTextIsTheMark) {
    EXPECT_EQ(Binary::view(Json(Binary("xyz"))), "xyz");
    EXPECT_FALSE(Binary::view(Json{{"\0binary", "x"}}));
    // The marker is not UTF-8: serialized, it is not valid JSON.
    boost::json::error_code error;
    boost::json::parse(boost::json::serialize(Json(Binary("x"))), error);
    EXPECT_TRUE(error);
}

TEST(SocketIoBytesInJson, NoMessagePackNameIsTheMark) {
    // {type: 2, nsp: "/", data: ["a", {<mark>: "x"}]}
    std::string packet(
        "\x83\xa4type\x02\xa3nsp\xa1/\xa4"
        "data\x92\xa1"
        "a\x81");
    packet += char(0xa0 + Binary::mark.size());
    packet.append(Binary::mark).append("\xa1x");
    socketio::Arena arena;
    const auto outcome = socketio::read_msgpack(base::bytes_of(packet), arena);
    ASSERT_EQ(outcome.kind, socketio::Outcome::Kind::packet) << outcome.reason;
    ASSERT_TRUE(outcome.packet.data.at(1).is_object());
    EXPECT_FALSE(Binary::view(outcome.packet.data.at(1)));
}

TEST(SocketIoBytesInJson, NoQueryNameIsTheMark) {
    Workers workers;
    std::vector<Json> seen;
    workers.of("/admin").on_connection(
        [&](sio::Socket socket) { seen.push_back(socket.handshake().auth); });
    Client client(workers, 0, 3);
    client.says("0/admin?%FF%FEbinary=x,");
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_FALSE(Binary::view(seen[0]));
    EXPECT_EQ(seen[0], (Json{{"\xef\xbf\xbd\xef\xbf\xbd"
                              "binary",
                              "x"}}));
}

TEST(SocketIoBytesInJson, RealBytesAreSentOn) {
    Chat chat;
    const std::string place = R"({"_placeholder":true,"num":0})";
    chat.sender.says(R"(51-["pub",{"a":)" + place + R"(,"\u0000binary":1}])");
    chat.sender.says_bytes("xyz");
    EXPECT_EQ(chat.other.takes(),
              (Lines{R"(451-["pub",{"a":)" + place + R"(,"\u0000binary":1}])", "bytes 3"}));
    chat.sender.says("51-2[\"bytes\"," + place + "]");
    static_cast<void>(chat.sender.takes());
    chat.sender.says_bytes("xyz");
    EXPECT_EQ(chat.sender.takes(), Lines{"432[3]"});
}

std::string with_places(std::string_view event, size_t count) {
    std::string text = "51-[\"" + std::string(event) + "\",[";
    for (size_t i = 0; i < count; ++i)
        text += std::string(i ? "," : "") + R"({"_placeholder":true,"num":0})";
    return text + "]]";
}

TEST(SocketIoBytesInJson, WhatIsSentOnKeepsTheLimits) {
    {
        Chat chat;  // A packet may have ten.
        chat.sender.says(with_places("pub", 10));
        chat.sender.says_bytes("");
        EXPECT_EQ(chat.other.takes().size(), 11u);
    }
    {
        // One attachment in eleven places could not be sent on, so the packet is refused.
        Chat chat;
        chat.sender.says(with_places("pub", 11));
        EXPECT_EQ(chat.sender.takes(), Lines{"end forced close"});
        EXPECT_EQ(chat.other.takes(), Lines{});
    }
    {
        Chat chat;  // If the application makes more of them its handler throws.
        chat.sender.says(with_places("twice", 6));
        chat.sender.says_bytes("x");
        EXPECT_EQ(chat.sender.takes(), Lines{"end forced server close"});
        EXPECT_EQ(chat.other.takes(), Lines{});
        chat.workers.on(0, [&] {
            const std::vector<Json> eleven(11, Json(Binary("x")));
            auto& io = *chat.workers.namespaces[0];
            EXPECT_THROW(io.emit("pub", eleven), std::invalid_argument);
            EXPECT_NO_THROW(io.emit("pub", std::vector<Json>(10, Json(Binary("x")))));
        });
        EXPECT_EQ(chat.other.takes().size(), 11u);
    }
}

}  // namespace
}  // namespace starling
