// WebSockets over real sockets: close codes, handlers that misbehave, handles.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using ws::Message;
using ws::Opcode;
using ws::Socket;
using ws::Upgrade;

// A route whose handlers write to the transcript.
ws::Route recording(Transcript& events) {
    return {
        .open = [&](Socket) { events.add("open"); },
        .message =
            [&](Socket socket, Message message) {
                events.add("message " + std::string(message.text()));
                socket.send(message);
            },
        .close =
            [&](Socket socket, uint16_t code, std::string_view reason) {
                events.add("close " + std::to_string(code) + (reason.empty() ? "" : " ") +
                           std::string(reason) + (socket.is_open() ? " STILL OPEN" : ""));
            },
    };
}

struct Ending {
    const char* name;
    std::string sent;
    const char* received;  // Frames, then the end of the connection.
    const char* closed;    // The arguments of the close handler.
};

TEST(WsClose, CodesAreAnsweredAndReported) {
    TestServer t;
    ws::Route route = recording(t.events);
    route.message_bytes_max = 1000;
    route.fragments_max = 3;
    t.server.websocket("/", std::move(route));
    t.start();
    const auto frame = [](Opcode opcode, const std::string& payload, bool fin = true,
                          bool rsv1 = false) { return masked_frame(opcode, payload, fin, rsv1); };
    const auto close = [&](uint16_t code, const char* reason = "") {
        return frame(Opcode::close, close_payload(code, reason));
    };
    const std::string part = frame(Opcode::continuation, "x", false);
    const Ending cases[] = {
        {"with a code", close(1000), "close(1000) <end>", "close 1000"},
        {"with a reason", close(4321, "why"), "close(4321) <end>", "close 4321 why"},
        {"without a code", frame(Opcode::close, ""), "close() <end>", "close 1005"},
        {"bad code", close(1005), "close(1002 invalid close code) <end>",
         "close 1002 invalid close code"},
        {"one byte", frame(Opcode::close, "x"), "close(1002 close payload of one byte) <end>",
         "close 1002 close payload of one byte"},
        {"data behind", close(1000) + frame(Opcode::text, "late"), "close(1000) <end>",
         "close 1000"},
        {"unmasked", "\x81\x01x", "close(1002 wrong masking) <end>", "close 1002 wrong masking"},
        {"rsv1", frame(Opcode::text, "x", true, true), "close(1002 reserved bit set) <end>",
         "close 1002 reserved bit set"},
        {"utf-8", frame(Opcode::text, "\xff"), "close(1007 invalid UTF-8) <end>",
         "close 1007 invalid UTF-8"},
        {"unfinished utf-8", frame(Opcode::text, "\xff", false), "close(1007 invalid UTF-8) <end>",
         "close 1007 invalid UTF-8"},
        {"too big", frame(Opcode::binary, std::string(1001, 'x')),
         "close(1009 message too big) <end>", "close 1009 message too big"},
        {"fragments", frame(Opcode::text, "x", false) + part + part + part,
         "close(1008 too many fragments) <end>", "close 1008 too many fragments"},
        {"good, then bad", frame(Opcode::text, "ok") + part,
         "text(ok) close(1002 continuation of nothing) <end>",
         "close 1002 continuation of nothing"},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.name);
        const size_t before = t.events.count(one.closed);
        WsClient client(t.port());
        client.send(one.sent);
        std::string received;
        for (std::string next; !next.starts_with('<');)
            received += (received.empty() ? "" : " ") + (next = client.next());
        EXPECT_EQ(received, one.received);
        client.close();
        EXPECT_TRUE(t.events.wait_for(one.closed, before + 1)) << t.events.text();
    }
    EXPECT_EQ(t.events.count("message late"), 0u);
    EXPECT_TRUE(t.all_gone());
    EXPECT_EQ(t.stats().protocol_errors, 9u);
}

TEST(WsClose, AConnectionThatBreaksIs1006) {
    TestServer t;
    t.server.websocket("/", recording(t.events));
    t.start();
    WsClient ends(t.port()), resets(t.port());
    ends.close();
    EXPECT_TRUE(t.events.wait_for("close 1006", 1));
    resets.reset();
    EXPECT_TRUE(t.events.wait_for("close 1006", 2));
    EXPECT_TRUE(t.all_gone());
}

