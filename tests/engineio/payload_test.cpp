#include "engineio/payload.h"

#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "engineio/utf16.h"

namespace starling::engineio::test {
namespace {

using namespace std::literals;
constexpr auto eio3 = Revision::eio3;
constexpr auto eio4 = Revision::eio4;
constexpr auto text = PayloadKind::text;
constexpr auto binary = PayloadKind::binary;

// Returns "4hello 4x bin:..." and the end.
std::string read(std::string_view body, Revision revision, PayloadKind kind) {
    PayloadReader reader(body, revision, kind);
    std::string out;
    PayloadReader::Step step;
    while ((step = reader.next()) == PayloadReader::Step::packet) {
        const Packet& packet = reader.packet();
        out += packet.binary ? "bin" : "";
        out += static_cast<char>('0' + static_cast<int>(packet.type));
        out += packet.data;
        out += '|';
    }
    EXPECT_EQ(reader.next(), step) << "the end stays the end";
    EXPECT_EQ(reader.fault() == Fault::none, step == PayloadReader::Step::end);
    return out + std::string(fault_text(reader.fault()));
}

struct Row {
    const char* name;
    std::string_view body, expected;
};

void check(std::span<const Row> rows, Revision revision, PayloadKind kind) {
    for (const Row& row : rows) EXPECT_EQ(read(row.body, revision, kind), row.expected) << row.name;
}

// Bodies as written by engine.io-parser 5.
TEST(EngineioPayload, reads_revision_4) {
    constexpr Row rows[] = {
        {"one", "4hello", "4hello|"},
        {"several",
         "0{}\x1e"
         "2\x1e"
         "3probe\x1e"
         "6\x1e"
         "4",
         "0{}|2|3probe|6|4|"},
        {"beyond ASCII",
         "42[\"\u00e9\u20ac\U0001f600\"]\x1e"
         "4x",
         "42[\"\u00e9\u20ac\U0001f600\"]|4x|"},
        {"base64",
         "4a\u20ac\x1e"
         "bAAEC/w==",
         "4a\u20ac|bin4\x00\x01\x02\xff|"sv},
        {"nothing", "", "packet without a type"},
        {"separator at the end", "4a\x1e", "4a|packet without a type"},
        {"separator at the front",
         "\x1e"
         "4a",
         "packet without a type"},
        {"unknown type",
         "4a\x1e"
         "7\x1e"
         "4b",
         "4a|unknown packet type"},
        {"another revision's payload", "6:4hello", "6:4hello|"},
        {"base64 with an error", "b$", "invalid base64"},
        {"base64 in lines",
         "bAQID\nBAUG\r\n\x1e"
         "4a",
         "bin4\x01\x02\x03\x04\x05\x06|4a|"},
        {"base64url without padding", "b-_8", "bin4\xfb\xff|"},
        {"not UTF-8",
         "4a\x1e"
         "4\xff",
         "invalid UTF-8"},
    };
    check(rows, eio4, text);
    EXPECT_EQ(read("4a", eio4, binary), "binary payload");
}

// Bodies as written by engine.io-parser 2 (and 1, where a row says so).
TEST(EngineioPayload, reads_revision_3_text) {
    constexpr Row rows[] = {
        {"one", "6:4hello", "4hello|"},
        {"several", "3:0{}1:26:3probe1:61:4", "0{}|2|3probe|6|4|"},
        {"UTF-16 lengths", "10:42[\"\u00e9\u20ac\U0001f600\"]2:4x",
         "42[\"\u00e9\u20ac\U0001f600\"]|4x|"},
        {"base64", "3:4a\u20ac10:b4AAEC/w==", "4a\u20ac|bin4\x00\x01\x02\xff|"sv},
        {"base64 in lines", "7:b4AQID\n", "bin4\x01\x02\x03|"},
        {"1.x: encoded twice",
         "15:42[\"\u00c3\u00a9\u00e2\u0082\u00ac\u00f0\u009f\u0098\u0080\"]2:4x",
         "42[\"\u00e9\u20ac\U0001f600\"]|4x|"},
        {"1.x: encoded twice, base64 after it",
         "5:4a\u00e2\u0082\u00ac10:b4AAEC/w==", "4a\u20ac|bin4\x00\x01\x02\xff|"sv},
        {"Latin-1 that is no UTF-8", "3:4\u00e9a", "4\u00e9a|"},
        {"no packets", "0:", ""},
        {"no packets, then one", "0:2:4a", "4a|"},
        {"leading zeros", "02:4a", "4a|"},
        {"nothing", "", "packet without a type"},
        {"no length", ":4a", "invalid packet length"},
        {"sign", "+2:4a", "invalid packet length"},
        {"fraction", "2.0:4a", "invalid packet length"},
        {"letters", "a:4a", "invalid packet length"},
        {"length without end", "2", "packet cut short"},
        {"length alone", "2:", "packet cut short"},
        {"too little", "6:4hell", "packet cut short"},
        {"too little beyond ASCII", "4:4\u20ac", "packet cut short"},
        {"2^64 + 2", "18446744073709551618:4a", "invalid packet length"},
        {"10^9", "1000000000:4a", "packet cut short"},
        {"half of a surrogate pair", "2:4\U0001f600", "invalid packet length"},
        {"a good one first", "2:4a2:7a", "4a|unknown packet type"},
        {"not UTF-8", "3:4a\xff", "invalid UTF-8"},
        {"another revision's payload", "4a", "invalid packet length"},
    };
    check(rows, eio3, text);
}

TEST(EngineioPayload, reads_revision_3_binary) {
    constexpr Row rows[] = {
        {"several", "\x00\x03\xff\x30{}\x00\x01\xff\x32\x00\x06\xff\x33probe\x00\x01\xff\x36"sv,
         "0{}|2|3probe|6|"},
        {"beyond ASCII", "\x00\x01\x05\xff\x34\x32[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]"sv,
         "42[\"\u00e9\u20ac\U0001f600\"]|"},
        {"text and binary", "\x00\x05\xff\x34\x61\xe2\x82\xac\x01\x05\xff\x04\x00\x01\x02\xff"sv,
         "4a\u20ac|bin4\x00\x01\x02\xff|"sv},
        {"nothing", "", ""},
        {"neither text nor binary", "\x02\x01\xff\x34"sv, "unknown packet type"},
        {"binary ping", "\x01\x01\xff\x02"sv, "unknown packet type"},
        {"no length", "\x00\xff\x34"sv, "invalid packet length"},
        {"length of text digits", "\x00\x31\xff\x34"sv, "invalid packet length"},
        {"length without end", "\x00\x01"sv, "packet cut short"},
        {"lead alone", "\x00"sv, "packet cut short"},
        {"too little", "\x00\x06\xff\x34\x61"sv, "packet cut short"},
        {"11 digits", "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x00\x01\xff\x34"sv,
         "invalid packet length"},
        {"empty text", "\x00\x00\xff"sv, "packet without a type"},
        {"empty binary", "\x01\x00\xff"sv, "packet without a type"},
        {"text that is not UTF-8", "\x00\x02\xff\x34\xff"sv, "invalid UTF-8"},
    };
    check(rows, eio3, binary);
}

// Every proper prefix of a valid body gives a fault or fewer packets, never different ones.
TEST(EngineioPayload, bodies_that_are_cut) {
    struct Body {
        Revision revision;
        PayloadKind kind;
        std::string_view bytes;
    };
    const Body bodies[] = {
        {eio4, text,
         "42[\"\u00e9\U0001f600\"]\x1e"
         "bAAEC/w==\x1e"
         "2"},
        {eio3, text, "7:42[\"\u00e9\"]10:b4AAEC/w==1:2"},
        {eio3, binary, "\x00\x05\xff\x34\x61\xe2\x82\xac\x01\x05\xff\x04\x00\x01\x02\xff"sv},
    };
    for (const Body& body : bodies) {
        const std::string whole = read(body.bytes, body.revision, body.kind);
        ASSERT_TRUE(whole.ends_with('|')) << whole;
        for (size_t size = 0; size < body.bytes.size(); ++size) {
            const std::string got = read(body.bytes.substr(0, size), body.revision, body.kind);
            EXPECT_NE(got, whole) << size;
        }
    }
}

TEST(EngineioPayload, packets_are_limited) {
    struct Form {
        Revision revision;
        PayloadKind kind;
        std::string first, next;
    };
    const Form forms[] = {
        {eio4, text, "6",
         "\x1e"
         "6"},
        {eio3, text, "1:6", "1:6"},
        {eio3, text, "0:", "0:"},
        {eio3, binary, "\x00\x01\xff\x36"s, "\x00\x01\xff\x36"s},
    };
    for (const Form& form : forms) {
        std::string body = form.first;
        for (size_t i = 1; i < packets_max; ++i) body += form.next;
        EXPECT_EQ(read(body, form.revision, form.kind).find("too many"), std::string::npos);
        EXPECT_TRUE(read(body + form.next, form.revision, form.kind).ends_with("too many packets"));
    }
}

TEST(EngineioPayload, kinds) {
    EXPECT_EQ(payload_kind("application/octet-stream"), binary);
    EXPECT_EQ(payload_kind("Application/Octet-Stream ; x=y"), binary);
    EXPECT_EQ(payload_kind("text/plain;charset=UTF-8"), text);
    EXPECT_EQ(payload_kind("text/plain; application/octet-stream"), text);
    EXPECT_EQ(payload_kind(""), text);
}

struct Written {
    const char* name;
    std::vector<Packet> packets;
    std::string_view body4, text3, binary3;  // binary3: for a client that accepts binary answers.
};

// As the packages write them, except for the escapes in revision 3.
TEST(EngineioPayload, writes) {
    const Packet data{Type::message, true, "\x00\x01\x02\xff"sv};
    const Written rows[] = {
        {"one", {{Type::message, false, "hello"}}, "4hello", "6:4hello", "6:4hello"},
        {"several",
         {{Type::open, false, "{}"}, {Type::ping, false, ""}, {Type::pong, false, "probe"}},
         "0{}\x1e"
         "2\x1e"
         "3probe",
         "3:0{}1:26:3probe",
         "3:0{}1:26:3probe"},
        {"beyond ASCII, in JSON",
         {{Type::message, false, "2[\"\u00e9\U0001f600\"]"}},
         "42[\"\u00e9\U0001f600\"]",
         R"(24:42["\u00e9\ud83d\ude00"])",
         R"(24:42["\u00e9\ud83d\ude00"])"},
        {"beyond ASCII, outside of it",
         {{Type::message, false, "\u20ac\U0001f600"}},
         "4\u20ac\U0001f600",
         "4:4\u20ac\U0001f600",
         "4:4\u20ac\U0001f600"},
        {"binary", {data}, "bAAEC/w==", "10:b4AAEC/w==", "\x01\x05\xff\x04\x00\x01\x02\xff"sv},
        {"text, then binary",
         {{Type::message, false, "a\u20ac"}, data, {Type::noop, false, ""}},
         "4a\u20ac\x1e"
         "bAAEC/w==\x1e"
         "6",
         "3:4a\u20ac10:b4AAEC/w==1:6",
         "\x00\x05\xff\x34\x61\xe2\x82\xac\x01\x05\xff\x04\x00\x01\x02\xff\x00\x01\xff\x36"sv},
    };
    for (const Written& row : rows) {
        PayloadWriter four(eio4, true, 1000), base64(eio3, false, 1000), three(eio3, true, 1000);
        bool has_binary = false;
        for (const Packet& packet : row.packets) {
            EXPECT_TRUE(four.append(packet) && base64.append(packet) && three.append(packet));
            has_binary = has_binary || packet.binary;
        }
        EXPECT_EQ(three.kind(), has_binary ? binary : text) << row.name;
        EXPECT_EQ(three.content_type(),
                  has_binary ? "application/octet-stream" : "text/plain; charset=UTF-8");
        EXPECT_EQ(four.content_type(), "text/plain; charset=UTF-8");
        EXPECT_EQ(four.take(), row.body4) << row.name;
        EXPECT_EQ(base64.take(), row.text3) << row.name;
        EXPECT_EQ(three.take(), row.binary3) << row.name;
    }
}

TEST(EngineioPayload, writes_up_to_a_limit) {
    for (const auto revision : {eio3, eio4}) {
        PayloadWriter writer(revision, true, 10);
        EXPECT_TRUE(writer.empty());
        EXPECT_TRUE(writer.append({Type::message, false, "a first one always fits"}));
        EXPECT_FALSE(writer.empty());
        EXPECT_FALSE(writer.append({Type::message, false, "no"}));
        PayloadWriter small(revision, true, 10);
        EXPECT_TRUE(small.append({Type::message, false, "1234"}));
        EXPECT_TRUE(small.append({Type::message, true, "5678"}) || revision == eio4);
        EXPECT_FALSE(small.append({Type::message, false, "90"}));
    }
}

TEST(EngineioPayload, jsonp) {
    EXPECT_EQ(jsonp_reply("0", "4hello"), R"(___eio[0]("4hello");)");
    EXPECT_EQ(jsonp_reply("12", "a\"b\\c\n\r\t\b\f\x01\x1e/"),
              R"(___eio[12]("a\"b\\c\n\r\t\b\f\u0001\u001e/");)");
    EXPECT_EQ(jsonp_reply("0", "\u2028\u2029\u2027\u20ac"),
              "___eio[0](\"\\u2028\\u2029\u2027\u20ac\");");
    EXPECT_EQ(jsonp_reply("0](alert(1));//", ""), R"(___eio[01]("");)");
    EXPECT_EQ(jsonp_reply("", ""), R"(___eio[]("");)");

