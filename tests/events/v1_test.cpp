// The subprotocol starling.v1 without a server: what each request gets, in each state.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "events/v1_session.h"

namespace starling::events::v1 {
namespace {

// Does what the test says with a subscription, and records what is sent and asked.
class RecordingHost final : public Session::Host {
public:
    void send(std::string text) override { add(text); }
    void subscribe(const Request& request, uint64_t attempt) override {
        add("?subscribe " + request.channel + (request.since ? " since " + *request.since : "") +
            (request.presence ? " presence" + request.info : ""));
        attempts.push_back(attempt);
        if (refuse) {
            session->refused(request.channel, attempt, refuse);
        } else if (!later) {
            static_cast<void>(session->subscribed(request.channel, attempt, {.offset = "3-e"}));
        }
    }
    void unsubscribe(std::string_view channel) override {
        add("?unsubscribe " + std::string(channel));
    }
    Problem publish(const Request& request) override {
        add("?publish " + request.channel + " " + request.data);
        return refuse;
    }
    Problem presence(const Request& request) override {
        add("?presence " + request.channel);
        return refuse;
    }
    Problem history(const Request& request) override {
        add("?history " + request.channel + " " + request.since.value_or("-") + " " +
            std::to_string(request.limit));
        return refuse;
    }
    Problem login(const Request& request) override {
        add("?login " + request.token);
        return refuse;
    }

    std::string take() { return std::exchange(transcript, {}); }
    bool later = false;
    Problem refuse;
    Session* session = nullptr;
    std::vector<uint64_t> attempts;
    std::string transcript;

private:
    void add(const std::string& text) {
        transcript.append(transcript.empty() ? "" : "\n").append(text);
    }
};

class V1 : public testing::Test {
protected:
    V1() { host.session = &session; }
    std::string ask(std::string_view text) {
        session.on_text(text);
        return host.take();
    }
    RecordingHost host;
    Session session{host, {.subscriptions_max = 3, .info_bytes_max = 32, .data_bytes_max = 16}};
};

struct Case {
    std::string request, answer;
};

std::string error_400(const std::string& message, const std::string& before = "") {
    return R"({"type":"error",)" + before + R"("code":400,"message":")" + message + "\"}";
}

TEST_F(V1, Requests) {
    const std::vector<Case> cases = {
        {R"({"type":"subscribe","id":1,"channel":"news"})",
         "?subscribe news\n"
         R"({"type":"subscribed","id":1,"channel":"news","offset":"3-e"})"},
        {R"({"type":"subscribe","id":2,"channel":"news"})",
         R"({"type":"error","id":2,"channel":"news","code":409,)"
         R"("message":"already subscribed to this channel"})"},
        {R"({"type":"unsubscribe","id":"x","channel":"news"})",
         "?unsubscribe news\n"
         R"({"type":"ack","id":"x","channel":"news"})"},
        {R"({"type":"unsubscribe","id":3,"channel":"news"})",
         R"({"type":"error","id":3,"channel":"news","code":404,)"
         R"("message":"not subscribed to this channel"})"},
        {R"( {"channel":"n\u00e4ws\n","type":"unsubscribe"} )",
         error_400("'channel' must be a text of 1 to 255 bytes without control characters")},
        {R"({"type":"subscribe","channel":"room","since":"1-e","presence":true,"info":{"a": 1}})",
         "?subscribe room since 1-e presence{\"a\":1}\n"
         R"({"type":"subscribed","channel":"room","offset":"3-e"})"},
        {R"({"type":"unsubscribe","channel":"room"})", "?unsubscribe room"},
        {"{\"type\":\"subscribe\",\"channel\":\"lines\",\"presence\":true,\"info\":[1,\r\n\" \"]}",
         "?subscribe lines presence[1,\" \"]\n"
         R"({"type":"subscribed","channel":"lines","offset":"3-e"})"},
        {R"({"type":"unsubscribe","channel":"lines"})", "?unsubscribe lines"},
        {R"({"type":"publish","id":9007199254740991,"channel":"n","data":"a\"b"})",
         "?publish n a\"b"},
        {R"({"type":"publish","channel":"n","data":"12345678901234567"})",
         R"({"type":"error","channel":"n","code":413,"message":"'data' is larger than 16 bytes"})"},
        {R"({"type":"presence","id":1,"channel":"n"})", "?presence n"},
        {R"({"type":"history","id":1,"channel":"n"})", "?history n - 100"},
        {R"({"type":"history","id":1,"channel":"n","since":"1-e","limit":1000})",
         "?history n 1-e 1000"},
        {R"({"type":"login","id":1,"token":"a.b.c"})", "?login a.b.c"},
    };
    for (const auto& one : cases) EXPECT_EQ(ask(one.request), one.answer) << one.request;
    EXPECT_EQ(session.subscriptions(), 0U);
}

