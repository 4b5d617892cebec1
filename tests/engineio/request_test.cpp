#include "engineio/request.h"

#include <gtest/gtest.h>

#include <span>

namespace starling::engineio::test {
namespace {

constexpr SessionFacts on_polling{Transport::polling, Revision::eio4};
constexpr SessionFacts on_websocket{Transport::websocket, Revision::eio4};
constexpr SessionFacts on_polling3{Transport::polling, Revision::eio3};
constexpr Policy usual{};
constexpr Policy eio3_too{.allow_eio3 = true};

struct Case {
    const char* name;
    Query query;
    Method method;
    bool upgrade;
    Policy policy;
    const SessionFacts* session;
    std::optional<Error> error;
};

// {eio, transport, sid, b64, j}
constexpr Query polling{"4", "polling", "", "", {}};
constexpr Query websocket{"4", "websocket", "", "", {}};
constexpr Query polling_sid{"4", "polling", "x", "", {}};
constexpr Query websocket_sid{"4", "websocket", "x", "", {}};
constexpr Query polling_sid3{"3", "polling", "x", "", {}};

void check(std::span<const Case> cases) {
    for (const Case& c : cases)
        EXPECT_EQ(verify(c.query, c.method, c.upgrade, c.policy, c.session), c.error) << c.name;
}

using enum Method;

constexpr Case handshakes[] = {
    {"polling", polling, get, false, usual, nullptr, {}},
    {"WebSocket", websocket, get, true, usual, nullptr, {}},
    {"no transport", {"4", "", "", "", {}}, get, false, usual, nullptr, Error::unknown_transport},
    {"unknown transport",
     {"4", "tobi", "", "", {}},
     get,
     false,
     usual,
     nullptr,
     Error::unknown_transport},
    {"name of a member of objects",
     {"4", "constructor", "", "", {}},
     get,
     false,
     usual,
     nullptr,
     Error::unknown_transport},
    {"WebTransport",
     {"4", "webtransport", "", "", {}},
     get,
     false,
     usual,
     nullptr,
     Error::unknown_transport},
    {"polling not allowed",
     polling,
     get,
     false,
     {.polling = false},
     nullptr,
     Error::unknown_transport},
    {"WebSocket not allowed",
     websocket,
     get,
     true,
     {.websocket = false},
     nullptr,
     Error::unknown_transport},
    {"the transport before the method",
     {"4", "tobi", "", "", {}},
     post,
     false,
     usual,
     nullptr,
     Error::unknown_transport},
    {"POST", polling, post, false, usual, nullptr, Error::bad_handshake_method},
    {"another method", polling, other, false, usual, nullptr, Error::bad_handshake_method},
    {"the method before the rest",
     {"3", "websocket", "", "", {}},
     post,
     false,
     usual,
     nullptr,
     Error::bad_handshake_method},
    {"WebSocket without upgrade", websocket, get, false, usual, nullptr, Error::bad_request},
    {"upgrade to polling", polling, get, true, usual, nullptr, Error::bad_request},
    {"revision 3",
     {"3", "polling", "", "", {}},
     get,
     false,
     usual,
     nullptr,
     Error::unsupported_version},
    {"no revision",
     {"", "polling", "", "", {}},
     get,
     false,
     usual,
     nullptr,
     Error::unsupported_version},
    {"no revision is 3", {"", "polling", "", "", {}}, get, false, eio3_too, nullptr, {}},
    {"revision 3 where allowed", {"3", "websocket", "", "", {}}, get, true, eio3_too, nullptr, {}},
    {"revision 4 there too", polling, get, false, eio3_too, nullptr, {}},
    {"upgrades forbidden, WebSocket from the start",
     websocket,
     get,
     true,
     {.allow_upgrades = false},
     nullptr,
     {}},
};

TEST(EngineioRequest, handshakes) { check(handshakes); }

TEST(EngineioRequest, of_sessions) {
    constexpr Policy no_upgrades{.allow_upgrades = false};
    constexpr auto bad = Error::bad_request;
    constexpr Case cases[] = {
        {"poll", polling_sid, get, false, usual, &on_polling, {}},
        {"POST", polling_sid, post, false, usual, &on_polling, {}},
        {"upgrade", websocket_sid, get, true, usual, &on_polling, {}},
        {"second WebSocket", websocket_sid, get, true, usual, &on_websocket, {}},
        {"unknown sid", polling_sid, get, false, usual, nullptr, Error::unknown_sid},
        {"unknown sid, POST", polling_sid, post, false, usual, nullptr, Error::unknown_sid},
        {"unknown sid, upgrade", websocket_sid, get, true, usual, nullptr, Error::unknown_sid},
        {"DELETE", polling_sid, other, false, usual, &on_polling, Error::bad_handshake_method},
        {"poll of a WebSocket session", polling_sid, get, false, usual, &on_websocket, bad},
        {"POST to a WebSocket session", polling_sid, post, false, usual, &on_websocket, bad},
        {"WebSocket without upgrade", websocket_sid, get, false, usual, &on_polling, bad},
        {"the same on a WebSocket session", websocket_sid, get, false, usual, &on_websocket, bad},
        {"upgrade to polling", polling_sid, get, true, usual, &on_polling, bad},
        {"upgrade where forbidden", websocket_sid, get, true, no_upgrades, &on_polling, bad},
        {"revision 3 on 4", polling_sid3, get, false, eio3_too, &on_polling, bad},
        {"revision 4 on 3", polling_sid, post, false, eio3_too, &on_polling3, bad},
        {"revision 4 upgrades 3", websocket_sid, get, true, eio3_too, &on_polling3, bad},
        {"revision 3 on 3", polling_sid3, get, false, eio3_too, &on_polling3, {}},
    };
    check(cases);
}

TEST(EngineioRequest, errors) {
    struct Row {
        Error error;
        uint16_t status;
        std::string_view body;
    };
    constexpr Row rows[] = {
        {Error::unknown_transport, 400, R"({"code":0,"message":"Transport unknown"})"},
        {Error::unknown_sid, 400, R"({"code":1,"message":"Session ID unknown"})"},
        {Error::bad_handshake_method, 400, R"({"code":2,"message":"Bad handshake method"})"},
        {Error::bad_request, 400, R"({"code":3,"message":"Bad request"})"},
        {Error::forbidden, 403, R"({"code":4,"message":"Forbidden"})"},
        {Error::unsupported_version, 400, R"({"code":5,"message":"Unsupported protocol version"})"},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(error_body(row.error), row.body);
        EXPECT_EQ(error_status(row.error), row.status);
    }
    EXPECT_EQ(error_body(Error::forbidden, "a \"b\"\\\n\x01 \u00e9"),
              "{\"code\":4,\"message\":\"a \\\"b\\\"\\\\\\n\\u0001 \u00e9\"}");
}

TEST(EngineioRequest, open_data) {
    EXPECT_EQ(open_data({.sid = "abc", .upgrade_to_websocket = true}),
              R"({"sid":"abc","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,)"
              R"("maxPayload":1000000})");
    EXPECT_EQ(open_data({"d", false, 300, 200, 1}),
              R"({"sid":"d","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1})");
    EXPECT_TRUE(may_upgrade(Transport::polling, usual));
    EXPECT_FALSE(may_upgrade(Transport::websocket, usual));
    EXPECT_FALSE(may_upgrade(Transport::polling, {.websocket = false}));
    EXPECT_FALSE(may_upgrade(Transport::polling, {.allow_upgrades = false}));
}

TEST(EngineioRequest, what_clients_support) {
    EXPECT_TRUE(supports_binary(polling));
    EXPECT_FALSE(supports_binary({"3", "polling", "", "1", {}}));
    EXPECT_FALSE(supports_binary({"3", "polling", "", "", "0"}));
    EXPECT_FALSE(supports_binary({"3", "polling", "", "", ""}));
}

}  // namespace
}  // namespace starling::engineio::test
