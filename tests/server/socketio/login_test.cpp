// Logins of Socket.IO: who may connect, and for how long.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "http/request_parts.h"
#include "server/socketio/login.h"
#include "server/socketio/session_handler.h"
#include "tests/auth/signing.h"
#include "tests/fake/socketio.h"

namespace starling {
namespace {

using fake::Client;
using fake::Workers;

const std::string secret(32, 's');
constexpr int64_t begin_s = 1'800'000'000 + 1000;  // The time at which the fake workers begin.

std::string token(std::string_view user, int64_t lifetime_s, std::string_view key = secret) {
    const std::string claims =
        auth::test::base64url(R"({"alg":"HS256"})") + "." +
        auth::test::base64url(R"({"sub":")" + std::string(user) + R"(","exp":)" +
                              std::to_string(begin_s + lifetime_s) + "}");
    return claims + "." + auth::test::base64url(auth::test::hs256(key, claims));
}

auth::Options options() {
    return {.keys = {{.material = secret}}, .leeway = std::chrono::seconds(0)};
}

// Does what a server does with the request that opens a session.
socketio::ConnectInfo info_of(const server::SocketIoLogin& login, std::string_view cookie) {
    const std::string value = "auth_token=" + std::string(cookie);
    const http::Field fields[] = {{"Cookie", value}, {"Sec-WebSocket-Key", "x"}, {"X-Y", "z"}};
    const std::span<const http::Field> sent(fields);
    http::RequestParts parts;
    parts.target = "/socket.io/?EIO=4";
    parts.fields = cookie.empty() ? sent.subspan(1) : sent;
    parts.remote_address = "192.0.2.7";
    const http::Request request(parts);
    const auto verdict = login.read(request, begin_s);
    return server::connect_info(request, begin_s * 1000,
                                verdict.identity ? verdict.identity->user : "",
                                server::SocketIoLogin::kept(verdict));
}

struct Connected {
    std::string answer;  // "user ada", or the packet that refuses.
    uint64_t lasts_s = 0;
};

Connected connect(const server::SocketIoLogin& login, std::string_view cookie,
                  std::string_view auth) {
    socketio::Settings settings;
    settings.login = [&login](const sio::Json& given, const socketio::ConnectInfo& info,
                              int64_t now_s) { return login.decide(given, info, now_s); };
    Workers workers(1, settings);
    auto& io = workers.of("/");
    std::optional<std::string> user;
    io.on_connection([&](sio::Socket socket) { user = socket.user(); });
    Client client(workers, 0, 4);
    client.transport.connect_info = info_of(login, cookie);
    client.says("0" + std::string(auth));
    if (!user) return {client.takes().back(), 0};
    Connected connected{"user " + *user, 0};
    while (io.sockets() == 1 && connected.lasts_s < 1000) {
        workers.pass(1000);
        ++connected.lasts_s;
    }
    return connected;
}

TEST(SocketIoLogin, EachWayInAndOut) {
    const server::SocketIoLogin required(options(), true), open(options(), false);
    const std::string ada = token("ada", 100), ben = token("ben", 50), old = token("ada", -1),
                      forged = token("ada", 100, std::string(32, 'x'));
    const auto as_auth = [](const std::string& one) { return "{\"token\":\"" + one + "\"}"; };
    const auto refused = [](const std::string& code) {
        return R"(44{"message":"unauthorized","data":{"code":")" + code + "\"}}";
    };
    const struct {
        const char* what;
        const server::SocketIoLogin& login;
        std::string cookie, auth, answer;
        uint64_t lasts_s = 0;
    } cases[] = {
        {"nothing, where one is wanted", required, "", "", refused("no_credentials")},
        {"nothing, where nobody must", open, "", "", "user ", 1000},
        {"by auth", required, "", as_auth(ada), "user ada", 100},
        {"by auth, where nobody must", open, "", as_auth(ben), "user ben", 50},
        {"by cookie", required, ada, "", "user ada", 100},
        {"by both: auth decides", required, ada, as_auth(ben), "user ben", 50},
        {"expired", required, "", as_auth(old), refused("token_expired")},
        {"expired, where nobody must", open, "", as_auth(old), refused("token_expired")},
        {"forged", required, "", as_auth(forged), refused("token_invalid")},
        {"forged beside a good cookie", required, ada, as_auth(forged), refused("token_invalid")},
        {"not a token", required, "", as_auth("abc"), refused("token_invalid")},
        {"not a text", required, "", "{\"token\":7}", refused("no_credentials")},
        {"a stale cookie", required, old, "", refused("token_expired")},
        {"a stale cookie beside a fresh token", required, old, as_auth(ada), "user ada", 100},
        {"a stale cookie, where nobody must", open, old, "", refused("token_expired")},
    };
    for (const auto& one : cases) {
        const auto got = connect(one.login, one.cookie, one.auth);
        EXPECT_EQ(got.answer, one.answer) << one.what;
        EXPECT_EQ(got.lasts_s, one.lasts_s) << one.what;
    }
}

TEST(SocketIoLogin, ASessionKeepsWhatHandlersMayAskFor) {
    const server::SocketIoLogin login(options(), true);
    const auto info = info_of(login, token("ada", 100));
    EXPECT_EQ(info.address(), "192.0.2.7");
    EXPECT_EQ(info.user(), "ada");
    EXPECT_EQ(info.login().expires_s, begin_s + 100);
    EXPECT_EQ(info.head(), "/socket.io/?EIO=4\ncookie: auth_token=" + token("ada", 100) +
                               "\nx-y: z\n");  // Without the fields of the WebSocket handshake.
}

}  // namespace
}  // namespace starling
