// What Redis answers about a stream, also when the answer is none of a Redis; and what a reader does when its
// stream lies at another server.
#include "server/cluster/stream_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "redis/reader.h"
#include "tests/redis/client/player.h"

namespace starling::server {
namespace {

// The first id, "-" if there is none, and the entries that can be read.
std::string shown(const std::string& wire) {
    redis::Reader reader{redis::ReaderLimits{}};
    std::span<const std::byte> input = base::bytes_of(wire);
    if (reader.next(input) != redis::Reader::Step::reply) return "no reply";
    const redis::Value reply = reader.reply();
    const auto first = first_stream_id(reply);
    std::string text = first ? cluster::to_text(*first) : "-";
    for (const redis::Value one : reply) {
        socketio::StreamId id;
        cluster::Entry entry;
        if (!read_stream_entry(one, id, entry)) continue;
        text += " " + cluster::to_text(id);
        for (const auto& [field, value] : entry) text.append(":").append(field + "=" + value);
    }
    return text;
}

TEST(StreamReader, ReadsEntriesAndRefusesWhatIsNone) {
    const std::pair<const char*, const char*> rows[] = {
        {"*1\r\n*2\r\n$3\r\n1-2\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n", "1-2 1-2:a=b"},
        {"*0\r\n", "-"},
        {"$-1\r\n", "-"},
        {"*1\r\n$-1\r\n", "-"},
        {"*1\r\n*0\r\n", "-"},
        {"*1\r\n*1\r\n$-1\r\n", "-"},
        {"*1\r\n*1\r\n*1\r\n$-1\r\n", "-"},
        {"*1\r\n*2\r\n$1\r\nx\r\n*0\r\n", "-"},
        {"*1\r\n*2\r\n$3\r\n1-2\r\n$-1\r\n", "1-2 1-2"},
        {"*1\r\n*2\r\n$3\r\n1-2\r\n*1\r\n$1\r\na\r\n", "1-2 1-2"},
        {"+1-2\r\n", "-"},
        {":1\r\n", "-"},
    };
    for (const auto& [wire, text] : rows) EXPECT_EQ(shown(wire), text) << wire;
}

using redis::client::Player;
using redis::client::Two;
using Words = fake::Redis::Words;

// A server's copy of the stream "c", whose ids are numbers.
struct Copy {
    std::vector<int> ids;

    [[nodiscard]] static std::string entries(const std::vector<int>& some) {
        std::string text = "*" + std::to_string(some.size()) + "\r\n";
        for (const int id : some)
            text += "*2\r\n" + fake::Redis::bulk(std::to_string(id) + "-0") + "*2\r\n" +
                    fake::Redis::bulk("uid") + fake::Redis::bulk("x");
        return text;
    }
    [[nodiscard]] std::optional<std::string> answer(const Words& words) const {
        std::vector<int> found;
        if (words[0] == "XREVRANGE") {
            for (const int id : ids)
                if (words[2] == "+" || id <= std::stoi(words[2])) found = {id};
            return entries(found);
        }
        if (words[0] == "XRANGE") return entries(ids.empty() ? ids : std::vector<int>{ids.front()});
        if (words[0] != "XREAD") return std::nullopt;
        std::ranges::copy_if(ids, std::back_inserter(found),
                             [&](int id) { return id > std::stoi(words.back()); });
        if (found.empty()) return "_\r\n";  // Nothing came in time.
        return "%1\r\n" + fake::Redis::bulk("c") + entries(found);
    }
};

// Two servers with a copy each, and what a reader tells of the stream.
struct Moving final : StreamEvents {
    explicit Moving(std::vector<int> first, std::vector<int> second)
        : copies{Copy{std::move(first)}, Copy{std::move(second)}} {
        for (const size_t i : {0, 1})
            Two::before(i == 0 ? two.first : two.second, [this, i](const Words& words) {
                auto answered = copies[i].answer(words);
                const size_t owner = two.moved ? 1 : 0;
                if (answered && i != owner)
                    answered = "-MOVED " + std::to_string(redis::client::slot_of_c) + " " +
                               (owner == 0 ? two.first : two.second).address() + "\r\n";
                return answered;
            });
        redis::client::ClientOptions options{.url = *redis::parse_url(two.url())};
        options.reconnect_ms_min = 2;
        options.reconnect_ms_max = 20;
        reader.emplace(player.loop, *player.resolver, options, std::vector<std::string>{"c"},
                       *this);
    }
    // The slot of the stream goes to the second server, and an entry comes there.
    void move(int id) {
        copies[1].ids.push_back(id);
        two.moved = true;
    }
    [[nodiscard]] bool until(const std::string& words) {
        return player.until([&] { return told == words; });
    }

    void on_stream(socketio::StreamPlace place, bool again) override {
        told += (again ? "again behind " : "behind ") + cluster::to_text(place.id) + ", ";
    }
    void on_tail_lost(socketio::StreamPlace read, socketio::StreamId left) override {
        told += "lost " + cluster::to_text(left) + " to " + cluster::to_text(read.id) + ", ";
    }
    void on_entry(socketio::StreamPlace place, const cluster::Entry&) override {
        told += cluster::to_text(place.id) + ", ";
    }
    void on_round() override {}
    void on_unread(std::string_view error) override { told += std::string(error) + ", "; }

    Player player;
    Two two{player};
    std::array<Copy, 2> copies;
    std::string told;
    std::optional<StreamReader> reader;
};

TEST(StreamReader, AStreamThatMovesIsReadOn) {
    Moving moving({1, 2}, {1, 2, 3});
    ASSERT_TRUE(moving.until("behind 2-0, ")) << moving.told;
    moving.copies[0].ids.push_back(3);
    ASSERT_TRUE(moving.until("behind 2-0, 3-0, ")) << moving.told;
    moving.move(4);
    EXPECT_TRUE(moving.until("behind 2-0, 3-0, 4-0, ")) << moving.told;
}

// No connection was lost: only the redirection says that another server answers now.
TEST(StreamReader, TheNewServerOfAStreamLacksItsNewestEntries) {
    Moving moving({1}, {1, 2});
    ASSERT_TRUE(moving.until("behind 1-0, ")) << moving.told;
    moving.copies[0].ids = {1, 2, 3, 4};
    ASSERT_TRUE(moving.until("behind 1-0, 2-0, 3-0, 4-0, ")) << moving.told;
    moving.move(5);
    EXPECT_TRUE(moving.until("behind 1-0, 2-0, 3-0, 4-0, lost 2-0 to 4-0, 5-0, ")) << moving.told;
}

TEST(StreamReader, TheNewServerOfAStreamHasLostAllThatWasRead) {
    Moving moving({1, 2}, {});
    ASSERT_TRUE(moving.until("behind 2-0, ")) << moving.told;
    moving.move(9);
    EXPECT_TRUE(moving.until("behind 2-0, again behind 8-18446744073709551615, 9-0, "))
        << moving.told;
}

}  // namespace
}  // namespace starling::server
