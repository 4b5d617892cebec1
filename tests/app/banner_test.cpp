// The lines that the demo prints when it starts.
#include "app/demo/banner.h"

#include <gtest/gtest.h>

namespace starling::app {
namespace {

TEST(Banner, NamesThePagesAndACommand) {
    EXPECT_EQ(banner({.url = "http://localhost:8080",
                      .publish_key = "k3y",
                      .docs = true,
                      .gateway_console = true}),
              R"(pages:
  http://localhost:8080/                             figures of this server, and code to copy
  http://localhost:8080/echo                         the WebSocket API
  http://localhost:8080/chat                         a chat room over WebSocket
  http://localhost:8080/socketio/                    a chat over Socket.IO
  http://localhost:8080/community/                   articles and comments on server events
  http://localhost:8080/ws/ServerEvent?Ref=ApiIndex  listens to a channel
  http://localhost:8080/docs/                        the documentation
  http://localhost:8080/gateway                      the console of the gateway
try: curl -H 'X-Api-Key: k3y' -d '{"channel":"ApiIndex","event":"hello"}' http://localhost:8080/api/publish
     it arrives at the page that listens to ApiIndex
)");
}

TEST(Banner, WithoutAKeyTheCommandAsksForTheFigures) {
    const std::string text =
        banner({.url = "http://0.0.0.0:80", .publish_key = "", .gateway_console = false});
    EXPECT_TRUE(text.ends_with("try: curl http://localhost:80/figures\n")) << text;
    EXPECT_EQ(text.find("0.0.0.0"), std::string::npos);
    EXPECT_EQ(text.find("/gateway"), std::string::npos);
    EXPECT_EQ(text.find("/docs"), std::string::npos);
}

TEST(Banner, IsEmptyForAddressesThatNoBrowserOpens) {
    EXPECT_EQ(banner({.url = "unix:/run/s.sock", .publish_key = "k", .gateway_console = true}), "");
    EXPECT_EQ(banner({.url = "https://[::]:8443", .publish_key = "", .gateway_console = false})
                  .find("[::]"),
              std::string::npos);
}

}  // namespace
}  // namespace starling::app
