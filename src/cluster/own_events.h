// cluster/own_events.h: the events of this node that are on their way to a stream and back. The clients
// of this node get an event when its entry is read, so that all nodes deliver in one order.
//
// Not every entry has a number of its sender (see Repeats), so it is known by a print of its bytes:
// entries of one node come back in the order in which they were sent. An event that does not come
// back, because Redis refused it or its connection broke, is lost for the other nodes; the clients of
// this node get it yet.
//
// Owner: the code that publishes to the stream, one for each stream. Pure. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "cluster/node_codec.h"
#include "socketio/command.h"

namespace starling::cluster {

class OwnEvents {
public:
    using Event = std::shared_ptr<const socketio::Command>;
    using Events = std::vector<Event>;

    explicit OwnEvents(size_t bytes_max = 64u << 20) noexcept : bytes_max_(bytes_max) {}

    // The print of an entry, without its sender and its number.
    [[nodiscard]] static uint64_t print_of(const Entry& entry) noexcept;

    // An event will be sent. Above bytes_max the oldest are lost.
    void add(uint64_t print, Event event, Events& lost);
    // The entry is sent now. Events that were added before it, and not sent, have been dropped.
    // Returns its number for answered(); 0: no event has this print.
    [[nodiscard]] uint64_t sent(uint64_t print);
    // Redis has answered; `good`: the entry is in the stream. Otherwise it may be there if the
    // connection broke, and is read within two further rounds of the reader.
    void answered(uint64_t number, bool good, uint64_t round);
    // An entry of this node was read. Null: it is none of these events. `lost` gets those before it.
    [[nodiscard]] Event came_back(uint64_t print, Events& lost);
    // The reader has read all that was there when the round began.
    void round_ended(uint64_t round, Events& lost);

    [[nodiscard]] size_t size() const noexcept { return events_.size(); }
    [[nodiscard]] size_t bytes() const noexcept { return bytes_; }

private:
    enum class State : uint8_t { waiting, sent, stored, failed };
    struct Item {
        uint64_t print;
        uint64_t number;
        Event event;
        State state = State::waiting;
        uint64_t lost_round = 0;  // Of `failed`.
    };
    [[nodiscard]] Event take();

    const size_t bytes_max_;
    std::deque<Item> events_;
    uint64_t last_number_ = 0;
    size_t bytes_ = 0;
};

}  // namespace starling::cluster
