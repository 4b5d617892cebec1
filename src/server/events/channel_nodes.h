// server/events/channel_nodes.h: the channels without a history of a process in a cluster. What is
// published here goes once to the nodes that have listeners; what another node publishes goes to the
// listeners of all workers here, each with its own interval. Channels with a history have a way of
// their own, through the history that the nodes share.
//
// A payload is the event's text.
//
// Owner: server::Events. Lives longer than the workers. Thread: publish(), opened() and closed() on
//        any worker's; the functions of Nodes::Member on the first worker's.
#pragma once

#include <string_view>

#include "server/nodes.h"
#include "server/refusals.h"
#include "server/subscriber_counts.h"

namespace starling::server {

struct EventBatch;
class Events;
struct WorkerGroup;

class ChannelNodes final : public Nodes::Member {
public:
    // `group` has Nodes.
    ChannelNodes(Events& events, WorkerGroup& group);

    // The events of the batch whose channel has no history.
    void publish(const EventBatch& batch);
    // A worker has the first listener of a channel, or has lost the last one.
    void opened(std::string_view channel) noexcept;
    void closed(std::string_view channel) noexcept;

    void on_publication(const Nodes::Incoming& publication) override;
    void on_question(const Nodes::Incoming& question) override;

private:
    Events& events_;
    WorkerGroup& group_;
    Nodes& nodes_;
    SubscriberCounts open_;  // For each channel, the workers that have listeners.
    Refusals refused_;
};

}  // namespace starling::server
