#include "server/gateway/control_work.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "server/gateway/nodes.h"
#include "server/gateway/part.h"

namespace starling::server {
namespace {

size_t run(GatewayPart& part, const ControlRequest& request) {
    struct Visitor {
        GatewayPart& part;
        size_t operator()(const webhook::SendRequest& send) const { return part.send(send); }
        size_t operator()(const webhook::EmitRequest& emit) const { return part.emit(emit); }
        size_t operator()(const webhook::CloseRequest& close) const { return part.close(close); }
        size_t operator()(const JoinRequest& join) const { return part.join(join.topic); }
        size_t operator()(const LeaveRequest& leave) const { return part.leave(leave.topic); }
        size_t operator()(const webhook::PublishRequest& publish) const {
            return part.publish(publish);
        }
    };
    return std::visit(Visitor{part}, request);
}

}  // namespace

const webhook::Selector* selector_of(const ControlRequest& request) noexcept {
    struct Visitor {
        const webhook::Selector* operator()(const webhook::SendRequest& send) const noexcept {
            return &send.to;
        }
        const webhook::Selector* operator()(const webhook::EmitRequest& emit) const noexcept {
            return &emit.to;
        }
        const webhook::Selector* operator()(const webhook::CloseRequest& close) const noexcept {
            return &close.of;
        }
        const webhook::Selector* operator()(const JoinRequest& join) const noexcept {
            return &join.topic.of;
        }
        const webhook::Selector* operator()(const LeaveRequest& leave) const noexcept {
            return &leave.topic.of;
        }
        const webhook::Selector* operator()(const webhook::PublishRequest&) const noexcept {
            return nullptr;
        }
    };
    return std::visit(Visitor{}, request);
}

namespace {

size_t bytes_of(const webhook::Selector& selector) noexcept {
    // Most names are shorter. The exact size does not matter here.
    constexpr size_t name_bytes = 64;
    return name_bytes * (selector.conns.size() + selector.users.size() + selector.tokens.size());
}

size_t bytes_of(const webhook::Event& event) noexcept {
    size_t bytes = event.name.size() + event.args.json.size() + event.args.with_placeholders.size();
    for (const std::string& attachment : event.args.attachments) bytes += attachment.size();
    return bytes;
}

size_t bytes_of(const ControlRequest& request) noexcept {
    size_t bytes = sizeof(ControlWork);
    if (const auto* const emit = std::get_if<webhook::EmitRequest>(&request))
        bytes += bytes_of(emit->event);
    if (const auto* const send = std::get_if<webhook::SendRequest>(&request))
        bytes += send->payload.bytes.size();
    if (const auto* const publish = std::get_if<webhook::PublishRequest>(&request))
        bytes += publish->payload.bytes.size() + (publish->event ? bytes_of(*publish->event) : 0);
    if (const auto* const selector = selector_of(request)) bytes += bytes_of(*selector);
    return bytes;
}

// Does the request name connections by their ids, all of them on this worker?
bool concerns_only(const Gateway& gateway, const Worker& worker,
                   const ControlRequest& request) noexcept {
    const webhook::Selector* const selector = selector_of(request);
    if (!selector || selector->conns.empty()) return false;
    for (size_t i = 0; i < selector->conns.size(); ++i) {
        const auto place = gateway.conn_ids().place_of(selector->conns[i]);
        if (place && place->worker != worker.index()) return false;
    }
    return true;
}

}  // namespace

std::optional<size_t> ControlWork::run_here(Gateway& gateway, GatewayPart& here,
                                            const ControlRequest& request) {
    if (gateway.group().workers.size() > 1 && !concerns_only(gateway, here.worker, request))
        return std::nullopt;
    // In a cluster a join ends when the other nodes know of it, see GatewayNodes.
    const GatewayNodes* const nodes = gateway.nodes();
    if (nodes && (std::holds_alternative<JoinRequest>(request) || nodes->target_of(request)))
        return std::nullopt;
    const size_t count = run(here, request);
    gateway.log().carried_out(request, count, true, GatewayLog::By::api);
    return count;
}

void ControlWork::spread(Gateway& gateway, GatewayPart& here, ControlRequest request,
                         GatewayLog::By by, Done done) {
    const size_t bytes = bytes_of(request);
    const auto work =
        std::make_shared<ControlWork>(gateway, std::move(request), by, std::move(done));
    WorkerGroup& group = gateway.group();
    work->left_ = static_cast<uint32_t>(group.workers.size());
    group.post_all(
        bytes, &here.worker,
        [work, &gateway](Worker& worker) { work->run_on(gateway.part(worker)); },
        [&](Worker&) {
            // A worker that has ended has no connections any more.
            if (!group.stopping.load(std::memory_order_relaxed)) work->lose_one();
            work->left_.fetch_sub(1, std::memory_order_relaxed);
        });
    work->run_on(here);
}

void ControlWork::run_on(GatewayPart& part) {
    connections_.fetch_add(run(part, request_), std::memory_order_relaxed);
    left_.fetch_sub(1, std::memory_order_relaxed);
}

// Runs when the last call that held this object has run or was dropped, so all counts are complete.
ControlWork::~ControlWork() {
    const bool complete =
        left_.load(std::memory_order_relaxed) == 0 && !lost_.load(std::memory_order_relaxed);
    const size_t connections = connections_.load(std::memory_order_relaxed);
    gateway_.log().carried_out(request_, connections, complete, by_);
    if (!done_) return;
    try {
        done_({.connections = connections, .complete = complete});
    } catch (const std::bad_alloc&) {  // The request's Reply goes unanswered, and gets 500.
    }
}

}  // namespace starling::server
