#include "webhook/control.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::webhook {
namespace {

std::string shown(const NameSet& names) {
    std::string out;
    for (size_t i = 0; i < names.size(); ++i) out.append(i == 0 ? "" : ",").append(names[i]);
    return "(" + out + ")";
}

std::string shown(const Selector& selector) {
    std::string out;
    if (!selector.conns.empty()) out += " conns" + shown(selector.conns);
    if (!selector.users.empty()) out += " users" + shown(selector.users);
    if (!selector.tokens.empty()) out += " tokens" + shown(selector.tokens);
    if (selector.access == Access::private_only) out += " private";
    if (selector.access == Access::public_only) out += " public";
    return out;
}

std::string shown(const Payload& payload) {
    return std::string(payload.binary ? " binary=" : " text=") + payload.bytes;
}

std::string send(std::string_view body, Reading reading) {
    const auto request = read_send(body, reading);
    return request ? "send" + shown(request->payload) + shown(request->to) : request.error();
}

std::string shown(const Event& event) {
    std::string out = event.name + event.args.packet_json();
    for (const std::string& bytes : event.args.attachments) out += " +" + bytes;
    return out;
}

std::string emit(std::string_view body, Reading reading) {
    const auto request = read_emit(body, reading);
    return request ? shown(request->event) + shown(request->to) : request.error();
}

std::string close(std::string_view body, Reading reading) {
    const auto request = read_close(body, reading);
    if (!request) return request.error();
    return "close " + std::to_string(request->code) + " '" + request->reason + "'" +
           shown(request->of);
}

std::string topic(std::string_view body, Reading reading) {
    const auto request = read_topic(body, reading);
    return request ? request->topic + shown(request->of) : request.error();
}

std::string publish(std::string_view body, Reading reading) {
    const auto request = read_publish(body, reading);
    if (!request) return request.error();
    return request->topic +
           (request->event ? " " + shown(*request->event) : shown(request->payload)) +
           (request->except.empty() ? "" : " except" + shown(request->except));
}

std::string users(size_t count) {
    std::string list;
    for (size_t i = 0; i < count; ++i) list += (i == 0 ? "\"u" : ",\"u") + std::to_string(i) + "\"";
    return R"({"payload":1,"users":[)" + list + "]}";
}

std::string nested(size_t depth) {
    return R"({"conn_id":"c","payload":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
}

struct Case {
    std::string body, strict, lenient;
};

const std::string same = "the same";

template <size_t count>
void check(std::string (*read)(std::string_view, Reading), const Case (&cases)[count]) {
    for (const Case& c : cases) {
        EXPECT_EQ(read(c.body, Reading::strict), c.strict) << c.body.substr(0, 200);
        EXPECT_EQ(read(c.body, Reading::lenient), c.lenient == same ? c.strict : c.lenient)
            << c.body.substr(0, 200);
    }
}

std::string binary(size_t count) {
    std::string list;
    for (size_t i = 0; i < count; ++i) list.append(i == 0 ? "" : ",").append(R"({"base64":"QQ"})");
    return R"({"conn_id":"c","event":"e","data":[)" + list + "]}";
}

TEST(WebhookControl, Emit) {
    const Case cases[] = {
        {R"({"conn_id":"c","event":"e"})", "e[] conns(c)", same},
        {R"({"conn_id":"c","event":"e","data":[ 1.50, {"b":1,"a":[null]} ]})",
         R"(e[ 1.50, {"b":1,"a":[null]} ] conns(c))", same},
        {R"({"users":["u"],"event":"\u0065","data":[{"base64":"QUJD"},{"x":{"base64":"eA=="}}]})",
         R"(e[{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1}}] +ABC +x users(u))",
         same},
        {R"({"conn_id":"c","event":"e","data":[{"base6\u0034":"QQ"}]})",
         R"(e[{"_placeholder":true,"num":0}] +A conns(c))", same},
        // Other members beside it, or another type: an object as any other.
        {R"({"conn_id":"c","event":"e","data":[{"base64":"?","a":1},{"base64":1},"base64"]})",
         R"(e[{"base64":"?","a":1},{"base64":1},"base64"] conns(c))", same},
        {R"({"conn_id":"c","event":"e","data":[{"_placeholder":true,"num":0}]})",
         R"(e[{"_placeholder":true,"num":0}] conns(c))", same},
        {R"({"conn_id":"c","event":"e","data":[{"_placeholder":true},{"base64":"QQ"}]})",
         "data: _placeholder cannot be sent together with base64", same},
        {R"({"conn_id":"c","event":"e","data":[{"base64":"?"}]})", "data: base64 is wanted", same},
        {R"({"conn_id":"c","event":"e","data":["\ud800"]})", "data: half of a surrogate pair",
         same},
        {R"({"conn_id":"c","event":"e","data":{}})", "data: an array is wanted", same},
        {R"({"conn_id":"c"})", "event: is missing", same},
        {R"({"conn_id":"c","event":7})", "event: a string is wanted", same},
        {R"({"conn_id":"c","event":""})", "event: 1 to 255 bytes are wanted", same},
        {R"({"conn_id":"c","event":")" + std::string(256, 'e') + R"("})",
         "event: 1 to 255 bytes are wanted", same},
        {R"({"conn_id":"c","event":"disconnecting"})", "event: is a name of Socket.IO's own", same},
        {R"({"event":"e"})", "conn_id, users, tokens: one of these is wanted", same},
        {R"({"conn_id":"c","event":"e","payload":1})", "payload: is not known", "e[] conns(c)"},
        {binary(11), "data: at most 10 values of base64 are wanted", same},
    };
    check(emit, cases);
    EXPECT_EQ(read_emit(binary(10), Reading::strict)->event.args.attachments.size(), 10u);
}

TEST(WebhookControl, PublishOfAnEvent) {
    const Case cases[] = {
        {R"({"topic":"t","event":"e","data":[1,{"base64":"QQ=="}],"except":["c"]})",
         R"(t e[1,{"_placeholder":true,"num":0}] +A except(c))", same},
        {R"({"topic":"t","event":"e"})", "t e[]", same},
        {R"({"topic":"t","event":"e","text":"x"})",
         "payload, text, base64, event: only one of these is wanted", same},
        {R"({"topic":"t","payload":1,"data":[]})", "data: goes with an event", "t text=1"},
        {R"({"topic":"t","event":"connect"})", "event: is a name of Socket.IO's own", same},
    };
    check(publish, cases);
}

TEST(WebhookControl, EventsAsText) {
    const auto request = read_emit(
        R"({"conn_id":"c","event":"a\"b","data":[ {"base64":"QQ"} , 2 ]})", Reading::strict);
    ASSERT_TRUE(request);
    EXPECT_EQ(event_text(request->event), R"({"event":"a\"b","data":[{"base64":"QQ"} , 2]})");
    struct Text {
        std::string_view array, text;
    };
    const Text texts[] = {
        {R"(["e"])", R"({"event":"e","data":[]})"},
        {R"([ "e" ])", R"({"event":"e","data":[]})"},
        {R"(["e",1])", R"({"event":"e","data":[1]})"},
        {R"( ["\u0065" , {"a":1, "a":2} , 1e400 ] )",
         R"({"event":"\u0065","data":[{"a":1, "a":2} , 1e400]})"},
        {R"([7,null])", R"({"event":"7","data":[null]})"},
        {"[]", ""},
        {"{}", ""},
        {"[null]", ""},
        {"", ""},
        {"[", ""},
    };
    for (const Text& t : texts) EXPECT_EQ(event_text(t.array), t.text) << t.array;
}

