// Clients that come back: what they claim, what Redis holds, and what they missed, with every answer of
// Redis at the moment that the test chooses.
#include "cluster/claims.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/base64.h"
#include "cluster/node_codec.h"

namespace starling::cluster {
namespace {

const std::string pid = "abcdefghijABCDEFGH-_";

std::shared_ptr<socketio::Command> event(const std::string& room, uint64_t sequence) {
    auto command = std::make_shared<socketio::Command>();
    command->nsp = "/";
    command->target.rooms = {room};
    command->place = StreamPlace{0, {1, sequence}};
    return command;
}

// Redis with one stream, whose entries are 1-1, 1-2 and so on.
class Store final : public SessionStore {
public:
    void take(const std::string& of, std::function<void(Taken)> done) override {
        calls.push_back([this, of, done] {
            Taken taken{.reached = reached, .had_by = had_by};
            const auto found = sessions.find(of);
            if (found != sessions.end()) {
                taken.value = found->second;
                sessions.erase(found);
            }
            done(std::move(taken));
        });
    }
    void read_back(uint32_t, StreamId last,
                   std::function<void(std::optional<Page>)> done) override {
        ++pages;
        calls.push_back([this, last, done] {
            if (!reached) return done(std::nullopt);
            Page page;
            for (auto row = rows.rbegin(); row != rows.rend() && page.rows.size() < 3; ++row)
                if (row->id <= last) page.rows.push_back(*row);
            page.is_last = page.rows.size() < 3;
            done(std::move(page));
        });
    }
    std::optional<StreamId> covered_from(uint32_t) const override { return covered; }
    std::vector<Row> window(uint32_t) const override {
        const auto& from = kept.empty() ? rows : kept;
        std::vector<Row> found;
        for (auto row = from.rbegin(); row != from.rend() && row->id > *covered; ++row)
            found.push_back(*row);
        return found;
    }
    uint32_t stream_of(std::string_view) const override { return 0; }
    bool repeats_may_come() const override { return more; }

    void answer() {
        while (!calls.empty()) {
            const auto call = std::move(calls.front());
            calls.pop_front();
            call();
        }
    }
    void add(uint64_t count) {
        for (uint64_t i = 0; i < count; ++i)
            rows.push_back({{1, ++newest}, event(newest % 2 ? "odd" : "even", newest)});
    }

    bool reached = true;
    bool more = false;
    std::string had_by;
    std::optional<StreamId> covered = StreamId{0, 0};
    std::map<std::string, std::string> sessions;
    std::deque<Row> rows;
    std::deque<Row> kept;  // Of the window; if it is empty, those of `rows`.
    uint64_t newest = 0;
    int pages = 0;
    std::deque<std::function<void()>> calls;
};

std::string session(const Session& session) {
    std::string value;
    EXPECT_TRUE(write_session(session, value));
    return value;
}

class ClaimsTest : public ::testing::Test {
protected:
    ClaimsTest() { claims_.emplace(ClaimOptions{.bytes_max = 1u << 20}, store_); }
    void save(std::string of = pid) {
        store_.sessions[of] =
            session({.sid = "id", .pid = of, .rooms = {"id", "odd"}, .data = {}, .nsp = "/"});
    }
    void claim(const std::string& offset, const std::string& of = pid,
               const std::string& nsp = "/") {
        claims_->claim({of, nsp, offset}, now_ms_, [this](ClaimEnd end, RestoredSession found) {
            std::string line(in_words(end).substr(0, 16));
            if (end == ClaimEnd::restored) {
                line = "behind " + to_text(found.from.id) + ":";
                for (const auto& one : found.older) line += " " + to_text(one->place->id);
            }
            ends_.push_back(line);
        });
    }
    // The node is there, and has read everything.
    void up() {
        claims_->up();
        claims_->on_read({0, {1, store_.newest}});
    }
    std::vector<std::string> ends() {
        store_.answer();
        return std::exchange(ends_, {});
    }
    using Lines = std::vector<std::string>;

