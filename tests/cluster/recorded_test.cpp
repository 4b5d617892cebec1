// Reads what Node.js servers and emitters sent to Redis (recorded.txt, made by record.mjs), and
// writes each message again: to the same bytes, or where a title says so, to the same meaning.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/classic_codec.h"
#include "cluster/names.h"
#include "cluster/node_codec.h"
#include "tests/cluster/shown.h"

namespace starling::cluster {
namespace {

using namespace test;
using Lines = std::vector<std::string>;

struct Section {
    std::string adapter, operation;
    std::vector<Lines> commands;  // The words of each command; the first one in upper case.
};

std::vector<Section> sections() {
    std::ifstream file(STARLING_REPOSITORY "/tests/cluster/recorded.txt");
    std::vector<Section> all;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("# ")) {
            const size_t colon = line.find(": ");
            all.push_back({line.substr(2, colon - 2), line.substr(colon + 2), {}});
        } else if (!line.empty()) {
            auto words = unquoted(line);
            std::ranges::transform(words.front(), words.front().begin(), ::toupper);
            all.back().commands.push_back(std::move(words));
        }
    }
    return all;
}

bool is_message(const Lines& command) {
    return command[0] == "PUBLISH" || command[0] == "SPUBLISH" || command[0] == "XADD";
}
bool is_classic(const Section& section) {
    return section.adapter.starts_with("classic") || section.adapter == "emitter";
}

Entry entry_of(const Lines& xadd) {
    Entry entry;
    for (size_t i = 6; i + 1 < xadd.size(); i += 2) entry.emplace_back(xadd[i], xadd[i + 1]);
    return entry;
}

Decoded read(const Section& section, const Lines& command, Arena& arena) {
    const Limits limits;
    if (command[0] == "XADD") return read_entry(entry_of(command), limits, arena);
    if (!is_classic(section)) return read_node_message(command[2], limits, arena);
    if (command[1].find("-request#") != std::string::npos)
        return read_classic_request(command[2], "/", limits, arena);
    if (command[1].find("-response#") != std::string::npos)
        return read_classic_response(command[2], "/", limits, arena);
    return read_classic_emit(command[2], limits, arena);
}

// The command that this node would send for `message`.
Lines written(const Section& section, const Lines& command, const Message& message) {
    Lines words = command;
    if (command[0] == "XADD") {
        Entry entry;
        EXPECT_TRUE(write_entry(message, entry));
        words.resize(6);
        for (const auto& [name, value] : entry) words.insert(words.end(), {name, value});
        return words;
    }
    const bool streams = section.adapter.starts_with("streams");
    EXPECT_TRUE(is_classic(section) ? write_classic(message, words[2])
                : streams           ? write_node_message(message, Format::msgpack, words[2])
                                    : write_node_message(message, words[2]));
    return words;
}

const std::map<std::string, Lines>& meanings() {
    static const std::string sockets =
        R"( {SID|all|42|42|r2 {"name":"ünï","n":1.5} /socket.io/? websocket websocket})";
    static const std::map<std::string, Lines> table{
        {"emit to all", {R"(emit ["hello",1,-1,1.5,"é",null,true,[1],{"a":{"b":2}},4294967296])"}},
        {"emit to a room", {R"(emit to all ["hello","room"])"}},
        {"emit to a numeric room", {R"(emit to 42 ["hello","number"])"}},
        {"emit to rooms except rooms", {R"(emit to all|b except x|y ["hello","except"])"}},
        {"emit with flags", {R"(emit volatile uncompressed ["hello","flags"])"}},
        {"emit bytes", {R"(emit to all ["bytes",<0001fe>,{"deep":<78>}])"}},
        {"emit a date and undefined", {R"(emit ["odd","1970-01-02T00:00:00.000Z",null,{}])"}},
        {"emit with ack", {R"(ask to all timeout 2000 ["ask",7])", "count 1", R"(ack "answer")"}},
        {"emit with ack of bytes",
         {R"(ask to all timeout 2000 ["askbytes",<09>])", "count 1", "ack <0102ff>"}},
        {"sockets join", {"join to all except x rooms r1|r2"}},
        {"sockets leave", {"leave to all rooms r1"}},
        {"fetch sockets", {"fetch to all except x", "fetched" + sockets}},
        {"server side emit", {R"(server_event ["event",1,{"a":"b"}])"}},
        {"server side emit with ack",
         {R"(server_event ["question","text",1])", R"(answer {"answer":["text",1]})"}},
        {"server side emit of bytes", {R"(server_event ["event",<0102>])"}},
        {"disconnect sockets", {"disconnect to nobody close"}},
        {"all rooms", {"list_rooms", "rooms rooms SID|all|42|42|r2"}},
        {"sockets", {"list_sockets to all", "ids rooms SID", "ids rooms SID"}},
    };
    return table;
}

// Socket ids are random: 20 characters, the last of which count up from AAAA.
std::string without_ids(const std::string& line) {
    static const std::regex id("[A-Za-z0-9_-]{16}AAA[A-Z]");
    return std::regex_replace(line, id, "SID");
}

Lines decoded(const Section& section) {
    Arena arena(decode_limits(1));
    Lines lines;
    for (const auto& command : section.commands) {
        if (!is_message(command)) continue;
        const auto message = read(section, command, arena);
        lines.push_back(message ? without_ids(shown(*message))
                                : std::string(name_of(message.error())));
    }
    return lines;
}

