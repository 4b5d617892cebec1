// cluster/outbox.h: what this node sends, and when: at once while Redis is there; later, in order and
// within a number of bytes, while it is away.
//
// When Redis is back, this node is often faster than the others. What it sent then would reach nobody:
// Redis keeps no message for a subscriber that is away. So the outbox first waits until as many nodes
// hear as before, for settle_ms_max at most. What is sent while an answer of Redis is late waits in the
// outbox as well: the connection may be given up.
//
// Owner: the Node. Pure. Thread: the owner's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "cluster/dialect.h"

namespace starling::cluster {

struct OutboxOptions {
    size_t bytes_max = 16u << 20;
    uint64_t settle_ms_max = 1000;
    // Where the count says nothing about some channels, as in a Redis Cluster: other nodes have so long.
    uint64_t settle_ms_min = 0;
    uint64_t count_interval_ms = 1000;  // How often the hearing nodes are counted.
    uint64_t settle_interval_ms = 20;   // The same while nodes are missing.
    // The same for young_ms after a start or an outage: nodes that start together come within moments,
    // and an outage before they are counted would lose what waits for them.
    uint64_t young_interval_ms = 100, young_ms = 5000;
};

class Outbox {
public:
    enum class State : uint8_t { away, settling, live };
    // Gets the number of receivers; nothing: the message was not sent. Empty: nobody asks.
    using Count = std::function<void(std::optional<uint64_t>)>;
    struct Waiting {
        Sending sending;
        Count done;
    };

    explicit Outbox(const OutboxOptions& options) noexcept : options_(options) {}

    [[nodiscard]] State state() const noexcept { return state_; }
    // Redis is there: counting begins.
    void up(uint64_t now_ms) noexcept {
        if (state_ != State::away) return;
        // Nobody is missing at the first time, or if this node was alone.
        state_ = hearing_ > 1 ? State::settling : State::live;
        settled_ms_ = now_ms + options_.settle_ms_max;
        settled_ms_min_ = now_ms + options_.settle_ms_min;
        young_until_ms_ = now_ms + options_.young_ms;
        count_ms_ = now_ms;
    }
    // An answer that was late has come, so Redis was frozen or cut off. Other nodes may have given their
    // connections up meanwhile, so what waits here waits for them, as after up(). Redis may not have
    // seen yet that these connections ended, so a count tells nothing for a moment.
    void resume(uint64_t now_ms) noexcept {
        if (state_ != State::live || is_empty()) return;
        state_ = State::away;
        up(now_ms);
        settled_ms_min_ = std::max(settled_ms_min_, now_ms + resume_ms);
    }
    // Questions end with the connection, also those that wait here.
    void down() {
        state_ = State::away;
        std::erase_if(waiting_, [this](const Waiting& one) {
            if (one.done) bytes_ -= one.sending.bytes();
            return static_cast<bool>(one.done);
        });
    }

    // When the hearing nodes are to be counted next; nothing: not while Redis is away, or while a
    // count is under way.
    [[nodiscard]] std::optional<uint64_t> count_due_ms() const noexcept {
        if (state_ == State::away || counting_) return std::nullopt;
        return count_ms_;
    }
    void counting() noexcept { counting_ = true; }
    // Nothing: the count failed.
    void counted(std::optional<uint64_t> nodes, uint64_t now_ms) noexcept {
        counting_ = false;
        count_ms_ = now_ms + (state_ == State::settling  ? options_.settle_interval_ms
                              : now_ms < young_until_ms_ ? options_.young_interval_ms
                                                         : options_.count_interval_ms);
        if (state_ == State::live && nodes) hearing_ = *nodes;
        if (state_ == State::settling && nodes && *nodes >= hearing_ && now_ms >= settled_ms_min_)
            state_ = State::live;
        settle(now_ms);
    }
    // The wait for nodes ends, whether they came or not.
    [[nodiscard]] std::optional<uint64_t> settle_due_ms() const noexcept {
        if (state_ != State::settling) return std::nullopt;
        return settled_ms_;
    }
    void settle(uint64_t now_ms) noexcept {
        if (state_ == State::settling && now_ms >= settled_ms_) state_ = State::live;
    }

    // Keeps a message for later; what no longer fits is dropped, the oldest first, and counted.
    void keep(Sending sending, Count done = {}) {
        const size_t bytes = sending.bytes();
        if (bytes > options_.bytes_max) {
            ++dropped_;
            return;
        }
        for (; bytes_ + bytes > options_.bytes_max; ++dropped_) static_cast<void>(take());
        bytes_ += bytes;
        waiting_.push_back({std::move(sending), std::move(done)});
    }
    [[nodiscard]] bool is_empty() const noexcept { return waiting_.empty(); }
    [[nodiscard]] size_t size() const noexcept { return waiting_.size(); }
    // Only if it is not empty.
    [[nodiscard]] Waiting take() {
        Waiting first = std::move(waiting_.front());
        waiting_.pop_front();
        bytes_ -= first.sending.bytes();
        return first;
    }
    [[nodiscard]] uint64_t dropped() const noexcept { return dropped_; }
    // Nodes that hear the questions, this one included, at the last count. 0: never counted.
    [[nodiscard]] uint64_t hearing() const noexcept { return hearing_; }

private:
    static constexpr uint64_t resume_ms = 100;

    const OutboxOptions options_;
    State state_ = State::away;
    std::deque<Waiting> waiting_;
    size_t bytes_ = 0;
    uint64_t dropped_ = 0;
    uint64_t hearing_ = 0, count_ms_ = 0, settled_ms_ = 0, settled_ms_min_ = 0, young_until_ms_ = 0;
    bool counting_ = false;
};

}  // namespace starling::cluster
