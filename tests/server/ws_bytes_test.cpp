// Messages made of any contiguous bytes.
#include <gtest/gtest.h>
#include <starling/socketio_value.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

TEST(AnyBytes, AreBinaryMessages) {
    TestServer t;
    t.server.websocket("/ws", {.open = [](ws::Socket socket) {
                           std::vector<std::byte> bytes(2, std::byte{'b'});
                           const std::vector<uint8_t> octets{'o', 'c'};
                           const std::vector<char> chars{'c', 'h'};
                           const signed char signs[] = {'s', 'g'};
                           socket.send(bytes);
                           socket.send(std::span<std::byte>(bytes));
                           socket.send(std::span<const std::byte>(bytes));
                           socket.send(octets);
                           socket.send(std::span<const uint8_t>(octets));
                           socket.send(chars);
                           socket.send(std::span<const char>(chars));
                           socket.send(signs);
                           socket.send(std::array<uint8_t, 2>{'a', 'r'});
                           socket.send(std::vector<std::byte>());
                           const std::string text = "text";
                           const char array[] = "array";
                           socket.send(text);
                           socket.send(std::string_view(text));
                           socket.send("literal");
                           socket.send(array);
                       }});
    t.start();
    WsClient client(t.port(), "/ws");
    for (const char* want : {"binary(bb)", "binary(bb)", "binary(bb)", "binary(oc)", "binary(oc)",
                             "binary(ch)", "binary(ch)", "binary(sg)", "binary(ar)", "binary()",
                             "text(text)", "text(text)", "text(literal)", "text(array)"})
        EXPECT_EQ(client.next(), want);
}

TEST(AnyBytes, MakeABinaryOfSocketIo) {
    const std::array<uint8_t, 2> octets{'o', 'c'};
    EXPECT_EQ(sio::Binary(octets).text(), "oc");
    EXPECT_EQ(sio::Binary(std::vector<std::byte>(2, std::byte{'b'})).text(), "bb");
    EXPECT_EQ(sio::Binary("literal").text(), "literal");
}

}  // namespace
}  // namespace starling::server::test