TEST(WebhookControl, Send) {
    const std::string no_selector = "conn_id, users, tokens: one of these is wanted";
    const Case cases[] = {
        {R"({"payload":{},"conn_id":"c1","users":["a","b"]})", "send text={} conns(c1) users(a,b)",
         same},
        // Empty selectors as a Go application sends them.
        {R"({"payload":{"x":1},"conn_id":"","users":["a"],"tokens":null})",
         "send text={\"x\":1} users(a)", same},
        {R"({"payload":1,"conn_id":null,"users":null,"tokens":["t"]})", "send text=1 tokens(t)",
         same},
        {R"({"payload":1,"users":[]})", no_selector, same},
        {R"({"payload":1,"users_access_type":1})", no_selector, same},
        {R"({"payload":1})", no_selector, same},
        {R"({"payload":1,"users":[""]})", "send text=1 users()", same},
        {R"({"payload":1,"tokens":[""]})", "send text=1 tokens()", same},
        {R"({"payload":1,"users":["b","a","b",""]})", "send text=1 users(,a,b)", same},
        // Exactly the bytes sent.
        {R"({"users":["a"], "payload" : { "b":1.0, "a":1e999,"b":[ ] } })",
         R"(send text={ "b":1.0, "a":1e999,"b":[ ] } users(a))", same},
        {R"({"payload":null,"users":["a"]})", "send text=null users(a)", same},
        {R"({"payload":"hi","users":["\u4f60\u597d"]})", "send text=\"hi\" users(你好)", same},
        {R"({"text":"hi\n\"you\"","users":["a"]})", "send text=hi\n\"you\" users(a)", same},
        {R"({"text":"","users":["a"]})", "send text= users(a)", same},
        {R"({"base64":"aGk=","users":["a"]})", "send binary=hi users(a)", same},
        {R"({"base64":"a*","users":["a"]})", "base64: base64 is wanted", same},
        {R"({"base64":7,"users":["a"]})", "base64: a string is wanted", "send text=null users(a)"},
        {R"({"text":null,"users":["a"]})", "text: a string is wanted", "send text=null users(a)"},
        {R"({"users":["a"]})", "payload: is missing", "send text=null users(a)"},
        {R"({"payload":1,"text":"b","users":["a"]})",
         "payload, text, base64: only one of these is wanted", "send text=1 users(a)"},
        {R"({"text":"b","base64":"","users":["a"]})",
         "payload, text, base64: only one of these is wanted", same},
        {R"({"payload":1,"payload":2,"users":["a"]})", "payload: stands twice",
         "send text=2 users(a)"},
    };
    check(send, cases);
}

