#include "cluster/native/questions.h"

#include <algorithm>
#include <utility>

namespace starling::cluster::native {

uint64_t Questions::add(Question question) {
    pending_.emplace_hint(pending_.end(), ++last_id_, std::move(question));
    return last_id_;
}

Question* Questions::find(uint64_t id, NodeId from) noexcept {
    const auto place = pending_.find(id);
    if (place == pending_.end()) return nullptr;
    const auto& waiting = place->second.waiting;
    return std::ranges::find(waiting, from) == waiting.end() ? nullptr : &place->second;
}

void Questions::answered(uint64_t id, NodeId from, Ended& ended) {
    Question& question = pending_.at(id);
    std::erase(question.waiting, from);
    ++question.outcome.answered;
    end_if_done(id, ended);
}

void Questions::end_if_done(uint64_t id, Ended& ended) {
    const auto place = pending_.find(id);
    if (place == pending_.end() || !place->second.waiting.empty()) return;
    ended.emplace_back(id, std::move(place->second));
    pending_.erase(place);
}

void Questions::node_away(NodeId node, Ended& ended) {
    for (auto place = pending_.begin(); place != pending_.end();) {
        Question& question = place->second;
        const uint64_t id = place->first;
        ++place;  // end_if_done() may erase it.
        if (std::erase(question.waiting, node) == 0) continue;
        question.outcome.missing.push_back(node);
        end_if_done(id, ended);
    }
}

void Questions::expire(Millis now, Ended& ended) {
    for (auto place = pending_.begin(); place != pending_.end();) {
        Question& question = place->second;
        const uint64_t id = place->first;
        ++place;
        if (question.deadline > now) continue;
        auto& missing = question.outcome.missing;
        missing.insert(missing.end(), question.waiting.begin(), question.waiting.end());
        question.waiting.clear();
        end_if_done(id, ended);
    }
}

Counts::Entry& Counts::at(RoomHash room) {
    const auto place = entries_.find(room);
    if (place != entries_.end()) return place->second;
    if (entries_.size() >= entries_max_) entries_.erase(entries_.begin());
    return entries_[room];
}

void Counts::answered(const Question& question, Millis now) {
    const auto place = entries_.find(question.room);
    if (place == entries_.end()) return;
    place->second = {question.members, question.outcome.missing.size(), now, true, false};
}

}  // namespace starling::cluster::native
