#include "server/events/history_link.h"

#include <string>
#include <utility>

#include "base/utf8.h"
#include "server/events/events.h"
#include "server/worker.h"

namespace starling::server {

std::unique_ptr<HistoryLink> HistoryLink::make(WorkerGroup& group, const Events& events,
                                               const Workers& workers) {
    if (!group.nodes) return nullptr;
    std::unique_ptr<HistoryLink> link(new HistoryLink(group, events, workers));
    link->history_ = group.nodes->share_history(group, [to = link.get()] { to->catch_up(); });
    if (!link->history_) return nullptr;
    group.nodes->add(Nodes::Kind::history, *link);
    return link;
}

// "17-9f3a01c2b7e60 text"
void HistoryLink::push(const hub::Kept& kept) const {
    std::string payload = hub::position_text(kept.epoch, kept.offset);
    payload.append(" ").append(kept.text);
    group_.nodes->publish(Nodes::Kind::history, {.rooms = {kept.channel}}, std::move(payload));
}

// The other nodes are trusted to be starling, and may declare other channels.
void HistoryLink::on_publication(const Nodes::Incoming& publication) {
    const size_t space = publication.payload.find(' ');
    if (space == std::string_view::npos || publication.rooms.size() != 1) return;
    const auto position = hub::parse_position(publication.payload.substr(0, space));
    const std::string_view text = publication.payload.substr(space + 1);
    const auto* const rule = events_.table().find(publication.rooms.front()).rule;
    if (!position || !rule || !rule->history || !base::utf8_is_valid(text)) return;
    auto kept = std::make_shared<hub::Kept>();
    kept->channel = publication.rooms.front();
    kept->epoch = position->epoch;
    kept->offset = position->offset;
    kept->text = text;
    group_.post_all(
        sizeof *kept + kept->channel.size() + text.size(), nullptr,
        [this, kept](Worker& worker) { workers_[worker.index()]->published(kept); },
        [this](Worker& worker) { workers_[worker.index()]->must_catch_up(); });
}

void HistoryLink::on_question(const Nodes::Incoming& question) {
    group_.nodes->answer(question.from, question.question, {}, true);  // There are none.
}

void HistoryLink::on_gap(Nodes::Id, uint64_t) { catch_up(); }

// A node that is away may have appended an event that it could not send any more. One that is here
// may not know of the channels of this node yet, and sends nothing until then.
void HistoryLink::on_node(Nodes::Id, std::string_view, Nodes::Change change) {
    catch_up();
    if (change == Nodes::Change::here || change == Nodes::Change::back)
        group_.nodes->fence([this] { catch_up(); });
}

void HistoryLink::catch_up() {
    for (const auto& worker : workers_) worker->must_catch_up();
}

}  // namespace starling::server
