// socketio/client/timers.h: the calls that a client has due: reconnection, timeouts of acks and of
// the connection.
//
// Owner: the Manager. Thread: the owner's. Times are milliseconds of a steady clock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

namespace starling::socketio::client {

class Timers {
public:
    // Identifies a timer, pending or not. A default value identifies none.
    using Id = std::pair<uint64_t, uint64_t>;

    Id at(uint64_t when_ms, std::function<void()> call) {
        const Id id{when_ms, ++last_};
        calls_.emplace(id, std::move(call));
        return id;
    }
    void cancel(Id id) { calls_.erase(id); }
    // Runs the calls that are due, in the order of their times. A call may add and cancel timers.
    void run(uint64_t now_ms) {
        while (!calls_.empty() && calls_.begin()->first.first <= now_ms) {
            const std::function<void()> call = std::move(calls_.begin()->second);
            calls_.erase(calls_.begin());
            call();
        }
    }
    [[nodiscard]] uint64_t deadline_ms() const noexcept {
        return calls_.empty() ? UINT64_MAX : calls_.begin()->first.first;
    }
    [[nodiscard]] size_t size() const noexcept { return calls_.size(); }

private:
    std::map<Id, std::function<void()>> calls_;
    uint64_t last_ = 0;
};

}  // namespace starling::socketio::client
