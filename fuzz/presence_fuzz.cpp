// Fuzzes what nodes say to each other about presence: a message that has a meaning keeps it when it is
// written again, and a node that gets any messages keeps its own members.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "hub/presence_nodes.h"

namespace {

using namespace starling::hub;

void require(bool condition) {
    if (!condition) std::abort();
}

struct Nobody final : PresenceNodes::Link {
    void joined(const std::string&) override {}
    void left(const std::string&) override {}
    void publish(const std::string&, std::string) override {}
    void send(PresenceNodes::NodeId, std::string) override {}
    void fence(const std::string&, uint64_t) override {}
    void ask(const std::string&, uint64_t, std::string) override {}
    void confirm(const std::string&, uint64_t, std::vector<PresenceNodes::NodeId>,
                 std::string) override {}
    void changed() noexcept override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (const auto message = decode_presence(bytes)) {
        const std::string again = encode(*message);
        const auto reread = decode_presence(again);
        require(reread && encode(*reread) == again);
    }
    Nobody link;
    PresenceNodes nodes({16, 64 * 1024}, {});
    nodes.connect(link, 1);
    nodes.enter("c", Presence::Form::connections, {"own", "", ""}, 0);
    nodes.flush();
    // Messages are 2 bytes of length and that many bytes; every fourth one is a question.
    constexpr auto users = Presence::Form::users;
    bool is_here = false;
    uint64_t now_ms = 0;
    for (std::string_view left = bytes; left.size() >= 2; now_ms += 1000) {
        const size_t length = static_cast<uint8_t>(left[0]) + 256 * static_cast<uint8_t>(left[1]);
        const std::string_view one = left.substr(2, length);
        left.remove_prefix(2 + one.size());
        const uint64_t from = 2 + one.size() % 3;
        if (one.size() % 4 == 0)
            static_cast<void>(nodes.on_question(from, one, now_ms));
        else
            nodes.on_message(from, one, now_ms);
        if (one.size() % 7 == 0) nodes.on_node(from, PresenceNodes::Change::away);
        if (one.size() % 7 == 1) nodes.on_node(from, PresenceNodes::Change::here);
        if (one.size() % 5 == 0) {  // A user comes or goes, and may remain on another node.
            is_here = !is_here;
            if (is_here)
                is_here = !nodes.enter("d", users, {"x", "ann", ""}, now_ms).full;
            else
                nodes.leave({"d", Presence::key_of(users, "x", "ann")});
        }
        if (one.size() % 11 == 0) nodes.confirmed("d", one.size() / 11, from);
        if (one.size() % 13 == 0) nodes.settled("d", one.size() / 13, one.size() % 2);
        nodes.tick(now_ms);
    }
    require(nodes.members().claim_of("c", Presence::here, "cown").connections == 1);
    require(nodes.members().stats().bytes <= 64 * 1024);
    return 0;
}
