#include "cluster/engine/questions.h"

namespace starling::cluster::engine {

uint64_t Questions::ask(Kind kind, std::string sid, uint64_t now_ms) {
    const uint64_t number = next_;
    next_ += options_.step;
    open_.emplace(number, Open{{kind, std::move(sid)}, now_ms + options_.timeout_ms});
    return number;
}

std::optional<Questions::Answered> Questions::answered(uint64_t number) {
    if (auto node = open_.extract(number); !node.empty())
        return Answered{std::move(node.mapped().question)};
    if (auto node = given_up_.extract(number); !node.empty())
        return Answered{std::move(node.mapped()), true};
    return std::nullopt;
}

void Questions::remember(uint64_t number, Question question, uint64_t now_ms) {
    given_up_.emplace(number, std::move(question));
    given_up_order_.emplace_back(now_ms + options_.remember_ms, number);
    forget_old(now_ms);
}

void Questions::forget_old(uint64_t now_ms) {
    while (!given_up_order_.empty() && (given_up_order_.front().first <= now_ms ||
                                        given_up_order_.size() > options_.remembered_max)) {
        given_up_.erase(given_up_order_.front().second);
        given_up_order_.pop_front();
    }
}

void Questions::give_up(uint64_t number, uint64_t now_ms) {
    if (auto node = open_.extract(number); !node.empty())
        remember(number, std::move(node.mapped().question), now_ms);
}

std::vector<std::pair<uint64_t, Questions::Question>> Questions::expire(uint64_t now_ms) {
    std::vector<std::pair<uint64_t, Question>> late;
    while (!open_.empty() && open_.begin()->second.due_ms <= now_ms) {
        const auto first = open_.begin();
        late.emplace_back(first->first, first->second.question);
        remember(first->first, std::move(first->second.question), now_ms);
        open_.erase(first);
    }
    forget_old(now_ms);
    return late;
}

std::optional<uint64_t> Questions::due_ms() const noexcept {
    if (!open_.empty()) return open_.begin()->second.due_ms;
    if (!given_up_order_.empty()) return given_up_order_.front().first;
    return std::nullopt;
}

}  // namespace starling::cluster::engine
