// server/client/client_part.h: the ClientLoop of a worker, see Server::client_loop().
//
// Owner: the worker, from the first call of Server::client_loop(). Thread: the worker's.
#pragma once

#include <starling/client.h>

#include "client/loop_core.h"
#include "server/worker.h"

namespace starling::server {

class ClientPart final : public WorkerPart {
public:
    explicit ClientPart(Worker& worker);

    [[nodiscard]] static ClientPart& of(Worker& worker);
    [[nodiscard]] ClientLoop& loop() noexcept { return loop_; }

    bool needs_loop() noexcept override;
    void connections_are_gone() override;
    void run_ended() noexcept override;

private:
    Worker& worker_;
    ClientLoop loop_;
    client::LoopCore& core_;
};

}  // namespace starling::server