TEST_F(V1, RequestsThatAreWrong) {
    const std::string id1 = R"("id":1,)";
    const std::string news = R"("id":1,"channel":"news",)";
    const std::vector<Case> cases = {
        {"", error_400("not a JSON object")},
        {"{", error_400("not a JSON object")},
        {"[]", error_400("not a JSON object")},
        {"null", error_400("not a JSON object")},
        {R"({"type":"login"} x)", error_400("not a JSON object")},
        {std::string(200, '[') + std::string(200, ']'), error_400("not a JSON object")},
        {R"({"type":"login","token":"x","a":)" + std::string(126, '[') + std::string(126, ']') +
             "}",
         error_400("'a' is not known")},
        {"{}", error_400("'type' is missing")},
        {R"({"id":1})", error_400("'type' is missing", id1)},
        {R"({"id":1,"type":"Subscribe"})", error_400("'type' is not known", id1)},
        {R"({"id":1,"type":7})", error_400("'type' is not known", id1)},
        {R"({"id":1,"type":"subscribe"})", error_400("'channel' is missing", id1)},
        {R"({"id":1,"type":"publish","channel":"news"})", error_400("'data' is missing", id1)},
        {R"({"id":1,"type":"login"})", error_400("'token' is missing", id1)},
        {R"({"id":1,"type":"publish","channel":"news","data":{}})",
         error_400("'data' must be a text", news)},
        {R"({"id":1,"type":"publish","channel":"news","data":"\ud800"})",
         error_400("'data' must be a text", news)},
        {R"({"id":1,"type":"subscribe","channel":"news","data":"x"})",
         error_400("'data' does not belong to 'subscribe'", id1)},
        {R"({"id":1,"type":"subscribe","channel":"news","since":5})",
         error_400("'since' must be a text", news)},
        {R"({"id":1,"type":"subscribe","channel":"news","presence":"yes"})",
         error_400("'presence' must be true or false", news)},
        {R"({"id":1,"type":"subscribe","channel":"news","info":1})",
         error_400(R"('info' needs \"presence\":true)", news)},
        {R"({"id":1,"type":"history","channel":"news","limit":0})",
         error_400("'limit' must be an integer from 1 to 1000", news)},
        {R"({"id":1,"type":"history","channel":"news","limit":1001})",
         error_400("'limit' must be an integer from 1 to 1000", news)},
        {R"({"id":1,"type":"history","channel":"news","limit":1.5})",
         error_400("'limit' must be an integer from 1 to 1000", news)},
        {R"({"id":1,"type":"subscribe","channel":""})",
         error_400("'channel' must be a text of 1 to 255 bytes without control characters", id1)},
        {R"({"id":1,"type":"subscribe","channel":")" + std::string(256, 'c') + "\"}",
         error_400("'channel' must be a text of 1 to 255 bytes without control characters", id1)},
        {R"({"id":1,"type":"subscribe","channel":"news","x\n":1})",
         error_400("'x\\n' is not known")},
    };
    const std::string bad_id =
        error_400("'id' must be an integer up to 2^53-1, or a text up to 64 bytes");
    for (const auto& one : cases) EXPECT_EQ(ask(one.request), one.answer) << one.request;
    for (const char* id : {"-1", "1.5", "1e2", "9007199254740992", "null", "{}", "[1]", "true"})
        EXPECT_EQ(ask(R"({"type":"login","token":"x","id":)" + std::string(id) + "}"), bad_id)
            << id;
    EXPECT_EQ(ask(R"({"type":"login","token":"x","id":")" + std::string(65, 'i') + "\"}"), bad_id);
    EXPECT_EQ(ask(R"({"type":"subscribe","channel":"news","presence":true,"info":")" +
                  std::string(31, 'i') + "\"}"),
              R"({"type":"error","channel":"news","code":413,)"
              R"("message":"'info' is larger than 32 bytes"})");
    EXPECT_EQ(
        ask(R"({"type":"subscribe","channel":"news","since":")" + std::string(257, '1') + "\"}"),
        R"({"type":"error","channel":"news","code":413,"message":"'since' is too long"})");
    EXPECT_EQ(session.subscriptions(), 0U);
}

