#include "engineio/relay.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace starling::engineio::relay::test {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

std::string shown(const std::vector<http::Field>& fields) {
    std::string text;
    for (const auto& field : fields)
        text.append(field.name).append("=").append(field.value).append(";");
    return text;
}

std::string shown(const Request& r) {
    std::string text = std::string(r.method) + " " + std::string(r.target) + " " +
                       std::string(r.host) + " " + std::string(r.remote_address) + " ";
    text += std::string(r.secure ? "s" : "") + (r.from_trusted_proxy ? "t" : "") +
            (r.proxied ? "p" : "") + " ";
    return text + shown(r.fields) + " " + std::string(r.body);
}

std::string shown(const Answer& a) {
    return std::to_string(a.status) + (a.closes ? " closes " : " ") + shown(a.fields) + " " +
           std::string(a.body);
}

// What each text is when it is cut anywhere, or longer: nothing.
void expect_only_whole(const std::string& text) {
    for (size_t size = 0; size < text.size(); ++size) {
        const std::string cut = text.substr(0, size);
        EXPECT_FALSE(decode_request(cut) || decode_answer(cut)) << size;
    }
    const std::string longer = text + "x";
    EXPECT_FALSE(decode_request(longer) || decode_answer(longer));
}

TEST(EngineioRelay, RequestsComeBackAsTheyWere) {
    const Request cases[] = {
        {.method = "GET", .target = "/socket.io/?EIO=4&sid=x", .fields = {}},
        {.method = "POST",
         .target = "/a/?b",
         .host = "example.org:80",
         .remote_address = "2001:db8::1",
         .body = "4a\0b\xff"sv,
         .fields = {{"Content-Type", "text/plain"}, {"Cookie", ""}, {"", "x"}},
         .secure = true,
         .from_trusted_proxy = true,
         .proxied = true},
        {.method = "POST", .target = "http://host/socket.io/?EIO=4&sid=x", .fields = {}},
        {.method = "", .target = "", .fields = {}, .proxied = true},
    };
    for (const Request& request : cases) {
        const Head head{.type = Type::request, .worker = 0x1234, .id = 0x0102030405060708};
        const std::string text = encode(head, request);
        const auto decoded = decode_request(text);
        ASSERT_TRUE(decoded) << shown(request);
        EXPECT_EQ(shown(*decoded), shown(request));
        const auto read = decode_head(text);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->type, Type::request);
        EXPECT_EQ(read->worker, 0x1234);
        EXPECT_EQ(read->id, 0x0102030405060708U);
        EXPECT_FALSE(decode_answer(text));
        expect_only_whole(text);
    }
}

TEST(EngineioRelay, AnswersComeBackAsTheyWere) {
    const Answer cases[] = {
        {.status = 200, .fields = {{"Content-Type", "text/html"}}, .body = "ok"},
        {.status = 400, .closes = true, .fields = {}, .body = {}},
        {.status = 599, .fields = {{"A", "1"}, {"A", "2"}}, .body = std::string_view("\0", 1)},
    };
    for (const Answer& answer : cases) {
        const std::string text = encode({.type = Type::answer, .worker = 1, .id = 2}, answer);
        const auto decoded = decode_answer(text);
        ASSERT_TRUE(decoded);
        EXPECT_EQ(shown(*decoded), shown(answer));
        EXPECT_FALSE(decode_request(text));
        expect_only_whole(text);
    }
}

TEST(EngineioRelay, BytesOnTheWire) {
    const Head head{.type = Type::abandon, .worker = 0x0201, .id = 0x0a09080706050403};
    EXPECT_EQ(encode(head), "\x03\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a"sv);
    EXPECT_EQ(encode({.type = Type::answer, .worker = 1, .id = 2},
                     Answer{.status = 400, .closes = true, .fields = {{"A", "b"}}, .body = "cd"}),
              "\x02\x01\x00\x02\x00\x00\x00\x00\x00\x00\x00"  // head
              "\x01\x90\x01"                                  // flags, status
              "\x01\x00\x01\x00\x00\x00"
              "A\x01\x00\x00\x00"
              "b\x02\x00\x00\x00"
              "cd"sv);
}

TEST(EngineioRelay, Malformed) {
    EXPECT_FALSE(decode_head(""));
    EXPECT_FALSE(decode_head("\x03\x01\x02\x03\x04\x05\x06\x07\x08\x09"));
    EXPECT_FALSE(decode_head(std::string(11, '\0')));  // No such type.
    EXPECT_FALSE(decode_head("\x0a" + std::string(10, '\0')));
    for (const std::string_view type : {"\x03", "\x04", "\x05"}) {
        EXPECT_TRUE(decode_head(std::string(type) + std::string(10, '\0')));
        EXPECT_FALSE(decode_head(std::string(type) + std::string(11, '\0')));
    }

    const Head head{.type = Type::answer, .worker = 0, .id = 0};
    const std::string good = encode(head, Answer{.status = 200, .fields = {}, .body = {}});
    ASSERT_TRUE(decode_answer(good));
    struct Case {
        size_t at;
        char value;
        std::string_view what;
    };
    constexpr Case cases[] = {
        {0, 1, "another type"},
        {11, 2, "an unknown flag"},
        {12, 0, "status 0"},
        {13, 3, "status 968"},
        {14, 1, "a field that is missing"},
        {15, '\x7f', "too many fields"},
        {19, '\x7f', "a body that is longer than the message"},
    };
    for (const Case& c : cases) {
        std::string text = good;
        text[c.at] = c.value;
        EXPECT_FALSE(decode_answer(text)) << c.what;
    }
}