TEST(WsClose, TheServersOwnWaitsForTheAnswer) {
    TestServer t;
    ws::Route route = recording(t.events);
    route.message = [&](Socket socket, Message message) {
        t.events.add("message " + std::string(message.text()));
        socket.close(4000, "enough");
        socket.close(4001, "again");  // Changes nothing.
        EXPECT_FALSE(socket.is_open());
        EXPECT_EQ(socket.send("late"), ws::SendResult::closed);
        EXPECT_EQ(socket.ping(), ws::SendResult::closed);
    };
    t.server.websocket("/", std::move(route));
    t.start();
    WsClient client(t.port());
    client.send(masked_frame(Opcode::text, "1") + masked_frame(Opcode::text, "2"));
    EXPECT_EQ(client.next(), "close(4000 enough)");
    client.send_text("3");
    client.send_close(4000, "fine");
    EXPECT_EQ(client.next(), "<end>");
    // The reason of the side that closed first.
    EXPECT_TRUE(t.events.wait_for("close 4000 enough"));
    EXPECT_EQ(t.events.text(), "open, message 1, close 4000 enough");

    WsClient silent(t.port());  // Never answers: reset after 5 s.
    silent.send_text("x");
    EXPECT_EQ(silent.next(), "close(4000 enough)");
    EXPECT_EQ(silent.next(), "<reset>");
    EXPECT_TRUE(t.events.wait_for("close 4000 enough", 2));
    EXPECT_TRUE(t.all_gone());
}

TEST(WsHandlers, AThrowInAnyOfThemCostsThatConnectionAlone) {
    TestServer t;
    const auto fail = [](const char* what) { throw std::runtime_error(what); };
    const auto wants = [](Socket socket, const char* what) {
        const auto* name = socket.data<std::string>();
        return name && *name == what;
    };
    const auto boom = [=](const char* where) {
        return [=](Socket socket, auto...) {
            if (wants(socket, where)) fail(where);
        };
    };
    t.server.websocket(
        "/:where", {
                       .upgrade =
                           [](Upgrade& upgrade) {
                               upgrade.emplace_data<std::string>(upgrade.request().param("where"));
                           },
                       .open = boom("open"),
                       .message =
                           [=](Socket socket, Message message) {
                               if (wants(socket, "message")) throw 42;
                               socket.send(message);
                           },
                       .close = boom("close"),
                       .ping = boom("ping"),
                       .pong = boom("pong"),
                   });
    t.start();
    WsClient bystander(t.port(), "/bystander");
    uint64_t thrown = 0;
    for (const char* where : {"open", "message", "ping", "pong", "close"}) {
        SCOPED_TRACE(where);
        WsClient client(t.port(), std::string("/") + where);
        client.send(masked_frame(Opcode::pong, "") + masked_frame(Opcode::ping, "p") +
                    masked_frame(Opcode::text, "m"));
        if (where != std::string("open") && where != std::string("pong")) {
            EXPECT_EQ(client.next(), "pong(p)");
        }
        if (where == std::string("close")) {
            EXPECT_EQ(client.next(), "text(m)");
            client.send_close(1000);
            EXPECT_EQ(client.next(), "close(1000)");
        } else {
            EXPECT_EQ(client.next(), "close(1011 internal error)");
        }
        EXPECT_EQ(client.next(), "<end>");
        client.close();
        ++thrown;
        EXPECT_TRUE(eventually([&] { return t.stats().handler_exceptions == thrown; }));
        bystander.send_text(where);
        EXPECT_EQ(bystander.next(), "text(" + std::string(where) + ")");
    }
    EXPECT_EQ(t.log->lines.count("a handler threw open open"), 1u) << t.log->lines.text();
    EXPECT_EQ(t.log->lines.count("a handler threw message an exception of unknown type"), 1u);
    bystander.close();
    EXPECT_TRUE(t.all_gone());
}

TEST(WsHandlers, AThrowBehindACloseDoesNotSpoilIt) {
    TestServer t;
    t.server.websocket("/", {
                                .message =
                                    [](Socket socket, Message) {
                                        socket.close(4000, "bye");
                                        throw std::runtime_error("after close");
                                    },
                            });
    t.start();
    WsClient client(t.port());
    client.send_text("x");
    EXPECT_EQ(client.next(), "close(4000 bye)");
    client.send_close(4000);
    EXPECT_EQ(client.next(), "<end>");
    EXPECT_EQ(t.stats().handler_exceptions, 1u);
}

