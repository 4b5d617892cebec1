// The steps by which a client joins a namespace: login, then recovery or middleware, then its
// socket.
#include <algorithm>
#include <exception>
#include <utility>

#include "base/utf8.h"
#include "http/url.h"
#include "socketio/cluster_link.h"
#include "socketio/name_filter.h"
#include "socketio/observer.h"
#include "socketio/recovery_link.h"
#include "socketio/server.h"

namespace starling::socketio {
namespace {

// The `auth` of a CONNECT packet, copied, because the application may keep it. Clients before 3.0
// put their `auth` behind the namespace's name: `0/admin?token=1,`.
Json auth_of(const Packet& packet) {
    if (packet.query.empty()) return sio::detail::own(packet.data);
    boost::json::object auth;
    for (const auto& [name, value] : http::form_fields(packet.query))
        if (auth.size() < 100) auth[base::utf8_repaired(name)] = base::utf8_repaired(value);
    return auth;
}

}  // namespace

struct Server::PendingConnection {
    Connection& connection;
    Namespace& nsp;
    Json auth;
    Login login;
};

Namespace* Server::open_namespace(std::string_view name, const Json& auth) {
    const auto found = namespaces_.find(name);
    if (found != namespaces_.end()) return found->second.get();
    NamespaceSetup* const setup = adapter_.find(name, auth);
    if (!setup) return nullptr;
    auto nsp = std::make_unique<Namespace>(*this, *setup, std::string(name));
    Namespace& opened = *namespaces_.emplace(std::string(name), std::move(nsp)).first->second;
    if (!setup->accept) return &opened;
    if (ClusterLink* const cluster = adapter_.cluster())
        cluster->namespace_opened(opened.name(), *setup);
    adapter_.new_namespace(name);
    return &opened;
}

void Server::connect(Connection& connection, const Packet& packet) {
    const Json auth = auth_of(packet);
    const NamespaceSetup* const declared = adapter_.find_static(packet.nsp);
    const bool own = declared && declared->own;
    const bool allowed = own || is_allowed(settings().namespaces, packet.nsp);
    Namespace* const nsp = allowed ? open_namespace(packet.nsp, auth) : nullptr;
    if (!nsp)
        return refuse(connection, packet.nsp, Runtime::Refusal::unknown,
                      {.message = "Invalid namespace"});
    PendingConnection who{connection, *nsp, auth, {}};
    if (settings().login && !own) {
        who.login = settings().login(auth, connection.transport().info(), runtime_.unix_s());
        if (!who.login.allowed) {
            refuse(connection, packet.nsp, Runtime::Refusal::login,
                   {.message = "unauthorized", .data = {{"code", who.login.code}}});
            return close_if_empty(*nsp);
        }
    }
    if (nsp->quota() && !nsp->quota()->enter()) {
        refuse(connection, packet.nsp, Runtime::Refusal::too_many,
               {.message = "too many connections", .data = {{"code", 429}}});
        return close_if_empty(*nsp);
    }
    make_socket(who);
}

// Makes the socket of a client that has entered the namespace's quota.
void Server::make_socket(const PendingConnection& who) {
    QuotaPlace place(who.nsp.quota());
    const Connection& connection = who.connection;
    const bool skips = settings().recovery && settings().recovery->skip_middlewares;
    if (skips && !adapter_.recovery()) {
        auto back = find_saved_session(connection, who.nsp.name(), who.auth, who.login.user);
        if (back) {
            place.keep();
            Socket& socket = create(who, back->who.id);
            return enter(socket, std::move(back));
        }
    }
    const Transport& transport = connection.transport();
    std::string id;
    if (transport.revision() >= 4) {
        id = new_id();  // Not the secret sid of Engine.IO: other clients see a socket's id.
    } else {
        if (who.nsp.name() != "/") id.append(who.nsp.name()).append("#");
        id.append(transport.sid());
    }
    place.keep();
    const Socket& socket = create(who, id);
    if (skips && claim_session(socket)) return;
    run_middleware(socket.slot_key(), 0);
}

// Takes over the place that the client has in the namespace's quota.
Socket& Server::create(const PendingConnection& who, std::string_view id) {
    QuotaPlace place(who.nsp.quota());
    Socket::Owned made(&sockets_.emplace(who.connection, who.nsp, SocketId(id)));
    Socket& socket = who.connection.add(std::move(made));
    place.keep();  // From here on Server::left() gives it back.
    ++who.nsp.waiting;
    socket.set_auth(Json(who.auth));
    socket.set_user(who.login.user);
    if (who.login.expires_s) {
        const int64_t left_s = std::max<int64_t>(*who.login.expires_s - runtime_.unix_s(), 0);
        // The wall clock is read once, so that a later change of the clock does not move the
        // expiry.
        const auto left_ms =
            static_cast<uint64_t>(std::min<int64_t>(left_s, 10L * 365 * 86'400)) * 1000;
        const auto timer = at(runtime_.now_ms() + left_ms, Timer::login, socket.slot_key(), 0);
        socket.set_login_timer(timer.when_ms, timer.number);
    }
    return socket;
}

void Server::refuse(Connection& connection, std::string_view nsp, Runtime::Refusal why,
                    const sio::Error& error) {
    runtime_.refused(why);
    Json data;
    // Old clients get only the error's data, or its message without data. For a namespace that does
    // not exist they get an object.
    if (connection.transport().revision() >= 4 || why == Runtime::Refusal::unknown) {
        boost::json::object object{{"message", error.message}};
        if (!error.data.is_null()) object.emplace("data", error.data);
        data = std::move(object);
    } else {
        data = error.data.is_null() ? Json(error.message) : error.data;
    }
    connection.send_packet(Type::connect_error, nsp, &data);
}

// ---- middleware ---------------------------------------------------------------------------------

void Server::run_middleware(base::SlotKey key, size_t from) {
    Socket* socket = find(key);
    if (!socket || socket->state() != Socket::State::joining) return;
    const auto& middleware = socket->nsp().setup().middleware;
    for (size_t i = from; i < middleware.size(); ++i) {
        if (const auto* later = std::get_if<sio::Namespace::AsyncMiddleware>(&middleware[i])) {
            const auto decide = [lifetime = &lifetime_, key, i,
                                 once = std::make_shared<std::atomic<bool>>(false)](
                                    std::optional<sio::Error> error) {
                if (once->exchange(true)) return;
                if (Server* own = lifetime->own()) return own->decided(key, i, std::move(error));
                const base::Lifetime<Server>::Use server(lifetime);
                if (!server) return;
                server->runtime_.post(
                    [server = &*server, key, i, error = std::move(error)] {
                        server->decided(key, i, error);
                    },
                    256);
            };
            return (*later)(socket->handle(), sio::Next(decide));
        }
        auto error = std::get<sio::Namespace::Middleware>(middleware[i])(socket->handle());
        socket = find(key);  // The socket may have left.
        if (!socket || socket->state() != Socket::State::joining) return;
        if (error) return decided(key, i, std::move(error));
    }
    admit(*socket);
}

void Server::decided(base::SlotKey key, size_t guard, std::optional<sio::Error> error) {
    const CallScope entry(*this);
    Socket* const socket = find(key);
    if (!socket || socket->state() != Socket::State::joining) return;
    if (error) {
        refuse(socket->connection(), socket->nsp().name(), Runtime::Refusal::middleware, *error);
        return socket->closed("server namespace disconnect");
    }
    // An exception thrown after `next()` costs the connecting client, not the caller of `next()`.
    Connection& connection = socket->connection();
    if (!log_if_throws("socket.io", [&] { run_middleware(key, guard + 1); }))
        connection.handler_threw();
}

// Connects a socket that all middleware has accepted.
void Server::admit(Socket& socket) {
    std::optional<History::Return> back;
    if (settings().recovery && !settings().recovery->skip_middlewares) {
        if (claim_session(socket)) return;
        if (!adapter_.recovery())
            back = find_saved_session(socket.connection(), socket.nsp().name(), socket.auth(),
                                      socket.user());
        if (socket.state() != Socket::State::joining) return;
    }
    enter(socket, std::move(back));
}

void Server::enter(Socket& socket, std::optional<History::Return> back) {
    Namespace& nsp = socket.nsp();
    Connection& connection = socket.connection();
    if (back) {
        {
            const auto lock = lifetime_.lock();  // Another thread may ask for the id.
            socket.rename(back->who.id);
        }
        socket.data() = std::move(back->who.data);
    }
    nsp.add(socket);
    if (socket.state() == Socket::State::gone) return;  // A room hook ended the socket.
    socket.connected();
    connection.transport().joined();
    if (back)
        for (const auto& room : back->who.rooms) socket.join(room);
    if (socket.state() == Socket::State::gone) return;
    if (connection.transport().revision() >= 4) {
        unsigned char memory[1024];  // Of a usual answer, which is gone once it is written.
        boost::json::monotonic_resource arena(memory);
        boost::json::object hello({{"sid", socket.id()}}, &arena);
        if (settings().recovery) {
            socket.set_private_id(back ? back->who.pid : new_id(), back.has_value());
            if (RecoveryLink* const cluster = adapter_.recovery()) {
                socket.set_begin(back ? back->who.begin
                                      : delivered(cluster->stream_of(nsp.name())));
                session_changed(socket);
            }
            hello.emplace("pid", socket.private_id());
        }
        const Json data(std::move(hello));
        connection.send_packet(Type::connect, nsp.name(), &data);
    } else {
        connection.send_packet(Type::connect, nsp.name(), nullptr);
    }
    if (back)
        for (const auto& command : back->missed) socket.send(command->packet, {});
    if (observer_) observer_->connected(socket);
    const sio::Socket handle = socket.handle();
    for (const auto& call : nsp.setup().on_connection) call(handle);
    socket.listeners().share(recent_listeners_);
}

}  // namespace starling::socketio
