// permessage-deflate on real connections: both directions, with and without context takeover, mixed
// subscribers of one publication.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"
#include "ws/deflate.h"

namespace starling::server::test {
namespace {

using ws::Message;
using ws::Opcode;
using ws::Socket;

constexpr const char* offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

std::string compressible(size_t bytes, int seed = 0) {
    std::string text;
    while (text.size() < bytes) text += "line " + std::to_string(text.size() + size_t(seed)) + "; ";
    text.resize(bytes);
    return text;
}

ws::Route echo(ws::Compression compression) {
    return {
        .message_bytes_max = 100'000,
        .compression = compression,
        .open = [](Socket socket) { socket.join("all"); },
        .message = [](Socket socket, Message message) { socket.send(message); },
    };
}

std::string deflated(ws::Deflater& deflater, std::string_view text, bool reset) {
    return std::string(base::text_of(deflater.compress(base::bytes_of(text), reset)));
}

TEST(WsCompression, IsOffUnlessTheRouteAndTheClientWantIt) {
    TestServer t;
    t.server.websocket("/off", echo({}));
    t.server.websocket("/on", echo({.enabled = true}));
    t.start();
    for (const auto& [path, fields] :
         {std::pair{"/off", offer},
          {"/on", ""},
          {"/on", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7\r\n"}}) {
        WsClient client(t.port(), path, fields);
        EXPECT_FALSE(client.handshake().has("Sec-WebSocket-Extensions")) << path << fields;
        client.send_text(compressible(5000));
        EXPECT_FALSE(client.frame().rsv1);
        client.send(masked_frame(Opcode::text, "x", true, true));
        EXPECT_EQ(client.next(), "close(1002 reserved bit set)");
    }
}

TEST(WsCompression, WithoutTakeoverEachMessageStandsForItself) {
    TestServer t;
    t.server.websocket("/", echo({.enabled = true}));
    t.start();
    WsClient client(t.port(), "/", offer);
    EXPECT_TRUE(client.handshake().has("server_no_context_takeover"));
    EXPECT_TRUE(client.handshake().has("client_no_context_takeover"));
    ws::Inflater inflater(ws::Inflater::Context::takeover);
    ws::Deflater deflater;
    for (const size_t size : {0u, 10u, 1023u, 1024u, 5000u, 99'000u}) {
        const std::string text = compressible(size);
        client.send(masked_frame(Opcode::text, deflated(deflater, text, true), true, true));
        Frame frame = client.frame();
        EXPECT_EQ(frame.rsv1, size >= 1024) << size;  // Compressed from the threshold on.
        client.send_text(text);  // Uncompressed messages are allowed in between.
        EXPECT_TRUE(client.message(&inflater) == text) << size;
    }
}

// Two connections share the worker's inflater, and each has received half of a compressed message.
TEST(WsCompression, HalfReceivedMessagesDoNotMix) {
    TestServer t;
    t.server.websocket("/", echo({.enabled = true}));
    t.start();
    ws::Inflater inflater(ws::Inflater::Context::takeover);
    ws::Deflater deflater;
    std::vector<std::unique_ptr<WsClient>> clients;
    std::vector<std::string> payloads;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(std::make_unique<WsClient>(t.port(), "/", offer));
        payloads.push_back(deflated(deflater, compressible(30'000, i * 1000), true));
    }
    for (size_t from = 0; from < 3; ++from) {
        for (size_t i = 0; i < clients.size(); ++i) {
            const size_t third = payloads[i].size() / 3 + 1;
            clients[i]->send(masked_frame(from == 0 ? Opcode::text : Opcode::continuation,
                                          payloads[i].substr(from * third, third), from == 2,
                                          from == 0));
            if (from == 2) continue;
            clients[i]->send(masked_frame(Opcode::ping, "p"));
            EXPECT_EQ(clients[i]->next(), "pong(p)");  // The server has read the first half.
        }
    }
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(clients[size_t(i)]->message(&inflater) == compressible(30'000, i * 1000)) << i;
}

TEST(WsCompression, TakeoverInBothDirections) {
    TestServer t;
    t.server.websocket("/",
                       echo({.enabled = true, .context_takeover = true, .threshold_bytes = 0}));
    t.start();
    WsClient client(t.port(), "/", offer);
    EXPECT_FALSE(client.handshake().has("no_context_takeover")) << client.handshake().head;
    ws::Inflater inflater(ws::Inflater::Context::takeover);
    ws::Deflater deflater;
    size_t first = 0;
    for (int i = 0; i < 20; ++i) {
        const std::string text = compressible(2000);
        const std::string bytes = deflated(deflater, text, false);
        if (i == 0) first = bytes.size();
        client.send(masked_frame(Opcode::text, bytes, true, true));
        if (i == 1) {
            EXPECT_LT(bytes.size(), first / 5);  // The message really refers to the previous one.
        }
        EXPECT_TRUE(client.message(&inflater, true) == text) << i;
    }
}

// Each peer gets a publication in the form that it negotiated, and its own messages in between stay
// readable.
TEST(WsCompression, PublicationsReachMixedSubscribers) {
    TestServer t;
    t.server.websocket("/none", echo({.enabled = true}));
    t.server.websocket("/takeover", echo({.enabled = true, .context_takeover = true}));
    t.server.websocket("/bits",
                       echo({.enabled = true, .context_takeover = true, .window_bits = 10}));
    t.server.websocket("/pieces", [] {
        ws::Route route = echo({.enabled = true, .context_takeover = true});
        route.fragment_bytes_max = 100;
        return route;
    }());
    t.start();
    struct Peer {
        const char* path;
        const char* fields;
        bool compressed;
        std::unique_ptr<WsClient> client = nullptr;
        std::unique_ptr<ws::Inflater> inflater = nullptr;
        bool takeover = false;
    };
    const char* small =
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n";
    Peer peers[] = {{"/none", "", false},       {"/none", offer, true},
                    {"/takeover", offer, true}, {"/takeover", small, true},
                    {"/bits", small, true},     {"/pieces", offer, true},
                    {"/takeover", "", false},   {"/takeover", offer, true}};
    for (Peer& peer : peers) {
        peer.client = std::make_unique<WsClient>(t.port(), peer.path, peer.fields);
        peer.inflater = std::make_unique<ws::Inflater>(ws::Inflater::Context::takeover);
        peer.takeover = !peer.client->handshake().has("server_no_context_takeover");
    }
    EXPECT_TRUE(eventually([&] { return t.server.subscribers("all") == std::size(peers); }));
    for (int round = 0; round < 12; ++round) {
        const std::string publication = compressible(20'000, round);
        const std::string tiny = "tiny " + std::to_string(round);
        t.server.publish("all", publication);
        t.server.publish("all", tiny);
        for (size_t i = 0; i < std::size(peers); ++i) {
            SCOPED_TRACE(std::to_string(round) + " " + std::to_string(i));
            Peer& peer = peers[i];
            EXPECT_TRUE(peer.client->message(peer.inflater.get(), peer.takeover) == publication);
            EXPECT_EQ(peer.client->message(), tiny);
            const std::string own = compressible(3000, round * 7);
            peer.client->send_text(own);
            EXPECT_TRUE(peer.client->message(peer.inflater.get(), peer.takeover) == own);
        }
    }
}

TEST(WsCompression, ABombStopsAtTheLimit) {
    TestServer t;
    t.server.websocket("/", echo({.enabled = true}));
    t.start();
    WsClient client(t.port(), "/", offer);
    ws::Deflater deflater(15, 9);
    const std::string bomb = deflated(deflater, std::string(50'000'000, '\0'), true);
    ASSERT_LT(bomb.size(), 60'000u);
    client.send(masked_frame(Opcode::binary, bomb, true, true));
    EXPECT_EQ(client.next(), "close(1009 message too big)");
    WsClient garbage(t.port(), "/", offer);
    garbage.send(masked_frame(Opcode::text, "\xff\xff\xff\xff", true, true));
    EXPECT_EQ(garbage.next(), "close(1007 invalid compressed data)");
}

}  // namespace
}  // namespace starling::server::test
