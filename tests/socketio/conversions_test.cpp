// An application's types as arguments, values and answers: braced JSON, maps, enums, and structs
// that Boost.JSON converts with tag_invoke.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/fake/socketio.h"

namespace starling {
namespace app_types {

struct Point {
    int x = 0;
    boost::json::value note = nullptr;
};

void tag_invoke(boost::json::value_from_tag, boost::json::value& to, const Point& point) {
    to = {{"x", point.x}, {"note", point.note}};
}
Point tag_invoke(boost::json::value_to_tag<Point>, const boost::json::value& from) {
    if (from.at("x").as_int64() < 0) throw std::invalid_argument("x");
    return {int(from.at("x").as_int64()), from.at("note")};
}

enum class Colour { red = 3 };

}  // namespace app_types

namespace {

using app_types::Colour;
using app_types::Point;
using fake::Client;
using fake::Workers;
using Lines = std::vector<std::string>;

// The answers to a client that sends `event`, in a namespace that `listen` set up.
template <class Listen>
Lines answers(std::string_view event, Listen&& listen) {
    Workers workers;
    listen(workers.of("/"));
    Client client(workers, 0, 4);
    client.says("0");
    static_cast<void>(client.takes());
    client.says(event);
    return client.takes();
}

TEST(SocketIoConversions, AnAckTakesWhatEmitTakes) {
    EXPECT_EQ(answers(R"(27["e"])",
                      [](auto& io) { io.on("e", [](sio::Ack done) {
                                         done({{"error", "x"}});
                                     }); }),
              Lines{R"(437[{"error":"x"}])"});
    EXPECT_EQ(answers(R"(27["e"])",
                      [](auto& io) {
                          io.on("e", [](sio::Ack done) { done({1, "two", nullptr}); });
                      }),
              Lines{R"(437[[1,"two",null]])"});
    EXPECT_EQ(answers(R"(27["e"])", [](auto& io) { io.on("e", [](sio::Ack done) { done(); }); }),
              Lines{R"(437[])"});
    EXPECT_EQ(
        answers(R"(27["e"])",
                [](auto& io) { io.on("e", [](sio::Ack done) { done("text", sio::Json(1)); }); }),
        Lines{R"(437["text",1])"});
    EXPECT_EQ(answers(R"(2["e"])",
                      [](auto& io) {
                          io.on("e", [](sio::Socket socket) { socket.send({{"a", 1}}); });
                      }),
              Lines{R"(42["message",{"a":1}])"});
}

TEST(SocketIoConversions, ValuesOfOtherTypes) {
    EXPECT_EQ(answers(R"(2["e"])",
                      [](auto& io) {
                          io.on("e", [](sio::Socket socket) {
                              const std::map<std::string, int> ages{{"Ada", 36}, {"Bob", 7}};
                              const std::map<std::string, std::vector<Point>> points{
                                  {"p", {{1, "n"}, {2, nullptr}}}};
                              socket.emit("out", ages, points, Point{3, {4}},
                                          std::optional<Point>(), Colour::red,
                                          std::vector{Colour::red}, std::pair("a", 1));
                          });
                      }),
              Lines{R"(42["out",{"Ada":36,"Bob":7},{"p":[{"x":1,"note":"n"},{"x":2,"note":null}]},)"
                    R"({"x":3,"note":[4]},null,3,[3],["a",1]])"});
    EXPECT_EQ(answers(R"(27["e"])",
                      [](auto& io) {
                          io.on("e", [] {
                              return std::map<std::string, sio::Binary>{{"b", sio::Binary("xyz")}};
                          });
                      }),
              (Lines{R"(461-7[{"b":{"_placeholder":true,"num":0}}])", "bytes 3"}));
}

TEST(SocketIoConversions, ParametersOfOtherTypes) {
    const auto listen = [](auto& io) {
        io.on("point", [](const Point& point) { return point; });
        io.on("maybe", [](std::optional<Point> point) { return point; });
        io.on("points", [](std::vector<Point> points) { return points.size(); });
        io.on("ages", [](const std::map<std::string, int>& ages) { return ages; });
        io.on("texts",
              [](std::unordered_map<std::string, std::string> all) { return all.at("k"); });
        io.on("lists", [](std::map<std::string, std::vector<sio::Json>> all) { return all; });
    };
    const struct {
        std::string_view says, answer;
    } cases[] = {
        {R"(["point",{"x":5,"note":"n"}])", R"([{"x":5,"note":"n"}])"},
        {R"(["maybe",{"x":5,"note":"n"}])", R"([{"x":5,"note":"n"}])"},
        {R"(["maybe"])", R"([null])"},
        {R"(["points",[{"x":5,"note":"n"},{"x":6,"note":1}]])", R"([2])"},
        {R"(["ages",{"Ada":36}])", R"([{"Ada":36}])"},
        {R"(["texts",{"k":"v"}])", R"(["v"])"},
        {R"(["lists",{"k":[1,"a"]}])", R"([{"k":[1,"a"]}])"},
    };
    for (const auto& [says, answer] : cases)
        EXPECT_EQ(answers("27" + std::string(says), listen), Lines{"437" + std::string(answer)});
    for (const std::string_view says :
         {R"(["point"])", R"(["point",1])", R"(["point",{"x":-1,"note":0}])",
          R"(["point",{"x":"a"}])", R"(["points",[1]])", R"(["ages",{"Ada":"old"}])",
          R"(["ages",[1]])", R"(["ages"])"}) {
        const auto got = answers("27" + std::string(says), listen);
        ASSERT_EQ(got.size(), 1u) << says;
        EXPECT_NE(got[0].find("bad arguments"), std::string::npos) << got[0];
    }
}

// Members of a kept struct have memory of their own, like all arguments.
TEST(SocketIoConversions, AStructMayBeKept) {
    Workers workers;
    std::vector<Point> kept;
    workers.of("/").on("point", [&](Point point) { kept.push_back(std::move(point)); });
    Client client(workers, 0, 4);
    client.says("0");
    const std::string text(9000, 'a');
    client.says(R"(2["point",{"x":1,"note":[")" + text + R"("]}])");
    client.says(R"(2["other",[")" + std::string(9000, 'b') + R"("]])");
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(kept[0].note, boost::json::array{text});
}

}  // namespace
}  // namespace starling
