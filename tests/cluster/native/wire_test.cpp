#include "cluster/native/wire.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace starling::cluster::native {
namespace {

constexpr NodeId sender = 0x0102030405060708;

std::string hex(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text.push_back("0123456789abcdef"[byte >> 4]);
        text.push_back("0123456789abcdef"[byte & 15]);
    }
    return text;
}

Status example_status() {
    Status status;
    status.number = 300;
    status.version = 7;
    status.digest = 0x1122334455667788;
    status.rooms = 2;
    status.members = 5;
    status.groups = 1;
    status.confirm = true;
    status.name = "n1";
    return status;
}

TEST(NativeWire, ABeatTellsItsSettings) {
    Status status = example_status();
    status.groups = 300;
    status.settings_check = 0xABCD;
    std::string out;
    write_beat(sender, status, out);
    const auto wire = read_wire(out);
    ASSERT_TRUE(wire);
    EXPECT_EQ(wire->status.groups, 300u);
    EXPECT_EQ(wire->status.settings_check, 0xABCD);
}

// docs/cluster-native.md shows these bytes.
TEST(NativeWire, ABeatHasTheseBytes) {
    std::string out;
    write_beat(sender, example_status(), out);
    EXPECT_EQ(hex(out),
              "b5010100"
              "0807060504030201"  // Head.
              "ac02"
              "07"
              "8877665544332211"
              "02"
              "05"
              "01"
              "02"  // Status.
              "026e31");
}

TEST(NativeWire, AGossipHasTheseBytes) {
    std::string out;
    const std::vector<Change> changes{0x10, 0x21};
    write_gossip(sender, example_status(), 5, changes, out);
    EXPECT_EQ(hex(out).substr(24 + 36),
              "05"
              "1000000000000000"
              "2100000000000000");
    const auto wire = read_wire(out);
    ASSERT_TRUE(wire);
    EXPECT_EQ(wire->kind, WireKind::gossip);
    EXPECT_EQ(wire->from, sender);
    EXPECT_EQ(wire->from_version, 5u);
    EXPECT_EQ(wire->status.name, "n1");
    EXPECT_TRUE(wire->status.confirm);
    ASSERT_EQ(word_count(wire->body), 2u);
    EXPECT_EQ(word_at(wire->body, 1), 0x21u);
}

TEST(NativeWire, APublicationHasTheseBytes) {
    std::string out;
    Item item;
    item.payload = "hi";
    const std::vector<std::string_view> rooms{"a", "bc"};
    ASSERT_TRUE(write_item(item, rooms, out));
    EXPECT_EQ(hex(out),
              "01"
              "09"
              "00"
              "02"
              "0161"
              "026263"
              "6869");
}

TEST(NativeWire, ABatchHeadIsReadBack) {
    std::string out(batch_head_bytes, '\0');
    Item item;
    item.kind = ItemKind::sync;
    item.version = 9;
    ASSERT_TRUE(write_item(item, {}, out));
    const BatchHead head{42, 3, 2, 10, 99, 4, 5, 6, 7};
    write_batch_head(sender, head, out);
    EXPECT_EQ(out.size(), 68u + 3);
    const auto wire = read_wire(out);
    ASSERT_TRUE(wire);
    const BatchHead& read = wire->head;
    EXPECT_EQ(read.to, 42u);
    EXPECT_EQ(read.epoch, 3u);
    EXPECT_EQ(read.back, 2u);
    EXPECT_EQ(read.seq, 10u);
    EXPECT_EQ(read.before, 99u);
    EXPECT_EQ(read.acked_epoch, 4u);
    EXPECT_EQ(read.acked_ahead, 5u);
    EXPECT_EQ(read.acked_next, 6u);
    EXPECT_EQ(read.seen_version, 7u);
    std::string_view body = wire->body;
    const auto sync = next_item(body);
    ASSERT_TRUE(sync);
    EXPECT_EQ(sync->kind, ItemKind::sync);
    EXPECT_EQ(sync->version, 9u);
    EXPECT_TRUE(body.empty());
}

Item make(ItemKind kind) {
    Item item;
    item.kind = kind;
    item.direct = item.last = true;
    item.id = 1'000'000;
    item.number = 0x8000000000000001;
    item.version = 1ull << 63;
    item.offset = 3;
    item.total = 5;
    item.status = example_status();
    item.payload = kind == ItemKind::snapshot ? std::string_view("12345678ABCDEFGH") : "payload";
    const bool has_payload = kind <= ItemKind::answer || kind == ItemKind::snapshot;
    if (!has_payload) item.payload = {};
    return item;
}

TEST(NativeWire, EveryItemIsReadBackAndEveryShorterFormIsRefused) {
    const std::vector<std::string_view> rooms{"one", std::string_view("\0", 1), ""};
    for (int number = 1; number <= 9; ++number) {
        const Item item = make(static_cast<ItemKind>(number));
        std::string out;
        ASSERT_TRUE(write_item(item, rooms, out));
        std::string_view body = out;
        const auto read = next_item(body);
        ASSERT_TRUE(read) << number;
        EXPECT_TRUE(body.empty());
        // What was read and is written again has the same bytes.
        std::vector<std::string_view> again;
        std::string_view list = read->rooms;
        while (const auto room = next_room(list)) again.push_back(*room);
        std::string second;
        ASSERT_TRUE(write_item(*read, again, second));
        EXPECT_EQ(hex(second), hex(out)) << number;
        for (size_t size = 0; size < out.size(); ++size) {
            std::string_view part = std::string_view(out).substr(0, size);
            EXPECT_FALSE(next_item(part)) << number << " of " << size;
        }
    }
}

