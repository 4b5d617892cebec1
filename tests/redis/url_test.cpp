#include "redis/url.h"

#include <gtest/gtest.h>

namespace starling::redis {
namespace {

std::string shown(std::string_view text) {
    const auto parsed = parse_url(text);
    if (!parsed) return "! " + parsed.error();
    std::string out;
    for (const Endpoint& endpoint : parsed->endpoints) out += show(endpoint) + " ";
    if (parsed->tls) out += "tls ";
    if (parsed->mode == Url::Mode::cluster) out += "cluster ";
    if (parsed->mode == Url::Mode::sentinel) out += "sentinel=" + parsed->master_name + " ";
    if (!parsed->user.empty()) out += "user=" + parsed->user + " ";
    if (!parsed->password.empty()) out += "password=" + parsed->password + " ";
    if (!parsed->client_name.empty()) out += "name=" + parsed->client_name + " ";
    if (!parsed->sentinel_password.empty()) out += "sp=" + parsed->sentinel_password + " ";
    if (parsed->protocol != 0) out += "resp" + std::to_string(parsed->protocol) + " ";
    return out + "db" + std::to_string(parsed->database);
}

TEST(RedisUrl, Accepts) {
    const std::pair<const char*, const char*> cases[] = {
        {"redis://localhost", "localhost:6379 db0"},
        {"redis://localhost/", "localhost:6379 db0"},
        {"redis://127.0.0.1:7000/3", "127.0.0.1:7000 db3"},
        {"rediss://r.example.com", "r.example.com:6379 tls db0"},
        {"redis://:se%40cret@h", "h:6379 password=se@cret db0"},
        {"redis://ann:p%3Aq@h:1", "h:1 user=ann password=p:q db0"},
        {"redis://ann:a@b@h", "h:6379 user=ann password=a@b db0"},
        {"redis://[::1]:7/1", "[::1]:7 db1"},
        {"redis://[fe80::1]", "[fe80::1]:6379 db0"},
        {"redis://h?db=4&protocol=2&name=node-1", "h:6379 name=node-1 resp2 db4"},
        {"unix:///run/redis.sock", "unix:/run/redis.sock db0"},
        {"redis+unix://:p@/tmp/a%20b?db=2", "unix:/tmp/a b password=p db2"},
        {"redis+sentinel://a,b:7/mymaster", "a:26379 b:7 sentinel=mymaster db0"},
        {"rediss+sentinel://:p@a/m/2?sentinel_password=q",
         "a:26379 tls sentinel=m password=p sp=q db2"},
        {"redis+cluster://a:1,[::1]:2,c", "a:1 [::1]:2 c:6379 cluster db0"},
        {"rediss+cluster://a", "a:6379 tls cluster db0"},
    };
    for (const auto& [text, expected] : cases) EXPECT_EQ(shown(text), expected) << text;
}

TEST(RedisUrl, Refuses) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "! write redis://"},
        {"localhost:6379", "! write redis://"},
        {"http://localhost", "! write redis://"},
        {"redis:///1", "! host: there is none"},
        {"redis://:p@", "! host: there is none"},
        {"redis://h:0", "! port"},
        {"redis://h:65536", "! port"},
        {"redis://h:", "! port"},
        {"redis://h:6x", "! port"},
        {"redis://[::1", "! host: '['"},
        {"redis://[::1]x", "! host: text"},
        {"redis://a b", "! host: a char"},
        {"redis://a,b", "! host: more"},
        {"redis://a/x", "! database"},
        {"redis://a/-1", "! database"},
        {"redis://a?db=", "! database"},
        {"redis://a?protocol=4", "! protocol"},
        {"redis://a?name=a%20b", "! name"},
        {"redis://a?tls=1", "! there is no option 'tls'"},
        {"redis://a#x", "! a fragment"},
        {"redis://:%zz@a", "! password"},
        {"redis://%:x@a", "! user"},
        {"unix://host/path", "! a socket"},
        {"unix://", "! path"},
        {"unix:///", "! path"},
        {"unix:///a%00b", "! path"},
        {"redis+sentinel://a", "! master"},
        {"redis+sentinel://a/", "! master"},
        {"redis+sentinel://a/m/x", "! database"},
        {"redis+cluster://a/1", "! database"},
        {"redis+cluster://a,", "! host: there is none"},
    };
    for (const auto& [text, expected] : cases)
        EXPECT_TRUE(shown(text).starts_with(expected)) << text << ": " << shown(text);
}

TEST(RedisUrl, AnErrorDoesNotShowThePassword) {
    for (const char* text : {"redis://u:secret@a:x", "redis://u:secret%@a", "redis://u:secret@/1",
                             "redis://u:secret@a?x=1"}) {
        ASSERT_FALSE(parse_url(text)) << text;
        EXPECT_EQ(parse_url(text).error().find("secret"), std::string::npos) << text;
    }
}

}  // namespace
}  // namespace starling::redis
