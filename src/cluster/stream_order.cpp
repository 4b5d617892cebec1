#include "cluster/stream_order.h"

#include <algorithm>
#include <utility>

namespace starling::cluster {

// A call may add another one.
void StreamOrder::end_storing() {
    const auto call = std::move(storing_.front().call);
    storing_.pop_front();
    call(stored_);
}

void StreamOrder::answered(std::optional<StreamId> id) {
    ++answered_;
    if (id) stored_ = std::max(stored_, *id);
    while (!storing_.empty() && storing_.front().sent <= answered_) end_storing();
}

void StreamOrder::when_stored(uint64_t now_ms, std::function<void(StreamId)> call) {
    if (answered_ == sent_ || storing_.size() >= waiting_max_) return call(stored_);
    storing_.push_back({sent_, now_ms + wait_ms_max_, std::move(call)});
}

template <class F>
void StreamOrder::end_reading(F&& is_over) {
    std::deque<Reading> over;
    std::erase_if(reading_, [&](Reading& one) {
        if (!is_over(one)) return false;
        over.push_back(std::move(one));
        return true;
    });
    for (const Reading& one : over) one.call();
}

void StreamOrder::read(StreamId id) {
    read_ = std::max(read_, id);
    if (!reading_.empty()) end_reading([this](const Reading& one) { return one.id <= read_; });
}

void StreamOrder::when_read(StreamId id, uint64_t now_ms, std::function<void()> call) {
    if (id <= read_ || reading_.size() >= waiting_max_) return call();
    reading_.push_back({id, now_ms + wait_ms_max_, std::move(call)});
}

std::optional<uint64_t> StreamOrder::due_ms() const noexcept {
    std::optional<uint64_t> due;
    if (!storing_.empty()) due = storing_.front().until_ms;
    if (!reading_.empty()) due = std::min(due.value_or(UINT64_MAX), reading_.front().until_ms);
    return due;
}

void StreamOrder::on_time(uint64_t now_ms) {
    while (!storing_.empty() && storing_.front().until_ms <= now_ms) end_storing();
    end_reading([now_ms](const Reading& one) { return one.until_ms <= now_ms; });
}

void StreamOrder::clear() noexcept {
    storing_.clear();
    reading_.clear();
}

}  // namespace starling::cluster