TEST_F(V1, TheNumberOfChannelsIsLimited) {
    for (const char* channel : {"a", "b", "c"})
        ask(R"({"type":"subscribe","channel":")" + std::string(channel) + "\"}");
    EXPECT_EQ(ask(R"({"type":"subscribe","id":1,"channel":"d"})"),
              R"({"type":"error","id":1,"channel":"d","code":429,)"
              R"("message":"more than 3 channels on one connection"})");
    ask(R"({"type":"unsubscribe","channel":"a"})");
    EXPECT_EQ(ask(R"({"type":"subscribe","channel":"d"})"),
              "?subscribe d\n{\"type\":\"subscribed\",\"channel\":\"d\",\"offset\":\"3-e\"}");
}

TEST_F(V1, WhatTheHostRefuses) {
    host.refuse = {code::forbidden, "no"};
    const std::string no = R"("channel":"n","code":403,"message":"no"})";
    EXPECT_EQ(ask(R"({"type":"subscribe","id":1,"channel":"n"})"),
              "?subscribe n\n{\"type\":\"error\",\"id\":1," + no);
    EXPECT_EQ(ask(R"({"type":"publish","channel":"n","data":"x"})"),
              "?publish n x\n{\"type\":\"error\"," + no);
    EXPECT_EQ(session.subscriptions(), 0U);
}

TEST_F(V1, AnswersThatComeLater) {
    host.later = true;
    ask(R"({"type":"subscribe","id":1,"channel":"n"})");
    EXPECT_EQ(ask(R"({"type":"subscribe","id":2,"channel":"n"})").substr(0, 23),
              R"({"type":"error","id":2,)");
    ask(R"({"type":"unsubscribe","channel":"n"})");
    ask(R"({"type":"subscribe","id":3,"channel":"n"})");
    // The answer to the first request comes after the client has left and subscribed again.
    EXPECT_FALSE(session.subscribed("n", host.attempts[0], {.offset = "1-e"}));
    session.refused("n", host.attempts[0], {code::forbidden, "no"});
    EXPECT_EQ(host.take(), "");
    EXPECT_TRUE(session.subscribed("n", host.attempts[1], {.offset = "2-e"}));
    EXPECT_EQ(host.take(), R"({"type":"subscribed","id":3,"channel":"n","offset":"2-e"})");
    EXPECT_FALSE(session.subscribed("n", host.attempts[1], {.offset = "2-e"}));
    session.ended("n", {code::needs_login, "the login has expired"});
    session.ended("n", {code::needs_login, "the login has expired"});
    EXPECT_EQ(host.take(), R"({"type":"unsubscribed","channel":"n","code":401,)"
                           R"("message":"the login has expired"})");
}

hub::KeptPtr kept(uint64_t offset, const std::string& text) {
    auto one = std::make_shared<hub::Kept>();
    one->epoch = "e", one->offset = offset, one->text = text;
    return one;
}

