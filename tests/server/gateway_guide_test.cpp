// The C++ samples of docs/gateway.md: compiled, run, and compared with both languages of the guide.
#include <gtest/gtest.h>
#include <starling/gateway.h>

#include <string>

#include "tests/server/fixture.h"
#include "tests/server/guide.h"

namespace starling::server::test {
namespace {

void gateway_samples(Server& server) {
    auto& clients = server.gateway({
        .routes = {{.application = "http://127.0.0.1:3010/websocket/message"}},
        .api_keys = {"a long random text"},
    });
    server.get("/figures", [&clients](const http::Request&, http::Response& response) {
        const gateway::Stats stats = clients.stats();
        response.text(std::to_string(stats.connections_open) + " clients, " +
                      std::to_string(stats.webhooks_given_up) + " webhooks given up\n");
    });
}

TEST(GatewayGuide, SamplesDoWhatTheySay) {
    TestServer t;
    gateway_samples(t.server);
    t.start();
    Client client(t.port());
    EXPECT_EQ(client.get("/figures").body, "0 clients, 0 webhooks given up\n");
    EXPECT_EQ(client.get("/tapr/ws/conn/list").status, 401);
    EXPECT_EQ(client.get("/tapr/ws/conn/list", "X-Api-Key: a long random text\r\n").body,
              R"({"code":0,"message":"success","data":[]})");
}

TEST(GatewayGuide, EverySampleIsTheTextThatWasCompiled) {
    EXPECT_EQ(expect_compiled({"docs/gateway.md", "docs/gateway.zh.md"},
                              "tests/server/gateway_guide_test.cpp"),
              2u);
}

}  // namespace
}  // namespace starling::server::test
