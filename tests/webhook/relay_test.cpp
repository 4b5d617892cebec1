#include "webhook/relay.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace starling::webhook {
namespace {

Selector selector(std::vector<std::string> conns, std::vector<std::string> users,
                  std::vector<std::string> tokens, Access access = Access::all) {
    Selector made;
    for (const auto& name : conns) made.conns.add(name);
    for (const auto& name : users) made.users.add(name);
    for (const auto& name : tokens) made.tokens.add(name);
    for (NameSet* const set : {&made.conns, &made.users, &made.tokens}) set->seal();
    made.access = access;
    return made;
}

Event event() {
    return {"said",
            {R"([1,{"base64":"AP8="}])",
             R"([1,{"_placeholder":true,"num":0}])",
             {std::string("\x00\xFF", 2)}}};
}

NameSet names(std::string_view one) {
    NameSet set;
    set.add(one);
    set.seal();
    return set;
}

struct Case {
    const char* name;
    ControlRequest request;
};

const std::vector<Case>& requests() {
    static const std::vector<Case> cases = {
        {"text to a user", SendRequest{selector({}, {"ada", ""}, {}, Access::private_only),
                                       {.bytes = "h\xC3\xA4llo"}}},
        {"JSON to a connection",
         SendRequest{selector({"2f1c"}, {}, {}), {.bytes = "{}", .json = true}}},
        {"bytes to a token", SendRequest{selector({}, {}, {std::string("\xFF\x00", 2)}),
                                         {.binary = true, .bytes = "\xFF"}}},
        {"an event", EmitRequest{selector({}, {"ada"}, {}), event(), 0}},
        {"an event without ack", EmitRequest{selector({}, {"ada"}, {}), {"e", {}}, std::nullopt}},
        {"a close",
         CloseRequest{selector({"a", "b"}, {"u"}, {"t"}, Access::public_only), 4000, "bye"}},
        {"a join", JoinRequest{{"news", selector({}, {"ada"}, {})}}},
        {"a leave", LeaveRequest{{"news", selector({"2f1c"}, {}, {})}}},
        {"a publication", PublishRequest{"news", {.bytes = "1", .json = true}, {}, names("2f1c")}},
        {"an event to a topic", PublishRequest{"news", {}, event(), {}}},
    };
    return cases;
}

TEST(WebhookRelay, RequestsArriveUnchanged) {
    for (const auto& [name, request] : requests()) {
        const std::string bytes = encode(request);
        const auto relayed = decode_relayed(bytes);
        ASSERT_TRUE(relayed && std::holds_alternative<ControlRequest>(*relayed)) << name;
        const auto& arrived = std::get<ControlRequest>(*relayed);
        EXPECT_EQ(arrived.index(), request.index()) << name;
        EXPECT_EQ(encode(arrived), bytes) << name;
    }
}

TEST(WebhookRelay, TheFieldsArrive) {
    const auto emit = decode_relayed(encode(requests()[3].request));
    const auto& got = std::get<EmitRequest>(std::get<ControlRequest>(*emit));
    EXPECT_TRUE(got.to.users.contains("ada"));
    EXPECT_EQ(got.event.name, "said");
    EXPECT_EQ(got.event.args.attachments, event().args.attachments);
    EXPECT_EQ(got.event.args.packet_json(), event().args.with_placeholders);
    EXPECT_EQ(got.ack_id, 0u);
    const auto close = decode_relayed(encode(requests()[5].request));
    const auto& closing = std::get<CloseRequest>(std::get<ControlRequest>(*close));
    EXPECT_EQ(closing.code, 4000);
    EXPECT_EQ(closing.reason, "bye");
    EXPECT_EQ(closing.of.access, Access::public_only);
    EXPECT_TRUE(closing.of.matches({"a", "u", "t", true}));
    EXPECT_FALSE(closing.of.matches({"a", "u", "t", false}));
}

// Each shorter text, and each with a byte more, is refused.
TEST(WebhookRelay, RefusesCutAndLongerTexts) {
    std::vector<std::string> texts;
    for (const auto& [name, request] : requests()) texts.push_back(encode(request));
    texts.push_back(encode(PageRequest{.users = {"a"}, .after = PagePlace{"a", true, "id"}}));
    for (const std::string& text : texts) {
        for (size_t size = 0; size < text.size(); ++size)
            EXPECT_FALSE(decode_relayed(text.substr(0, size))) << size;
        EXPECT_FALSE(decode_relayed(text + '\0'));
        EXPECT_FALSE(decode_relayed('\x00' + text.substr(1)));
        EXPECT_FALSE(decode_relayed('\x7F' + text.substr(1)));
    }
}

TEST(WebhookRelay, RefusesWhatTheControlApiRefuses) {
    const Selector ada = selector({}, {"ada"}, {});
    const std::string long_name(256, 'x');
    const std::pair<const char*, ControlRequest> cases[] = {
        {"nobody is named", SendRequest{{}, {.bytes = "x"}}},
        {"a text that is not UTF-8", SendRequest{ada, {.bytes = "\xC3"}}},
        {"a code of the protocol", CloseRequest{ada, 1006, ""}},
        {"a long reason", CloseRequest{ada, 1000, std::string(124, 'x')}},
        {"a reason that is not UTF-8", CloseRequest{ada, 1000, "\xFF"}},
        {"no topic", JoinRequest{{"", ada}}},
        {"a long topic", LeaveRequest{{long_name, ada}}},
        {"NUL in a topic", PublishRequest{std::string("a\0b", 3), {.bytes = "1"}, {}, {}}},
        {"no name of an event", EmitRequest{ada, {"", {}}, {}}},
        {"a long name of an event", EmitRequest{ada, {long_name, {}}, {}}},
        {"arguments that are no array", EmitRequest{ada, {"e", {"{}", "", {}}}, {}}},
        {"arguments that are no JSON", EmitRequest{ada, {"e", {"[", "", {}}}, {}}},
        {"placeholders without bytes", EmitRequest{ada, {"e", {"[]", "[]", {}}}, {}}},
        {"placeholders that are no JSON", EmitRequest{ada, {"e", {"[]", "[", {"x"}}}, {}}},
        {"bytes without placeholders", EmitRequest{ada, {"e", {"[]", "", {"x"}}}, {}}},
        {"11 attachments",
         EmitRequest{ada, {"e", {"[]", "[]", std::vector<std::string>(11, "x")}}, {}}},
        {"a large ack_id", EmitRequest{ada, {"e", {}}, static_cast<uint64_t>(ack_id_max) + 1}},
    };
    for (const auto& [name, request] : cases) EXPECT_FALSE(decode_relayed(encode(request))) << name;
}

TEST(WebhookRelay, PagesArriveUnchanged) {
    const PageRequest request{.users = {"a", "b"},
                              .after = PagePlace{"a", true, "id"},
                              .entries_max = 7,
                              .with_tokens = true};
    const auto relayed = decode_relayed(encode(request));
    ASSERT_TRUE(relayed);
    const auto& got = std::get<PageRequest>(*relayed);
    EXPECT_EQ(got.users, request.users);
    EXPECT_EQ(got.after->key(), request.after->key());
    EXPECT_EQ(got.entries_max, 7);
    EXPECT_TRUE(got.with_tokens);
    for (const uint16_t entries : {0, 257})
        EXPECT_FALSE(decode_relayed(encode(PageRequest{.entries_max = entries})));
    EXPECT_FALSE(decode_relayed(encode(PageRequest{.users = {"b", "a"}})));

    Page page{.entries = {{.user = "a", .conn_id = "1", .user_agent = "\xFF"},
                          {.user = "a", .conn_id = "0", .token = "t", .is_public = true}},
              .more = true};
    const auto arrived = decode_page(encode(page));
    ASSERT_TRUE(arrived);
    ASSERT_EQ(arrived->entries.size(), 2u);
    EXPECT_EQ(arrived->entries[1].key(), page.entries[1].key());
    EXPECT_EQ(arrived->entries[1].token, "t");
    EXPECT_EQ(arrived->entries[0].user_agent, "\xFF");
    EXPECT_TRUE(arrived->more);
    std::swap(page.entries[0], page.entries[1]);
    EXPECT_FALSE(decode_page(encode(page))) << "not in order";
    EXPECT_FALSE(decode_page(encode(Page{.more = true}))) << "would be asked for ever";
    EXPECT_FALSE(decode_page(encode(Page{.entries = std::vector<PageEntry>(257)})));
    EXPECT_FALSE(decode_page(relay_refusal));
    EXPECT_FALSE(decode_page(""));
}

TEST(WebhookRelay, SharesArriveUnchanged) {
    const auto share = decode_share(encode(Share{.connections = 1'000'000, .complete = false}));
    ASSERT_TRUE(share);
    EXPECT_EQ(share->connections, 1'000'000u);
    EXPECT_FALSE(share->complete);
    EXPECT_FALSE(decode_share(relay_refusal));
    EXPECT_FALSE(decode_share(encode(Share{}) + "x"));
}

}  // namespace
}  // namespace starling::webhook
