// hub/topic.h: a topic of a Hub, and what of it is delivered in slices. For the Hub only.
//
// Owner: the Hub. Thread: the worker's.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/hub.h"

namespace starling::hub {

// A publication on its way to the members of a large topic. It does not move: its Publication
// refers to its message.
struct Undelivered {
    Undelivered(std::string_view topic, const Message& m, uint64_t n, size_t members)
        : bytes(m.bytes.begin(), m.bytes.end()),
          message{topic, bytes, m.binary},
          number(n),
          lacking(members) {}
    [[nodiscard]] size_t units() const noexcept { return 1 + bytes.size() / Hub::unit_bytes; }
    [[nodiscard]] size_t counted_bytes() const noexcept { return bytes.size() + Hub::kept_bytes; }

    const std::vector<std::byte> bytes;
    const Message message;
    Publication publication{message};
    const uint64_t number;  // In the order of all publications that the hub has kept.
    size_t lacking;         // Members that have not got it yet.
};

// What a large topic has kept. Members get it in the order of their places, round and round: those
// that lack several publications get all of them in one turn.
struct Backlog {
    std::deque<Undelivered> kept;  // The oldest first. The newest one is lacked by someone.
    uint64_t first = 0;            // Ordinal of kept.front().
    // For each member: the ordinal of the next publication for it, by its place in the topic.
    std::vector<uint64_t> next;
    size_t bytes = 0;  // Of `kept`, as counted_bytes().
    size_t turn = 0;   // The place of the member that is served next.

    // A publisher that is faster than the slices delivers the oldest publication itself, to those that
    // lack it: so it pays for one delivery to each member, as it does for a small topic. And a member
    // that catches up gets no more at once than its queue has room for.
    static constexpr size_t kept_max = 64, bytes_max = 256 * 1024;
    [[nodiscard]] bool is_full(size_t more_bytes) const noexcept {
        return kept.size() >= kept_max || bytes + more_bytes > bytes_max;
    }
    [[nodiscard]] uint64_t end() const noexcept { return first + kept.size(); }
    [[nodiscard]] bool lacks(size_t member) const noexcept { return next[member] != end(); }
    [[nodiscard]] Undelivered& next_of(size_t member) noexcept {
        return kept[next[member] - first];
    }
};

struct Topic {
    explicit Topic(const base::HashedText& n) : name(n.text), hash(n.hash) {}
    const std::string name;
    const size_t hash;                 // Of the name.
    std::vector<Subscriber*> members;  // Contiguous, since every publication walks it.
    std::vector<uint32_t> places;      // For each member: this topic's index in its memberships.
    std::unique_ptr<Backlog> backlog;  // Null: nothing is delivered in slices.
};

// The index of the topic in a subscriber's memberships, which are `mine`.
[[nodiscard]] std::optional<size_t> place_of(const Subscriber& subscriber,
                                             std::span<const Membership> mine, const Topic& topic);

}  // namespace starling::hub