TEST(ClusterRecorded, EachOperationOfEachAdapterHasOneMeaning) {
    std::set<std::string> adapters;
    for (const auto& section : sections()) {
        const auto meaning = meanings().find(section.operation);
        if (meaning == meanings().end() || section.adapter == "emitter") continue;
        adapters.insert(section.adapter);
        Lines expected = meaning->second;
        // The classic adapter writes bytes as JSON here, and they stay an object.
        if (section.operation == "server side emit of bytes" && is_classic(section))
            expected = {R"(server_event ["event",{"type":"Buffer","data":[1,2]}])"};
        EXPECT_EQ(decoded(section), expected) << section.adapter << ": " << section.operation;
    }
    EXPECT_EQ(adapters.size(), 8u);
}

TEST(ClusterRecorded, Emitter) {
    const std::map<std::string, Lines> expected{
        {"emit to all", {R"(emit ["hello",1])"}},
        {"emit to a room of a namespace",
         {R"(emit nsp /admin to all except x volatile ["hello",<01>])"}},
        {"sockets join", {"join to all rooms r1"}},
        {"sockets leave", {"leave to all except x rooms r1"}},
        {"disconnect sockets", {"disconnect to all"}},
        {"server side emit", {R"(server_event ["event",1])"}},
    };
    size_t seen = 0;
    for (const auto& section : sections()) {
        if (section.adapter != "emitter") continue;
        ++seen;
        EXPECT_EQ(decoded(section), expected.at(section.operation)) << section.operation;
    }
    EXPECT_EQ(seen, expected.size());
}

TEST(ClusterRecorded, StartOfTheOldStreamsAdapter) {
    size_t seen = 0;
    for (const auto& section : sections()) {
        if (section.adapter != "streams 0.2" || section.operation != "start") continue;
        ++seen;
        EXPECT_EQ(decoded(section),
                  (Lines{"hello", "hello", "hello", "hello", "heartbeat", "heartbeat"}));
    }
    EXPECT_EQ(seen, 1u);
}

// Why the bytes of some messages differ.
bool may_differ(const Section& section, const Message& message) {
    // The room 42 is also written as a text. A Date is written as a text. Bytes go in MessagePack.
    for (const auto* operation :
         {"emit to a numeric room", "emit a date and undefined", "server side emit of bytes"})
        if (section.operation == operation) return true;
    // The time of a handshake is the other text of JavaScript; the emitter sorts otherwise.
    return message.kind == Kind::fetched || message.kind == Kind::rooms ||
           (section.adapter == "emitter" && message.kind == Kind::emit);
}

TEST(ClusterRecorded, WritesTheSameBytesOrTheSameMeaning) {
    size_t same = 0;
    size_t other = 0;
    Arena arena(decode_limits(1));
    Arena arena_again(decode_limits(1));
    for (const auto& section : sections()) {
        for (const auto& command : section.commands) {
            if (!is_message(command)) continue;
            const auto message = read(section, command, arena);
            ASSERT_TRUE(message) << section.adapter << ": " << section.operation;
            const Lines ours = written(section, command, *message);
            if (ours == command) {
                ++same;
                continue;
            }
            ++other;
            EXPECT_TRUE(may_differ(section, *message))
                << section.adapter << ": " << section.operation << "\n  Node: " << command.back()
                << "\n  ours: " << ours.back();
            // The numeric room is in our message in both forms.
            const auto again = read(section, ours, arena_again);
            ASSERT_TRUE(again);
            if (section.operation == "emit to a numeric room") {
                EXPECT_EQ(joined(again->target.rooms), "42|42");
                continue;
            }
            EXPECT_EQ(shown(*again), shown(*message));
            EXPECT_EQ(again->uid, message->uid);
            EXPECT_EQ(again->request_id, message->request_id);
        }
    }
    EXPECT_GE(same, 150u);
    EXPECT_GE(other, 8u);
}

TEST(ClusterRecorded, Channels) {
    for (const auto& section : sections()) {
        if (section.operation != "emit to a room" && section.operation != "emit to all") continue;
        const bool one = section.operation == "emit to a room";
        const auto found = std::ranges::find_if(section.commands, is_message);
        ASSERT_NE(found, section.commands.end());
        const std::string& channel = (*found)[1];
        const std::string prefix = channel.substr(0, channel.find_first_of("#"));
        if (is_classic(section)) {
            const ClassicNames names(prefix, "/");
            EXPECT_EQ(channel, one ? names.room("all") : names.all());
            EXPECT_EQ(names.room_of(channel), one ? "all" : "");
        } else if (section.adapter.starts_with("streams")) {
            const uint32_t count = section.adapter == "streams sharded" ? 3 : 1;
            EXPECT_EQ(channel, stream_name("socket.io", count, "/")) << section.adapter;
        } else {
            const auto mode = section.adapter == "sharded static"    ? RoomChannels::none
                              : section.adapter == "sharded private" ? RoomChannels::all
                                                                     : RoomChannels::named;
            const NodeNames names(prefix, "/");
            EXPECT_EQ(channel, one && has_channel(mode, "all") ? names.room("all") : names.all());
        }
    }
}

TEST(ClusterRecorded, Session) {
    Arena arena(decode_limits(1));
    bool seen = false;
    for (const auto& section : sections()) {
        for (const auto& command : section.commands) {
            if (command[0] != "SET") continue;
            seen = true;
            const auto session = read_session(command[2], Limits{}, arena);
            ASSERT_TRUE(session);
            EXPECT_EQ("sio:session:" + session->pid, command[1]);
            EXPECT_EQ(joined(session->rooms), session->sid + "|all|42|42");
            EXPECT_EQ(shown(session->data), R"({"name":"ünï","n":1.5})");
            std::string again;
            ASSERT_TRUE(write_session(*session, again));
            const auto second = read_session(again, Limits{}, arena);
            ASSERT_TRUE(second);
            EXPECT_EQ(second->sid, session->sid);
            EXPECT_EQ(second->rooms, session->rooms);
        }
    }
    EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace starling::cluster
