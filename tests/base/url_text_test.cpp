// Passwords of URLs that are shown.
#include "base/url_text.h"

#include <gtest/gtest.h>

namespace starling::base {
namespace {

TEST(UrlText, HidesThePassword) {
    struct Case {
        const char *url, *shown;
    };
    const Case cases[] = {
        {"ws://user:secret@host/a", "ws://user:***@host/a"},
        {"wss://user:secret@host:443", "wss://user:***@host:443"},
        {"http://:secret@host?q", "http://:***@host?q"},
        {"http://user:se:cr@et@host#f", "http://user:***@host#f"},
        {"http://user:@host/", "http://user:***@host/"},
        {"http://user@host/", "http://user@host/"},
        {"http://host:80/a:b@c", "http://host:80/a:b@c"},
        {"http://[::1]:80/", "http://[::1]:80/"},
        {"http://host/?u=x://a:b@c", "http://host/?u=x://a:b@c"},
        {"ws+unix:/run/a:b@c", "ws+unix:/run/a:b@c"},
        {"", ""},
    };
    for (const Case& one : cases) EXPECT_EQ(without_password(one.url), one.shown) << one.url;
}

}  // namespace
}  // namespace starling::base
