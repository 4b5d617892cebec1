#include "events/table.h"

#include <stdexcept>
#include <utility>

namespace starling::events {
namespace {

constexpr std::chrono::milliseconds interval_max = std::chrono::hours(24);

}  // namespace

void Table::declare(Channel channel) {
    Pattern pattern(channel.pattern);
    if (channel.access == Access::owner && pattern.parameters() == 0)
        throw std::invalid_argument("channel pattern '" + channel.pattern +
                                    "': no parameter names the owner");
    if (channel.interval < std::chrono::milliseconds(0) || channel.interval > interval_max)
        throw std::invalid_argument("channel '" + channel.pattern +
                                    "': the interval must be 0 to 24 h");
    for (const auto& rule : rules_)
        if (rule->channel.pattern == channel.pattern)
            throw std::invalid_argument("channel '" + channel.pattern + "' is declared twice");
    if (rules_.size() == rules_max) throw std::invalid_argument("more than 1,024 channels");
    const auto interval_ms = static_cast<uint32_t>(channel.interval.count());
    rules_.push_back(
        std::make_unique<const Rule>(Rule{std::move(channel), std::move(pattern), interval_ms}));
}

Match Table::find(std::string_view name) const {
    if (!is_channel_name(name)) return {};
    std::vector<std::string_view> parameters;
    for (const auto& rule : rules_) {
        if (!rule->pattern.match(name, parameters)) continue;
        return {rule.get(), parameters.empty() ? std::string_view() : parameters.front()};
    }
    return {};
}

Decision decide(const Match& match, std::optional<std::string_view> user) noexcept {
    const Access access = match.rule->channel.access;
    if (access == Access::anyone) return Decision::allowed;
    if (!user) return Decision::needs_login;
    const bool allowed = access == Access::user || *user == match.owner;
    return allowed ? Decision::allowed : Decision::forbidden;
}

std::string_view access_text(Access access) noexcept {
    switch (access) {
        case Access::anyone: return "anyone";
        case Access::user: return "user";
        case Access::owner: return "owner";
    }
    return {};
}

std::string_view excess_text(Excess excess) noexcept {
    return excess == Excess::drop ? "drop" : "latest";
}

}  // namespace starling::events
