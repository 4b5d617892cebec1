// cluster/appends.h: the entries of this node on their way into a stream: each of them once and in their
// order, also when the connection breaks before Redis has answered.
//
// Each entry has a number. Redis remembers the number of the newest entry that it took from this node,
// see append_script(), and takes only the next one. What it has taken already is not taken twice; what
// comes before its turn is refused, and given again when nothing is under way.
//
// So many entries are under way as a window allows: an entry that Redis does not take costs all of those
// behind it a way. When Redis refuses one for good, the window shrinks to one entry, and doubles with each
// that is stored.
//
//     Appends appends(give);
//     appends.add(sending, done);
//     appends.answered(number, Appends::Answer::stored, id);
//     appends.again();                                        // Redis is back, or a pause is over
//
// Owner: the code that has the connection to Redis. Pure. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "cluster/dialect.h"
#include "socketio/stream_place.h"

namespace starling::cluster {

class Appends {
public:
    // Entries under way at once.
    static constexpr size_t window_max = 1024;

    enum class Answer : uint8_t {
        stored,        // Now or before.
        out_of_order,  // An entry before it is not stored yet.
        lost,     // The connection broke, or the queue of the client was full. Redis may have it.
        refused,  // By an error of Redis, for ever.
    };
    // Gives the entry to Redis. All entries before `first` have their final answers.
    using Give = std::function<void(uint64_t number, uint64_t first, const Sending& sending)>;
    // The entry is in the stream, or will never be, for the reason in words.
    using Done = std::function<void(std::optional<socketio::StreamId> id, std::string_view error)>;

    static const std::string_view full;  // The error of an entry that did not fit.

    explicit Appends(Give give, size_t bytes_max = 64u << 20)
        : give_(std::move(give)), bytes_max_(bytes_max) {}

    void add(Sending sending, Done done);
    void answered(uint64_t number, Answer answer, std::optional<socketio::StreamId> id = {},
                  std::string_view error = {});
    // What was lost is given again.
    void again();
    // again() is due: after a pause, or when Redis is back.
    [[nodiscard]] bool is_paused() const noexcept { return paused_; }

    [[nodiscard]] size_t size() const noexcept { return items_.size(); }
    // Entries that did not fit while they waited to be given again.
    [[nodiscard]] uint64_t dropped() const noexcept { return dropped_; }

private:
    struct Item {
        uint64_t number;
        Sending sending;
        Done done;
        bool is_given = false;
        bool was_first = false;  // When it was given.
    };
    using Items = std::deque<Item>;

    static constexpr size_t window_bytes = size_t{1} << 20;

    [[nodiscard]] Items::iterator find(uint64_t number);
    void give(Item& item);
    void give_more();
    void end(Items::iterator item, std::optional<socketio::StreamId> id, std::string_view error);
    void trim();

    const Give give_;
    const size_t bytes_max_;
    Items items_;  // By number.
    size_t bytes_ = 0;
    size_t given_ = 0;  // How many are under way: the first ones, unless is_broken_.
    size_t given_bytes_ = 0;
    size_t window_ = window_max;
    // One of those under way was not taken, so those behind it will not be. Until none is under way.
    bool is_broken_ = false;
    bool paused_ = false;
    uint64_t last_ = 0;
    uint64_t dropped_ = 0;
};

// Keys: the stream; a key of this node. Arguments: number, first, length of the stream, and the fields of
// the entry. The answer is the id of the entry, or "" if it is not its turn.
[[nodiscard]] std::string_view append_script() noexcept;

}  // namespace starling::cluster
