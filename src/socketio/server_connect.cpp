// The steps by which a client joins a namespace: login, then recovery or middleware, then its
// socket.
#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "base/utf8.h"
#include "http/url.h"
#include "socketio/cluster_link.h"
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

std::string_view text_member(const Json& object, std::string_view name) {
    const auto* members = object.if_object();
    const Json* found = members ? members->if_contains(name) : nullptr;
    const auto* text = found ? found->if_string() : nullptr;
    return text ? std::string_view(text->data(), text->size()) : std::string_view();
}

// The reasons after which a client may recover its session.
constexpr std::array<std::string_view, 6> recoverable{
    "transport error", "transport close",      "forced close",
    "ping timeout",    "server shutting down", "forced server close"};

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
    Namespace* const nsp = open_namespace(packet.nsp, auth);
    if (!nsp) return refuse(connection, packet.nsp, {.message = "Invalid namespace"}, false);
    PendingConnection who{connection, *nsp, auth, {}};
    if (settings().login) {
        who.login = settings().login(auth, connection.transport().info(), runtime_.unix_s());
        if (!who.login.allowed) {
            refuse(connection, packet.nsp,
                   {.message = "unauthorized", .data = {{"code", who.login.code}}});
            return close_if_empty(*nsp);
        }
    }
    if (settings().recovery && settings().recovery->skip_middlewares) {
        auto back = find_saved_session(who);
        if (back) {
            Socket& socket = create(who, back->who.id);
            return enter(socket, std::move(back));
        }
    }
    const Transport& transport = connection.transport();
    std::string id;
    if (transport.revision() >= 4) {
        id = new_id();  // Not the secret sid of Engine.IO: other clients see a socket's id.
    } else {
        if (nsp->name() != "/") id.append(nsp->name()).append("#");
        id.append(transport.sid());
    }
    run_middleware(create(who, std::move(id)).slot_key(), 0);
}

Socket& Server::create(const PendingConnection& who, std::string id) {
    auto made =
        std::make_unique<Socket>(who.connection, who.nsp, std::move(id), sockets_.next_key());
    sockets_.insert(*made);
    Socket& socket = who.connection.add(std::move(made));
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

void Server::refuse(Connection& connection, std::string_view nsp, const sio::Error& error,
                    bool known) {
    Json data;
    // Old clients get only the error's data, or its message without data. For a namespace that does
    // not exist they get an object.
    if (connection.transport().revision() >= 4 || !known) {
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
        refuse(socket->connection(), socket->nsp().name(), *error);
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
        PendingConnection who{socket.connection(), socket.nsp(), socket.auth(), {}};
        who.login.user = socket.user();
        back = find_saved_session(who);
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
        boost::json::object hello{{"sid", socket.id()}};
        if (settings().recovery) {
            socket.set_private_id(back ? back->who.pid : new_id(), back.has_value());
            hello.emplace("pid", socket.private_id());
        }
        const Json data(std::move(hello));
        connection.send_packet(Type::connect, nsp.name(), &data);
    } else {
        connection.send_packet(Type::connect, nsp.name(), nullptr);
    }
    if (back)
        for (const auto& command : back->missed) socket.send(command->packet, {});
    const sio::Socket handle = socket.handle();
    for (const auto& call : nsp.setup().on_connection) call(handle);
}

// ---- recovery -----------------------------------------------------------------------------------

void Server::keep_for_return(const Socket& socket, std::string_view reason) {
    if (socket.private_id().empty() || std::ranges::find(recoverable, reason) == recoverable.end())
        return;
    SavedSession who{.pid = std::string(socket.private_id()),
                     .nsp = socket.nsp().name(),
                     .id = socket.id(),
                     .rooms = socket.rooms(),
                     .data = socket.data_if() ? *socket.data_if() : Json(),
                     .user = std::string(socket.user()),
                     .since_ms = runtime_.now_ms()};
    adapter_.history()->with([&](History& history) { history.leave(std::move(who)); });
}

std::optional<History::Return> Server::find_saved_session(const PendingConnection& who) {
    if (!settings().recovery || who.connection.transport().revision() < 4) return std::nullopt;
    const auto pid = text_member(who.auth, "pid");
    const auto offset = text_member(who.auth, "offset");
    if (pid.empty() || offset.empty()) return std::nullopt;
    // First deliver what the log holds for this worker's other clients, so that the worker has
    // delivered all of the log.
    drain_history();
    std::optional<History::Return> back;
    adapter_.history()->with([&](History& history) {
        back = history.come_back(pid, who.nsp.name(), offset, runtime_.now_ms());
        if (!back) return;
        // Another worker may have written to the log meanwhile. The next delivery sends those
        // packets to all clients, including the returning one, so they must not be sent as missed,
        // too.
        std::erase_if(back->missed,
                      [&](const auto& command) { return command->offset >= history_cursor_; });
    });
    // A session is restored only for the same user.
    if (back && back->who.user != who.login.user) back.reset();
    return back;
}

}  // namespace starling::socketio
