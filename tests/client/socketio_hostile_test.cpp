// A Socket.IO client and servers that no library is: what they send, and when they hang up.
#include <gtest/gtest.h>
#include <starling/socketio_client.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/client/fixture.h"
#include "tests/client/socketio_site.h"

namespace starling::client::test {
namespace {

constexpr std::string_view open_text =
    R"(0{"sid":"E1","upgrades":[],"pingInterval":25000,"pingTimeout":20000})";

// An unfragmented text of at most 125 bytes.
std::string frame(std::string_view text) {
    return {"\x81" + std::string(1, static_cast<char>(text.size())) + std::string(text)};
}

std::string answer(std::string_view body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// A name that is a number is written as JavaScript writes it. The connection goes on.
TEST(SioHostile, NumbersAreNames) {
    ScriptServer server([](Peer& peer) {
        peer.accept();
        for (const std::string_view text :
             {open_text, std::string_view(R"(40{"sid":"S"})"), std::string_view("42[7]"),
              std::string_view("42[1.5]"), std::string_view("42[18446744073709551615]"),
              std::string_view("42[-1e300]"), std::string_view(R"(42["end"])")})
            peer.write(frame(text));
        peer.wait_for_end();
    });
    Lines names;
    ClientLoop loop;
    loop.on_exception([&](std::string_view what) { names.emplace_back(what); });
    const auto socket = sio::connect(loop, "http" + server.url("").substr(2),
                                     {.transports = {"websocket"}, .reconnection = false});
    socket.on_any([&](std::string_view name, std::span<const sio::Json>) {
        names.emplace_back(name);
        if (name == "end") socket.disconnect();
    });
    loop.run();
    EXPECT_EQ(names, (Lines{"7", "1.5", "18446744073709552000", "-1e+300", "end"}));
}

// The last POST is under way, and nobody holds the client any more: the GET that the server drops is
// not sent again.
TEST(SioHostile, AGetThatIsDroppedAfterTheEndIsNotRepeated) {
    std::optional<Peer> polls;
    int requests = 0;
    ScriptServer server([&](Peer& peer) {
        ++requests;
        const std::string head = peer.read_head();
        if (!polls) {  // The open packet; the next GET waits.
            peer.write(answer(open_text));
            peer.read_head();
            polls.emplace(std::move(peer));
        } else if (requests == 2) {  // CONNECT.
            peer.write(answer("ok"));
            polls->write(answer(R"(40{"sid":"S"})"));
            polls->read_head();
        } else if (requests == 3) {  // DISCONNECT.
            peer.write(answer("ok"));
        } else if (head.starts_with("POST ")) {  // The close packet.
            polls->end();
            polls->wait_for_end();
            peer.write(answer("ok"));
        }
    });
    {
        ClientLoop loop;
        auto socket = std::make_unique<sio::ClientSocket>(
            sio::connect(loop, "http" + server.url("").substr(2),
                         {.transports = {"polling"}, .reconnection = false}));
        socket->on("connect", [&] {
            socket->disconnect();
            loop.post([&] { socket.reset(); });
        });
        loop.run();
    }
    server.stop();
    EXPECT_EQ(requests, 4);
}

}  // namespace
}  // namespace starling::client::test
