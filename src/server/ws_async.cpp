// server/ws_async.cpp: ws::Socket::post(), and the coroutines of a WebSocket.
#include <starling/websocket.h>

#include <memory>
#include <string_view>
#include <utility>

#include "base/lifetime.h"
#include "server/worker.h"
#include "server/ws_connection.h"

namespace starling {

bool ws::Socket::post(Callback<void(Socket)> call) const {
    if (!is_open()) return false;
    const base::Lifetime<server::Worker>::Use worker(worker_);
    return worker && worker->post_call([socket = *this, call = std::move(call)] {
        if (server::WsConnection* connection = socket.connection()) connection->run(call);
    });
}

namespace detail {

void WsHome::keep(const ws::Socket& socket, const std::shared_ptr<Coroutine>& coroutine) {
    // If the connection is gone, nothing keeps the suspended coroutine, so it is destroyed.
    if (auto* connection = socket.connection()) connection->coroutines().add(coroutine);
}

void WsHome::failed(const ws::Socket& socket, const std::exception_ptr& error) {
    if (auto* connection = socket.connection())
        return connection->handler_threw("coroutine", describe(error));
    if (const auto strand = Strand::current()) strand->log_exception("coroutine", describe(error));
}

}  // namespace detail
}  // namespace starling
