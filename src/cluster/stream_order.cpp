#include "cluster/stream_order.h"

#include <algorithm>
#include <utility>

namespace starling::cluster {

// A call may add another one.
void StreamOrder::end_storing() {
    const auto call = std::move(storing_.front().call);
    bytes_ -= storing_.front().bytes;
    storing_.pop_front();
    call(stored_);
}

void StreamOrder::answered(uint64_t number, std::optional<StreamId> id) {
    if (number != answered_ + 1) {
        early_.insert(number);
    } else {
        ++answered_;
        for (; early_.erase(answered_ + 1) > 0; ++answered_) {}
    }
    if (id) stored_ = std::max(stored_, *id);
    while (!storing_.empty() && storing_.front().number <= answered_) end_storing();
}

void StreamOrder::when_stored(uint64_t now_ms, const Question& question,
                              std::function<void(StreamId)> call) {
    const uint64_t number = sent_ + question.unsent;
    const bool fits =
        storing_.size() < limits_.waiting_max && bytes_ + question.bytes <= limits_.bytes_max;
    if (number <= answered_ || !fits) return call(stored_);
    bytes_ += question.bytes;
    storing_.push_back({number, now_ms + limits_.wait_ms_max, question.bytes, std::move(call)});
}

template <class F>
void StreamOrder::end_reading(F&& is_over) {
    std::deque<Reading> over;
    std::erase_if(reading_, [&](Reading& one) {
        if (!is_over(one)) return false;
        over.push_back(std::move(one));
        return true;
    });
    for (const Reading& one : over) bytes_ -= one.bytes;
    for (const Reading& one : over) one.call();
}

void StreamOrder::read(StreamId id) {
    read_ = std::max(read_, id);
    if (!reading_.empty()) end_reading([this](const Reading& one) { return one.id <= read_; });
}

void StreamOrder::when_read(StreamId id, uint64_t now_ms, size_t bytes,
                            std::function<void()> call) {
    const bool fits = reading_.size() < limits_.waiting_max && bytes_ + bytes <= limits_.bytes_max;
    if (id <= read_ || !fits) return call();
    bytes_ += bytes;
    reading_.push_back({id, now_ms + limits_.wait_ms_max, bytes, std::move(call)});
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
    bytes_ = 0;
}

}  // namespace starling::cluster
