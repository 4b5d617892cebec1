// The community's handlers, called as the server calls them, with channels that only record events.
#include "app/demo/community/api.h"
#include "app/demo/community/token.h"
#include "http/request_parts.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace starling::app::community {
namespace {

namespace json = boost::json;
using Handler = void (Api::*)(const http::Request&, http::Response&);

class NotedChannels final : public events::Channels {
public:
    void declare(events::Channel) override {}
    void on_client_event(std::function<std::string(std::string_view)>) override {}
    bool publish(std::string_view channel, std::string_view event,
                 PlainCallback<void(events::Published)>) override {
        noted += std::string(channel) + "=" + std::string(event) + " ";
        return true;
    }
    bool history(std::string_view, events::HistoryQuery,
                 PlainCallback<void(events::HistoryPage)>) override {
        return false;
    }
    events::PresenceList presence(std::string_view, size_t) const override { return {}; }
    void presence(std::string_view, size_t,
                  PlainCallback<void(events::PresenceList)> done) override {
        done({});
    }
    std::unique_ptr<events::Listener> listen(std::string_view,
                                             std::function<void(const events::Event&)>,
                                             events::Listening) override {
        return nullptr;
    }
    void on_subscribe(PlainCallback<bool(const events::ClientRequest&)>) override {}
    void on_publish(PlainCallback<bool(const events::ClientRequest&)>) override {}
    events::Permission permission(events::Use, const events::ClientRequest&) const override {
        return events::Permission::allowed;
    }
    void on_join(MemberHandler) override {}
    void on_leave(MemberHandler) override {}
    void change(events::Options, std::vector<events::Channel>) override {}
    const std::string& api_key() const noexcept override { return no_key_; }
    std::string taken() { return std::exchange(noted, ""); }
    std::string noted;

private:
    const std::string no_key_;
};

class CommunityApi : public testing::Test {
protected:
    CommunityApi() {
        store_ = *Store::open(":memory:");
        Login login{[this](const http::Request&, int64_t) -> std::optional<auth::Identity> {
                        if (user_.empty()) return std::nullopt;
                        return auth::Identity{user_, expires_at_s_};
                    },
                    "auth_token",
                    "email",
                    "",
                    "",
                    "key",
                    store_->secret()};
        Clock clock{[this] { return now_s_; }, [this] { return now_s_ * 1000; }};
        api_ = std::make_unique<Api>(*store_, channels_, std::move(login), std::move(clock));
    }

    // Returns the handler's answer, "200 {...}", to a request with this body and these parameters.
    std::string call(Handler handler, std::string_view body = {},
                     std::vector<http::Param> params = {}, std::string_view query = {}) {
        fields_.resize(extra_fields_);
        fields_.push_back({"Content-Type", "application/json"});
        http::RequestParts parts;
        parts.host = "localhost";
        parts.body = body;
        parts.params = params;
        parts.query = query;
        parts.fields = fields_;
        response_ = http::Response();
        http::Request request(parts);
        (api_.get()->*handler)(request, response_);
        EXPECT_EQ(response_.header("Cache-Control"), "no-store");
        EXPECT_EQ(response_.header("WWW-Authenticate"), status() == 401 ? "Bearer" : "");
        return std::to_string(response_.status()) + " " + std::string(response_.body());
    }
    std::string comment(std::string_view text, std::string id = "256") {
        std::string body = json::serialize(json::object{{"text", text}});
        return call(&Api::add_comment, body, {{"id", id}});
    }
    std::string befriend(std::string action, std::string_view email) {
        std::string body = json::serialize(json::object{{"email", email}});
        return call(&Api::befriend, body, {{"action", action}});
    }
    void add_field(std::string_view name, std::string_view value) {
        fields_.resize(extra_fields_++);
        fields_.push_back({name, value});
    }
    int status() const { return response_.status(); }

