#include "load/measure/histogram.h"

#include <algorithm>

namespace starling::load {

void Histogram::merge(const Histogram& other) noexcept {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    max_ = std::max(max_, other.max_);
}

void Histogram::clear() noexcept {
    counts_.fill(0);
    total_ = max_ = 0;
}

uint64_t Histogram::nanoseconds(double share) const noexcept {
    if (total_ == 0) return 0;
    const auto wanted = static_cast<uint64_t>(share * static_cast<double>(total_));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
        seen += counts_[i];
        if (seen > wanted || seen == total_) return std::min(edge(i), max_);
    }
    return max_;
}

// The greatest value of the bucket.
uint64_t Histogram::edge(size_t index) noexcept {
    if (index < steps) return index;
    return ((steps + index % steps + 1) << (index / steps - 1)) - 1;
}

}  // namespace starling::load
