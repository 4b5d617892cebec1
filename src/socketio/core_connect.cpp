// How a client comes into a namespace: login, recovery or middleware, then its socket.
#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "http/url.h"
#include "socketio/core.h"

namespace starling::socketio {
namespace {

// Clients before 3.0 put it behind the name of the namespace: `0/admin?token=1,`.
Json auth_of(const Packet& packet) {
    if (packet.query.empty()) return packet.data;
    boost::json::object auth;
    for (const auto& [name, value] : http::form_fields(packet.query))
        if (auth.size() < 100) auth[name] = value;
    return auth;
}

std::string_view text_member(const Json& object, std::string_view name) {
    const auto* members = object.if_object();
    const Json* found = members ? members->if_contains(name) : nullptr;
    const auto* text = found ? found->if_string() : nullptr;
    return text ? std::string_view(text->data(), text->size()) : std::string_view();
}

// After which a client may come back to where it was.
constexpr std::array<std::string_view, 6> recoverable{
    "transport error", "transport close",      "forced close",
    "ping timeout",    "server shutting down", "forced server close"};

}  // namespace

struct Core::Newcomer {
    Client& client;
    Space& space;
    Json auth;
    Login login;
};

Space* Core::open_space(std::string_view name, const Json& auth) {
    const auto found = spaces_.find(name);
    if (found != spaces_.end()) return found->second.get();
    Registry* const registry = family_.find(name, auth);
    if (!registry) return nullptr;
    auto space = std::make_unique<Space>(*this, *registry, std::string(name));
    Space& opened = *spaces_.emplace(std::string(name), std::move(space)).first->second;
    if (registry->accept) family_.new_namespace(name);
    return &opened;
}

void Core::connect(Client& client, const Packet& packet) {
    const Json auth = auth_of(packet);
    Space* const space = open_space(packet.nsp, auth);
    if (!space) return refuse(client, packet.nsp, {.message = "Invalid namespace"}, false);
    Newcomer who{client, *space, auth, {}};
    if (settings().login) {
        who.login = settings().login(auth, client.link().info(), host_.unix_s());
        if (!who.login.allowed) {
            refuse(client, packet.nsp,
                   {.message = "unauthorized", .data = {{"code", who.login.code}}});
            return close_if_empty(*space);
        }
    }
    if (settings().recovery && settings().recovery->skip_middlewares) {
        auto back = find_absent(who);
        if (back) return enter(create(who, back->who.id), std::move(back));
    }
    const Link& link = client.link();
    std::string id;
    if (link.revision() >= 4) {
        id = new_id();  // Not the engine's: other clients learn this one.
    } else {
        if (space->name() != "/") id.append(space->name()).append("#");
        id.append(link.sid());
    }
    run_guards(create(who, std::move(id)).slot_key(), 0);
}

Socket& Core::create(const Newcomer& who, std::string id) {
    auto made = std::make_unique<Socket>(who.client, who.space, std::move(id), sockets_.next_key());
    sockets_.insert(*made);
    Socket& socket = who.client.add(std::move(made));
    ++who.space.waiting;
    socket.set_auth(Json(who.auth));
    socket.set_user(who.login.user);
    if (who.login.expires_s) {
        const int64_t left_s = std::max<int64_t>(*who.login.expires_s - host_.unix_s(), 0);
        // The wall clock is read once; from here on it may be set without moving the end.
        const auto left_ms = uint64_t(std::min<int64_t>(left_s, 10L * 365 * 86'400)) * 1000;
        const auto timer = at(host_.now_ms() + left_ms, Timer::login, socket.slot_key(), 0);
        socket.set_login_timer(timer.when_ms, timer.number);
    }
    return socket;
}

void Core::refuse(Client& client, std::string_view nsp, const sio::Error& error, bool known) {
    Json data;
    // Old clients get the data alone, or the message; of a namespace that does not exist an object.
    if (client.link().revision() >= 4 || !known) {
        boost::json::object object{{"message", error.message}};
        if (!error.data.is_null()) object.emplace("data", error.data);
        data = std::move(object);
    } else {
        data = error.data.is_null() ? Json(error.message) : error.data;
    }
    client.send_packet(Type::connect_error, nsp, &data);
}

// ---- middleware -----------------------------------------------------------------------------------

void Core::run_guards(base::SlotKey key, size_t from) {
    Socket* socket = find(key);
    if (!socket || socket->state() != Socket::State::joining) return;
    const auto& guards = socket->space().registry().guards;
    for (size_t i = from; i < guards.size(); ++i) {
        if (const auto* later = std::get_if<sio::Namespace::AsyncGuard>(&guards[i])) {
            const auto decide = [this, key, i, once = std::make_shared<std::atomic<bool>>(false)](
                                    std::optional<sio::Error> error) {
                if (once->exchange(true)) return;
                if (host_.here()) return decided(key, i, std::move(error));
                host_.post([this, key, i, error = std::move(error)] { decided(key, i, error); },
                           256);
            };
            return (*later)(socket->handle(), sio::Next(decide));
        }
        auto error = std::get<sio::Namespace::Guard>(guards[i])(socket->handle());
        socket = find(key);  // It may have left.
        if (!socket || socket->state() != Socket::State::joining) return;
        if (error) return decided(key, i, std::move(error));
    }
    admit(*socket);
}

void Core::decided(base::SlotKey key, size_t guard, std::optional<sio::Error> error) {
    const Entry entry(*this);
    Socket* const socket = find(key);
    if (!socket || socket->state() != Socket::State::joining) return;
    if (error) {
        refuse(socket->client(), socket->space().name(), *error);
        return socket->closed("server namespace disconnect");
    }
    // Who decided is not who pays for what comes next and throws.
    Client& client = socket->client();
    if (!shielded("socket.io", [&] { run_guards(key, guard + 1); })) client.handler_threw();
}

// Middleware lets it in.
void Core::admit(Socket& socket) {
    std::optional<History::Return> back;
    if (settings().recovery && !settings().recovery->skip_middlewares) {
        Newcomer who{socket.client(), socket.space(), socket.auth(), {}};
        who.login.user = socket.user();
        back = find_absent(who);
        if (socket.state() != Socket::State::joining) return;
    }
    enter(socket, std::move(back));
}

void Core::enter(Socket& socket, std::optional<History::Return> back) {
    Space& space = socket.space();
    Client& client = socket.client();
    --space.waiting;
    if (back) {
        socket.rename(back->who.id);
        socket.data() = std::move(back->who.data);
    }
    space.add(socket);
    if (socket.state() == Socket::State::gone) return;  // Who was told of its room ended it.
    socket.connected();
    if (back)
        for (const auto& room : back->who.rooms) socket.join(room);
    if (socket.state() == Socket::State::gone) return;
    if (client.link().revision() >= 4) {
        boost::json::object hello{{"sid", socket.id()}};
        if (settings().recovery) {
            socket.set_private_id(back ? back->who.pid : new_id(), back.has_value());
            hello.emplace("pid", socket.private_id());
        }
        const Json data(std::move(hello));
        client.send_packet(Type::connect, space.name(), &data);
    } else {
        client.send_packet(Type::connect, space.name(), nullptr);
    }
    if (back)
        for (const auto& command : back->missed) socket.send(command->packet, {});
    const sio::Socket handle = socket.handle();
    for (const auto& call : space.registry().on_connection) call(handle);
}

// ---- recovery -------------------------------------------------------------------------------------

void Core::keep_for_return(const Socket& socket, std::string_view reason) {
    if (socket.private_id().empty() || std::ranges::find(recoverable, reason) == recoverable.end())
        return;
    Absent who{.pid = std::string(socket.private_id()),
               .nsp = socket.space().name(),
               .id = socket.id(),
               .rooms = socket.rooms(),
               .data = socket.data_if() ? *socket.data_if() : Json(),
               .user = std::string(socket.user()),
               .since_ms = host_.now_ms()};
    family_.history()->with([&](History& history) { history.leave(std::move(who)); });
}

std::optional<History::Return> Core::find_absent(const Newcomer& who) {
    if (!settings().recovery || who.client.link().revision() < 4) return std::nullopt;
    const auto pid = text_member(who.auth, "pid");
    const auto offset = text_member(who.auth, "offset");
    if (pid.empty() || offset.empty()) return std::nullopt;
    // What this worker owes to others is delivered first, so that from here on it and the log agree.
    drain_history();
    std::optional<History::Return> back;
    family_.history()->with([&](History& history) {
        back = history.come_back(pid, who.space.name(), offset, host_.now_ms());
        if (!back) return;
        // Another worker may have written meanwhile: this one sends that to everybody in its turn,
        // to the one who comes back as missed.
        std::erase_if(back->missed,
                      [&](const auto& command) { return command->offset >= history_cursor_; });
    });
    // A login of somebody else does not get it.
    if (back && back->who.user != who.login.user) back.reset();
    return back;
}

}  // namespace starling::socketio
