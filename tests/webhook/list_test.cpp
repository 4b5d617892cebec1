#include "webhook/list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/json_scan.h"

namespace starling::webhook {
namespace {

const std::vector<ListEntry> sample = {
    {{"", false, "c0"}, "t0", ""},
    {{"alice", false, "c1"}, "t1", "curl/8"},
    {{"alice", false, "c2"}, "t1", "ua \"x\""},
    {{"alice", true, "c3"}, "t3", "curl/8"},
    {{"bob", true, "c4"}, "t4", ""},
};

std::string written(const std::vector<ListEntry>& entries, bool show_tokens = false) {
    std::string out;
    ListWriter writer(out, show_tokens);
    for (const auto& entry : entries) writer.add(entry);
    writer.finish();
    EXPECT_TRUE(base::scan_json(out)) << out;
    return out;
}

TEST(WebhookList, Groups) {
    EXPECT_TRUE(std::ranges::is_sorted(sample, {}, &ListEntry::key));
    EXPECT_EQ(written({}), R"({"code":0,"message":"success","data":[]})");
    const std::string curl =
        R"("userAgent":"curl/8","userAgentTag":"804b21317f0e651741b61684b0ac369d"})";
    EXPECT_EQ(
        written(sample),
        R"({"code":0,"message":"success","data":[)"
        R"({"name":"","conns":[{"id":"c0","token":"","userAgent":"","userAgentTag":""}],)"
        R"("conns_number":1,"public_conns":[],"public_conns_number":0},)"
        R"({"name":"alice","conns":[{"id":"c1","token":"",)" +
            curl +
            R"(,{"id":"c2","token":"","userAgent":"ua \"x\"","userAgentTag":"f4403985471f67be0bc2409f2a48e40d"}],)"
            R"("conns_number":2,"public_conns":[{"id":"c3","token":"",)" +
            curl +
            R"(],"public_conns_number":1},)"
            R"({"name":"bob","conns":[],"conns_number":0,"public_conns":[{"id":"c4","token":"",)"
            R"("userAgent":"","userAgentTag":""}],"public_conns_number":1}]})");
    EXPECT_NE(written(sample, true).find(R"("token":"t4")"), std::string::npos);
}

// The text may be taken from the writer between any two calls.
TEST(WebhookList, InPieces) {
    std::string out, all;
    ListWriter writer(out, true);
    for (const auto& entry : sample) {
        all += out;
        out.clear();
        writer.add(entry);
    }
    all += out;
    out.clear();
    writer.finish();
    EXPECT_EQ(all + out, written(sample, true));
}

std::string walk(ListQuery& query, size_t limit) {
    std::string ids;
    for (;;) {
        std::string out;
        ListWriter writer(out, false);
        const ListEntry* last = nullptr;
        size_t count = 0;
        bool more = false;
        for (const auto& entry : sample) {
            if (!query.wants(entry.key)) continue;
            if ((more = count == limit)) break;
            writer.add(entry);
            ids.append(entry.key.conn_id).append(" ");
            last = &entry;
            ++count;
        }
        if (!more) return ids;
        const std::string cursor = list_cursor(last->key);
        writer.finish(cursor);
        EXPECT_TRUE(out.ends_with(",\"cursor\":\"" + cursor + "\"}")) << out;
        EXPECT_TRUE(query.set("cursor", cursor));
        query = ListQuery(query);  // A copy works, too.
        ids += "/ ";
    }
}

TEST(WebhookList, PagesAndUsers) {
    for (const size_t limit : {1, 2, 3, 4, 5, 6}) {
        ListQuery query;
        query.seal();
        std::string expected;
        for (size_t i = 0; i < sample.size(); ++i)
            expected += (i > 0 && i % limit == 0 ? "/ c" : "c") + std::to_string(i) + " ";
        EXPECT_EQ(walk(query, limit), expected);
    }
    ListQuery query;
    ASSERT_TRUE(query.set("user", "bob"));
    ASSERT_TRUE(query.set("user", ""));
    ASSERT_TRUE(query.set("limit", "17"));
    query.seal();
    EXPECT_EQ(query.limit(), 17U);
    EXPECT_EQ(walk(query, 1), "c0 / c4 ");
}

TEST(WebhookList, Queries) {
    EXPECT_EQ(ListQuery().limit(), SIZE_MAX);
    const struct {
        std::string_view name, value, problem;
    } cases[] = {
        {"user", "a", ""},
        {"limit", "1", ""},
        {"limit", "1000000", ""},
        {"limit", "0", "limit: 1 to 1000000 is wanted"},
        {"limit", "1000001", "limit: 1 to 1000000 is wanted"},
        {"limit", "99999999999999999999999", "limit: 1 to 1000000 is wanted"},
        {"limit", "", "limit: 1 to 1000000 is wanted"},
        {"limit", "-1", "limit: 1 to 1000000 is wanted"},
        {"limit", "5x", "limit: 1 to 1000000 is wanted"},
        {"cursor", "", "cursor: one of an earlier answer is wanted"},
        {"cursor", "*", "cursor: one of an earlier answer is wanted"},
        {"cursor", "eA", "cursor: one of an earlier answer is wanted"},
        {"cursor", "IA", "cursor: one of an earlier answer is wanted"},
        {"users", "a", "users: is not known"},
    };
    for (const auto& c : cases) {
        ListQuery query;
        const auto result = query.set(c.name, c.value);
        EXPECT_EQ(result ? "" : result.error(), c.problem) << c.name << "=" << c.value;
    }
}

}  // namespace
}  // namespace starling::webhook
