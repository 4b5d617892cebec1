#include "server/events/channel_nodes.h"

#include <memory>
#include <new>
#include <string>
#include <utility>

#include "base/utf8.h"
#include "events/text.h"
#include "server/events/events.h"
#include "server/worker.h"

namespace starling::server {

ChannelNodes::ChannelNodes(Events& events, WorkerGroup& group)
    : events_(events), group_(group), nodes_(*group.nodes) {
    nodes_.add(Nodes::Kind::channels, *this);
}

void ChannelNodes::publish(const EventBatch& batch) {
    for (const auto& item : batch.items)
        if (!events_.has_history(item.channel))
            nodes_.publish(Nodes::Kind::channels, {.rooms = {item.channel}},
                           std::string(events::event_of(item.text)));
}

void ChannelNodes::opened(std::string_view channel) noexcept {
    try {
        open_.change(base::HashedText(channel), +1);
        nodes_.joined(Nodes::Kind::channels, channel);
    } catch (const std::bad_alloc&) {  // The listeners get what this node publishes.
    }
}

void ChannelNodes::closed(std::string_view channel) noexcept {
    if (open_.count(channel) == 0) return;  // opened() has failed.
    open_.change(base::HashedText(channel), -1);
    nodes_.left(Nodes::Kind::channels, channel);
}

void ChannelNodes::on_publication(const Nodes::Incoming& publication) {
    if (publication.rooms.size() != 1 || !base::utf8_is_valid(publication.payload))
        return refused_.add(*group_.workers.front(), "cluster: an event is malformed");
    const std::string_view channel = publication.rooms.front();
    if (open_.count(channel) == 0) return;
    auto batch = std::make_shared<EventBatch>(1);
    EventBatch::Item& item = batch->items.front();
    item.channel = channel;
    item.text.append(events::event_prefix).append(publication.payload);
    events_.deliver(batch);
}

void ChannelNodes::on_question(const Nodes::Incoming& question) {
    nodes_.answer(question.from, question.question, {}, true);
}

}  // namespace starling::server