TEST(WsHandlers, MayEndTheirSocketAtAnyTime) {
    TestServer t;
    const auto route = [&](auto act) {
        ws::Route r = recording(t.events);
        r.open = [act, &t](Socket socket) {
            socket.join("all");
            act(socket);
            EXPECT_FALSE(socket.is_open());
            EXPECT_EQ(socket.send("x"), ws::SendResult::closed);
            EXPECT_EQ(socket.ping(), ws::SendResult::closed);
            socket.join("more");
            t.events.add("open");
        };
        return r;
    };
    t.server.websocket("/close", route([](Socket s) { s.close(4000, "no"); }));
    t.server.websocket("/terminate", route([](Socket s) { s.terminate(); }));
    t.server.websocket("/both", route([](Socket s) {
                           s.close(4000);
                           s.terminate();
                       }));
    ws::Route in_message = recording(t.events);
    in_message.message = [&](Socket socket, Message) {
        t.events.add("message");
        socket.terminate();
    };
    t.server.websocket("/message", std::move(in_message));
    ws::Route in_close = recording(t.events);
    in_close.open = [](Socket s) { s.join("all"); };
    in_close.close = [&](Socket socket, uint16_t, std::string_view) {
        socket.publish("all", "left");
        EXPECT_FALSE(socket.join("all"));
        EXPECT_EQ(socket.send("x"), ws::SendResult::closed);
        socket.close(1000);
        socket.terminate();
        t.events.add("closed");
    };
    t.server.websocket("/in-close", std::move(in_close));
    t.start();

    WsClient witness(t.port(), "/in-close");
    WsClient closes(t.port(), "/close");
    EXPECT_EQ(closes.next(), "close(4000 no)");
    closes.send_close(4000);
    EXPECT_EQ(closes.next(), "<end>");
    EXPECT_TRUE(t.events.wait_for("close 4000 no"));
    for (const char* path : {"/terminate", "/both"}) {
        Client client(t.port());
        client.send(upgrade_request(path) + masked_frame(Opcode::text, "unheard"));
        EXPECT_TRUE(client.read_to_end().ends_with("<reset>")) << path;
    }
    EXPECT_TRUE(t.events.wait_for("close 1006"));
    EXPECT_TRUE(t.events.wait_for("close 4000"));  // The close frame was written before the reset.
    WsClient twice(t.port(), "/message");
    twice.send(masked_frame(Opcode::text, "1") + masked_frame(Opcode::text, "2"));
    EXPECT_EQ(twice.next(), "<reset>");
    EXPECT_TRUE(t.events.wait_for("close 1006", 2));
    EXPECT_EQ(t.events.count("message"), 1u);
    WsClient leaves(t.port(), "/in-close");
    leaves.close();
    EXPECT_EQ(witness.next(), "text(left)");
    witness.close();
    EXPECT_TRUE(t.all_gone());
    EXPECT_EQ(t.server.subscribers("all"), 0u);
    EXPECT_EQ(t.server.subscribers("more"), 0u);
}

