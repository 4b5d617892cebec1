// sio::Socket::post(), and the coroutines of a socket.
#include <starling/socketio.h>

#include <utility>

#include "base/lifetime.h"
#include "socketio/connection.h"
#include "socketio/server.h"
#include "socketio/socket.h"

namespace starling {

bool sio::Socket::post(Callback<void(Socket)> call) const {
    if (!connected()) return false;
    constexpr size_t call_bytes = 1024;
    const base::Lifetime<socketio::Server>::Use server(server_);
    return server && server->runtime().post(
                         [socket = *this, call = std::move(call)] {
                             auto* mine = socket.here();
                             if (!mine || mine->state() != socketio::Socket::State::connected)
                                 return;
                             const socketio::Server::CallScope scope(mine->server());
                             mine->run("post", [&] { call(socket); });
                         },
                         call_bytes);
}

namespace detail {

void SioHome::keep(const sio::Socket& socket, const std::shared_ptr<Coroutine>& coroutine) {
    if (socket == sio::Socket()) return coroutine->strand()->scope().add(coroutine);
    // If the socket is already gone, nothing keeps the coroutine, which is then destroyed.
    auto* const mine = socket.here();
    if (mine && mine->state() != socketio::Socket::State::gone) mine->coroutines().add(coroutine);
}

void SioHome::failed(const sio::Socket& socket, std::string_view event,
                     const std::exception_ptr& error) {
    if (auto* const mine = socket.here()) {
        const socketio::Server::CallScope scope(mine->server());
        return mine->run(event, [&] { std::rethrow_exception(error); });
    }
    if (const auto strand = Strand::current()) strand->log_exception(event, describe(error));
}

}  // namespace detail
}  // namespace starling
