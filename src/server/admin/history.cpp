#include "server/admin/history.h"

#include <utility>

namespace starling::server {

void FigureHistory::Ring::add(Entry entry) {
    if (entries_.size() < size_) {
        entries_.push_back(entry);
        return;
    }
    entries_[next_] = entry;
    next_ = (next_ + 1) % size_;
}

std::vector<FigureHistory::Entry> FigureHistory::Ring::all() const {
    std::vector<Entry> entries;
    entries.reserve(entries_.size());
    for (size_t i = 0; i < entries_.size(); ++i)
        entries.push_back(entries_[(next_ + i) % entries_.size()]);
    return entries;
}

void FigureHistory::add(uint64_t second, const Sample& sample) {
    fine_.add({second, sample});
    for (size_t i = 0; i < sum_.size(); ++i) sum_[i] += sample[i];
    if (++summed_ < seconds_per_coarse) return;
    for (float& sum : sum_) sum /= static_cast<float>(seconds_per_coarse);
    coarse_.add({second, std::exchange(sum_, {})});
    summed_ = 0;
}

}  // namespace starling::server
