// cluster/repeats.h: entries that are in a stream again. A replica that becomes the master may lack the
// newest entries, and a Redis that starts anew lacks all. A node that had no answer for an entry appends
// it again then. Nodes that had read it before know it by the number that its node gives each entry.
//
//     appended.emplace_back(Repeats::field, Repeats::value_of(number, first));  // by the node that appends
//     repeats.may_come(now_ms, own_uid_or_empty);         // the stream has lost entries
//     if (repeats.read(entry, id, now_ms)) return;        // each entry, in the order of the stream
//
// Only then, and for a while, entries are taken for repeats, and only if their bytes are the same: what is
// in Redis is not trusted. It is bounded, too.
//
// Owner: the code that reads the stream. Pure. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/appends.h"
#include "cluster/node_codec.h"
#include "socketio/stream_place.h"

namespace starling::cluster {

class Repeats {
public:
    using StreamId = socketio::StreamId;

    // The field of an entry with its number, and the least number that had no answer when it was given
    // to Redis: what is before that never comes again. Decimal.
    static constexpr std::string_view field = "n";
    [[nodiscard]] static std::string value_of(uint64_t number, uint64_t first);
    // Nodes find the new master within seconds.
    static constexpr uint64_t may_come_ms = 30'000;
    // Of one node. No more are under way at once.
    static constexpr size_t entries_max = Appends::window_max;

    explicit Repeats(size_t nodes_max = 1024) noexcept : nodes_max_(nodes_max) {}

    // `all_answered`: a node that has answers for all of its entries; "": none is known.
    void may_come(uint64_t now_ms, std::string_view all_answered);
    // Some that this node has read before the loss may still come. A node appends in the order of its
    // numbers, so none comes from a node that has appended a later one since.
    [[nodiscard]] bool may_still_come(uint64_t now_ms) const noexcept;
    // Where the same entry was read before. Nothing: it is new, has no number, or comes too late.
    std::optional<StreamId> read(const Entry& entry, StreamId id, uint64_t now_ms);

private:
    struct Item {
        uint64_t number;
        StreamId id;
        uint64_t print;
    };
    struct Node {
        std::deque<Item> items = {};  // By number. Those that may come again.
        uint64_t used_at = 0;         // reads_.
        uint64_t loss = 0;            // losses_, when it was heard last,
        uint64_t newest = 0;          // and its greatest number since that loss.
    };
    using Nodes = std::map<std::string, Node, std::less<>>;

    [[nodiscard]] Node& node_of(std::string_view uid);

    const size_t nodes_max_;
    uint64_t until_ms_ = 0;
    uint64_t losses_ = 0;  // Calls of may_come().
    uint64_t reads_ = 0;
    Nodes nodes_;  // By uid. The one that was silent for the longest time makes room.
};

}  // namespace starling::cluster
