// Members that leave here while they remain on other nodes.
#include "hub/presence_nodes.h"

namespace starling::hub {

// Throws std::bad_alloc, and then has changed nothing.
PresenceNodes::NodeId PresenceNodes::hand_over(Channel& channel, const Presence::Leaving& leaving) {
    const auto heirs = members_.heirs_of(leaving);
    if (heirs.empty()) return 0;
    channel.handovers.insert_or_assign(leaving.key, Handover{{heirs.begin(), heirs.end()}});
    return heirs.size() == 1 ? heirs.front() : 0;
}

// `message`: what has changed. An heir answers when it hears of that, and tells its own changes before:
// a claim that ends after the answer was the last one there, and that node has reported.
void PresenceNodes::ask_heirs(const std::string& name, Channel& channel,
                              const PresenceMessage& message) {
    if (channel.handovers.empty() || asking_ >= asking_max) return;
    std::set<NodeId> heirs;
    for (const auto& [key, handover] : channel.handovers)
        if (handover.ticket == 0) heirs.insert(handover.heirs.begin(), handover.heirs.end());
    if (heirs.empty()) return;
    link_->confirm(name, ++tickets_, {heirs.begin(), heirs.end()}, encode(message));
    ++asking_;
    for (auto& [key, handover] : channel.handovers)
        if (handover.ticket == 0) handover.ticket = tickets_;
}

void PresenceNodes::confirmed(const std::string& channel, uint64_t ticket, NodeId from) {
    const auto found = channels_.find(channel);
    if (found == channels_.end()) return;
    for (auto& [key, handover] : found->second.handovers)
        if (handover.ticket == ticket) handover.heirs.erase(from);
    std::erase_if(found->second.handovers,
                  [](const auto& entry) { return entry.second.heirs.empty(); });
    close_later(found->first, found->second);
}

void PresenceNodes::settled(const std::string& channel, uint64_t ticket, size_t missing) {
    if (asking_ > 0) --asking_;
    const auto found = channels_.find(channel);
    if (found == channels_.end()) return;
    if (missing == 0)
        std::erase_if(found->second.handovers,
                      [ticket](const auto& entry) { return entry.second.ticket == ticket; });
    for (auto& [key, handover] : found->second.handovers)
        if (handover.ticket == ticket) handover.ticket = 0;  // The next tick asks again.
    close_later(found->first, found->second);
}

// The claim of a node about a member has ended. True: this node reports that the member left. If that
// node handed the member over to this one alone, both see the same, and the lower one reports.
bool PresenceNodes::crosses_handover(const std::string& name, Channel& channel,
                                     const Ended& ended) {
    const auto found = channel.handovers.find(ended.key);
    if (found == channel.handovers.end()) return false;
    Handover& handover = found->second;
    const bool crosses = handover.heirs.erase(ended.from) > 0;
    const bool is_reporter = ended.heir != self_ || self_ < ended.from;
    if (ended.is_last || handover.heirs.empty()) {
        channel.handovers.erase(found);
        close_later(name, channel);
    }
    return crosses && ended.is_last && is_reporter;
}

void PresenceNodes::check_handovers(const std::string& name, Channel& channel) {
    if (channel.handovers.empty()) return;
    for (auto& [key, handover] : channel.handovers) ++handover.ticks;
    std::erase_if(channel.handovers,
                  [](const auto& entry) { return entry.second.ticks > handover_ticks; });
    ask_heirs(name, channel,
              {.kind = PresenceMessage::Kind::confirm});  // Those that had no answer.
    close_later(name, channel);
}

// flush() closes it: the caller may still use the channel.
void PresenceNodes::close_later(const std::string& name, const Channel& channel) {
    if (channel.connections > 0 || !channel.handovers.empty()) return;
    changed_.insert(name);
    link_->changed();
}

}  // namespace starling::hub