    struct Case {
        std::string_view d, expected;
    };
    constexpr Case cases[] = {
        {"4hello", "4hello"},
        {R"(4a\nb)", "4a\nb"},
        {R"(4a\\nb)", R"(4a\nb)"},
        {R"(4a\\\nb)", R"(4a\\nb)"},
        {R"(\n\n\\n)", "\n\n\\n"},
        {R"(4\t\)", R"(4\t\)"},
        {"", ""},
    };
    for (const auto& [d, expected] : cases) EXPECT_EQ(jsonp_payload(d), expected) << d;
}

TEST(EngineioPayload, escapes_within_json_strings_alone) {
    struct Case {
        std::string_view json, expected;
    };
    constexpr Case cases[] = {
        {R"(2/n)"
         "\u00e4"
         R"(me,["x"])",
         R"(2/n)"
         "\u00e4"
         R"(me,["x"])"},
        {"[\"\\\"\u00e9\"]", R"(["\"\u00e9"])"},
        {"[\"\\\\\",\"\u00e9\"]", R"(["\\","\u00e9"])"},
        {"[\"\uffff\U00010000\U0010ffff\"]", R"(["\uffff\ud800\udc00\udbff\udfff"])"},
        {"[\"\xc3", "[\"\\ufffd"},  // A bug of the application: no byte after the end is read.
        {"[\"\xf0\x9f\x98\"]", "[\"\\ufffd\"]"},
        {"\"\\", "\"\\"},
    };
    for (const auto& [json, expected] : cases) {
        std::string out;
        append_ascii_json(out, json);
        EXPECT_EQ(out, expected);
    }
}

}  // namespace
}  // namespace starling::engineio::test
