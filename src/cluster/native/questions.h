// cluster/native/questions.h: the questions of this node that wait for answers of others, and the
// counts that it remembers. A question ends when every node it went to has given its last answer, is
// away, or has let the time pass.
//
// Owner: the Node. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "cluster/native/types.h"

namespace starling::cluster::native {

struct Question {
    std::vector<NodeId> waiting;
    Outcome outcome;
    Millis deadline = 0;
    RoomHash room = 0;     // Of a count; 0: another question.
    uint64_t members = 0;  // The sum so far.
};

class Questions {
public:
    // Questions that ended are moved to `ended`, with their ids.
    using Ended = std::vector<std::pair<uint64_t, Question>>;

    [[nodiscard]] size_t size() const noexcept { return pending_.size(); }
    // The id that the next question gets. No other question has had it.
    [[nodiscard]] uint64_t next_id() const noexcept { return last_id_ + 1; }
    uint64_t add(Question question);
    // Null: no such question waits for this node.
    [[nodiscard]] Question* find(uint64_t id, NodeId from) noexcept;
    // The node gave its last answer. Only after find().
    void answered(uint64_t id, NodeId from, Ended& ended);
    void node_away(NodeId node, Ended& ended);
    void expire(Millis now, Ended& ended);
    // A question without anyone to wait for.
    void end_if_done(uint64_t id, Ended& ended);

private:
    std::map<uint64_t, Question> pending_;
    uint64_t last_id_ = 0;
};

// The answers to counts, for as many rooms as are allowed.
class Counts {
public:
    explicit Counts(size_t entries_max) noexcept : entries_max_(entries_max) {}

    struct Entry {
        uint64_t members = 0;  // Of other nodes.
        size_t missing = 0;
        Millis answered_at = 0;
        bool is_known = false;
        bool is_asked = false;  // An answer is under way.
    };
    // The entry of a room; an unknown one may take the place of another.
    [[nodiscard]] Entry& at(RoomHash room);
    void answered(const Question& question, Millis now);

private:
    size_t entries_max_;
    std::unordered_map<RoomHash, Entry> entries_;
};

}  // namespace starling::cluster::native
