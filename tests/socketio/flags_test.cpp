// Each flag and receiver call, from each object that has it, gives the same receivers and flags.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "socketio/broadcast_target.h"
#include "tests/fake/socketio.h"

namespace starling::socketio {

// Reads the receivers and flags of a Broadcast, and the flags of an Emitter.
struct BroadcastProbe {
    static std::string shown(const sio::detail::Flags& flags) {
        return std::string(flags.volatile_packet ? " volatile" : "") +
               (flags.compress ? "" : " uncompressed") +
               (flags.timeout_ms ? " timeout " + std::to_string(flags.timeout_ms) : "") +
               (flags.local ? " local" : "");
    }
    static std::string shown(const sio::Emitter& emitter) { return shown(emitter.flags_); }
    // `self`: the id that a socket's own broadcasts exclude.
    static std::string shown(const sio::Broadcast& broadcast, const std::string& self) {
        const auto& target = *broadcast.target_;
        std::string text;
        for (const auto& room : target.who.rooms) text += " to " + room;
        for (const auto& room : target.who.except)
            text += " except " + (room == self ? std::string("self") : room);
        return text + shown(target.who.flags);
    }
};

namespace {

using fake::join;
using fake::Workers;
using std::chrono::milliseconds;
using Rooms = std::vector<std::string>;

class BroadcastCalls : public ::testing::Test {
protected:
    BroadcastCalls() {
        root_.on_connection([this](sio::Socket connected) {
            socket_ = connected;
            id_ = connected.id();
        });
        client_ = join(workers_);
    }
    [[nodiscard]] std::string shown(const sio::Broadcast& broadcast) const {
        return BroadcastProbe::shown(broadcast, id_);
    }
    // The other sockets of the namespace; called on the socket's thread.
    [[nodiscard]] sio::Broadcast others() {
        std::optional<sio::Broadcast> others;
        workers_.on(0, [&] { others = socket_.broadcast(); });
        return *others;
    }
    // What `call` adds to a namespace, to a broadcast of the namespace, to a socket and to its
    // emitter.
    template <class F>
    [[nodiscard]] std::vector<std::string> from_all(F call) {
        std::vector<std::string> lines;
        workers_.on(0, [&] {
            lines = {shown(call(root_)), shown(call(root_.except("before"))), shown(call(socket_)),
                     shown(call(socket_.volatile_()))};
        });
        return lines;
    }

    Workers workers_;
    fake::Namespace& root_ = workers_.of("/");
    sio::Socket socket_;
    std::string id_;
    std::unique_ptr<fake::Client> client_;
};

TEST_F(BroadcastCalls, ReceiversAreTheSameFromEachStart) {
    const auto expect = [](const std::string& rooms, const std::string& excepted,
                           const std::string& flags) {
        return std::vector{rooms + excepted + flags, rooms + " except before" + excepted + flags,
                           rooms + " except self" + excepted + flags,
                           rooms + " except self" + excepted + " volatile" + flags};
    };
    EXPECT_EQ(from_all([](auto&& from) { return from.to("a"); }), expect(" to a", "", ""));
    EXPECT_EQ(from_all([](auto&& from) { return from.in("a"); }), expect(" to a", "", ""));
    EXPECT_EQ(from_all([](auto&& from) {
                  return from.to(Rooms{"a", "b"});
              }),
              expect(" to a to b", "", ""));
    EXPECT_EQ(from_all([](auto&& from) {
                  return from.in(Rooms{"a", "b"});
              }),
              expect(" to a to b", "", ""));
    EXPECT_EQ(from_all([](auto&& from) { return from.except("c"); }), expect("", " except c", ""));
    EXPECT_EQ(from_all([](auto&& from) {
                  return from.except(Rooms{"c", "d"});
              }),
              expect("", " except c except d", ""));
    EXPECT_EQ(from_all([](auto&& from) { return from.local(); }), expect("", "", " local"));
    EXPECT_EQ(from_all([](auto&& from) { return from.to("a").in("b").except("c").local(); }),
              expect(" to a to b", " except c", " local"));
}

TEST_F(BroadcastCalls, FlagsAreTheSameFromEachStart) {
    const struct {
        const char* flags;
        sio::Broadcast of_namespace, of_broadcast, of_socket;
        sio::Emitter emitter;
    } cases[] = {
        {" volatile", root_.volatile_(), root_.to("a").volatile_(), others().volatile_(),
         socket_.volatile_()},
        {" uncompressed", root_.compress(false), root_.to("a").compress(false),
         others().compress(false), socket_.compress(false)},
        {"", root_.compress(true), root_.to("a").compress(true), others().compress(true),
         socket_.compress(true)},
        {" timeout 5", root_.timeout(milliseconds(5)), root_.to("a").timeout(milliseconds(5)),
         others().timeout(milliseconds(5)), socket_.timeout(milliseconds(5))},
        {" timeout 1", root_.timeout(milliseconds(-5)), root_.to("a").timeout(milliseconds(-5)),
         others().timeout(milliseconds(-5)), socket_.timeout(milliseconds(-5))},
        {" volatile uncompressed timeout 5",
         root_.volatile_().compress(false).timeout(milliseconds(5)),
         root_.to("a").volatile_().compress(false).timeout(milliseconds(5)),
         others().volatile_().compress(false).timeout(milliseconds(5)),
         socket_.volatile_().compress(false).timeout(milliseconds(5))},
    };
    for (const auto& one : cases) {
        EXPECT_EQ(shown(one.of_namespace), one.flags);
        EXPECT_EQ(shown(one.of_broadcast), std::string(" to a") + one.flags);
        EXPECT_EQ(shown(one.of_socket), std::string(" except self") + one.flags);
        EXPECT_EQ(BroadcastProbe::shown(one.emitter), one.flags);
    }
}

TEST_F(BroadcastCalls, AnEarlierBroadcastStaysAsItWas) {
    const sio::Broadcast first = root_.to("a");
    const sio::Broadcast second = first.to("b").volatile_();
    const sio::Emitter plain = socket_.compress(true);
    const sio::Emitter quick = plain.volatile_();
    EXPECT_EQ(shown(first), " to a");
    EXPECT_EQ(shown(second), " to a to b volatile");
    EXPECT_EQ(BroadcastProbe::shown(plain), "");
    EXPECT_EQ(BroadcastProbe::shown(quick), " volatile");
}

}  // namespace
}  // namespace starling::socketio
