// Sessions of clients that may come back: to this process alone, or to any node of a cluster.
#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <functional>
#include <utility>

#include "socketio/recovery_link.h"
#include "socketio/server.h"

namespace starling::socketio {
namespace {

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

// A session is refreshed four times in the time that it lives, each time a part of all sessions.
constexpr uint32_t refresh_parts = 16;

uint64_t print_of(const SavedSession& session) {
    std::string all;
    for (const auto& room : session.rooms) all.append(room).push_back('\0');
    all.append(boost::json::serialize(session.data));
    return std::max<uint64_t>(std::hash<std::string>{}(all), 1);
}

}  // namespace

SavedSession Server::session_of(const Socket& socket) const {
    return {.pid = std::string(socket.private_id()),
            .nsp = socket.nsp().name(),
            .id = socket.id(),
            .rooms = socket.rooms(),
            .data = socket.data_if() ? *socket.data_if() : Json(),
            .user = std::string(socket.user()),
            .since_ms = runtime_.now_ms(),
            .begin = socket.begin()};
}

void Server::keep_for_return(const Socket& socket, std::string_view reason) {
    if (socket.private_id().empty()) return;
    RecoveryLink* const cluster = adapter_.recovery();
    if (std::ranges::find(recoverable, reason) == recoverable.end()) {
        if (cluster) cluster->forget_session(std::string(socket.private_id()));
        return;
    }
    if (cluster) return cluster->save_sessions({session_of(socket)}, true);
    adapter_.history()->with([&](History& history) { history.leave(session_of(socket)); });
}

std::optional<History::Return> Server::find_saved_session(const Connection& connection,
                                                          const std::string& nsp, const Json& auth,
                                                          std::string_view user) {
    if (!settings().recovery || connection.transport().revision() < 4) return std::nullopt;
    const auto pid = text_member(auth, "pid");
    const auto offset = text_member(auth, "offset");
    if (pid.empty() || offset.empty()) return std::nullopt;
    // First deliver what the log holds for this worker's other clients, so that the worker has
    // delivered all of the log.
    drain_history();
    std::optional<History::Return> back;
    adapter_.history()->with([&](History& history) {
        back = history.come_back(pid, nsp, offset, runtime_.now_ms());
        if (!back) return;
        // Another worker may have written to the log meanwhile. The next delivery sends those
        // packets to all clients, including the returning one, so they must not be sent as missed,
        // too.
        std::erase_if(back->missed,
                      [&](const auto& command) { return command->offset >= history_cursor_; });
    });
    // A session is restored only for the same user.
    if (back && back->who.user != user) back.reset();
    return back;
}

std::optional<StreamId> Server::delivered(uint32_t stream) const {
    if (stream < delivered_.size() && delivered_[stream] != StreamId{}) return delivered_[stream];
    std::optional<StreamId> begin;
    adapter_.history()->with([&](const History& history) { begin = history.covered_from(stream); });
    return begin;
}

std::string Server::newest_offset(std::string_view nsp) const {
    if (RecoveryLink* const cluster = adapter_.recovery()) {
        const auto id = delivered(cluster->stream_of(nsp));
        return id ? to_text(*id) : std::string();
    }
    return history_cursor_ > 1 ? offset_text(history_cursor_ - 1) : std::string();
}

// ---- in a cluster -------------------------------------------------------------------------------

bool Server::claim_session(const Socket& socket, unsigned tries) {
    RecoveryLink* const cluster = adapter_.recovery();
    if (!cluster || socket.connection().transport().revision() < 4) return false;
    const Json auth = socket.auth();
    const auto pid = text_member(auth, "pid");
    const auto offset = text_member(auth, "offset");
    if (pid.empty()) return false;
    cluster->claim_session(
        {std::string(pid), socket.nsp().name(), std::string(offset)},
        [lifetime = &lifetime_, key = socket.slot_key(),
         tries](std::optional<RestoredSession> found) {
            const auto back = std::make_shared<std::optional<RestoredSession>>(std::move(found));
            const auto post = [&](Server& server) {
                server.runtime_.post(
                    [&server, key, back, tries] { server.claimed(key, std::move(*back), tries); },
                    0);
            };
            if (Server* own = lifetime->own()) return post(*own);
            const base::Lifetime<Server>::Use server(lifetime);
            if (server) post(*server);
        });
    return true;
}

void Server::claimed(base::SlotKey key, std::optional<RestoredSession> found, unsigned tries) {
    const CallScope entry(*this);
    std::optional<History::Return> back;
    bool again = false;
    if (found) back = take_back(key, *std::move(found), again);
    Socket* const socket = find(key);
    if (!socket || socket->state() != Socket::State::joining) {
        // The client has gone again, and has seen nothing of its session yet.
        if (back) adapter_.recovery()->save_sessions({std::move(back->who)}, true);
        return;
    }
    if (again && tries > 0 && claim_session(*socket, tries - 1)) return;
    Connection& connection = socket->connection();
    const bool entered = log_if_throws("socket.io", [&] {
        if (back || !settings().recovery->skip_middlewares)
            enter(*socket, std::move(back));
        else
            run_middleware(key, 0);
    });
    if (!entered) connection.handler_threw();
}

std::optional<History::Return> Server::take_back(base::SlotKey key, RestoredSession found,
                                                 bool& again) {
    // A session is restored only for the same user.
    if (const Socket* const socket = find(key); socket && socket->user() != found.who.user)
        return {};
    // The client may be back before this process has noticed that it was gone.
    adapter_.client_has_moved(found.who.nsp, found.who.id, false);
    drain_history();  // What this worker's other clients have got is what can be missed.
    History::Return back{std::move(found.who), std::move(found.older)};
    bool covered = false;
    adapter_.history()->with([&](History& history) {
        const auto start = history.covered_from(found.from.stream);
        covered = start && *start <= found.from.id;
        if (covered)
            std::ranges::copy(history.missed_by(back.who, found.from, history_cursor_),
                              std::back_inserter(back.missed));
    });
    if (covered) return back;
    // The window of the log has moved on since the session was found.
    again = true;
    adapter_.recovery()->save_sessions({std::move(back.who)}, true);
    return {};
}

void Server::session_changed(Socket& socket) {
    if (!adapter_.recovery() || !socket.mark_unsaved()) return;
    unsaved_.push_back(socket.slot_key());
    if (unsaved_.size() == 1 && !runtime_.post([this] { save_sessions(); }, 0)) save_sessions();
    if (!std::exchange(refreshing_, true))
        at(runtime_.now_ms() + refresh_step_ms(), Timer::sessions, {}, 0);
}

void Server::save_sessions() {
    std::vector<SavedSession> changed;
    for (const auto& key : std::exchange(unsaved_, {})) {
        Socket* const socket = find(key);
        if (!socket || socket->state() != Socket::State::connected) continue;
        SavedSession session = session_of(*socket);
        if (socket->mark_saved(print_of(session))) changed.push_back(std::move(session));
    }
    if (!changed.empty()) adapter_.recovery()->save_sessions(std::move(changed), false);
}

void Server::save_all_sessions() {
    std::vector<SavedSession> all;
    std::vector<Socket*> sockets;
    for (const auto& [name, nsp] : namespaces_) nsp->collect({}, sockets);
    for (const Socket* const socket : sockets)
        if (!socket->private_id().empty()) all.push_back(session_of(*socket));
    if (!all.empty()) adapter_.recovery()->save_sessions(std::move(all), false);
}

uint64_t Server::refresh_step_ms() const noexcept {
    const auto kept_ms = settings().recovery->max_disconnection_duration.count();
    return std::max<uint64_t>(static_cast<uint64_t>(kept_ms) / (4 * refresh_parts), 1);
}

void Server::refresh_sessions() {
    at(runtime_.now_ms() + refresh_step_ms(), Timer::sessions, {}, 0);
    refresh_turn_ = (refresh_turn_ + 1) % refresh_parts;
    std::vector<RecoveryLink::SessionName> names;
    std::vector<Socket*> sockets;
    for (const auto& [name, nsp] : namespaces_) nsp->collect({}, sockets);
    for (const Socket* const socket : sockets)
        if (socket->slot_key().slot % refresh_parts == refresh_turn_ &&
            !socket->private_id().empty())
            names.push_back(
                {std::string(socket->private_id()), socket->nsp().name(), socket->id()});
    if (!names.empty()) adapter_.recovery()->refresh_sessions(std::move(names));
}

}  // namespace starling::socketio
