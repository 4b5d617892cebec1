// What `starling connect` writes for each event, in each form; and its command line as values.
#include "app/connect/render.h"
#include "app/connect/options.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <boost/json.hpp>

#include <string>
#include <vector>

#include "base/text.h"

namespace starling::app::connect {
namespace {

using namespace std::chrono_literals;

// 2026-11-29T12:34:56.007Z
constexpr Renderer::Time now{1795955696007ms};

class ConnectRender : public testing::Test {
protected:
    ConnectRender() {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
    }
};

std::string terminal(const Event& event, RenderOptions options = {}) {
    Rendered to;
    Renderer(options).event(to, event, now);
    EXPECT_EQ(to.err, "");
    return to.out;
}

// "OUT|ERR"
std::string show(Format format, const Event& event, bool pings = true) {
    Rendered to;
    Renderer({.format = format, .show_pings = pings}).event(to, event, now);
    return to.out + "|" + to.err;
}

struct EventCase {
    Event event;
    std::string terminal;  // Without the time.
    std::string members;   // Of JSON, behind the event's name.
    std::string lines;     // "OUT|ERR"
};

std::vector<EventCase> connecting_cases() {
    return {
        {connect_error_event({{"message", "refused"}}), "! cannot connect: refused",
         R"("message":"refused")", "|starling connect: cannot connect: refused\n"},
        {connect_error_event(nullptr), "! cannot connect: no connection",
         R"("message":"no connection")", "|starling connect: cannot connect: no connection\n"},
        {connect_error_event({{"message", "poll"}, {"code", 404}, {"reason", "why"}}),
         "! cannot connect: poll 404: why", R"("message":"poll","code":404,"reason":"why")",
         "|starling connect: cannot connect: poll 404: why\n"},
        {connect_error_event({{"message", "refused"}, {"data", {{"code", 7}}}}),
         R"(! cannot connect: refused {"code":7})", R"("message":"refused","data":{"code":7})",
         "|starling connect: cannot connect: refused {\"code\":7}\n"},
        {connect_error_event({{"message", "xhr poll error"}, {"reason", "cannot find a.example"}}),
         "! cannot find a.example",
         R"("message":"xhr poll error","reason":"cannot find a.example")",
         "|starling connect: cannot find a.example\n"},
        {reconnecting_event(2), "* reconnecting, attempt 2", R"("attempt":2)", "|"},
        {reconnected_event(2), "* reconnected at attempt 2", R"("attempt":2)", "|"},
    };
}

std::vector<EventCase> event_cases() {
    static const sio::Json args[] = {sio::Json("a\n"), sio::Json(1.5),
                                     sio::Binary(std::string("\0\1", 2)),
                                     sio::Json{{"x", {1, nullptr}}}};
    return {
        {open_event("ws://a/", "", ""), "* connected to ws://a/",
         R"("url":"ws://a/","protocol":"","extensions":"")", "|"},
        {open_event("ws://a/", "chat", "permessage-deflate"),
         "* connected to ws://a/, subprotocol chat, permessage-deflate",
         R"("url":"ws://a/","protocol":"chat","extensions":"permessage-deflate")", "|"},
        {close_event(1000, "", true, true), "* closed: 1000, normal closure",
         R"("code":1000,"words":"normal closure","reason":"","clean":true)", "|"},
        {close_event(1006, "", false, false), "! closed: 1006, connection lost",
         R"("code":1006,"words":"connection lost","reason":"","clean":false)",
         "|starling connect: closed: 1006, connection lost\n"},
        {error_event("the server answered 404 Not Found", 404, "gone\x1b\n"),
         "! the server answered 404 Not Found: gone\\x1b",
         R"("message":"the server answered 404 Not Found","status":404,"body":"gone\u001b\n")",
         "|starling connect: the server answered 404 Not Found: gone\\x1b\n"},
        {ping_event(Direction::in, "hi"), "* ping hi", R"("direction":"in","data":"hi")",
         "|starling connect: ping hi\n"},
        {pong_event(Direction::in, "hi", std::nullopt), "* pong hi",
         R"("direction":"in","data":"hi")", "|starling connect: pong hi\n"},
        {pong_event(Direction::in, std::string_view("\0\0", 2), 12ms), "* pong, round trip 12 ms",
         R"("direction":"in","round_trip_ms":12)", "|starling connect: pong, round trip 12 ms\n"},
        {notice_event("hello"), "* hello", R"("message":"hello")", "|"},
        {connected_event("/admin", "x1", true), "* entered namespace /admin, id x1, recovered",
         R"("namespace":"/admin","id":"x1","recovered":true)", "|"},
        {socketio_event(Direction::in, "news", args, 0),
         R"(< news "a\n" 1.5 {"base64":"AAE="} {"x":[1,null]})",
         R"("direction":"in","name":"news","args":["a\n",1.5,{"base64":"AAE="},{"x":[1,null]}])",
         "news \"a\\n\" 1.5 {\"base64\":\"AAE=\"} {\"x\":[1,null]}\n|"},
        {socketio_event(Direction::in, "ask", {}, 3), "< ask (asks for an ack: answer 3 JSON...)",
         R"("direction":"in","name":"ask","args":[],"answer":3)", "ask\n|"},
        {socketio_event(Direction::out, "news", {}, 0), "> news",
         R"("direction":"out","name":"news","args":[])", "|"},
        {ack_event("sum", {args + 1, 1}), "< ack sum 1.5",
         R"("direction":"in","name":"sum","args":[1.5])", "ack sum 1.5\n|"},
        {no_ack_event("sum", "timed out"), "! no ack for sum: timed out",
         R"("name":"sum","reason":"timed out")", "|starling connect: no ack for sum: timed out\n"},
        {answered_event(3, {args + 1, 1}), "> answer 3 1.5",
         R"("direction":"out","answer":3,"args":[1.5])", "|"},
        {disconnected_event("transport close"), "* disconnected: transport close",
         R"("reason":"transport close")", "|"},
        {stream_event("http://a/"), "* listening to http://a/", R"("url":"http://a/")", "|"},
        {server_event({"message", "a\nb", ""}), "< a\\nb",
         R"("type":"message","id":"","data":"a\nb")", "a\nb\n|"},
        {server_event({"add", "1", "7"}), "< add, id 7: 1", R"("type":"add","id":"7","data":"1")",
         "1\n|"},
        {server_event({"message", "1", "7"}), "< id 7: 1",
         R"("type":"message","id":"7","data":"1")", "1\n|"},
        {retry_event("the stream has ended", 3000, "7"),
         "* the stream has ended; connecting again in 3000 ms, from id 7",
         R"("reason":"the stream has ended","wait_ms":3000,"last_event_id":"7")", "|"},
    };
}

TEST_F(ConnectRender, EventsInEachForm) {
    std::vector<EventCase> cases = event_cases();
    for (const EventCase& c : connecting_cases()) cases.push_back(c);
    for (const EventCase& c : cases) {
        EXPECT_EQ(terminal(c.event, {.show_pings = true}), "12:34:56.007 " + c.terminal + "\n");
        const std::string json = show(Format::json, c.event);
        EXPECT_EQ(json.substr(0, json.find('|')),
                  R"({"time":"2026-11-29T12:34:56.007Z","event":")" + c.event.name + "\"," +
                      c.members + "}\n");
        EXPECT_EQ(show(Format::lines, c.event), c.lines);
    }
    EXPECT_EQ(terminal(ping_event(Direction::in, "")), "");
    EXPECT_EQ(show(Format::json, ping_event(Direction::in, ""), false), "|");
}

TEST_F(ConnectRender, MessagesInEachForm) {
    const auto message = [](RenderOptions options, Direction direction, const ws::Message& what) {
        Rendered to;
        Renderer(options).message(to, direction, what, now);
        EXPECT_EQ(to.err, "");
        return to.out;
    };
    const ws::Message bytes(base::bytes_of(std::string_view("\0\xff", 2)));
    const RenderOptions lines{.format = Format::lines}, lengths{.format = Format::lengths},
        json{.format = Format::json};
    EXPECT_EQ(message({}, Direction::in, "a\n"), "12:34:56.007 < a\\n\n");
    EXPECT_EQ(message({}, Direction::out, bytes), "12:34:56.007 > 2 bytes: 00 ff\n");
    EXPECT_EQ(message({.color = true}, Direction::in, "a"),
              "\x1b[2m12:34:56.007\x1b[0m \x1b[32m<\x1b[0m a\n");
    EXPECT_EQ(message(lines, Direction::in, "a\nb"), "a\nb\n");
    EXPECT_EQ(message(lines, Direction::in, bytes), "base64:AP8=\n");
    EXPECT_EQ(message(lines, Direction::out, "a"), "");
    EXPECT_EQ(message(lengths, Direction::in, bytes), std::string("\0\0\0\2\0\xff", 6));
    EXPECT_EQ(message(lengths, Direction::out, bytes), "");
    EXPECT_EQ(message(json, Direction::in, "a"),
              R"({"time":"2026-11-29T12:34:56.007Z","event":"message","direction":"in",)"
              R"("type":"text","data":"a"})"
              "\n");
    EXPECT_EQ(message(json, Direction::out, bytes),
              R"({"time":"2026-11-29T12:34:56.007Z","event":"message","direction":"out",)"
              R"("type":"binary","base64":"AP8=","bytes":2})"
              "\n");
}

TEST(ConnectEvent, NumbersAsJavascriptWritesThem) {
    const std::pair<sio::Json, std::string> cases[] = {
        {1, "1"},
        {-2.5, "-2.5"},
        {3.0, "3"},
        {0.1, "0.1"},
        {1e21, "1e+21"},
        {true, "true"},
        {nullptr, "null"},
        {boost::json::array{}, "[]"},
        {boost::json::object{}, "{}"},
        {uint64_t{18446744073709551615U}, "18446744073709551615"},
    };
    for (const auto& [value, wanted] : cases) {
        std::string text;
        append_json(text, value);
        EXPECT_EQ(text, wanted);
    }
}

base::Result<Options> read(std::vector<std::string> args, const Surroundings& surroundings = {}) {
    args.insert(args.begin(), {"connect", "ws://a"});
    const CommandLine line = parse_command_line(args);
    EXPECT_EQ(line.action, Action::connect) << line.text;
    return read_options(line, surroundings);
}

TEST(ConnectOptions, Values) {
    const auto options = read({"--text",
                               "a",
                               "--protocol",
                               "p",
                               "--text",
                               "b",
                               "--header",
                               "A:  b: c",
                               "--header",
                               "E:",
                               "--wait",
                               "2",
                               "--timeout",
                               "1m",
                               "--connect-timeout",
                               "3s",
                               "--exit-after",
                               "7",
                               "--max-message",
                               "2k",
                               "--ping-interval",
                               "0",
                               "--proxy",
                               "none",
                               "--insecure",
                               "--follow-redirects",
                               "--compress"});
    ASSERT_TRUE(options) << options.error();
    EXPECT_EQ(options->url, "ws://a");
    ASSERT_EQ(options->sent.size(), 2U);
    EXPECT_EQ(options->sent[1].bytes, "b");
    EXPECT_EQ(options->headers,
              (std::vector<std::pair<std::string, std::string>>{{"A", "b: c"}, {"E", ""}}));
    EXPECT_EQ(options->wait, 2000ms);
    EXPECT_EQ(options->timeout, 60'000ms);
    EXPECT_EQ(options->connect_timeout, 3000ms);
    EXPECT_EQ(options->exit_after, 7U);
    EXPECT_EQ(options->message_bytes_max, 2048U);
    EXPECT_EQ(options->ping_interval, 0ms);
    EXPECT_EQ(options->proxy, "");
    EXPECT_TRUE(options->compress && options->redirects && !options->verify);
    EXPECT_EQ(options->history_path, "");
    EXPECT_EQ(read({})->proxy, std::nullopt);
    EXPECT_EQ(read({})->wait, std::nullopt);
    EXPECT_EQ(read({}, {.state_home = "/s"})->history_path, "/s/starling/history");
    EXPECT_EQ(read({"--no-history"}, {.state_home = "/s"})->history_path, "");
}

TEST(ConnectOptions, FormsAndColours) {
    struct Case {
        std::vector<std::string> args;
        Surroundings surroundings;
        Format format;
        bool color;
    };
    const Surroundings pipe{}, screen{.out_is_terminal = true},
        no_color{.out_is_terminal = true, .no_color = true};
    const Case cases[] = {
        {{}, screen, Format::terminal, true},
        {{}, no_color, Format::terminal, false},
        {{}, pipe, Format::lines, false},
        {{"--color", "never"}, screen, Format::terminal, false},
        {{"--color", "always"}, no_color, Format::terminal, true},
        {{"--color", "always"}, pipe, Format::terminal, true},
        {{"--json"}, screen, Format::json, true},
        {{"--length-prefixed"}, screen, Format::lengths, true},
    };
    for (const Case& c : cases) {
        const auto options = read(c.args, c.surroundings);
        ASSERT_TRUE(options);
        EXPECT_EQ(options->render.format, c.format);
        EXPECT_EQ(options->render.color, c.color);
    }
}

}  // namespace
}  // namespace starling::app::connect
