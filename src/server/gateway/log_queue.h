// server/gateway/log_queue.h: the events that wait for one reader of the gateway's log.
//
// Thread: any thread adds; the thread of the reader's connection takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace starling::server {

class LogQueue {
public:
    static constexpr size_t bytes_max = 256 * 1024;

    // Adds an event, a JSON object on one line. If the queue is full, the event is lost, and so are
    // all later events up to the next take(). True: wake the reader, which then calls take() until
    // take() returns "".
    [[nodiscard]] bool add(std::string_view event) {
        const std::lock_guard lock(mutex_);
        if (lost_ != 0 || text_.size() + event.size() + frame_bytes > bytes_max)
            ++lost_;
        else
            text_.append("data: ").append(event).append("\n\n");
        return !std::exchange(awake_, true);
    }

    // Returns the waiting events as text/event-stream. If events were lost after these, a last
    // event tells how many.
    [[nodiscard]] std::string take() {
        const std::lock_guard lock(mutex_);
        std::string text = std::exchange(text_, {});
        if (const uint64_t lost = std::exchange(lost_, 0))
            text.append(R"(data: {"type":"lost","count":)")
                .append(std::to_string(lost))
                .append("}\n\n");
        awake_ = !text.empty();
        return text;
    }

private:
    static constexpr size_t frame_bytes = 8;

    std::mutex mutex_;
    std::string text_;
    uint64_t lost_ = 0;
    bool awake_ = false;
};

}  // namespace starling::server
