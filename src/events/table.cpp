#include "events/table.h"

#include <stdexcept>
#include <utility>

namespace starling::events {
namespace {

constexpr std::chrono::milliseconds interval_max = std::chrono::hours(24);
constexpr std::chrono::milliseconds age_max = std::chrono::hours(24 * 365);
constexpr size_t messages_max = 100'000;

// Throws std::invalid_argument.
void check_history(const Channel& channel) {
    const History& history = channel.history;
    if (history.messages == 0) return;
    const std::string name = "channel '" + channel.pattern + "': ";
    if (history.messages > messages_max)
        throw std::invalid_argument(name + "the history must have 0 to 100,000 messages");
    if (history.age <= std::chrono::milliseconds(0) || history.age > age_max)
        throw std::invalid_argument(name + "the age of the history must be up to 365 days");
    if (channel.interval != Channel{}.interval && channel.interval != std::chrono::milliseconds(0))
        throw std::invalid_argument(name + "a channel with a history has no interval");
}

}  // namespace

void Table::declare(Channel channel) {
    Pattern pattern(channel.pattern);
    const bool owned = channel.access == Access::owner || channel.publishers == Publishers::owner;
    if (owned && pattern.parameters() == 0)
        throw std::invalid_argument("channel pattern '" + channel.pattern +
                                    "': no parameter names the owner");
    if (channel.interval < std::chrono::milliseconds(0) || channel.interval > interval_max)
        throw std::invalid_argument("channel '" + channel.pattern +
                                    "': the interval must be 0 to 24 h");
    for (const auto& rule : rules_)
        if (rule->channel.pattern == channel.pattern)
            throw std::invalid_argument("channel '" + channel.pattern + "' is declared twice");
    if (rules_.size() == rules_max) throw std::invalid_argument("more than 1,024 channels");
    check_history(channel);
    const hub::HistoryRule history{static_cast<uint32_t>(channel.history.messages),
                                   static_cast<uint64_t>(channel.history.age.count())};
    const auto interval_ms = history ? 0 : static_cast<uint32_t>(channel.interval.count());
    rules_.push_back(std::make_unique<const Rule>(
        Rule{std::move(channel), std::move(pattern), interval_ms, history}));
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

Decision decide_publish(const Match& match, std::optional<std::string_view> user) noexcept {
    const Publishers publishers = match.rule->channel.publishers;
    if (publishers == Publishers::nobody) return Decision::forbidden;
    if (publishers != Publishers::anyone) {
        if (!user) return Decision::needs_login;
        if (publishers == Publishers::owner && *user != match.owner) return Decision::forbidden;
    }
    return decide(match, user);
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
