// hub/slices.cpp: the part of Hub that delivers publications to large topics in slices.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "hub/topic.h"

namespace starling::hub {

size_t Hub::keep(Topic& topic, const Message& message, const Subscriber* except) {
    const auto deliver_oldest = [this](Topic& of) {
        Backlog& backlog = *of.backlog;
        const uint64_t oldest = backlog.first;
        for (size_t index = 0; index < of.members.size(); ++index) {
            if (backlog.next[index] != oldest) continue;
            if (sliced_.size() > 1)
                catch_up_slowly(*of.members[index]);
            else
                give_next(of, index, false);
        }
        trim(of);
    };
    // Called within a delivery, a publication leaves the limits to the next one.
    if (!giving_) {
        const size_t bytes = message.bytes.size() + kept_bytes;
        while (topic.backlog && topic.backlog->is_full(bytes)) deliver_oldest(topic);
        while (slicing_now_ && kept_bytes_ + bytes > slicing_.kept_bytes_max)
            deliver_oldest(*sliced_.front());
    }
    std::optional<size_t> excepted;
    if (except && except->topics_) {
        const auto place = place_of(*except, *except->topics_, topic);
        if (place) excepted = (*except->topics_)[*place].index;
    }
    // The publisher has sent what it publishes after what was published before.
    if (excepted) catch_up(*topic.members[*excepted]);
    const size_t receivers = topic.members.size() - (excepted ? 1 : 0);
    if (receivers == 0) return 0;
    const bool begins = !slicing_now_;
    if (!topic.backlog) begin_slices(topic);
    Backlog& backlog = *topic.backlog;
    try {
        backlog.kept.emplace_back(topic.name, message, ++kept_number_, receivers);
    } catch (...) {
        trim(topic);
        throw;
    }
    kept_bytes_ += backlog.kept.back().counted_bytes();
    backlog.bytes += backlog.kept.back().counted_bytes();
    if (excepted) backlog.next[*excepted] = backlog.end();
    if (begins) tell_begin();
    return receivers;
}

// If nobody can call deliver_slice() later, for example because memory ran out, everything is
// delivered now.
void Hub::tell_begin() {
    try {
        bus_.slices_begin();
    } catch (...) {
        while (deliver_slice(SIZE_MAX)) {}
    }
}

void Hub::begin_slices(Topic& topic) {
    auto backlog = std::make_unique<Backlog>();
    backlog->next.assign(topic.members.size(), 0);
    backlog->next.reserve(topic.members.capacity());
    sliced_.push_back(&topic);
    topic.backlog = std::move(backlog);
    slicing_now_ = true;
}

// Gives the member the oldest publication of this topic that it lacks. `at_once`: if that is the
// last one, nothing follows for this member in this tick.
void Hub::give_next(Topic& topic, size_t index, bool at_once) {
    Backlog& backlog = *topic.backlog;
    Undelivered& kept = backlog.next_of(index);
    ++backlog.next[index];
    --kept.lacking;
    const size_t before = kept.publication.taken;
    kept.publication.at_once = at_once && !backlog.lacks(index);
    struct Giving {
        explicit Giving(bool& g) noexcept : giving(g) { giving = true; }
        ~Giving() { giving = false; }
        bool& giving;
    } const giving(giving_);
    topic.members[index]->deliver(kept.publication);
    traffic_.deliveries += kept.publication.taken - before;
}

// A subscriber of several topics gets their publications in the order in which they were published.
void Hub::catch_up_slowly(Subscriber& subscriber) {
    if (!subscriber.topics_ || giving_) return;
    while (true) {
        Topic* oldest = nullptr;
        size_t index = 0;
        uint64_t number = UINT64_MAX;
        for (Topic* const topic : sliced_) {
            const auto place = place_of(subscriber, *subscriber.topics_, *topic);
            if (!place) continue;
            const size_t member = (*subscriber.topics_)[*place].index;
            Backlog& backlog = *topic->backlog;
            if (!backlog.lacks(member) || backlog.next_of(member).number >= number) continue;
            oldest = topic, index = member, number = backlog.next_of(member).number;
        }
        if (!oldest) return;
        give_next(*oldest, index, false);
    }
}

bool Hub::deliver_slice(size_t units) {
    STARLING_ASSERT(on_own_thread());
    if (!slicing_now_) return false;
    Topic& topic = *sliced_.front();
    serve(topic, units);
    // Several large topics take turns.
    // NOLINTNEXTLINE(modernize-use-ranges): clang 14 cannot compile std::ranges::rotate.
    if (topic.backlog) std::rotate(sliced_.begin(), sliced_.begin() + 1, sliced_.end());
    return slicing_now_;
}

void Hub::serve(Topic& topic, size_t units) {
    Backlog& backlog = *topic.backlog;
    const size_t members = topic.members.size();
    size_t done = 0;
    for (size_t seen = 0; seen < members && done < units && backlog.kept.back().lacking; ++seen) {
        if (backlog.turn >= members) backlog.turn = 0;
        const size_t index = backlog.turn++;
        for (uint64_t i = backlog.next[index]; i != backlog.end(); ++i)
            done += backlog.kept[i - backlog.first].units();
        if (sliced_.size() > 1 && backlog.lacks(index)) {
            done += sliced_.size();  // What the other topics have for it is work as well.
            catch_up_slowly(*topic.members[index]);
        }
        while (backlog.lacks(index)) give_next(topic, index, true);
    }
    trim(topic);
}

// Frees the publications that everyone has got.
void Hub::trim(Topic& topic) noexcept {
    Backlog& backlog = *topic.backlog;
    for (; !backlog.kept.empty() && backlog.kept.front().lacking == 0; ++backlog.first) {
        kept_bytes_ -= backlog.kept.front().counted_bytes();
        backlog.bytes -= backlog.kept.front().counted_bytes();
        backlog.kept.pop_front();
    }
    if (!backlog.kept.empty()) return;
    topic.backlog.reset();
    std::erase(sliced_, &topic);
    slicing_now_ = !sliced_.empty();
}

// The member at `index` leaves, and the last one takes its place.
void Hub::forget(Topic& topic, size_t index) noexcept {
    Backlog& backlog = *topic.backlog;
    for (; backlog.lacks(index); ++backlog.next[index]) --backlog.next_of(index).lacking;
    backlog.next[index] = backlog.next.back();
    backlog.next.pop_back();
    trim(topic);
}

size_t Hub::kept() const noexcept {
    size_t sum = 0;
    for (const Topic* const topic : sliced_) sum += topic->backlog->kept.size();
    return sum;
}

}  // namespace starling::hub
