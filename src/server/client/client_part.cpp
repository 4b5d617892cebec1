#include "server/client/client_part.h"

#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "net/loop.h"
#include "server/state.h"

namespace starling::server {

ClientPart::ClientPart(Worker& worker)
    : worker_(worker),
      loop_(client::LoopCore::on(
          worker.loop(),
          [&worker](std::string_view what) { worker.log_exception("client", what); })),
      core_(client::LoopCore::of(loop_)) {}

ClientPart& ClientPart::of(Worker& worker) {
    if (auto* const part = worker.find_part<ClientPart>()) return *part;
    auto made = std::make_unique<ClientPart>(worker);
    ClientPart& part = *made;
    worker.add_part(std::move(made));
    return part;
}

// Besides the sockets, the streams that end after their sockets, and those of polling.
bool ClientPart::needs_loop() noexcept {
    return core_.has_sockets() || worker_.loop().streams().size() != 0;
}

void ClientPart::connections_are_gone() { core_.server_stops(); }

void ClientPart::run_ended() noexcept { core_.end(); }

}  // namespace starling::server

namespace starling {

ClientLoop& Server::client_loop() {
    server::Worker* const worker = state_->group.here();
    if (!worker)
        throw std::logic_error(
            "Server::client_loop(): this thread is no worker of the server; use Server::post()");
    if (worker->has_ended())
        throw std::logic_error("Server::client_loop(): the server has stopped");
    return server::ClientPart::of(*worker).loop();
}

}  // namespace starling
