#include "app/connect/stream_url.h"

#include <gtest/gtest.h>

namespace starling::app::connect {
namespace {

TEST(ConnectStreamUrl, NamesAServerOrASocket) {
    const struct {
        const char *text, *url, *socket;
    } cases[] = {
        {"http://h/a?b", "http://h/a?b", ""},
        {"https://h", "https://h", ""},
        {"http+unix:/run/s.sock:/a?b=c:d", "http://localhost/a?b=c:d", "/run/s.sock"},
        {"ws+unix:/run/s.sock:/a", "http://localhost/a", "/run/s.sock"},
        {"http+unix:/run/s.sock", "http://localhost/", "/run/s.sock"},
        {"http+unix:/run/s.sock:", "http://localhost/", "/run/s.sock"},
        {"http+unix:/run/s.sock:?q", "http://localhost/?q", "/run/s.sock"},
    };
    for (const auto& c : cases) {
        const auto url = parse_stream_url(c.text);
        ASSERT_TRUE(url) << c.text;
        EXPECT_EQ(url->url, c.url) << c.text;
        EXPECT_EQ(url->unix_socket, c.socket) << c.text;
    }
    for (const char* text : {"", "h", "ws://h", "ftp://h", "http:h", "http+unix:", "http+unix:s:/a",
                             "http+unix::/a", "unix:/s:/a"})
        EXPECT_FALSE(parse_stream_url(text)) << text;
}

}  // namespace
}  // namespace starling::app::connect