TEST(WsSocket, HandlesWorkFromAnyThreadAndGoNull) {
    TestServer t;
    std::promise<Socket> opened;
    ws::Route route = recording(t.events);
    route.open = [&](Socket socket) {
        EXPECT_EQ(socket.remote_address(), "127.0.0.1");
        EXPECT_FALSE(socket.compresses());
        EXPECT_EQ(socket.emplace_data<int>(7), 7);
        EXPECT_EQ(socket.data<std::string>(), nullptr);  // A different type.
        if (t.stats().websockets_opened == 1) opened.set_value(socket);
    };
    t.server.websocket("/", std::move(route));
    t.start();
    WsClient client(t.port());
    const Socket socket = opened.get_future().get();
    EXPECT_TRUE(socket.is_open());
    for (int i = 0; i < 100; ++i) EXPECT_EQ(socket.send(std::to_string(i)), ws::SendResult::posted);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(client.next(), "text(" + std::to_string(i) + ")");
    EXPECT_EQ(socket.send(base::bytes_of("b")), ws::SendResult::posted);
    EXPECT_EQ(client.next(), "binary(b)");
    EXPECT_EQ(socket.ping("p"), ws::SendResult::posted);
    EXPECT_EQ(client.next(), "ping(p)");
    EXPECT_TRUE(socket.join("topic"));
    EXPECT_FALSE(socket.join(""));
    EXPECT_FALSE(socket.join(std::string(256, 'x')));
    EXPECT_TRUE(eventually([&] { return t.server.subscribers("topic") == 1; }));
    socket.publish("topic", "not to itself");
    t.server.publish("topic", "to all");
    EXPECT_EQ(client.next(), "text(to all)");
    EXPECT_TRUE(socket.leave("topic"));
    EXPECT_TRUE(eventually([&] { return t.server.subscribers("topic") == 0; }));
    // Methods that only the own thread may call throw.
    EXPECT_THROW((void)socket.data<int>(), std::logic_error);
    EXPECT_THROW(socket.emplace_data<int>(8), std::logic_error);
    EXPECT_THROW((void)socket.remote_address(), std::logic_error);
    EXPECT_THROW(socket.close(1005), std::invalid_argument);

    socket.close(4000, "from outside");
    EXPECT_EQ(client.next(), "close(4000 from outside)");
    client.send_close(4000);
    EXPECT_TRUE(t.all_gone());
    // The counters change while the stream is closed, a moment before its slot is free.
    EXPECT_TRUE(eventually([&] { return !socket.is_open(); }));
    EXPECT_EQ(socket.send("x"), ws::SendResult::closed);
    EXPECT_EQ(socket.ping(), ws::SendResult::closed);
    EXPECT_FALSE(socket.join("topic"));
    EXPECT_EQ(socket.buffered_amount(), 0u);
    socket.publish("topic", "x");
    socket.close();
    socket.terminate();

    WsClient next(t.port());  // Uses the same slot: the old handle must not find it.
    EXPECT_EQ(socket.send("to a stranger"), ws::SendResult::closed);
    next.send_text("x");
    EXPECT_EQ(next.next(), "text(x)");
}

TEST(WsSocket, ANullHandleDoesNothing) {
    const Socket none;
    EXPECT_EQ(none.send("x"), ws::SendResult::closed);
    EXPECT_EQ(none.ping(), ws::SendResult::closed);
    none.close();
    none.terminate();
    EXPECT_FALSE(none.join("t") || none.leave("t") || none.is_open() || none.compresses());
    none.publish("t", "x");
    EXPECT_EQ(none.id(), 0u);
    EXPECT_EQ(none.buffered_amount(), 0u);
    EXPECT_EQ(none.subprotocol(), "");
    EXPECT_EQ(none.round_trip_time(), std::nullopt);
    EXPECT_EQ(none.data<int>(), nullptr);
    EXPECT_THROW(none.emplace_data<int>(1), std::logic_error);
}

TEST(WsSocket, TerminateFromAnotherThreadResets) {
    std::promise<Socket> opened;
    TestServer t;
    t.server.websocket("/", {.open = [&](Socket socket) { opened.set_value(socket); }});
    t.start();
    WsClient client(t.port());
    opened.get_future().get().terminate();
    EXPECT_EQ(client.next(), "<reset>");
    EXPECT_TRUE(t.all_gone());
}

TEST(WsSend, LongMessagesAreCutIntoFragments) {
    TestServer t;
    ws::Route route = recording(t.events);
    route.fragment_bytes_max = 4;
    t.server.websocket("/", std::move(route));
    t.start();
    WsClient client(t.port());
    client.send_text("0123456789");
    EXPECT_EQ(client.next(), "text-(0123)");
    EXPECT_EQ(client.next(), "more-(4567)");
    EXPECT_EQ(client.next(), "more(89)");
    client.send(masked_frame(Opcode::binary, "abcd"));
    EXPECT_EQ(client.next(), "binary(abcd)");
    client.send_text("");
    EXPECT_EQ(client.next(), "text()");
}

TEST(WsSend, MessagesOfEverySizeComeBack) {
    TestServer t;
    ws::Route route = recording(t.events);
    route.message = [](Socket socket, Message message) { socket.send(message); };
    t.server.websocket("/", std::move(route));
    t.start();
    WsClient client(t.port());
    for (const size_t size : {0u, 1u, 125u, 126u, 4095u, 4096u, 65535u, 65536u, 1'000'000u}) {
        const std::string payload(size, 'x');
        std::thread sender([&] { client.send(masked_frame(Opcode::binary, payload)); });
        const Frame frame = client.frame();
        sender.join();
        EXPECT_EQ(frame.payload, payload) << size;
        EXPECT_EQ(frame.opcode, Opcode::binary);
    }
}

}  // namespace
}  // namespace starling::server::test
