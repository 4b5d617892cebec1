// cluster/repeats.h: entries that are in a stream again. A replica that becomes the master may lack the
// newest entries. The node that had appended them, and had no answer, appends them again; nodes that had
// read them before know them by the number that their node gives each entry.
//
//     appended.emplace_back(Repeats::field, "17");          // by the node that appends it
//     if (repeats.read(entry, id)) return;                  // each entry, in the order of the stream
//     const auto first = repeats.first_of(entry);           // an entry that is read back
//
// What is read is not trusted: it is bounded.
//
// Owner: the code that reads the stream. Pure. Thread: the owner's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
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

    // The field of an entry that holds the number, decimal. The numbers of a node grow by one.
    static constexpr std::string_view field = "n";
    // So many of the newest entries of a node may come again: no more are under way at once.
    static constexpr size_t kept_of_a_node = Appends::window_max;

    explicit Repeats(size_t nodes_max = 256) noexcept : nodes_max_(nodes_max) {}

    // Where the same entry was read before. Nothing: it is new, or has no number.
    std::optional<StreamId> read(const Entry& entry, StreamId id);
    // Where it was read first. Nothing: it has not been read, or is too old, or has no number.
    [[nodiscard]] std::optional<StreamId> first_of(const Entry& entry) const;

private:
    struct Node {
        uint64_t newest = 0;   // The greatest number,
        uint64_t used_at = 0;  // and when it came: reads_.
        // By the number modulo the length. All zero: that number was not read.
        std::array<StreamId, kept_of_a_node> ids{};
    };
    using Nodes = std::map<std::string, std::unique_ptr<Node>, std::less<>>;

    [[nodiscard]] Node& node_of(std::string_view uid);

    const size_t nodes_max_;
    uint64_t reads_ = 0;
    Nodes nodes_;  // By uid. The one that was silent for the longest time makes room.
};

}  // namespace starling::cluster
