// The messages of @socket.io/cluster-engine: what two nodes of Node.js sent to each other (recorded.txt,
// as Redis' MONITOR quotes it) is read, and written again to the same bytes; and what has no meaning.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/engine/message.h"
#include "socketio/codec/msgpack_values.h"
#include "tests/cluster/shown.h"

namespace starling::cluster::engine {
namespace {

struct Recorded {
    std::string what, channel, body;
};

std::vector<Recorded> recorded() {
    std::ifstream file(STARLING_REPOSITORY "/tests/cluster/engine/recorded.txt");
    std::vector<Recorded> all;
    std::string what;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("# ")) {
            what = line.substr(2);
        } else if (!line.empty()) {
            const auto words = test::unquoted(line);
            all.push_back({what, words.at(0), words.at(1)});
        }
    }
    return all;
}

class EngineCodec : public ::testing::Test {
protected:
    [[nodiscard]] base::Result<Message, Refusal> read(std::string_view bytes,
                                                      const Limits& limits = {}) {
        return decode(bytes, limits, arena_);
    }
    [[nodiscard]] std::string refusal(std::string_view bytes, const Limits& limits = {}) {
        const auto message = read(bytes, limits);
        if (message) return "read";
        switch (message.error()) {
            case Refusal::malformed: return "malformed";
            case Refusal::unknown_type: return "unknown type";
            case Refusal::too_large: return "too large";
        }
        return "?";
    }

private:
    Arena arena_{decode_limits(1)};
};

std::string shown(const Packet& packet) {
    const std::string data =
        packet.binary ? "<" + std::to_string(packet.data.size()) + ">" : packet.data;
    return std::to_string(static_cast<int>(packet.type)) + data;
}

std::string shown(const Message& message) {
    std::string text;
    switch (message.type) {
        case Type::acquire_lock:
            text = std::string("lock ") +
                   (message.carrier == Carrier::polling ? "polling " : "websocket ") +
                   (message.access == Access::read ? "read" : "write");
            break;
        case Type::lock_answer: text = message.success ? "granted" : "denied"; break;
        case Type::drain: text = "drain"; break;
        case Type::packet: text = "packet"; break;
        case Type::upgrade: text = message.success ? "upgrade" : "no upgrade"; break;
        case Type::upgrade_answer: text = message.take_over ? "moves" : "stays"; break;
        case Type::close: text = "close " + message.reason; break;
    }
    for (const Packet& packet : message.packets) text += " [" + shown(packet) + "]";
    return text;
}

TEST_F(EngineCodec, ReadsWhatNodeJsSends) {
    std::map<std::string, std::string> by_step;
    size_t read_count = 0;
    for (const auto& [what, channel, body] : recorded()) {
        const auto message = read(body);
        ASSERT_TRUE(message) << what;
        ++read_count;
        const std::string to = message->recipient.empty()
                                   ? channel_of_all("engine.io")
                                   : channel_of("engine.io", message->recipient);
        EXPECT_EQ(channel, to) << what;
        std::string& step = by_step[what];
        step += (step.empty() ? "" : "; ") + shown(*message);
    }
    EXPECT_EQ(read_count, 61U);
    const std::map<std::string, std::string> expected{
        {"a POST with the packet 40", "lock polling write; granted; packet [40]"},
        {"a poll that has packets",
         "lock polling read; granted; drain [40{\"sid\":\"DaihveP1VWn5WMYnAAAA\"}]"},
        {"bytes by POST",
         "lock polling write; granted; packet [451-1[\"echo\",{\"_placeholder\":true,\"num\":0}]]; "
         "packet [4<3>]"},
        {"bytes polled",
         "lock polling read; granted; drain [461-1[{\"_placeholder\":true,\"num\":0}]] [4<3>]"},
        {"a poll whose client leaves",
         "lock polling read; granted; close transport error; drain [1]"},
        {"a poll of a session that is nobody's", "lock polling read"},
        {"a POST that closes", "lock polling write; granted; close transport close"},
        // The type of a packet that no client may send.
        {"a POST with a fault", "lock polling write; granted; packet [0parser error]"},
        {"an upgrade that moves the session",
         "lock polling write; granted; packet [40]; lock websocket read; granted; upgrade; moves "
         "[40]; close transport close"},
        {"an upgrade that does not", "lock websocket read; granted; upgrade; stays"},
        {"the server ends the session", "packet [42[\"bye\"]]; drain [41]; drain [1]; drain [6]"}};
    for (const auto& [what, steps] : expected) EXPECT_EQ(by_step[what], steps) << what;
}

// Nodes of Node.js add `options` to the packets that they send to a client; all else is the same.
TEST_F(EngineCodec, WritesTheBytesOfNodeJs) {
    size_t same = 0;
    for (const auto& [what, channel, body] : recorded()) {
        const auto message = read(body);
        ASSERT_TRUE(message) << what;
        const auto again = read(encode(*message));
        ASSERT_TRUE(again) << what;
        EXPECT_EQ(*again, *message) << what;
        const bool is_foreign_form = body.find("options") != std::string::npos ||
                                     body.find("parser error") != std::string::npos;
        if (is_foreign_form) continue;
        EXPECT_EQ(encode(*message), body) << what;
        ++same;
    }
    EXPECT_GT(same, 40U);
}

