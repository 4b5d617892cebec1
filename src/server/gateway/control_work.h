// server/gateway/control_work.h: a request of the control API, carried out on every worker that it concerns.
//
// Owner: the calls that are on their way to workers. Thread: any; each worker's share runs on that worker's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <variant>
#include <vector>

#include "webhook/control.h"

namespace starling::server {

class Gateway;
class GatewayPart;

struct JoinRequest {
    webhook::TopicRequest topic;
};
struct LeaveRequest {
    webhook::TopicRequest topic;
};
using ControlRequest = std::variant<webhook::SendRequest, webhook::CloseRequest, JoinRequest,
                                    LeaveRequest, webhook::PublishRequest, webhook::EmitRequest>;

class ControlWork {
public:
    // How many connections it concerned. `complete`: every worker has done its share.
    using Done = std::function<void(size_t connections, bool complete)>;

    // Carries out a request that concerns connections of `here` alone, on its thread; nothing: it may concern
    // those of other workers as well, and nothing was done.
    [[nodiscard]] static std::optional<size_t> run_here(Gateway& gateway, GatewayPart& here,
                                                        const ControlRequest& request);
    // Carries it out on all workers, `here` at once. `done` is called once, on any worker's thread;
    // null: the request is an action of the application.
    static void spread(Gateway& gateway, GatewayPart& here, ControlRequest request, Done done);

    ControlWork(Gateway& gateway, ControlRequest request, Done done)
        : gateway_(gateway), request_(std::move(request)), done_(std::move(done)) {}
    ~ControlWork();  // Some call was dropped with its worker: done, and not complete.
    ControlWork(const ControlWork&) = delete;
    ControlWork& operator=(const ControlWork&) = delete;

private:
    void run_on(GatewayPart& part);
    void lose_one() noexcept { lost_.store(true, std::memory_order_relaxed); }

    Gateway& gateway_;
    const ControlRequest request_;
    const Done done_;
    std::atomic<size_t> connections_{0};
    std::atomic<uint32_t> left_{0};
    std::atomic<bool> lost_{false};
};

}  // namespace starling::server
