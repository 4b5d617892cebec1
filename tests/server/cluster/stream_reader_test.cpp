// What Redis answers about a stream, also when the answer is none of a Redis.
#include "server/cluster/stream_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "base/text.h"
#include "redis/reader.h"

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

}  // namespace
}  // namespace starling::server
