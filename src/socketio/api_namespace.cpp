// The methods of sio::Namespace and sio::Handshake.
#include <starling/socketio.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "http/date.h"
#include "socketio/broadcast_target.h"
#include "socketio/codec/values.h"
#include "socketio/namespace_setup.h"
#include "socketio/server.h"

namespace starling::sio {

Namespace::Namespace(std::shared_ptr<socketio::NamespaceSetup> setup) : setup_(std::move(setup)) {}

Namespace::~Namespace() = default;

const std::string& Namespace::name() const noexcept { return setup_->name; }

void Namespace::on_connection(Callback<void(Socket)> handler) {
    setup_->adapter.require_not_started();
    setup_->on_connection.push_back(std::move(handler));
}
void Namespace::on_disconnect(Callback<void(Socket, std::string_view)> handler) {
    setup_->adapter.require_not_started();
    setup_->on_disconnect.push_back(std::move(handler));
}
void Namespace::add_listener(std::string_view name, detail::Listener listener) {
    setup_->adapter.require_not_started();
    socketio::require_event_of_clients(name);
    setup_->listeners[std::string(name)].push_back(std::move(listener));
}
void Namespace::add_server_listener(std::string_view name, detail::Listener listener) {
    setup_->adapter.require_not_started();
    setup_->server_listeners[std::string(name)].push_back(std::move(listener));
}
void Namespace::add_middleware(Middleware guard) {
    setup_->adapter.require_not_started();
    setup_->middleware.emplace_back(std::move(guard));
}
void Namespace::add_middleware(AsyncMiddleware guard) {
    setup_->adapter.require_not_started();
    setup_->middleware.emplace_back(std::move(guard));
}
void Namespace::on_create_room(RoomCall call) {
    setup_->adapter.require_not_started();
    setup_->on_create_room = std::move(call);
}
void Namespace::on_delete_room(RoomCall call) {
    setup_->adapter.require_not_started();
    setup_->on_delete_room = std::move(call);
}
void Namespace::on_join_room(MemberCall call) {
    setup_->adapter.require_not_started();
    setup_->on_join_room = std::move(call);
}
void Namespace::on_leave_room(MemberCall call) {
    setup_->adapter.require_not_started();
    setup_->on_leave_room = std::move(call);
}

Broadcast Server::broadcast_to(std::string nsp) const {
    Broadcast::Target target{&setup_->adapter.lifetime(), nullptr, std::move(nsp), {}};
    return Broadcast(std::make_shared<Broadcast::Target>(std::move(target)));
}

size_t Namespace::sockets() const { return setup_->connected.load(std::memory_order_relaxed); }

void Namespace::server_side_values(std::string_view name, std::span<const Value> values,
                                   OnAnswers done) const {
    auto command = std::make_shared<socketio::Command>();
    command->kind = socketio::Command::Kind::server_event;
    command->setup = setup_.get();
    command->args = socketio::to_array(values, name);
    const base::Lifetime<socketio::Adapter>::Use adapter(&setup_->adapter.lifetime());
    if (!adapter) return done ? done({}) : void();
    const auto send = [command, done](socketio::Server& server) {
        socketio::Server::Done report;
        if (done)
            report = [done](bool complete, socketio::Report& all) {
                done({complete, std::move(all.responses), all.missing_nodes});
            };
        server.ask(command, server.settings().ack_timeout_ms, std::move(report));
    };
    if (!adapter->on_any_server(send, command->bytes()) && done) done({.complete = false});
}

// ---- handshake ----------------------------------------------------------------------------------

std::string Handshake::time() const { return http::format_date(issued_ms / 1000); }

std::string_view Handshake::header(std::string_view name) const noexcept {
    for (const auto& [field, value] : headers)
        if (base::iequals(field, name)) return value;
    return {};
}

std::string_view Handshake::query_value(std::string_view name) const noexcept {
    for (const auto& [field, value] : query)
        if (field == name) return value;
    return {};
}

}  // namespace starling::sio