    int64_t now_s_ = 1700000000;
    std::string user_ = "emma@example.com";  // The logged-in user; "" for none.
    std::optional<int64_t> expires_at_s_;
    size_t extra_fields_ = 0;
    std::vector<http::Field> fields_;
    NotedChannels channels_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<Api> api_;
    http::Response response_;
};

TEST_F(CommunityApi, ACommentIsKeptAndTold) {
    EXPECT_EQ(comment(" <script>alert(1)</script> "),
              R"(201 {"id":1,"author":{"email":"emma@example.com","name":"Emma"},)"
              R"("text":"<script>alert(1)</script>","at_s":1700000000})");
    EXPECT_EQ(channels_.taken(), "ArticleMessage256=GotNew ");
    EXPECT_EQ(call(&Api::comments, "", {{"id", "256"}}),
              R"(200 {"comments":[{"id":1,"author":{"email":"emma@example.com","name":"Emma"},)"
              R"("text":"<script>alert(1)</script>","at_s":1700000000}],"more":false})");
    EXPECT_EQ(call(&Api::comments, "", {{"id", "256"}}, "after=1"),
              R"(200 {"comments":[],"more":false})");
    user_.clear();  // Reading needs no login.
    EXPECT_EQ(call(&Api::comments, "", {{"id", "257"}}), R"(200 {"comments":[],"more":false})");
}

TEST_F(CommunityApi, WhatIsRefusedTellsNobody) {
    struct Case {
        const char *name, *user, *id, *body;
        int status;
    } cases[] = {
        {"a stranger", "", "256", R"({"text":"x"})", 401},
        {"a user of elsewhere", "eve@example.com", "256", R"({"text":"x"})", 401},
        {"no such article", "emma@example.com", "999", R"({"text":"x"})", 404},
        {"no number", "emma@example.com", "x", R"({"text":"x"})", 404},
        {"a negative number", "emma@example.com", "-256", R"({"text":"x"})", 404},
        {"blank", "emma@example.com", "256", R"({"text":" "})", 400},
        {"no text", "emma@example.com", "256", R"({})", 400},
        {"no JSON", "emma@example.com", "256", "x", 400},
    };
    for (const Case& c : cases) {
        user_ = c.user;
        call(&Api::add_comment, c.body, {{"id", c.id}});
        EXPECT_EQ(status(), c.status) << c.name;
    }
    user_ = "emma@example.com";
    comment(std::string(comment_characters_max + 1, 'x'));
    EXPECT_EQ(status(), 400);
    call(&Api::comments, "", {{"id", "1"}});
    EXPECT_EQ(status(), 404);
    call(&Api::comments, "", {{"id", "256"}}, "after=x");
    EXPECT_EQ(status(), 400);
    call(&Api::article, "", {{"id", "257x"}});
    EXPECT_EQ(status(), 404);
    EXPECT_EQ(channels_.taken(), "");
    EXPECT_EQ(store_->comments(256, 0).value.comments.size(), 0u);
}

TEST_F(CommunityApi, OtherSitesChangeNothing) {
    add_field("Origin", "https://evil.example");
    EXPECT_EQ(comment("x"), R"(403 {"error":"requests of other sites are refused"})");
    befriend("ask", "ming@example.com");
    EXPECT_EQ(status(), 403);
    call(&Api::login, R"({"email":"ming@example.com"})");
    EXPECT_EQ(status(), 403);
    EXPECT_FALSE(response_.has_header("Set-Cookie"));
    call(&Api::logout);
    EXPECT_EQ(status(), 403);
    EXPECT_EQ(channels_.taken(), "");
    call(&Api::session);
    EXPECT_EQ(status(), 200);
}

TEST_F(CommunityApi, WritesHaveAPace) {
    for (int64_t i = 0; i < writes_burst_max; ++i) {
        comment("x");
        EXPECT_EQ(status(), 201);
    }
    EXPECT_EQ(comment("x"), R"(429 {"error":"too fast"})");
    EXPECT_EQ(response_.header("Retry-After"), "1");
    user_ = "ming@example.com";
    comment("x");
    EXPECT_EQ(status(), 201);
    user_ = "emma@example.com";
    now_s_ += 1;
    comment("x");
    EXPECT_EQ(status(), 201);
}

TEST_F(CommunityApi, LoginSetsACookie) {
    user_.clear();
    EXPECT_EQ(call(&Api::session),
              R"(200 {"user":null,"users":[{"email":"emma@example.com","name":"Emma"},)"
              R"({"email":"ming@example.com","name":"小明"}]})");
    EXPECT_EQ(call(&Api::login, R"({"email":"ming@example.com"})"),
              R"(200 {"user":{"email":"ming@example.com","name":"小明"}})");
    std::string token = sign_token({.user_claim = "email",
                                    .user = "ming@example.com",
                                    .issuer = "",
                                    .audience = "",
                                    .issued_at_s = now_s_,
                                    .lifetime_s = login_lifetime_s},
                                   "key", store_->secret());
    std::string cookie(response_.header("Set-Cookie"));
    EXPECT_TRUE(cookie.starts_with("auth_token=" + token + ";")) << cookie;
    EXPECT_NE(cookie.find("HttpOnly"), cookie.npos) << cookie;
    EXPECT_NE(cookie.find("SameSite=Lax"), cookie.npos) << cookie;
    for (const char* body : {R"({"email":"eve@example.com"})", R"({"email":""})"}) {
        call(&Api::login, body);
        EXPECT_EQ(status(), 404);
        EXPECT_FALSE(response_.has_header("Set-Cookie"));
    }
    call(&Api::logout);
    EXPECT_NE(response_.header("Set-Cookie").find("auth_token=;"), std::string_view::npos);
    EXPECT_NE(response_.header("Set-Cookie").find("Max-Age=0"), std::string_view::npos);
}

TEST_F(CommunityApi, ALoginThatGrowsOldIsRenewed) {
    add_field("Cookie", "auth_token=x");
    expires_at_s_ = now_s_ + login_lifetime_s / 2;
    call(&Api::session);
    EXPECT_FALSE(response_.has_header("Set-Cookie"));
    now_s_ += 1;
    call(&Api::session);
    EXPECT_TRUE(response_.has_header("Set-Cookie"));
}

TEST_F(CommunityApi, ATokenThatIsNoCookieIsNotRenewed) {
    expires_at_s_ = now_s_ + 1;
    std::string answer = call(&Api::session);
    EXPECT_TRUE(answer.starts_with(R"(200 {"user":{"email":"emma@example.com",)")) << answer;
    EXPECT_FALSE(response_.has_header("Set-Cookie"));
}

TEST_F(CommunityApi, FriendsAreTold) {
    const std::string emma = R"([{"email":"emma@example.com","name":"Emma"}])",
                      ming = R"([{"email":"ming@example.com","name":"小明"}])";
    EXPECT_EQ(befriend("ask", "ming@example.com"),
              R"(200 {"friends":[],"incoming":[],"outgoing":)" + ming + R"(,"others":[]})");
    EXPECT_EQ(channels_.taken(),
              "SystemMessageming@example.com=GotNew SystemMessageemma@example.com=GotNew ");
    befriend("ask", "ming@example.com");
    EXPECT_EQ(status(), 409);
    befriend("accept", "ming@example.com");
    EXPECT_EQ(status(), 404);
    befriend("ask", "eve@example.com");
    EXPECT_EQ(status(), 404);
    befriend("marry", "ming@example.com");
    EXPECT_EQ(status(), 404);
    EXPECT_EQ(channels_.taken(), "");
    user_ = "ming@example.com";
    EXPECT_EQ(call(&Api::friends),
              R"(200 {"friends":[],"incoming":)" + emma + R"(,"outgoing":[],"others":[]})");
    EXPECT_EQ(befriend("accept", "emma@example.com"),
              R"(200 {"friends":)" + emma + R"(,"incoming":[],"outgoing":[],"others":[]})");
    EXPECT_EQ(befriend("part", "emma@example.com"),
              R"(200 {"friends":[],"incoming":[],"outgoing":[],"others":)" + emma + "}");
    user_.clear();
    EXPECT_EQ(call(&Api::friends), R"(401 {"error":"log in first"})");
    befriend("ask", "ming@example.com");
    EXPECT_EQ(status(), 401);
}

TEST_F(CommunityApi, Articles) {
    user_.clear();
    ASSERT_EQ(store_->add_comment(256, store_->user("emma@example.com").value, "x", 1).status,
              Status::ok);
    std::string list = call(&Api::articles);
    EXPECT_TRUE(
        list.starts_with(R"(200 {"articles":[{"id":256,"title":{"en":"A notice is not the news",)"
                         R"("zh":"通知不是内容"},"comments":1},{"id":257,)"))
        << list;
    json::value one = json::parse(call(&Api::article, "", {{"id", "257"}}).substr(4));
    EXPECT_EQ(one.at("id"), 257);
    EXPECT_FALSE(one.at("body").at("zh").as_string().empty());
    call(&Api::article, "", {{"id", "1"}});
    EXPECT_EQ(status(), 404);
}

}  // namespace
}  // namespace starling::app::community