// Maps as MessagePack, from pairs of a name and a value that is encoded already.
std::string map_of(const std::vector<std::pair<std::string, std::string>>& members) {
    std::string out;
    socketio::msgpack::append_map(out, members.size());
    for (const auto& [name, value] : members) {
        socketio::msgpack::append_text(out, name);
        out += value;
    }
    return out;
}
std::string text_of(std::string_view text) {
    std::string out;
    socketio::msgpack::append_text(out, text);
    return out;
}
std::string number_of(uint64_t number) {
    std::string out;
    socketio::msgpack::append_unsigned(out, number);
    return out;
}
std::string message_of(uint64_t type, const std::string& data,
                       const std::string& source = text_of("_eio"),
                       const std::string& sender = text_of("abc")) {
    return map_of({{"_source", source},
                   {"senderId", sender},
                   {"requestId", number_of(7)},
                   {"type", number_of(type)},
                   {"data", data}});
}

TEST_F(EngineCodec, RefusesWhatHasNoMeaning) {
    const std::string sid = text_of("AAAAAAAAAAAAAAAAAAAA");
    const std::string yes = "\xc3", nil = "\xc0", none = "\x90";
    const std::string packet = map_of({{"type", text_of("message")}, {"data", text_of("x")}});
    const std::string lock =
        map_of({{"sid", sid}, {"transportName", text_of("polling")}, {"type", text_of("read")}});
    struct Case {
        const char* what;
        std::string bytes;
        const char* result;
    };
    const Case cases[] = {
        {"a lock", message_of(0, lock), "read"},
        {"nothing", "", "malformed"},
        {"no map", none, "malformed"},
        {"JSON", R"({"_source":"_eio"})", "malformed"},
        {"cut short", message_of(0, lock).substr(0, 40), "malformed"},
        {"bytes behind the message", message_of(0, lock) + "x", "malformed"},
        {"another source", message_of(0, lock, text_of("_sio")), "malformed"},
        {"no source", message_of(0, lock, nil), "malformed"},
        {"no sender", message_of(0, lock, text_of("_eio"), nil), "malformed"},
        {"an empty sender", message_of(0, lock, text_of("_eio"), text_of("")), "malformed"},
        {"a long sender", message_of(0, lock, text_of("_eio"), text_of(std::string(65, 'a'))),
         "malformed"},
        {"an unknown type", message_of(7, lock), "unknown type"},
        {"a huge type", message_of(UINT64_MAX, lock), "malformed"},
        {"no data", message_of(0, nil), "malformed"},
        {"no session",
         message_of(0, map_of({{"transportName", text_of("polling")}, {"type", text_of("read")}})),
         "malformed"},
        {"a long session",
         message_of(6, map_of({{"sid", text_of(std::string(65, 'a'))},
                               {"reason", text_of("transport close")}})),
         "malformed"},
        {"an unknown access",
         message_of(0, map_of({{"sid", sid},
                               {"transportName", text_of("polling")},
                               {"type", text_of("both")}})),
         "malformed"},
        {"an answer", message_of(1, map_of({{"success", yes}})), "read"},
        {"an answer without success", message_of(1, map_of({{"success", number_of(1)}})),
         "malformed"},
        {"packets", message_of(2, map_of({{"sid", sid}, {"packets", "\x91" + packet}})), "read"},
        {"no packets", message_of(2, map_of({{"sid", sid}, {"packets", none}})), "read"},
        {"packets that are no list", message_of(2, map_of({{"sid", sid}, {"packets", packet}})),
         "malformed"},
        {"two packets where one may be",
         message_of(2, map_of({{"sid", sid}, {"packets", "\x92" + packet + packet}})), "too large"},
        {"a packet of no type",
         message_of(3, map_of({{"sid", sid}, {"packet", map_of({{"type", text_of("hello")}})}})),
         "malformed"},
        {"a ping with bytes",
         message_of(3, map_of({{"sid", sid},
                               {"packet", map_of({{"type", text_of("ping")},
                                                  {"data", std::string("\xc4\x01x")}})}})),
         "malformed"},
        {"a packet with a number",
         message_of(3, map_of({{"sid", sid},
                               {"packet",
                                map_of({{"type", text_of("message")}, {"data", number_of(1)}})}})),
         "malformed"},
        {"a close without a reason", message_of(6, map_of({{"sid", sid}})), "malformed"}};
    for (const Case& each : cases)
        EXPECT_EQ(refusal(each.bytes, {.packets_max = 1}), each.result) << each.what;
    EXPECT_EQ(refusal(message_of(0, lock), {.message_bytes_max = 10}), "too large");
}

}  // namespace
}  // namespace starling::cluster::engine
