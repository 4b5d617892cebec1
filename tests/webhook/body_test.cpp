#include "webhook/body.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::webhook {
namespace {

const std::string deep_128 = std::string(128, '[') + std::string(128, ']');
const std::string deep_129 = std::string(129, '[') + std::string(129, ']');

TEST(WebhookBody, DataOfText) {
    const struct {
        std::string text, whole, objects_only;
    } cases[] = {
        {R"({"event":"a","data":{}})", R"({"event":"a","data":{}})", R"({"event":"a","data":{}})"},
        // Inserted as sent: order, repeated names, blanks, large integers, escapes of half a pair.
        {R"( {"b":1, "a":12345678901234567890123, "b":1e999} )",
         R"( {"b":1, "a":12345678901234567890123, "b":1e999} )",
         R"( {"b":1, "a":12345678901234567890123, "b":1e999} )"},
        {R"({"a":"\ud83d"})", R"({"a":"\ud83d"})", R"({"a":"\ud83d"})"},
        {"[1,2]", "[1,2]", "{}"},
        {"null", "null", "null"},
        {"7", "7", "{}"},
        {"\"x\"", "\"x\"", "{}"},
        {"hello", "\"hello\"", "{}"},
        {"", "\"\"", "{}"},
        {"say \"hi\"\n你好", "\"say \\\"hi\\\"\\n你好\"", "{}"},
        {"{\"a\":1", "\"{\\\"a\\\":1\"", "{}"},
        {"{'a':1}", "\"{'a':1}\"", "{}"},
        {"\xef\xbb\xbf{}", "\"\xef\xbb\xbf{}\"", "{}"},
        {"NaN", "\"NaN\"", "{}"},
        {deep_128, deep_128, "{}"},
        {deep_129, "\"" + deep_129 + "\"", "{}"},
    };
    for (const auto& c : cases) {
        const ClientText message = read_client_text(c.text);
        EXPECT_EQ(data_of(message, Data::whole), c.whole) << c.text;
        EXPECT_EQ(data_of(message, Data::objects_only), c.objects_only) << c.text;
        EXPECT_TRUE(base::scan_json(data_of(message, Data::whole)) || c.text == deep_129);
    }
}

TEST(WebhookBody, DataOfBinary) {
    EXPECT_EQ(data_of_binary("", Data::whole), R"({"base64":""})");
    EXPECT_EQ(data_of_binary(std::string_view("\0\xff", 2), Data::whole), R"({"base64":"AP8="})");
    EXPECT_EQ(data_of_binary("abc", Data::objects_only), "{}");
}

TEST(WebhookBody, OfSocketIo) {
    const auto body = [](const Client& client, std::optional<uint64_t> ack_id) {
        std::string out;
        append_body(out, Action::message, R"({"event":"e","data":[]})", client, ack_id);
        return out;
    };
    const std::string front =
        R"({"data":{"event":"e","data":[]},"action":"message","user_name":"u","conn_id":"c",)"
        R"("token":"t","access_public":false)";
    const ClientFields fields{.conn_id = "c", .user = "u", .token = "t"};
    EXPECT_EQ(body(Client(fields), 0), front + R"(,"ack_id":0})");
    ClientFields more = fields;
    more.session = R"({"a":1})";
    more.nsp = "/ad\"min";
    EXPECT_EQ(body(Client(more), 9'007'199'254'740'991),
              front + R"(,"session":{"a":1},"ack_id":9007199254740991,"namespace":"/ad\"min"})");
    EXPECT_EQ(body(Client(more), {}), front + R"(,"session":{"a":1},"namespace":"/ad\"min"})");
}

