#include "events/pattern.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "events/table.h"
#include "events/text.h"

namespace starling::events {
namespace {

// The match as text: "yes", "yes(256)", "yes(a,b)" or "no".
std::string matched(std::string_view pattern, std::string_view name) {
    std::vector<std::string_view> parameters;
    if (!Pattern(pattern).match(name, parameters)) return "no";
    std::string text = "yes";
    for (size_t i = 0; i < parameters.size(); ++i) text.append(i ? "," : "(").append(parameters[i]);
    return text + (parameters.empty() ? "" : ")");
}

TEST(EventPattern, Matches) {
    const struct {
        const char *pattern, *name, *result;
    } cases[] = {
        {"ApiIndex", "ApiIndex", "yes"},
        {"ApiIndex", "apiindex", "no"},
        {"ApiIndex", "ApiIndex2", "no"},
        {"ApiIndex", "ApiInde", "no"},
        {"ArticleMessage{id:number}", "ArticleMessage256", "yes(256)"},
        {"ArticleMessage{id:number}", "ArticleMessage0", "yes(0)"},
        {"ArticleMessage{id:number}", "ArticleMessage", "no"},
        {"ArticleMessage{id:number}", "ArticleMessage007", "no"},
        {"ArticleMessage{id:number}", "ArticleMessage-1", "no"},
        {"ArticleMessage{id:number}", "ArticleMessage1.5", "no"},
        {"ArticleMessage{id:number}", "ArticleMessage256 ", "no"},
        {"ArticleMessage{id:number}", "ArticleMessage9223372036854775807",
         "yes(9223372036854775807)"},
        {"ArticleMessage{id:number}", "ArticleMessage99999999999999999999", "no"},
        {"SystemMessage{email}", "SystemMessagemma@obisoft.com.cn", "yes(mma@obisoft.com.cn)"},
        {"SystemMessage{email}", "SystemMessage", "no"},
        {"{any}", "x", "yes(x)"},
        {"{any}", "频道", "yes(频道)"},
        {"频道{id:number}", "频道7", "yes(7)"},
        {"a{x}b", "a1b", "yes(1)"},
        {"a{x}b", "abb", "yes(b)"},
        {"a{x}b", "ab", "no"},
        {"a{x}b", "a1c", "no"},
        {"{room}-{user}", "r-u", "yes(r,u)"},
        {"{room}-{user}", "r-u-v", "yes(r,u-v)"},
        {"{room}-{user}", "--u", "yes(-,u)"},
        {"{room}-{user}", "-u", "no"},
        {"{room}-{user}", "r-", "no"},
        {"{a:number}.{b:number}!", "1.2!", "yes(1,2)"},
        {"{a:number}.{b:number}!", "1.x!", "no"},
        {"{a}.{b}.{c}.{d}", "1.2.3.4", "yes(1,2,3,4)"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(matched(c.pattern, c.name), c.result) << c.pattern << " " << c.name;
}

TEST(EventPattern, SaysWhatIsWrongWithAPattern) {
    const std::string c256(256, 'c');
    const struct {
        std::string pattern, why;
    } cases[] = {
        {"", "must be 1 to 255 bytes"},
        {c256, "must be 1 to 255 bytes"},
        {"a\nb", "must be 1 to 255 bytes"},
        {"a\xff", "must be 1 to 255 bytes"},
        {"a{", "a '{' without its '}'"},
        {"a}", "a '}' without its '{'"},
        {"a{}", "a parameter is named by"},
        {"a{b c}", "a parameter is named by"},
        {"a{b:float}", "a parameter has no type"},
        {"a{b:}", "a parameter has no type"},
        {"{a}{b}", "two parameters need text between them"},
        {"{a}-{a}", "two parameters have one name"},
        {"{a}-{b}-{c}-{d}-{e}", "more than 4 parameters"},
    };
    for (const auto& c : cases) {
        std::string why = "accepted";
        try {
            const Pattern pattern(c.pattern);
        } catch (const std::invalid_argument& refused) {
            why = refused.what();
        }
        EXPECT_NE(why.find(c.why), std::string::npos) << c.pattern << ": " << why;
    }
}

TEST(EventPattern, NamesOfChannels) {
    const struct {
        std::string name;
        bool valid;
    } cases[] = {
        {"a", true},
        {std::string(255, 'a'), true},
        {std::string(256, 'a'), false},
        {"", false},
        {std::string("a\0b", 3), false},
        {"a\tb", false},
        {"a\x7f", false},
        {"mma@obisoft.com.cn", true},
        {"名", true},
        {"\xc0\xaf", false},
        {"\xed\xa0\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf0\x9f\x90\xa6", true},
        {"\xf0\x9f\x90", false},
        {"\xe5\x90", false},
        {"\x80", false},
    };
    for (const auto& c : cases) EXPECT_EQ(is_channel_name(c.name), c.valid) << c.name;
}

// "allowed", "401", "403" or "404" for each of: no user, ada, ming.
std::string decided(const Table& table, std::string_view name) {
    const Match match = table.find(name);
    if (!match.rule) return "404";
    std::string all;
    for (const std::optional<std::string_view> user :
         {std::optional<std::string_view>{}, {"ada@x"}, {"ming@x"}}) {
        const Decision decision = decide(match, user);
        all += all.empty() ? "" : " ";
        all += decision == Decision::allowed     ? "200"
               : decision == Decision::forbidden ? "403"
                                                 : "401";
    }
    return all;
}

TEST(EventTable, DecidesWhoMayListen) {
    Table table;
    table.declare({.pattern = "ApiIndex"});
    table.declare({.pattern = "News", .access = Access::user});
    table.declare({.pattern = "SystemMessage{email}", .access = Access::owner});
    table.declare({.pattern = "Room{user}/{id:number}", .access = Access::owner});
    EXPECT_EQ(decided(table, "ApiIndex"), "200 200 200");
    EXPECT_EQ(decided(table, "News"), "401 200 200");
    EXPECT_EQ(decided(table, "SystemMessageada@x"), "401 200 403");
    EXPECT_EQ(decided(table, "SystemMessageADA@x"), "401 403 403");
    EXPECT_EQ(decided(table, "Roomming@x/4"), "401 403 200");
    EXPECT_EQ(decided(table, "Roomming@x/y"), "404");
    EXPECT_EQ(decided(table, "Other"), "404");
    EXPECT_EQ(decided(table, ""), "404");
}

TEST(EventTable, TheFirstDeclarationCounts) {
    Table table;
    table.declare({.pattern = "a{x:number}"});
    table.declare({.pattern = "a{x}", .access = Access::user});
    EXPECT_EQ(table.find("a1").rule->pattern.text(), "a{x:number}");
    EXPECT_EQ(table.find("ab").rule->pattern.text(), "a{x}");
}

TEST(EventTable, RefusesWhatMakesNoSense) {
    Table table;
    table.declare({.pattern = "a"});
    EXPECT_THROW(table.declare({.pattern = "a"}), std::invalid_argument);
    EXPECT_THROW(table.declare({.pattern = "b", .access = Access::owner}), std::invalid_argument);
    EXPECT_THROW(table.declare({.pattern = "c", .interval = std::chrono::milliseconds(-1)}),
                 std::invalid_argument);
    EXPECT_THROW(table.declare({.pattern = "d", .interval = std::chrono::hours(25)}),
                 std::invalid_argument);
    for (size_t i = 1; i < Table::rules_max; ++i)
        table.declare({.pattern = "n" + std::to_string(i)});
    EXPECT_THROW(table.declare({.pattern = "z"}), std::invalid_argument);
    EXPECT_EQ(table.rules().size(), Table::rules_max);
}

TEST(EventText, IndexViewed) {
    EXPECT_EQ(index_viewed(1473434573), "Index Viewd 9/9/2016 15:22:53");
    EXPECT_EQ(index_viewed(0), "Index Viewd 1/1/1970 00:00:00");
    EXPECT_EQ(index_viewed(1735603199), "Index Viewd 12/30/2024 23:59:59");
}

TEST(EventText, TokenOf) {
    const struct {
        const char *message, *token;
    } cases[] = {
        {R"({"token":"a.b.c"})", "a.b.c"},
        {R"({"token":"a","more":1})", "a"},
        {R"({"token":1})", "<none>"},
        {R"({"Token":"a"})", "<none>"},
        {R"(["token"])", "<none>"},
        {"{", "<none>"},
        {"", "<none>"},
        {"token", "<none>"},
        {R"({"a":{"b":{"c":{}}}})", "<none>"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(token_of(c.message).value_or("<none>"), c.token) << c.message;
    EXPECT_FALSE(token_of("{\"token\":\"" + std::string(20'000, 'a') + "\"}"));
}

TEST(EventText, StreamEvents) {
    const struct {
        const char *text, *event;
    } cases[] = {
        {"hello", "data: hello\n\n"},
        {"", "data: \n\n"},
        {"a\nb", "data: a\ndata: b\n\n"},
        {"a\r\nb\rc", "data: a\ndata: b\ndata: c\n\n"},
        {"\n\n", "data: \ndata: \ndata: \n\n"},
        {"a\n", "data: a\ndata: \n\n"},
        {"id: 1\nevent: x", "data: id: 1\ndata: event: x\n\n"},
    };
    for (const auto& c : cases) {
        std::string out;
        append_stream_event(out, c.text);
        EXPECT_EQ(out, c.event);
    }
}

}  // namespace
}  // namespace starling::events