TEST(WebhookControl, SendWithFaults) {
    const std::string not_json = "the body: is not JSON, or is more than 128 deep";
    const std::string not_names = "users: an array of strings is wanted";
    const Case cases[] = {
        {R"({"payload":1,"users":["a"],"users_access_type":0})", "send text=1 users(a)", same},
        {R"({"payload":1,"users":["a"],"users_access_type":1})", "send text=1 users(a) private",
         same},
        {R"({"payload":1,"users":["a"],"users_access_type":2})", "send text=1 users(a) public",
         same},
        {R"({"payload":1,"users":["a"],"users_access_type":3})",
         "users_access_type: 0, 1 or 2 is wanted", "send text=1 users(a)"},
        {R"({"payload":1,"users":["a"],"users_access_type":-7})",
         "users_access_type: 0, 1 or 2 is wanted", "send text=1 users(a)"},
        {R"({"payload":1,"users":["a"],"users_access_type":1.5})",
         "users_access_type: an integer is wanted", same},
        {R"({"payload":1,"users":["a"],"users_access_type":"1"})",
         "users_access_type: an integer is wanted", same},
        {R"({"payload":1,"users":["a"],"users_access_type":null})", "send text=1 users(a)", same},
        {R"({"payload":1,"users":"a"})", not_names, same},
        {R"({"payload":1,"users":["a",1]})", not_names, same},
        {R"({"payload":1,"users":["a",null]})", not_names, "send text=1 users(,a)"},
        {R"({"payload":1,"users":{}})", not_names, same},
        {R"({"payload":1,"tokens":[["a"]]})", "tokens: an array of strings is wanted", same},
        {R"({"payload":1,"conn_id":7})", "conn_id: a string is wanted", same},
        {R"({"payload":1,"users":["a"],"to":1})", "to: is not known", "send text=1 users(a)"},
        {R"({"payload":1,"users":["a"],"conns":["c"]})", "conns: is not known",
         "send text=1 users(a)"},
        {R"({"Payload":1,"USERS":["a"]})", "Payload: is not known", "send text=1 users(a)"},
        {R"({"\u0050ayload":1,"user\u0073":["a"]})", "Payload: is not known",
         "send text=1 users(a)"},
        {R"({"pay\u006coad":1,"user\u0073":["a"]})", "send text=1 users(a)", same},
        {"", not_json, same},
        {"payload=1", not_json, same},
        {R"({"payload":1,"users":["a"],})", not_json, same},
        {R"({"payload":1,"users":["a"]}x)", not_json, same},
        {"[]", "the body: an object is wanted", same},
        {"null", "the body: an object is wanted", same},
        {"{\"payload\":1,\"users\":[\"\xff\"]}", "the body: is not UTF-8",
         "send text=1 users(\xef\xbf\xbd)"},
        {R"({"payload":1,"users":["\ud83d"]})", "users: half of a surrogate pair",
         "send text=1 users(\xef\xbf\xbd)"},
        {R"({"payload":["\ud83d"],"users":["a"]})", "payload: half of a surrogate pair",
         R"(send text=["\ud83d"] users(a))"},
        {R"({"text":"\ud83d","users":["a"]})", "text: half of a surrogate pair",
         "send text=\xef\xbf\xbd users(a)"},
        {R"({"payload":1,"users":["a\u0000b"]})", "users: a name without NUL is wanted",
         std::string("send text=1 users(a\0b)", 22)},
        {R"({"payload":1,"conn_id":")" + std::string(255, 'c') + "\"}",
         "send text=1 conns(" + std::string(255, 'c') + ")", same},
        {R"({"payload":1,"conn_id":")" + std::string(256, 'c') + "\"}",
         "conn_id: names of at most 255 bytes are wanted",
         "send text=1 conns(" + std::string(256, 'c') + ")"},
        {R"({"payload":1,"tokens":[")" + std::string(999, 't') + "\"]}",
         "send text=1 tokens(" + std::string(999, 't') + ")", same},
        {nested(127), "send text=" + std::string(127, '[') + std::string(127, ']') + " conns(c)",
         same},
        {nested(128), not_json, same},
        {R"({"payload":1,"users":["a"],")" + std::string(100, 'k') + R"(":1})",
         std::string(64, 'k') + ": is not known", "send text=1 users(a)"},
    };
    check(send, cases);
    EXPECT_TRUE(read_send(users(10'000), Reading::strict));
    EXPECT_EQ(send(users(10'001), Reading::strict), "users: at most 10000 are wanted");
    EXPECT_EQ(read_send(users(10'001), Reading::lenient)->to.users.size(), 10'001U);
}

TEST(WebhookControl, Close) {
    const std::string no_selector = "conns, users, tokens: one of these is wanted";
    const std::string bad_code = "code: 1000 or 3000 to 4999 is wanted";
    const Case cases[] = {
        {R"({"conns":["c1","c2"],"users":["a"]})", "close 1000 '' conns(c1,c2) users(a)", same},
        {R"({"users":[""]})", "close 1000 '' users()", same},
        {R"({"tokens":["","t"],"conns":[""]})", "close 1000 '' tokens(t)", same},
        {R"({"tokens":[""]})", no_selector, same},
        {R"({"conns":["",""],"users":[],"tokens":null})", no_selector, same},
        {"{}", no_selector, same},
        {R"({"users_access_type":2})", no_selector, same},
        {R"({"users":["a"],"users_access_type":2})", "close 1000 '' users(a) public", same},
        {R"({"users":["a"],"code":4000,"reason":"bye"})", "close 4000 'bye' users(a)", same},
        {R"({"users":["a"],"code":3000})", "close 3000 '' users(a)", same},
        {R"({"users":["a"],"code":4999})", "close 4999 '' users(a)", same},
        {R"({"users":["a"],"code":1001})", bad_code, "close 1000 '' users(a)"},
        {R"({"users":["a"],"code":2999})", bad_code, "close 1000 '' users(a)"},
        {R"({"users":["a"],"code":5000})", bad_code, "close 1000 '' users(a)"},
        {R"({"users":["a"],"code":-1})", bad_code, "close 1000 '' users(a)"},
        {R"({"users":["a"],"code":99999999999999999999})", "code: an integer is wanted",
         "close 1000 '' users(a)"},
        {R"({"users":["a"],"code":"x"})", "code: an integer is wanted", "close 1000 '' users(a)"},
        {R"({"users":["a"],"reason":7})", "reason: a string is wanted", "close 1000 '' users(a)"},
        {R"({"users":["a"],"reason":")" + std::string(124, 'r') + "\"}",
         "reason: at most 123 bytes are wanted", "close 1000 '' users(a)"},
        {R"({"conn_id":"c"})", "conn_id: is not known", no_selector},
    };
    check(close, cases);
}

TEST(WebhookControl, Topics) {
    const std::string wanted = "topic: 1 to 255 bytes without NUL are wanted";
    const Case joins[] = {
        {R"({"topic":"news","conns":["c"]})", "news conns(c)", same},
        {R"({"topic":"news"})", "conns, users, tokens: one of these is wanted", same},
        {R"({"conns":["c"]})", "topic: is missing", same},
        {R"({"topic":null,"conns":["c"]})", "topic: a string is wanted", "topic: is missing"},
        {R"({"topic":"","conns":["c"]})", wanted, same},
        {R"({"topic":"a\u0000","conns":["c"]})", wanted, same},
        {R"({"topic":")" + std::string(256, 't') + R"(","conns":["c"]})", wanted, same},
        {R"({"topic":"t","conns":["c"],"payload":1})", "payload: is not known", "t conns(c)"},
    };
    check(topic, joins);
    const Case publishes[] = {
        {R"({"topic":"news","payload":[1]})", "news text=[1]", same},
        {R"({"topic":"news","text":"x","except":["c1","c0"]})", "news text=x except(c0,c1)", same},
        {R"({"topic":"news","base64":"aGk","except":null})", "news binary=hi", same},
        {R"({"topic":"news"})", "payload: is missing", "news text=null"},
        {R"({"topic":"news","payload":1,"except":"c"})", "except: an array of strings is wanted",
         same},
        {R"({"topic":"news","payload":1,"users":["a"]})", "users: is not known", "news text=1"},
        {R"({"payload":1})", "topic: is missing", same},
    };
    check(publish, publishes);
}

TEST(WebhookSelector, Matches) {
    const Target targets[] = {
        {"c1", "alice", "t1", false}, {"c2", "alice", "t2", true}, {"c3", "bob", "t1", false},
        {"c4", "", "t4", true},       {"c5", "", "t5", false},
    };
    const struct {
        std::string_view body, matched;
    } cases[] = {
        {R"({"payload":1,"users":["alice"]})", "c1 c2 "},
        {R"({"payload":1,"users":["alice"],"users_access_type":1})", "c1 "},
        {R"({"payload":1,"users":["alice"],"users_access_type":2})", "c2 "},
        {R"({"payload":1,"users":["alice"],"tokens":["t1"]})", "c1 "},
        {R"({"payload":1,"users":["alice"],"conn_id":"c3"})", ""},
        {R"({"payload":1,"conn_id":"c3"})", "c3 "},
        {R"({"payload":1,"conn_id":"c2","users_access_type":1})", "c2 "},
        {R"({"payload":1,"users":["alice","bob",""]})", "c1 c2 c3 c4 c5 "},
        {R"({"payload":1,"users":[""]})", "c4 c5 "},
        {R"({"payload":1,"users":[""],"users_access_type":2})", "c4 "},
        {R"({"payload":1,"tokens":[""]})", ""},
        {R"({"payload":1,"tokens":["t1"]})", "c1 c3 "},
        {R"({"payload":1,"users":["Alice"]})", ""},
    };
    for (const auto& c : cases) {
        const auto request = read_send(c.body, Reading::strict);
        ASSERT_TRUE(request) << c.body;
        std::string matched;
        for (const Target& target : targets)
            if (request->to.matches(target)) matched.append(target.conn_id).append(" ");
        EXPECT_EQ(matched, c.matched) << c.body;
    }
}

TEST(WebhookNames, SortedOnceAndFound) {
    NameSet names;
    for (const std::string_view name : {"bb", "a", "", "ccc", "a", "", "bb"}) names.add(name);
    EXPECT_EQ(names.last(), "bb");
    names.remove_last();
    names.seal();
    EXPECT_EQ(shown(names), "(,a,bb,ccc)");
    for (const std::string_view name : {"", "a", "bb", "ccc"}) EXPECT_TRUE(names.contains(name));
    for (const std::string_view name : {"b", "aa", "cccc", "0"}) EXPECT_FALSE(names.contains(name));
    const NameSet moved = std::move(names);
    EXPECT_TRUE(moved.contains("ccc"));
    EXPECT_FALSE(NameSet().contains(""));
}

TEST(WebhookControl, LenientNamesHaveALimit) {
    EXPECT_TRUE(read_send(users(100'000), Reading::lenient));
    EXPECT_EQ(send(users(100'001), Reading::lenient), "users: at most 100000 are wanted");
    std::string nulls = "[null";
    for (int i = 0; i < 100'000; ++i) nulls += ",null";
    EXPECT_EQ(send("{\"users\":" + nulls + "],\"payload\":1}", Reading::lenient),
              "users: at most 100000 are wanted");
}

}  // namespace
}  // namespace starling::webhook