TEST(EngineioRelay, AnUpgradeIsARequest) {
    const Request request{.method = "GET", .target = "/socket.io/?sid=x", .fields = {{"A", "b"}}};
    const std::string text = encode({.type = Type::upgrade, .worker = 1, .id = 2}, request);
    const auto head = decode_head(text);
    ASSERT_TRUE(head);
    EXPECT_EQ(head->type, Type::upgrade);
    const auto decoded = decode_request(text);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(shown(*decoded), shown(request));
    expect_only_whole(text);
}

// A frame, a credit and an end, each with all that it can say.
TEST(EngineioRelay, MessagesOfAWebSocket) {
    const Head frame{.type = Type::frame, .worker = 1, .id = 2};
    for (const unsigned flags : {0U, 1U, 2U, 4U, 7U})
        for (const std::string_view bytes : {""sv, "4hi"sv, "\0\xff"sv}) {
            const std::string text = encode(frame, Frame{.to_owner = (flags & 1) != 0,
                                                         .binary = (flags & 2) != 0,
                                                         .compress = (flags & 4) != 0,
                                                         .bytes = bytes});
            EXPECT_EQ(text, "\x07\x01\0\x02\0\0\0\0\0\0\0"s + static_cast<char>(flags) +
                                std::string(bytes));
            EXPECT_EQ(text.size(), frame_head_bytes + bytes.size());
            const auto decoded = decode_frame(text);
            ASSERT_TRUE(decoded && decode_head(text));
            EXPECT_EQ(encode(frame, *decoded), text);
        }
    const Head credit{.type = Type::credit, .worker = 1, .id = 2};
    const std::string credits =
        encode(credit, Credit{.to_owner = true, .arrived = 3, .taken = ~0U});
    EXPECT_EQ(credits, "\x08\x01\0\x02\0\0\0\0\0\0\0\x01\x03\0\0\0\xff\xff\xff\xff"s);
    ASSERT_TRUE(decode_credit(credits) && decode_head(credits));
    EXPECT_EQ(encode(credit, *decode_credit(credits)), credits);
    const Head end{.type = Type::end, .worker = 1, .id = 2};
    const std::string ends = encode(end, End{.to_owner = false, .code = 1001});
    EXPECT_EQ(ends, "\x09\x01\0\x02\0\0\0\0\0\0\0\0\xe9\x03"s);
    ASSERT_TRUE(decode_end(ends) && decode_head(ends));
    EXPECT_EQ(encode(end, *decode_end(ends)), ends);
}

TEST(EngineioRelay, MalformedMessagesOfAWebSocket) {
    const std::string frame = encode({.type = Type::frame, .worker = 1, .id = 2}, Frame());
    const std::string credit = encode({.type = Type::credit, .worker = 1, .id = 2}, Credit());
    const std::string end = encode({.type = Type::end, .worker = 1, .id = 2}, End());
    for (const std::string& text : {frame, credit, end}) {
        for (size_t size = 0; size < text.size(); ++size) {
            const std::string cut = text.substr(0, size);
            EXPECT_FALSE(decode_frame(cut) || decode_credit(cut) || decode_end(cut)) << size;
        }
        std::string flags = text;
        flags[11] = '\x08';
        EXPECT_FALSE(decode_frame(flags) || decode_credit(flags) || decode_end(flags));
        const std::string longer = text + "x";
        EXPECT_FALSE(decode_credit(longer) || decode_end(longer));
        EXPECT_FALSE(decode_request(text) || decode_answer(text));
    }
    EXPECT_FALSE(decode_frame(credit) || decode_frame(end) || decode_credit(frame) ||
                 decode_credit(end) || decode_end(frame) || decode_end(credit));
}

TEST(EngineioRelay, FieldsBeyondTheLimitAreLeftOut) {
    const Head head{.type = Type::answer, .worker = 0, .id = 0};
    Answer answer{.status = 200, .fields = {}, .body = {}};
    answer.fields.resize(fields_max + 1, {"a", "b"});
    const std::string text = encode(head, answer);
    const auto decoded = decode_answer(text);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->fields.size(), fields_max);
}

}  // namespace
}  // namespace starling::engineio::relay::test
