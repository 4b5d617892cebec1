// Fuzzes what a node of the native mode gets. The first byte chooses: one message, which must have the
// same bytes when it is written again; or several messages for a Node, which must stay within its
// bounds and go on working.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/native/node.h"

namespace {

using namespace starling::cluster::native;

void require(bool condition) {
    if (!condition) std::abort();
}

void items(std::string_view body) {
    std::string out;
    while (!body.empty()) {
        const std::string_view before = body;
        const auto item = next_item(body);
        if (!item) return;
        std::vector<std::string_view> rooms;
        std::string_view list = item->rooms;
        while (const auto room = next_room(list)) rooms.push_back(*room);
        out.clear();
        require(write_item(*item, rooms, out));
        require(before.starts_with(out) && before.size() - body.size() == out.size());
    }
}

void message(std::string_view bytes) {
    const auto wire = read_wire(bytes);
    if (!wire) return;
    std::vector<uint64_t> words;
    for (size_t i = 0; i < word_count(wire->body); ++i) words.push_back(word_at(wire->body, i));
    std::string out;
    switch (wire->kind) {
        case WireKind::beat: write_beat(wire->from, wire->status, out); break;
        case WireKind::gossip:
            write_gossip(wire->from, wire->status, wire->from_version, words, out);
            break;
        case WireKind::batch:
            out.resize(batch_head_bytes);
            write_batch_head(wire->from, wire->head, out);
            out.append(wire->body);
            items(wire->body);
            break;
        case WireKind::silent: write_silent(wire->from, words, out); break;
        case WireKind::bye: write_bye(wire->from, out); break;
    }
    require(out == bytes);
}

struct Sink final : Events {
    void send(const Channel&, std::string_view bytes) override {
        require(read_wire(bytes).has_value());
    }
    void on_publication(const Incoming& publication) override {
        payload += publication.payload.size();
    }
    void on_question(uint64_t id, const Incoming& question) override {
        node->answer(question.from, id, question.payload, true);
    }

    Node* node = nullptr;
    size_t payload = 0;
};

// Each message follows its length, in one byte, and the time since the one before, in another.
void node(std::string_view input) {
    Options options;
    options.id = 1;
    options.groups = 2;
    options.nodes_max = 8;
    options.table_entries_max = 64;
    options.log_changes_max = 4;
    options.node_queue_bytes_max = 4'096;
    options.held_bytes_max = 4'096;
    Sink sink;
    Node node(options, sink);
    sink.node = &node;
    Millis now = 1'000'000;
    node.link(true, now);
    for (const char* room : {"a", "b", "c", "d", "e", "f"}) node.joined(room);
    std::string message;
    while (input.size() >= 2) {
        const auto size = static_cast<uint8_t>(input[0]);
        now += static_cast<uint8_t>(input[1]);
        input.remove_prefix(2);
        message.assign(input.substr(0, size));
        input.remove_prefix(std::min<size_t>(size, input.size()));
        node.received(message, now);
        const std::string_view rooms[] = {"a", "x"};
        static_cast<void>(node.publish({.rooms = rooms}, "payload"));
        static_cast<void>(node.count("x", now));
        static_cast<void>(node.holders("x", now));
        static_cast<void>(node.ask({.rooms = rooms}, "?", now));
        static_cast<void>(node.fence());
        node.tick(now);
        require(node.next_tick() > now);
        require(node.memory() < 1'000'000);
    }
    node.leave(now);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] % 2 == 0)
        message(input);
    else
        node(input);
    return 0;
}