struct Bad {
    const char* name;
    std::string bytes;
};

std::string beat(std::string_view status) {
    return std::string(
               "\xB5\x01\x01\x00"
               "AAAAAAAA",
               12)
        .append(status);
}

TEST(NativeWire, RefusesWhatIsWrong) {
    const std::string status(
        "\x01\x00"
        "DDDDDDDD"
        "\x00\x00\x01\x00\x00",
        15);
    ASSERT_TRUE(read_wire(beat(status)));
    std::string batch(batch_head_bytes, '\0');
    write_batch_head(sender, {.to = 1, .epoch = 1, .acked_next = 1}, batch);
    ASSERT_TRUE(read_wire(batch));
    const auto changed = [](std::string bytes, size_t at, char to) {
        bytes[at] = to;
        return bytes;
    };
    const Bad rows[] = {
        {"nothing", ""},
        {"JSON", "{\"uid\":1}"},
        {"another version", changed(beat(status), 1, 2)},
        {"an unknown kind", changed(beat(status), 2, 6)},
        {"kind 0", changed(beat(status), 2, 0)},
        {"flags", changed(beat(status), 3, 1)},
        {"sender 0", std::string("\xB5\x01\x05\0"
                                 "\0\0\0\0\0\0\0\0",
                                 12)},
        {"bytes behind a beat", beat(status) + "x"},
        {"a status cut off", beat(status.substr(0, 9))},
        {"no groups", beat(changed(status, 12, 0))},
        {"unknown flags of a status", beat(changed(status, 13, 4))},
        {"a name of 65 bytes", beat(changed(status, 14, 65) + std::string(65, 'x'))},
        {"a number in a longer form", beat(std::string("\x81\x00", 2) + status.substr(1))},
        {"a number over 64 bits",
         beat("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02" + status.substr(1))},
        {"a gossip from a later version", changed(beat(status), 2, 2) + "\x01"},
        {"a gossip with half a change", changed(beat(status), 2, 2) + std::string("\0abc", 4)},
        {"more changes than versions", changed(beat(status), 2, 2) + std::string("\0abcdefgh", 9)},
        {"half an id", std::string("\xB5\x01\x04\0"
                                   "AAAAAAAA"
                                   "123",
                                   15)},
        {"a batch without epoch", changed(batch, 20, 0)},
        {"a confirmation with items", batch + "x"},
        {"a batch without items", changed(batch, 28, 1)},
        {"a batch before the first", changed(changed(batch, 28, 1), 24, 1) + "x"},
        {"a batch behind the last", changed(batch, 35, '\x80') + "x"},
        {"a batch head cut off", batch.substr(0, 67)},
    };
    for (const auto& row : rows) EXPECT_FALSE(read_wire(row.bytes)) << row.name;
}

TEST(NativeWire, RefusesWrongItems) {
    const Bad rows[] = {
        {"kind 0", std::string("\x00\x00", 2)},
        {"an unknown kind", std::string("\x0A\x00", 2)},
        {"longer than the batch", std::string("\x01\x09\x00\x00", 4)},
        {"unknown flags", std::string("\x01\x02\x02\x00", 4)},
        {"16,385 rooms", std::string("\x01\x04\x00\x81\x80\x01", 6)},
        {"a room that is cut off", std::string("\x01\x04\x00\x01\x05"
                                               "a",
                                               6)},
        {"a room of 1,025 bytes",
         std::string("\x01\x85\x08\x00\x01\x81\x08", 7) + std::string(1025, 'r')},
        {"a snapshot beyond its total", std::string("\x08\x0B\x01\x01\x01"
                                                    "12345678",
                                                    13)},
        {"a part of a snapshot that brings nothing", std::string("\x08\x03\x01\x00\x01", 5)},
        {"half a room", std::string("\x08\x07\x01\x00\x01"
                                    "1234",
                                    9)},
        {"bytes behind a sync", std::string("\x07\x02\x01\x01", 4)},
    };
    for (const auto& row : rows) {
        std::string_view body = row.bytes;
        EXPECT_FALSE(next_item(body)) << row.name;
        EXPECT_TRUE(body.empty()) << row.name;
    }
}

TEST(NativeWire, WritesNoRoomsOverTheLimits) {
    std::string out = "before";
    const std::string long_name(1'025, 'r');
    const std::vector<std::string_view> too_long{long_name};
    EXPECT_FALSE(write_item({}, too_long, out));
    const std::vector<std::string_view> too_many(16'385);
    EXPECT_FALSE(write_item({}, too_many, out));
    EXPECT_EQ(out, "before");
}

TEST(NativeWire, ChannelsHaveNames) {
    EXPECT_EQ(channel_name("starling", {Channel::Kind::all, 0}), "starling:all");
    EXPECT_EQ(channel_name("s", {Channel::Kind::group, 3}), "s:group:3");
    EXPECT_EQ(channel_name("s", {Channel::Kind::node, 0xC0FFEE}), "s:node:0000000000c0ffee");
}

}  // namespace
}  // namespace starling::cluster::native
