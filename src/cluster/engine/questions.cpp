#include "cluster/engine/questions.h"

namespace starling::cluster::engine {

uint64_t Questions::ask(Kind kind, std::string sid, uint64_t now_ms) {
    const uint64_t number = next_;
    open_.emplace(number, Open{{kind, std::move(sid)}, now_ms + options_.timeout_ms});
    next_ += options_.step;
    return number;
}

std::optional<Questions::Answered> Questions::answered(uint64_t number) noexcept {
    if (auto node = open_.extract(number); !node.empty())
        return Answered{std::move(node.mapped().question)};
    if (auto node = given_up_.extract(number); !node.empty())
        return Answered{std::move(node.mapped().question), true};
    return std::nullopt;
}

void Questions::remember(Opens::node_type node, uint64_t now_ms) noexcept {
    given_up_.insert(std::move(node));
    forget_old(now_ms);
}

void Questions::forget_old(uint64_t now_ms) noexcept {
    while (!given_up_.empty() &&
           (given_up_.begin()->second.due_ms + options_.remember_ms <= now_ms ||
            given_up_.size() > options_.remembered_max))
        given_up_.erase(given_up_.begin());
}

void Questions::give_up(uint64_t number, uint64_t now_ms) noexcept {
    if (auto node = open_.extract(number); !node.empty()) remember(std::move(node), now_ms);
}

std::optional<Questions::Late> Questions::expire(uint64_t now_ms) noexcept {
    forget_old(now_ms);
    if (open_.empty() || open_.begin()->second.due_ms > now_ms) return std::nullopt;
    auto node = open_.extract(open_.begin());
    const Late late{node.key(), node.mapped().question.kind};
    remember(std::move(node), now_ms);
    return late;
}

std::optional<uint64_t> Questions::due_ms() const noexcept {
    if (!open_.empty()) return open_.begin()->second.due_ms;
    if (!given_up_.empty()) return given_up_.begin()->second.due_ms + options_.remember_ms;
    return std::nullopt;
}

}  // namespace starling::cluster::engine
