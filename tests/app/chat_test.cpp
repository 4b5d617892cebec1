#include "app/demo/chat.h"

#include <gtest/gtest.h>

namespace starling::app {
namespace {

struct ChatCase {
    const char* name;
    std::string before, message, everyone, sender, after;  // before, after: the member's name.
};

constexpr const char* shape = R"({"error":"expected {\"name\":\"...\",\"msg\":\"...\"}"})";
constexpr const char* no_json =
    R"({"error":"not JSON: expected {\"name\":\"...\",\"msg\":\"...\"}"})";

TEST(Chat, MakesOfEachMessage) {
    const std::string long_name(64, 'n'), longer_name(65, 'n'), deep(50000, '[');
    const std::string control = R"({"error":"name contains control characters"})";
    const ChatCase cases[] = {
        {"hello", "", R"({"name":"Ada","msg":"hi"})", "Ada:hi", "", "Ada"},
        {"another name", "Ada", R"({"name":"Eve","msg":"hi"})", "Eve:hi", "", "Eve"},
        {"Chinese", "", R"({"name":"小明","msg":"你好"})", "小明:你好", "", "小明"},
        {"markup stays text", "", R"({"name":"A","msg":"<b>"})", "A:<b>", "", "A"},
        {"lines in a message", "", R"({"name":"A","msg":"1\n2"})", "A:1\n2", "", "A"},
        {"more members", "", R"({"name":"A","msg":"x","to":[1]})", "A:x", "", "A"},
        {"the longest name", "", R"({"name":")" + long_name + R"(","msg":"x"})", long_name + ":x",
         "", long_name},
        {"no name", "Ada", R"({"name":"","msg":"x"})", "", R"({"error":"name is empty"})", "Ada"},
        {"a name with a colon", "", R"({"name":"a:b","msg":"x"})", "",
         R"({"error":"name contains ':'"})", ""},
        {"a blank name", "", R"({"name":" \t","msg":"x"})", "", R"({"error":"name is empty"})", ""},
        {"no msg", "", R"({"name":"A","msg":""})", "", R"({"error":"msg is empty"})", ""},
        {"a blank msg", "", R"({"name":"A","msg":" \n"})", "", R"({"error":"msg is empty"})", ""},
        {"a long name", "", R"({"name":")" + longer_name + R"(","msg":"x"})", "",
         R"({"error":"name is longer than 64 bytes"})", ""},
        {"a line feed in a name", "", R"({"name":"A\nB","msg":"x"})", "", control, ""},
        {"NUL in a name", "", R"({"name":"A\u0000","msg":"x"})", "", control, ""},
        {"C1 in a name", "", R"({"name":"A\u009b","msg":"x"})", "", control, ""},
        {"a forged error", "", R"({"name":"{\"error\"","msg":"\"x\"}"})", "",
         R"({"error":"name begins with '{'"})", ""},
        {"nothing", "", "", "", no_json, ""},
        {"text", "", "hello", "", no_json, ""},
        {"half an object", "", R"({"name":"A")", "", no_json, ""},
        {"something behind it", "", R"({"name":"A","msg":"x"} y)", "", no_json, ""},
        {"a quote unescaped", "", R"({"name":"A","msg":"say "hi""})", "", no_json, ""},
        {"very deep", "", deep, "", no_json, ""},
        {"a list", "", "[]", "", shape, ""},
        {"null", "", "null", "", shape, ""},
        {"an empty object", "", "{}", "", shape, ""},
        {"name alone", "", R"({"name":"A"})", "", shape, ""},
        {"a number as name", "", R"({"name":1,"msg":"x"})", "", shape, ""},
        {"null as msg", "", R"({"name":"A","msg":null})", "", shape, ""},
    };
    for (const ChatCase& c : cases) {
        std::string name = c.before;
        ChatStep step = chat_step(name, ws::Message(c.message));
        EXPECT_EQ(step.to_everyone, c.everyone) << c.name;
        EXPECT_EQ(step.to_sender, c.sender) << c.name;
        EXPECT_EQ(name, c.after) << c.name;
    }
}

TEST(Chat, RefusesBinary) {
    std::string name, text = R"({"name":"Ada","msg":"hi"})";
    ws::Message binary(std::as_bytes(std::span(text)));
    ChatStep step = chat_step(name, binary);
    EXPECT_EQ(step.to_everyone, "");
    EXPECT_EQ(step.to_sender, R"({"error":"binary messages are not supported"})");
}

TEST(Chat, SaysFarewellToWhoHasSpoken) {
    EXPECT_EQ(chat_farewell("Ada"), "Ada下线了!");
    EXPECT_EQ(chat_farewell(""), "");
}

TEST(Chat, AMemberMayIntroduceItself) {
    const std::string shown = R"({"error":"name is empty"})";
    const ChatCase cases[] = {
        {"a name alone", "", R"({"name":"Ada"})", "", "", "Ada"},
        {"another name", "Ada", R"({"name":"Eve"})", "", "", "Eve"},
        {"a message as before", "Ada", R"({"name":"Eve","msg":"hi"})", "Eve:hi", "", "Eve"},
        {"an empty name", "Ada", R"({"name":""})", "", shown, "Ada"},
        {"a number as name", "Ada", R"({"name":1})", "", shape, "Ada"},
        {"null as msg", "Ada", R"({"name":"Eve","msg":null})", "", shape, "Ada"},
        {"no name", "Ada", "{}", "", shape, "Ada"},
    };
    for (const ChatCase& c : cases) {
        std::string name = c.before;
        ChatStep step = chat_step(name, ws::Message(c.message), true);
        EXPECT_EQ(step.to_everyone, c.everyone) << c.name;
        EXPECT_EQ(step.to_sender, c.sender) << c.name;
        EXPECT_EQ(name, c.after) << c.name;
    }
}

}  // namespace
}  // namespace starling::app
