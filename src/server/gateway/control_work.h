// server/gateway/control_work.h: a request of the control API, carried out on every worker that it
// concerns.
//
// Owner: the calls that are on their way to workers. Thread: any; each worker's share runs on that
// worker's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "server/gateway/log.h"
#include "webhook/control.h"

namespace starling::server {

class Gateway;
class GatewayPart;

using webhook::ControlRequest;
using webhook::JoinRequest;
using webhook::LeaveRequest;

// The connections that the request names; null: those of a topic.
[[nodiscard]] const webhook::Selector* selector_of(const ControlRequest& request) noexcept;

class ControlWork {
public:
    struct Result {
        size_t connections = 0;    // How many connections the request concerned.
        bool complete = true;      // Every worker has done its share.
        size_t missing_nodes = 0;  // Nodes of the cluster that did not answer.
    };
    using Done = std::function<void(const Result& result)>;

    // Carries out a request that concerns only connections of `here`, on the thread of `here`.
    // Returns nothing, and does nothing, if the request may concern connections of other workers.
    [[nodiscard]] static std::optional<size_t> run_here(Gateway& gateway, GatewayPart& here,
                                                        const ControlRequest& request);
    // Carries out the request on all workers; on `here` before spread() returns. `done` is called
    // once, on any worker's thread; null: nobody waits for the result.
    static void spread(Gateway& gateway, GatewayPart& here, ControlRequest request,
                       GatewayLog::By by, Done done);

    ControlWork(Gateway& gateway, ControlRequest request, GatewayLog::By by, Done done)
        : gateway_(gateway), request_(std::move(request)), by_(by), done_(std::move(done)) {}
    ~ControlWork();  // Calls `done`. Not complete if a call was dropped with its worker.
    ControlWork(const ControlWork&) = delete;
    ControlWork& operator=(const ControlWork&) = delete;

private:
    void run_on(GatewayPart& part);
    void lose_one() noexcept { lost_.store(true, std::memory_order_relaxed); }

    Gateway& gateway_;
    const ControlRequest request_;
    const GatewayLog::By by_;
    const Done done_;
    std::atomic<size_t> connections_{0};
    std::atomic<uint32_t> left_{0};
    std::atomic<bool> lost_{false};
};

}  // namespace starling::server
