#include "server/gateway/nodes.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "server/cluster_topics.h"
#include "server/fence.h"
#include "server/gateway/listing.h"
#include "server/gateway/part.h"

namespace starling::server {
namespace {

// The kinds of relayed messages begin where the forms of the core's messages end, because a
// publication to a topic is sent to the members of the topic.
static_assert(webhook::relay_kind_first == static_cast<uint8_t>(ClusterTopics::Form::other));

Nodes::Kind kind_of(const ControlRequest& request) noexcept {
    return std::holds_alternative<webhook::PublishRequest>(request) ? Nodes::Kind::topics
                                                                    : Nodes::Kind::gateway;
}

// The sum over this node and the others, which end in any order, on several threads.
class Sum {
public:
    explicit Sum(ControlWork::Done done) : done_(std::move(done)) {}
    void add(uint64_t connections, bool complete) noexcept {
        connections_.fetch_add(connections, std::memory_order_relaxed);
        if (!complete) complete_.store(false, std::memory_order_relaxed);
    }
    void add_missing(size_t nodes) noexcept {
        missing_.fetch_add(nodes, std::memory_order_relaxed);
    }
    void end_part() {
        if (parts_left_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
        done_({.connections = connections_.load(std::memory_order_relaxed),
               .complete = complete_.load(std::memory_order_relaxed),
               .missing_nodes = missing_.load(std::memory_order_relaxed)});
    }

private:
    const ControlWork::Done done_;
    std::atomic<size_t> connections_{0}, missing_{0};
    std::atomic<bool> complete_{true};
    std::atomic<int> parts_left_{2};
};

}  // namespace

GatewayNodes::GatewayNodes(Gateway& gateway, WorkerGroup& group)
    : gateway_(gateway), group_(group), nodes_(*group.nodes) {
    nodes_.add(Nodes::Kind::gateway, *this);
    group.topics->use_other(*this);
}

void GatewayNodes::on_node(Nodes::Id node, std::string_view, Nodes::Change change) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(others_, node);
    if (change == Nodes::Change::gone) {
        if (found != others_.end()) others_.erase(found);
    } else if (found == others_.end()) {
        others_.push_back(node);
    }
}

std::optional<Nodes::Target> GatewayNodes::target_of(const ControlRequest& request) const {
    if (const auto* const publish = std::get_if<webhook::PublishRequest>(&request))
        return Nodes::Target{.rooms = {publish->topic}};
    const webhook::Selector& selector = *selector_of(request);
    if (selector.conns.empty()) return Nodes::Target{.everyone = true};
    std::vector<ConnIds::NodeMark> marks;
    for (size_t i = 0; i < selector.conns.size(); ++i)
        if (const auto mark = ConnIds::node_of(selector.conns[i])) marks.push_back(*mark);
    std::ranges::sort(marks);
    Nodes::Target target;
    const std::lock_guard lock(mutex_);
    for (const Nodes::Id node : others_)
        if (std::ranges::binary_search(marks, mark_of(node))) target.nodes.push_back(node);
    if (target.nodes.empty()) return std::nullopt;
    return target;
}

void GatewayNodes::spread(GatewayPart& here, ControlRequest request, ControlWork::Done done) {
    const auto target = target_of(request);
    if (!done) {
        if (target) nodes_.publish(kind_of(request), *target, webhook::encode(request));
        return carry_out(here, std::move(request), GatewayLog::By::application, nullptr);
    }
    const auto sum = std::make_shared<Sum>(std::move(done));
    if (target) {
        nodes_.ask(
            kind_of(request), *target, webhook::encode(request),
            [sum](Nodes::Id, std::string_view payload) {
                if (payload.empty()) return;  // A node without a gateway.
                const auto share = webhook::decode_share(payload);
                share ? sum->add(share->connections, share->complete) : sum->add_missing(1);
            },
            [sum](const Nodes::Outcome& outcome) {
                sum->add_missing(outcome.missing);
                sum->end_part();
            });
    } else {
        sum->end_part();
    }
    carry_out(here, std::move(request), GatewayLog::By::api,
              [sum](const ControlWork::Result& result) {
                  sum->add(result.connections, result.complete);
                  sum->end_part();
              });
}

// On this node alone.
void GatewayNodes::carry_out(GatewayPart& here, ControlRequest request, GatewayLog::By by,
                             ControlWork::Done done) {
    if (done && std::holds_alternative<JoinRequest>(request))
        // The answer promises that publications of all nodes reach the clients that have joined.
        done = [this, done = std::move(done)](const ControlWork::Result& result) {
            Worker* const worker = group_.here();
            if (!worker) return done(result);
            // Posted, because the first worker may not have heard yet what the others have joined.
            worker->post(
                [worker, done, result] { after_fence(*worker, [done, result] { done(result); }); });
        };
    ControlWork::spread(gateway_, here, std::move(request), by, std::move(done));
}

void GatewayNodes::ask_page(const Nodes::Target& target, const webhook::PageRequest& request,
                            std::function<void(Nodes::Id, webhook::Page)> answer,
                            std::function<void(size_t missing)> done) {
    const auto malformed = std::make_shared<size_t>(0);
    nodes_.ask(
        Nodes::Kind::gateway, target, webhook::encode(request),
        [answer = std::move(answer), malformed](Nodes::Id from, std::string_view payload) {
            if (payload.empty()) return;  // A node without a gateway.
            auto page = webhook::decode_page(payload);
            if (!page) return (void)++*malformed;
            answer(from, *std::move(page));
        },
        [done = std::move(done), malformed](const Nodes::Outcome& outcome) {
            done(outcome.missing + *malformed);
        });
}

void spread_everywhere(Gateway& gateway, GatewayPart& here, ControlRequest request,
                       ControlWork::Done done) {
    if (GatewayNodes* const nodes = gateway.nodes())
        return nodes->spread(here, std::move(request), std::move(done));
    const auto by = done ? GatewayLog::By::api : GatewayLog::By::application;
    ControlWork::spread(gateway, here, std::move(request), by, std::move(done));
}

void GatewayNodes::refuse() {
    refused_.add(*group_.workers.front(), "gateway: a request of another node is malformed");
}

void GatewayNodes::on_publication(const Nodes::Incoming& publication) {
    auto relayed = webhook::decode_relayed(publication.payload);
    auto* const request = relayed ? std::get_if<ControlRequest>(&*relayed) : nullptr;
    if (!request) return refuse();
    carry_out(gateway_.part(0), std::move(*request), GatewayLog::By::node, nullptr);
}

void GatewayNodes::on_question(const Nodes::Incoming& question) {
    const auto answer = [this, to = question.from, number = question.question](std::string text) {
        nodes_.answer(to, number, std::move(text), true);
    };
    auto relayed = webhook::decode_relayed(question.payload);
    if (!relayed) {
        refuse();
        return answer(std::string(webhook::relay_refusal));
    }
    if (auto* const page = std::get_if<webhook::PageRequest>(&*relayed))
        return collect_page(gateway_, std::move(*page), answer);
    carry_out(gateway_.part(0), std::get<ControlRequest>(std::move(*relayed)), GatewayLog::By::node,
              [answer](const ControlWork::Result& result) {
                  answer(webhook::encode(webhook::Share{.connections = result.connections,
                                                        .complete = result.complete}));
              });
}

}  // namespace starling::server