TEST(WebhookBody, Pings) {
    const struct {
        std::string_view text;
        bool ping;
    } cases[] = {
        {R"({"event":"ping","data":{}})", true},
        {R"({"event":"ping"})", true},
        {" { \"data\" : [\"}\",{\"event\":1}] , \"event\" : \"ping\" } ", true},
        {R"({"event":"\u0070in\u0067"})", true},
        {R"({"ev\u0065nt":"ping"})", true},
        {R"({"\u0065\u0076\u0065\u006e\u0074":"\u0070\u0069\u006e\u0067"})", true},
        {R"({"event":"message","event":"ping"})", true},
        {R"({"event":"ping","event":"message"})", false},
        {R"({"event":"ping","event":null})", false},
        {R"({"event":"Ping"})", false},
        {R"({"Event":"ping"})", false},
        {R"({"event":"ping "})", false},
        {R"({"event":["ping"]})", false},
        {R"({"data":{"event":"ping"}})", false},
        {R"([{"event":"ping"}])", false},
        {R"("ping")", false},
        {"ping", false},
        {R"({"event":"ping"}x)", false},
        {R"({"event":"ping",})", false},
        {"{}", false},
        {R"({"event":"\ud870ing"})", false},
    };
    for (const auto& c : cases) EXPECT_EQ(is_ping(read_client_text(c.text)), c.ping) << c.text;
}

TEST(WebhookBody, WholeBodies) {
    const Client client({.conn_id = "c1", .user = "al\"ice", .token = "t", .user_agent = "ua"});
    std::string out;
    append_body(out, Action::open, "{}", client);
    EXPECT_EQ(out, R"({"data":{},"action":"open","user_name":"al\"ice","conn_id":"c1",)"
                   R"("token":"t","access_public":false})");
    const Client other({.conn_id = "c2", .token = "u", .session = "[1]", .is_public = true});
    out.clear();
    append_body(out, Action::message, R"({"event":"a"})", other);
    EXPECT_EQ(out, R"({"data":{"event":"a"},"action":"message","user_name":"","conn_id":"c2",)"
                   R"("token":"u","access_public":true,"session":[1]})");
    out.clear();
    append_body(out, Action::close, "{}", client);
    EXPECT_NE(out.find(R"("action":"close")"), out.npos);
}

TEST(WebhookClient, KeepsItsFields) {
    const Client inside({.conn_id = "id",
                         .user = "u",
                         .token = "secret",
                         .user_agent = "agent",
                         .headers = "Cookie: auth_token=secret; a=b",
                         .session = "{}"});
    const std::string long_token(5'000, 't');
    const Client apart({.token = long_token, .headers = "Cookie: x", .is_public = true});
    const Client moved = Client({.conn_id = "gone", .user = "moved"});
    EXPECT_EQ(inside.conn_id(), "id");
    EXPECT_EQ(inside.user(), "u");
    EXPECT_EQ(inside.token(), "secret");
    EXPECT_EQ(inside.user_agent(), "agent");
    EXPECT_EQ(inside.headers(), "Cookie: auth_token=secret; a=b");
    EXPECT_EQ(inside.session(), "{}");
    EXPECT_FALSE(inside.is_public());
    EXPECT_EQ(inside.token().data(), inside.headers().data() + 19);  // Not stored twice.
    EXPECT_EQ(apart.token(), long_token);
    EXPECT_EQ(apart.headers(), "Cookie: x");
    EXPECT_TRUE(apart.is_public());
    EXPECT_EQ(moved.user(), "moved");
    EXPECT_EQ(moved.token(), "");
}

TEST(WebhookClient, Uuids) {
    std::array<std::byte, 16> random{};
    const auto text = [&random] {
        const auto id = make_uuid(random);
        return std::string(id.data(), id.size());
    };
    EXPECT_EQ(text(), "00000000-0000-4000-8000-000000000000");
    random.fill(std::byte(0xff));
    EXPECT_EQ(text(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    for (size_t i = 0; i < random.size(); ++i) random[i] = std::byte(i * 17);
    EXPECT_EQ(text(), "00112233-4455-4677-8899-aabbccddeeff");
}

}  // namespace
}  // namespace starling::webhook
