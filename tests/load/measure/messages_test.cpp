// What subscribers read: frames, publications in them, lines of server events; at every read size.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>

#include "base/text.h"
#include "load/measure/event_lines.h"
#include "load/measure/frames.h"
#include "load/measure/message_reader.h"
#include "load/measure/publication.h"
#include "load/measure/socketio_packets.h"

namespace {

using starling::base::text_of;
using starling::load::client_frame;
using starling::load::EventLines;
using starling::load::MessageReader;
using starling::load::Publication;
using starling::load::PublicationFinder;
using starling::load::server_frame;
using starling::ws::Event;
using starling::ws::ReceiverLimits;

std::string messages_told(std::string bytes, size_t read_bytes, const ReceiverLimits& limits = {}) {
    MessageReader reader;
    reader.begin(limits, nullptr);
    std::string text;
    bool failed = false;
    for (size_t at = 0; at < bytes.size() && !failed; at += read_bytes) {
        const auto all = std::as_writable_bytes(std::span(bytes));
        reader.read(
            all.subspan(at, std::min(read_bytes, bytes.size() - at)), [&](const Event& event) {
                const size_t size = event.bytes.size();
                text += std::to_string(static_cast<int>(event.opcode)) + ":";
                text += size < 20 ? std::string(text_of(event.bytes)) : std::to_string(size);
                text += std::string(event.reason) + " ";
                failed = event.kind == Event::Kind::violation;
                return !failed;
            });
        EXPECT_LE(reader.memory_bytes(), 200'000U);
    }
    return text;
}

TEST(MessageReader, EveryReadSize) {
    const std::string bytes = server_frame(false, "one") + server_frame(true, "") +
                              server_frame(false, std::string(130, 'x')) + "\x01\x02hi" +
                              std::string("\x89\x03") + "png" + "\x80\x01!" +
                              server_frame(true, "end");
    for (size_t size = 1; size <= bytes.size(); ++size)
        ASSERT_EQ(messages_told(bytes, size), "1:one 2: 1:130 9:png 1:hi! 2:end ") << size;
    const std::string large =
        server_frame(true, std::string(70'000, 'x')) + server_frame(true, "a");
    for (const size_t size : {size_t{999}, size_t{65'536}, large.size()})
        ASSERT_EQ(messages_told(large, size), "2:70000 2:a ") << size;
}

TEST(MessageReader, Faults) {
    const std::string one = server_frame(false, "one");
    EXPECT_EQ(messages_told(one + client_frame(false, "x"), 100), "1:one 8:wrong masking ");
    EXPECT_EQ(messages_told(one + "\xc1\x01x", 100), "1:one 8:reserved bit set ");
    // A length of 2^62 bytes is refused before a byte of them has come.
    const std::string endless = one + "\x82\x7f\x40" + std::string(7, '\0');
    for (const size_t size : {size_t{1}, size_t{100}}) {
        EXPECT_EQ(messages_told(endless, size), "1:one 8:message too big ") << size;
    }
}

TEST(MessageReader, IsBegunAnewWithinItsOwnCall) {
    ReceiverLimits limits;
    MessageReader reader;
    reader.begin(limits, nullptr);
    std::string first = server_frame(false, "one") + "\x81", second = server_frame(false, "two");
    std::string text;
    const auto take = [&](const Event& event) {
        text += text_of(event.bytes);
        reader.begin(limits, nullptr);
        return false;
    };
    reader.read(std::as_writable_bytes(std::span(first)), take);
    reader.read(std::as_writable_bytes(std::span(second)), take);
    EXPECT_EQ(text, "onetwo");
}

TEST(Publication, IsFoundWhereverItIs) {
    Publication publication(40);
    PublicationFinder finder;
    const auto find = [&](const std::string& message, uint64_t now) {
        return finder.find(message, 40, now);
    };
    using Found = PublicationFinder::Found;
    ASSERT_EQ(publication.at(5).size(), 40U);
    EXPECT_EQ(find("hello", 10), Found::nothing);
    EXPECT_EQ(find("", 10), Found::nothing);
    EXPECT_EQ(find(publication.at(1000), 1500), Found::publication);
    EXPECT_EQ(finder.since_ns(), 500U);
    EXPECT_EQ(find("{\"text\":\"" + publication.at(2000) + "\"}", 2001), Found::publication);
    EXPECT_EQ(finder.since_ns(), 1U);
    EXPECT_EQ(find("WS:" + publication.at(3000), 3000), Found::publication);
    EXPECT_EQ(finder.since_ns(), 0U);
    EXPECT_EQ(find(publication.at(3000).substr(0, 39), 3000), Found::broken);
}

TEST(Publication, TheFirstOneIsCompared) {
    Publication publication(40);
    std::string wrong = publication.at(1);
    wrong.back() = 'y';
    using Found = PublicationFinder::Found;
    PublicationFinder finder;
    EXPECT_EQ(finder.find(wrong, 40, 1), Found::broken);
    EXPECT_EQ(finder.find(publication.at(1), 40, 1), Found::publication);
}

// A time is as good after days: stamps hold 50 bits.
TEST(Publication, TimesBeyondTheStamp) {
    Publication publication(Publication::bytes_min);
    for (const uint64_t time : {uint64_t{0}, uint64_t{1} << 49, (uint64_t{1} << 50) - 1,
                                uint64_t{1} << 50, (uint64_t{1} << 60) + 12'345}) {
        PublicationFinder finder;
        ASSERT_EQ(finder.find(publication.at(time), Publication::bytes_min, time + 77),
                  PublicationFinder::Found::publication);
        EXPECT_EQ(finder.since_ns(), 77U) << time;
    }
}

TEST(EventLines, EveryReadSize) {
    const std::string bytes =
        ": hello\n\ndata: one\n\nevent: x\r\ndata:two\r\n\r\nid: 4\rdata:  three\r\rdata\ndata:\n\n"
        "data: last";
    for (size_t size = 1; size <= bytes.size(); ++size) {
        EventLines lines;
        std::string text;
        for (size_t at = 0; at < bytes.size(); at += size)
            ASSERT_TRUE(lines.read(std::string_view(bytes).substr(at, size),
                                   [&](std::string_view data) { text.append(data) += '|'; }));
        ASSERT_EQ(text, "one|two| three|") << size;
    }
}

TEST(EventLines, ALineIsLimited) {
    EventLines lines;
    const std::string part(EventLines::line_bytes_max, 'x');
    EXPECT_TRUE(lines.read(part, [](std::string_view) {}));
    EXPECT_FALSE(lines.read("x", [](std::string_view) {}));
}

TEST(SocketIoPackets, Texts) {
    namespace packet = starling::load::packet;
    EXPECT_EQ(packet::event_text("7", "echo", "xx"), "427[\"echo\",\"xx\"]");
    EXPECT_EQ(packet::event_text("", "pub", "xx"), "42[\"pub\",\"xx\"]");
    EXPECT_EQ(packet::ack_text("7", "xx"), "437[\"xx\"]");
}

}  // namespace