TEST(V1Replies, Shapes) {
    const std::vector<hub::KeptPtr> missed{kept(2, "b\n"), kept(3, "\"c\"")};
    const hub::PresenceList list{
        .members = {{"1", "ann", R"({"x":1})"}, {"2", "", ""}}, .users = 3, .connections = 4};
    const std::vector<std::pair<std::string, std::string>> cases = {
        {welcome("c", ""), R"({"type":"welcome","client":"c"})"},
        {welcome("c", "ann"), R"({"type":"welcome","client":"c","user":"ann"})"},
        {subscribed("1", "n", {}), R"({"type":"subscribed","id":1,"channel":"n"})"},
        {subscribed("1", "n",
                    {.offset = "3-e", .asked = true, .recovered = true, .missed = &missed}),
         R"({"type":"subscribed","id":1,"channel":"n","offset":"3-e","recovered":true,"messages":)"
         R"([{"offset":"2-e","data":"b\n"},{"offset":"3-e","data":"\"c\""}]})"},
        {subscribed("", "n", {.presence = &list}),
         R"({"type":"subscribed","channel":"n","presence":{"users":3,"connections":4,)"
         R"("more":true,"members":[{"client":"1","user":"ann","info":{"x":1}},{"client":"2"}]}})"},
        {ack("\"a\"", "n", "4-e"), R"({"type":"ack","id":"a","channel":"n","offset":"4-e"})"},
        {presence("7", "n", {}),
         R"({"type":"presence","id":7,"channel":"n","users":0,"connections":0,"members":[]})"},
        {presence("", "n", {.connections = 2, .missing = 3, .age_ms = 0}, "me"),
         R"({"type":"presence","channel":"n","client":"me","users":0,"connections":2,)"
         R"("missing":3,"age_ms":0,"members":[]})"},
        {presence("", "n", list, "", 48),  // One member with its brackets has 44 bytes.
         R"({"type":"presence","channel":"n","users":3,"connections":4,"more":true,"members":)"
         R"([{"client":"1","user":"ann","info":{"x":1}}]})"},
        {presence("", "n", list, "", 10),
         R"({"type":"presence","channel":"n","users":3,"connections":4,"more":true,)"
         R"("members":[]})"},
        {presence("", "n", {.members = list.members, .users = 2, .connections = 4}),
         R"({"type":"presence","channel":"n","users":2,"connections":4,"members":)"
         R"([{"client":"1","user":"ann","info":{"x":1}},{"client":"2"}]})"},
        {subscribed("", "n", {.presence = &list, .members_bytes_max = 48}),
         R"({"type":"subscribed","channel":"n","presence":{"users":3,"connections":4,)"
         R"("more":true,"members":[{"client":"1","user":"ann","info":{"x":1}}]}})"},
        {presence_page("a\"b", list),
         R"({"channel":"a\"b","users":3,"connections":4,"more":true,"members":)"
         R"([{"client":"1","user":"ann","info":{"x":1}},{"client":"2"}]})"},
        {presence_page("n", list, 48),
         R"({"channel":"n","users":3,"connections":4,"more":true,"members":)"
         R"([{"client":"1","user":"ann","info":{"x":1}}]})"},
        {history("7", "n", {.top = {"e", 9}, .messages = {kept(9, "z")}, .more = true}, false),
         R"({"type":"history","id":7,"channel":"n","offset":"9-e","recovered":false,"more":true,)"
         R"("messages":[{"offset":"9-e","data":"z"}]})"},
        {message("n", "", "x"), R"({"type":"message","channel":"n","data":"x"})"},
        {message("n", "1-e", "x"), R"({"type":"message","channel":"n","offset":"1-e","data":"x"})"},
        {presence_change({"n", {"1", "ann", "[]"}, true, 1}),
         R"({"type":"join","channel":"n","client":"1","user":"ann","info":[]})"},
        {presence_change({"n", {"1", "", ""}, false, 1}),
         R"({"type":"leave","channel":"n","client":"1"})"},
    };
    for (const auto& [text, expected] : cases) EXPECT_EQ(text, expected);
}

}  // namespace
}  // namespace starling::events::v1