    Store store_;
    std::optional<Claims> claims_;
    uint64_t now_ms_ = 1000;
    std::vector<std::string> ends_;
};

TEST_F(ClaimsTest, WhatAClientSaysIsChecked) {
    store_.add(4);
    up();
    const std::string refused(in_words(ClaimEnd::refused).substr(0, 16));
    for (const char* offset : {"x", "1", "-", "1-", "-1", "1-1-1", " 1-1", "+1-1", "1a-1",
                               "99999999999999999999999-0"}) {
        claim(offset);
        EXPECT_EQ(ends(), Lines{refused}) << offset;
    }
    for (const std::string& bad :
         {std::string("short"), std::string(65, 'a'), std::string("abcdefghij*bcdefghij"),
          std::string("abcdefghij\0bcdefghij", 20)}) {
        claim("1-1", bad);
        EXPECT_EQ(ends(), Lines{refused}) << bad;
    }
    claim("1-1");
    EXPECT_EQ(ends(), Lines{std::string(in_words(ClaimEnd::unknown).substr(0, 16))});
}

// This node had read up to 1-6 when Redis lost 1-3 to 1-6. 1-3 is there again as 1-8; 1-7 and 1-9 are new.
class ClaimsLossTest : public ClaimsTest {
protected:
    ClaimsLossTest() {
        store_.add(6);
        up();
        store_.kept = store_.rows;
        store_.covered = StreamId{1, 2};
        store_.rows.resize(2);
        claims_->entries_lost({0, {1, 2}}, now_ms_);
        comes();
        store_.rows.push_back({{1, ++store_.newest}, event("odd", 8)});
        claims_->on_repeat({0, {1, 8}});
        claims_->on_read({0, {1, 8}});
        comes();
    }
    void comes() {
        store_.add(1);
        store_.kept.push_back(store_.rows.back());
        claims_->on_read({0, {1, store_.newest}});
    }
    // The end of a client's claim, whose node was this one ("") or another.
    std::string claimed(const std::string& offset, const std::string& had_by = "") {
        save();
        store_.had_by = had_by;
        claim(offset);
        const Lines lines = ends();
        return lines.size() == 1 ? lines[0] : "?";
    }
    const std::string anew_ = std::string(in_words(ClaimEnd::too_old).substr(0, 16));
};

TEST_F(ClaimsLossTest, ThisNodeKnowsWhatItsClientsHad) {
    EXPECT_EQ(claimed("1-1"), "behind 1-9: 1-3 1-5 1-7 1-9");
    for (const char* offset : {"1-2", "1-3", "1-6", "1-7", "1-8", "1-9"})
        EXPECT_EQ(claimed(offset), std::string("behind ") + offset + ":");
    store_.more = true;
    EXPECT_EQ(claimed("1-7"), "behind 1-7:");
}

// With an offset from before the failover its node had read as far as this one. With a later one it may have
// begun behind the loss.
TEST_F(ClaimsLossTest, AClientOfAnotherNodeMayLackWhatThisOneHad) {
    EXPECT_EQ(claimed("1-1", "other"), "behind 1-9: 1-3 1-5 1-7 1-9");
    for (const char* offset : {"1-3", "1-6", "1-8", "1-9"})
        EXPECT_EQ(claimed(offset, "other"), std::string("behind ") + offset + ":");
    EXPECT_EQ(claimed("1-7", "other"), anew_);
    store_.more = true;
    EXPECT_EQ(claimed("1-9", "other"), anew_);
    EXPECT_EQ(claimed("1-6", "other"), "behind 1-6:");
}

// The stream no longer has what came between.
TEST_F(ClaimsLossTest, AWindowThatBeginsBehindTheLossIsNotEnough) {
    store_.covered = StreamId{1, 5};
    for (const char* offset : {"1-1", "1-2", "1-4"}) EXPECT_EQ(claimed(offset), anew_) << offset;
    EXPECT_EQ(claimed("1-5"), "behind 1-5:");
    EXPECT_EQ(claimed("1-9", "other"), "behind 1-9:");
}

TEST_F(ClaimsLossTest, OfSeveralLossesTheFirstCounts) {
    claims_->entries_lost({0, {1, 8}}, now_ms_);
    comes();
    EXPECT_EQ(claimed("1-6", "other"), "behind 1-6:");
    for (const char* offset : {"1-7", "1-8"}) EXPECT_EQ(claimed(offset, "other"), anew_) << offset;
    for (const char* offset : {"1-9", "1-10"})
        EXPECT_EQ(claimed(offset, "other"), std::string("behind ") + offset + ":");
}

TEST_F(ClaimsLossTest, IsForgottenWhenNoSessionIsLeftFromBefore) {
    store_.covered = StreamId{1, 5};
    now_ms_ += 150'000 - 1;
    EXPECT_EQ(claimed("1-4"), anew_);
    now_ms_ += 1;
    EXPECT_EQ(claimed("1-4").substr(0, 6), "behind");
}

TEST_F(ClaimsTest, ASessionIsTakenOnce) {
    store_.add(4);
    up();
    save();
    claim("1-2");
    claim("1-2");
    EXPECT_EQ(ends(), (Lines{"behind 1-2:", "there is no such"}));
}

TEST_F(ClaimsTest, WhatRedisHoldsIsChecked) {
    store_.add(2);
    up();
    const Session good{.sid = "id", .pid = pid, .rooms = {}, .data = {}, .nsp = "/"};
    Session other_pid = good, elsewhere = good, silent = good;
    other_pid.pid = "abcdefghijABCDEFGHIJ";
    elsewhere.nsp = "/admin";
    silent.nsp = "";
    const std::string bad = "what Redis holds";
    for (const auto& [value, end] : {std::pair{session(good), std::string("behind 1-1:")},
                                     {session(other_pid), bad},
                                     {session(elsewhere), bad},
                                     {session(silent), "behind 1-1:"},
                                     {"", bad},
                                     {"no base64 !", bad},
                                     {"gqFh", bad},
                                     {std::string(2u << 20, 'A'), bad}}) {
        store_.sessions[pid] = value;
        claim("1-1");
        EXPECT_EQ(ends(), Lines{end}) << value.substr(0, 100);
    }
    // Where there are several namespaces, a session must say to which one it belongs.
    claims_.emplace(ClaimOptions{.foreign_sessions = false}, store_);
    up();
    store_.sessions[pid] = session(silent);
    claim("1-1");
    EXPECT_EQ(ends(), Lines{bad});
}

TEST_F(ClaimsTest, ASessionSaysWhereItBegan) {
    store_.add(9);
    up();
    const std::string refused(in_words(ClaimEnd::refused).substr(0, 16));
    const struct {
        std::string begin, offset, end;
    } cases[] = {
        {"1-4", "", "behind 1-4:"},  // The client has got nothing yet.
        {"1-4", "1-6", "behind 1-6:"},
        {"1-4", "1-2", "behind 1-4:"},  // The offset is of an earlier session.
        {"", "1-2", "behind 1-2:"},
        {"", "", refused},
        {"x", "", refused},
    };
    for (const auto& row : cases) {
        store_.sessions[pid] = session(
            {.sid = "id", .pid = pid, .rooms = {}, .data = {}, .nsp = "/", .begin = row.begin});
        claim(row.offset);
        EXPECT_EQ(ends(), Lines{row.end}) << row.begin << " " << row.offset;
    }
}

TEST_F(ClaimsTest, WaitsUntilThisNodeHasReadWhatTheClientHas) {
    store_.add(9);
    claims_->up();
    save();
    claim("1-5");
    EXPECT_EQ(ends(), Lines{});  // It is not known yet where the stream ends.
    claims_->on_read({0, {1, 4}});
    EXPECT_EQ(ends(), Lines{});
    claims_->on_read({1, {1, 9}});  // Another stream.
    EXPECT_EQ(ends(), Lines{});
    claims_->on_read({0, {1, 5}});
    EXPECT_EQ(ends(), Lines{"behind 1-5:"});
    claims_->on_read({0, {1, 6}});
    EXPECT_EQ(claims_->open_count(), 0u);
}

TEST_F(ClaimsTest, EntriesBeforeTheWindowAreReadOnceForAll) {
    store_.add(20);
    store_.covered = StreamId{1, 15};
    up();
    for (int i = 0; i < 100; ++i) {
        const std::string one =
            "abcdefghijABCDEFGH" + std::to_string(10 + i % 90) + "x" + std::to_string(i);
        save(one);
        claim("1-" + std::to_string(8 + i % 10), one);
    }
    const auto all = ends();
    ASSERT_EQ(all.size(), 100u);
    std::map<std::string, int> kinds;
    for (const auto& line : all) ++kinds[line];
    EXPECT_EQ(kinds["behind 1-20: 1-9 1-11 1-13 1-15 1-17 1-19"], 10);  // Behind 8.
    EXPECT_EQ(kinds["behind 1-20: 1-11 1-13 1-15 1-17 1-19"], 20);      // 9 and 10.
    EXPECT_EQ(kinds["behind 1-20: 1-15 1-17 1-19"], 20);                // 13 and 14.
    EXPECT_EQ(kinds["behind 1-15:"], 10);
    EXPECT_EQ(kinds["behind 1-17:"], 10);
    EXPECT_EQ(store_.pages, 3);
    save();
    claim("1-7");  // The pages are kept for the next ones.
    EXPECT_EQ(ends(), Lines{"behind 1-20: 1-9 1-11 1-13 1-15 1-17 1-19"});
    EXPECT_EQ(store_.pages, 3);
    EXPECT_GT(claims_->kept_bytes(), 0u);
    claims_->on_time(now_ms_ + 10'000);
    EXPECT_EQ(claims_->kept_bytes(), 0u);
}

TEST_F(ClaimsTest, AnOffsetThatTheStreamNoLongerHoldsIsNoticed) {
    store_.add(20);
    store_.rows.erase(store_.rows.begin(), store_.rows.begin() + 10);
    store_.covered = StreamId{1, 20};
    up();
    for (const auto& [offset, end] : {std::pair{"1-10", "the stream no lo"},
                                      {"1-11", "behind 1-20: 1-13 1-15 1-17 1-19"},
                                      {"1-1", "the stream no lo"},
                                      {"1-19", "behind 1-20:"}}) {
        save();
        claim(offset);
        EXPECT_EQ(ends(), Lines{end}) << offset;
    }
    // An emptied stream.
    store_.rows.clear();
    claims_->on_time(now_ms_ + 20'000);
    save();
    claim("1-19");
    EXPECT_EQ(ends(), Lines{"the stream no lo"});
}

TEST_F(ClaimsTest, TheWindowMovesOnWhilePagesAreRead) {
    store_.add(20);
    store_.covered = StreamId{1, 10};
    up();
    save();
    claim("1-5");
    store_.calls.front()();  // The session; the first page is asked for.
    store_.calls.pop_front();
    store_.covered = StreamId{1, 16};  // What the window held is still known.
    EXPECT_EQ(ends(), Lines{"behind 1-20: 1-7 1-9 1-11 1-13 1-15 1-17 1-19"});
    EXPECT_EQ(store_.pages, 2);
    store_.add(10);
    claims_->on_read({0, {1, 30}});
    store_.covered = StreamId{1, 25};  // There is a gap now: all is read again.
    save();
    claim("1-17");
    EXPECT_EQ(ends(), Lines{"behind 1-30: 1-19 1-21 1-23 1-25 1-27 1-29"});
    EXPECT_EQ(store_.pages, 5);
}

TEST_F(ClaimsTest, AClaimThatWaitsForAPageOutlivesTheWindowThatDroppedIt) {
    store_.add(20);
    store_.covered = StreamId{1, 16};
    up();
    save();
    claim("1-5");
    store_.calls.front()();  // The session; the first page is asked for, and comes late.
    store_.calls.pop_front();
    const auto late = std::move(store_.calls.front());
    store_.calls.pop_front();
    store_.add(10);
    claims_->on_read({0, {1, 30}});
    store_.covered = StreamId{1, 25};
    const std::string other = "abcdefghijABCDEFGHIJ";
    save(other);
    claim("1-26", other);
    store_.calls.front()();
    store_.calls.pop_front();
    EXPECT_EQ(ends(), Lines{"behind 1-26:"});
    claim("1-24", other);  // Unknown now.
    save(other);
    claim("1-24", other);
    late();
    EXPECT_EQ(ends(), (Lines{
                          "there is no such",
                          "behind 1-30: 1-25 1-27 1-29",
                          "behind 1-30: 1-7 1-9 1-11 1-13 1-15 1-17 1-19 1-21 1-23 1-25 1-27 1-29",
                      }));
}

TEST_F(ClaimsTest, WhatIsTooMuchIsTooOld) {
    claims_.emplace(ClaimOptions{.bytes_max = 5 * event("odd", 1)->bytes()}, store_);
    store_.add(50);
    store_.covered = StreamId{1, 50};
    up();
    save();
    claim("1-20");
    EXPECT_EQ(ends(), Lines{"the stream no lo"});
    EXPECT_LE(store_.pages, 3);
    save();
    claim("1-20");  // Nothing is read again.
    EXPECT_EQ(ends(), Lines{"the stream no lo"});
    EXPECT_LE(store_.pages, 3);
}

TEST_F(ClaimsTest, EndInTime) {
    store_.add(20);
    store_.covered = StreamId{1, 20};
    claim("1-1");
    EXPECT_EQ(ends(), Lines{"Redis is away"});
    up();
    save();
    claim("1-1");
    claim("1-30", "abcdefghijABCDEFGHxx");
    EXPECT_EQ(claims_->due_ms(), now_ms_ + 2000);
    claims_->on_time(now_ms_ + 1999);
    EXPECT_EQ(ends_, Lines{});
    claims_->on_time(now_ms_ + 2000);
    EXPECT_EQ(ends_, (Lines{"Redis did not an", "Redis did not an"}));
    ends_.clear();
    EXPECT_EQ(ends(), Lines{});  // The answers are late.
    save();
    claim("1-1");
    store_.calls.front()();
    store_.calls.pop_front();
    claims_->down();
    EXPECT_EQ(ends_, Lines{"Redis is away"});
    ends_.clear();
    store_.reached = false;
    up();
    claim("1-1");
    EXPECT_EQ(ends(), Lines{"Redis is away"});
    EXPECT_EQ(claims_->open_count(), 0u);
}

TEST_F(ClaimsTest, AreBounded) {
    claims_.emplace(ClaimOptions{.open_max = 2}, store_);
    up();
    for (int i = 0; i < 3; ++i) claim("1-1");
    EXPECT_EQ(ends_, Lines{std::string(in_words(ClaimEnd::refused).substr(0, 16))});
    EXPECT_EQ(claims_->open_count(), 2u);
}

}  // namespace
}  // namespace starling::cluster
