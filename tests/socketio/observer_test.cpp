#include "socketio/observer.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/fake/socketio.h"

namespace starling::socketio {
namespace {

class Recorder final : public Observer {
public:
    void connected(Socket& socket) override { add("connected", socket); }
    void disconnected(Socket& socket, std::string_view reason) override {
        add("disconnected, " + std::string(reason), socket);
    }
    void room_joined(Namespace&, std::string_view room, std::string_view id) override {
        lines.push_back("joined " + name(room, id));
    }
    void room_left(Namespace&, std::string_view room, std::string_view id) override {
        lines.push_back("left " + name(room, id));
    }
    void data_touched(Socket& socket) override { add("data", socket); }
    void upgraded(Socket& socket) override { add("upgraded", socket); }
    void event_received(Socket&, const Packet& packet) override {
        lines.push_back("received " + boost::json::serialize(packet.data));
    }
    bool watches_sent(const Socket&) noexcept override { return watches; }
    void event_sent(Socket&, const Json& event, size_t bytes) override {
        lines.push_back("sent " + boost::json::serialize(event) + ", " + std::to_string(bytes));
    }
    std::vector<std::string> takes() { return std::exchange(lines, {}); }

    std::vector<std::string> lines;
    bool watches = true;

private:
    static std::string name(std::string_view room, std::string_view id) {
        return room == id ? "own" : std::string(room);
    }
    void add(std::string what, const Socket& socket) {
        lines.push_back(std::move(what) + " in " + std::to_string(socket.rooms().size()));
    }
};

using Lines = std::vector<std::string>;

struct ObserverTest : testing::Test {
    fake::Client& connect() {
        client.emplace(workers, 0, 4);
        client->says("0");
        return *client;
    }
    Recorder recorder;
    fake::Workers workers{1, {}, &recorder};
    fake::Namespace& root = workers.of("/");
    std::optional<fake::Client> client;
};

TEST_F(ObserverTest, SeesAClientComeAndGo) {
    root.on_connection([this](sio::Socket) { recorder.lines.emplace_back("handler"); });
    root.on_disconnect([this](sio::Socket, std::string_view) {
        recorder.lines.emplace_back("disconnect handler");
    });
    fake::Client& one = connect();
    EXPECT_EQ(recorder.takes(), (Lines{"joined own", "connected in 1", "handler"}));
    one.leaves();
    EXPECT_EQ(recorder.takes(),
              (Lines{"disconnected, transport close in 1", "left own", "disconnect handler"}));
}

TEST_F(ObserverTest, SeesRoomsButNoCallsWithoutEffect) {
    root.on("join", [](sio::Socket socket) {
        socket.join("red");
        socket.join("red");
        socket.join(socket.id());
        socket.leave("blue");
    });
    root.on("leave", [](sio::Socket socket) { socket.leave("red"); });
    fake::Client& one = connect();
    recorder.takes();
    one.says(R"(2["join"])");
    EXPECT_EQ(recorder.takes(), (Lines{R"(received ["join"])", "joined red"}));
    one.says(R"(2["leave"])");
    EXPECT_EQ(recorder.takes(), (Lines{R"(received ["leave"])", "left red"}));
    one.says(R"(2["join"])");
    recorder.takes();
    one.leaves();
    EXPECT_EQ(recorder.takes(),
              (Lines{"disconnected, transport close in 2", "left red", "left own"}));
}

TEST_F(ObserverTest, SeesEventsInBothDirections) {
    root.on("echo", [](sio::Socket socket, int number) {
        socket.emit("echoed", number);
        return number;  // An ack is no event.
    });
    root.on("all", [this] { root.emit("news", "x"); });
    fake::Client& one = connect();
    recorder.takes();
    one.says(R"(27["echo",1])");
    EXPECT_EQ(recorder.takes(), (Lines{R"(received ["echo",1])", R"(sent ["echoed",1], 13)"}));
    one.says(R"(2["all"])");
    EXPECT_EQ(recorder.takes(), (Lines{R"(received ["all"])", R"(sent ["news","x"], 13)"}));
    recorder.watches = false;
    one.says(R"(27["echo",1])");
    EXPECT_EQ(recorder.takes(), (Lines{R"(received ["echo",1])"}));
}

TEST_F(ObserverTest, DoesNotHideOutgoingListeners) {
    root.on_connection([this](sio::Socket socket) {
        socket.on_any_outgoing([this](std::string_view name, std::span<const sio::Json>) {
            recorder.lines.push_back("listener " + std::string(name));
        });
    });
    root.on("echo", [](sio::Socket socket) { socket.emit("echoed"); });
    fake::Client& one = connect();
    recorder.takes();
    one.says(R"(2["echo"])");
    EXPECT_EQ(recorder.takes(),
              (Lines{R"(received ["echo"])", R"(sent ["echoed"], 11)", "listener echoed"}));
}

TEST_F(ObserverTest, HearsOfDataThatMayHaveChanged) {
    root.on("data", [](sio::Socket socket) { socket.data() = {{"a", 1}}; });
    fake::Client& one = connect();
    recorder.takes();
    one.says(R"(2["data"])");
    EXPECT_EQ(recorder.takes(), (Lines{R"(received ["data"])", "data in 1"}));
}

}  // namespace
}  // namespace starling::socketio
