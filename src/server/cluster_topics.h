// server/cluster_topics.h: the topics of a process in a cluster. What a worker of this process
// publishes goes once to the nodes that hold the topic; what another node publishes goes to all
// workers of this process.
//
// A payload begins with its form. This class has the forms of a message of Server::publish() and
// Socket::publish(). A feature whose clients are in the same topics, such as the gateway, has forms
// and questions of its own, which go to use_other().
//
// Owner: Server. Lives longer than the workers. Thread: publish(), changed() and count() on any
//        worker's; the functions of Nodes::Member on the first worker's.
#pragma once

#include <functional>
#include <string_view>

#include "hub/hub.h"
#include "server/nodes.h"
#include "server/refusals.h"

namespace starling::server {

struct WorkerGroup;

class ClusterTopics final : public Nodes::Member {
public:
    // The first byte of a payload. From `other` on, all are of use_other().
    enum class Form : char { text = 0, binary = 1, other = 2 };

    ClusterTopics(WorkerGroup& group, Nodes& nodes) : group_(group), nodes_(nodes) {}

    // Before the workers run. `other` lives longer than the workers.
    void use_other(Nodes::Member& other) noexcept { other_ = &other; }

    void publish(const hub::Message& message);
    // A subscriber of this process joined (+1) or left (-1).
    void changed(std::string_view topic, int change) noexcept;
    // `done` on the calling worker.
    void count(std::string_view topic, std::function<void(const Nodes::Count&)> done);

    void on_publication(const Nodes::Incoming& publication) override;
    void on_question(const Nodes::Incoming& question) override;

private:
    WorkerGroup& group_;
    Nodes& nodes_;
    Nodes::Member* other_ = nullptr;  // Null: no other forms, and no questions.
    Refusals refused_;
};

}  // namespace starling::server
