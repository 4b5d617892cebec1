#include "socketio/server.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <utility>

#include "socketio/cluster_link.h"

namespace starling::socketio {
namespace {

// Answers have thousands of items, and the nodes of a cluster have as many each. So `to` grows
// fourfold: few items are moved again, and memory that is never written to costs nothing.
template <class Item>
void append(std::vector<Item>& to, std::vector<Item>&& from) {
    if (to.empty()) {
        to = std::move(from);
        return;
    }
    const size_t size = to.size() + from.size();
    if (size > to.capacity()) to.reserve(size * 4);
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

Server::Server(Adapter& adapter, Runtime& runtime, uint32_t index)
    : lifetime_(base::Lifetime<Server>::of(*this, runtime.runs_on())),
      adapter_(adapter),
      runtime_(runtime),
      observer_(adapter.observer()),
      index_(index),
      arena_(adapter.settings().decode),
      encoder_(adapter.settings().codec, adapter.settings().decode.attachments_max) {
    lifetime_.open();
}

Server::~Server() { lifetime_.end(); }

void Server::post_to(base::SlotKey key, std::function<void(Socket&)> call, size_t bytes,
                     std::function<void()> gone) {
    const bool posted = sockets_.alive(key) && runtime_.post(
                                                   [this, key, call = std::move(call), gone] {
                                                       const CallScope entry(*this);
                                                       if (Socket* socket = find(key))
                                                           return call(*socket);
                                                       if (gone) gone();
                                                   },
                                                   bytes);
    if (!posted && gone) gone();
}

std::string Server::new_id() {
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::array<std::byte, 20> random;  // 6 bits of each byte are used: 120 bits.
    runtime_.random(random);
    std::string id(random.size(), ' ');
    for (size_t i = 0; i < id.size(); ++i)
        id[i] = alphabet[static_cast<size_t>(random[i]) % alphabet.size()];
    return id;
}

void Server::warn(std::string_view message, std::span<const log::Field> fields) {
    const uint64_t now_ms = runtime_.now_ms();
    ++warnings_;
    if (warned_ms_ && now_ms - warned_ms_ < 1000) return;
    warned_ms_ = now_ms;
    std::vector<log::Field> all(fields.begin(), fields.end());
    const std::string count = std::to_string(std::exchange(warnings_, 0));
    all.push_back({"count", count});  // Includes the warnings that were not logged.
    runtime_.log(log::Level::warn, message, all);
}

void Server::leave(const Socket& socket, std::string_view reason, bool was_connected) {
    leaving_.push_back({socket.slot_key(), std::string(reason), was_connected});
    if (leaving_.size() > 1) return;
    const CallScope entry(*this);
    for (; !leaving_.empty(); leaving_.pop_front()) {
        const Leaving& next = leaving_.front();
        Socket* const found = find(next.key);
        if (!found) continue;
        log_if_throws("socket.io", [&] { found->finish_leaving(next.reason, next.was_connected); });
    }
}

void Server::left(Socket& socket) {
    STARLING_ASSERT(on_own_thread());
    Namespace& nsp = socket.nsp();
    // Before release(), so that push_back() cannot fail and free the socket here.
    if (left_.size() == left_.capacity()) left_.reserve(2 * left_.size() + 1);
    left_.push_back(socket.connection().release(socket));
    if (nsp.quota()) nsp.quota()->leave();
    close_if_empty(nsp);
}

void Server::free(Socket& socket) noexcept {
    socket.give_up();
    {
        const auto lock = lifetime_.lock();  // Another thread may be reading the socket's id.
        sockets_.remove(socket);
    }
    if (++freed_ * 4 < sockets_.slots()) return;
    freed_ = 0;
    sockets_.trim();
}

// One at a time, and each is out of its list before its destructor runs: what a socket holds may end
// other sockets, which join the lists. Namespaces last, because sockets refer to them.
void Server::free_left() noexcept {
    while (!left_.empty() || !left_namespaces_.empty()) {
        if (!left_.empty()) {
            const Socket::Owned socket = std::move(left_.back());
            left_.pop_back();
        } else {
            const std::unique_ptr<Namespace> nsp = std::move(left_namespaces_.back());
            left_namespaces_.pop_back();
        }
    }
}

void Server::close_if_empty(Namespace& nsp) {
    if (nsp.size() > 0 || !nsp.setup().accept) return;
    // Clients choose the names of dynamic namespaces, so a worker with many namespaces keeps no
    // empty one.
    if (!nsp.setup().close_when_empty && namespaces_.size() <= namespaces_kept_max) return;
    const auto found = namespaces_.find(nsp.name());
    // A middleware may still be deciding on a socket.
    if (found == namespaces_.end() || nsp.waiting > 0) return;
    if (ClusterLink* const cluster = adapter_.cluster()) cluster->namespace_closed(nsp.name());
    left_namespaces_.push_back(std::move(found->second));
    namespaces_.erase(found);
}

// ---- time ---------------------------------------------------------------------------------------

Server::TimerId Server::at(uint64_t when_ms, Timer kind, base::SlotKey key, uint64_t number) {
    STARLING_ASSERT(on_own_thread());
    const TimerId timer{when_ms, ++last_timer_};
    timers_.emplace_hint(timers_.end(), timer,
                         Due{kind, key, number});  // Most new timers are the latest.
    // To wake for a cancelled timer costs less than to set the clock for each cancellation.
    if (wake_ms_ == 0 || when_ms < wake_ms_) runtime_.wake_at(wake_ms_ = when_ms);
    return timer;
}

void Server::run(uint64_t now_ms) {
    const CallScope entry(*this);
    wake_ms_ = now_ms;  // The end of this function asks for the next wake-up.
    while (!timers_.empty() && timers_.begin()->first.when_ms <= now_ms) {
        const Due due = timers_.begin()->second;
        timers_.erase(timers_.begin());
        log_if_throws("socket.io", [&] { fire(due); });
    }
    wake_ms_ = timers_.empty() ? 0 : timers_.begin()->first.when_ms;
    if (wake_ms_) runtime_.wake_at(wake_ms_);
}

void Server::fire(const Due& due) {
    if (due.kind == Timer::request) return finish(due.number, false);
    if (due.kind == Timer::sessions) return refresh_sessions();
    Socket* const socket = find(due.key);
    if (!socket) return;
    if (due.kind == Timer::ack) return socket->ack_timed_out(due.number);
    socket->disconnect(false);  // Timer::login: the login has expired.
}

// ---- commands -----------------------------------------------------------------------------------

void Server::perform(const Command& command) {
    const CallScope entry(*this);
    if (command.kind == Command::Kind::server_event) return server_event(command);
    Report report{.request = command.request, .first = true};
    if (!command.nsp.empty()) {
        const auto found = namespaces_.find(command.nsp);
        if (found != namespaces_.end()) perform_in(command, *found->second, report);
    } else {
        std::vector<Namespace*> children;  // A copy: a handler may add namespaces.
        for (const auto& [name, nsp] : namespaces_)
            if (&nsp->setup() == command.setup) children.push_back(nsp.get());
        for (Namespace* nsp : children) perform_in(command, *nsp, report);
    }
    if (command.origin) reply(command, std::move(report));
}

void Server::perform_in(const Command& command, Namespace& nsp, Report& report) {
    std::vector<Socket*> targets;
    if (!spare_targets_.empty()) {
        targets = std::move(spare_targets_.back());
        spare_targets_.pop_back();
    }
    nsp.collect(command.target, targets);
    const bool sends = command.kind == Command::Kind::emit || command.kind == Command::Kind::ask;
    if (command.kind == Command::Kind::ask) {
        // Register the awaited acks before the packet is sent.
        for (Socket* socket : targets) perform_on(command, nsp, *socket, report);
    }
    if (sends && !command.packet.text.empty()) {
        nsp.broadcast(command.packet, command.target.flags, targets);
    } else if (sends) {
        // To the children of a pattern: each child's packet holds the child's name. Or an event that is
        // not in the log: its offset is that of this worker's newest event.
        const auto ack_id =
            command.kind == Command::Kind::ask ? std::optional(command.ack_id) : std::nullopt;
        encoder_.begin(settings().codec, Type::event, nsp.name(), ack_id);
        for (const Json& value : command.args) encoder_.value(value);
        if (adapter_.history() && !ack_id && !command.args.empty() &&
            command.args.back().is_string())
            if (const auto offset = newest_offset(nsp.name()); !offset.empty())
                encoder_.value(offset);
        if (encoder_.finish()) nsp.broadcast(encoder_.take(), command.target.flags, targets);
    } else {
        if (command.kind == Command::Kind::fetch && report.sockets.empty())
            report.sockets.reserve(targets.size());
        for (Socket* socket : targets) perform_on(command, nsp, *socket, report);
    }
    targets.clear();
    spare_targets_.push_back(std::move(targets));
}

void Server::perform_on(const Command& command, Namespace& nsp, Socket& socket, Report& report) {
    switch (command.kind) {
        case Command::Kind::join:
            for (const auto& room : command.rooms) socket.join(room);
            return;
        case Command::Kind::leave:
            for (const auto& room : command.rooms) socket.leave(room);
            return;
        case Command::Kind::disconnect:
            if (command.moved) {
                // Other sockets may have joined the room that has the id as its name.
                if (!socket.has_id(command.target.rooms.front())) return;
                socket.set_private_id({}, socket.recovered());
                if (command.close) return socket.connection().drop();
            }
            return socket.disconnect(command.close);
        case Command::Kind::fetch: {
            const Json* data = socket.data_if();
            sio::RemoteSocket& found = report.sockets.emplace_back();
            found.id = socket.id();
            found.rooms = nsp.rooms_of(socket);
            if (data) found.data = *data;
            found.handshake = socket.handshake();
            found.socket = socket.handle();
            return;
        }
        case Command::Kind::ask: {
            const uint64_t timeout_ms = command.target.flags.timeout_ms;
            const auto answered = [origin = command.origin,
                                   request = command.request](const sio::Answer& answer) {
                if (!answer) return;  // Without this report the origin's request times out.
                Report one{.request = request};
                one.responses.push_back(answer.value());
                origin->deliver_report(std::move(one));
            };
            ++report.expected;
            // If the socket already awaits too many acks, its answer is not awaited and will be
            // missing.
            static_cast<void>(
                socket.await(command.ack_id, runtime_.now_ms() + timeout_ms, answered));
            return;
        }
        case Command::Kind::emit:
        case Command::Kind::server_event: return;
    }
}

void Server::reply(const Command& command, Report report) {
    command.origin->deliver_report(std::move(report));
}

void Server::server_event(const Command& command) {
    // The sending worker does not handle its own event; the other workers answer. In a cluster this
    // process is one server, which sends the event to the others.
    if (command.origin == this || adapter_.cluster()) {
        if (command.request)
            command.origin->deliver_report({.request = command.request, .first = true});
        return;
    }
    Report count{.request = command.request, .first = true};
    Acked acked;
    if (command.request) {
        count.expected = listens(*command.setup, command.args) ? 1 : 0;
        acked = [origin = &command.origin->lifetime(),
                 request = command.request](boost::json::array values) {
            Report one{.request = request};
            one.responses.push_back(values.empty() ? Json() : std::move(values.front()));
            if (Server* own = origin->own()) return own->deliver_report(std::move(one));
            const base::Lifetime<Server>::Use server(origin);
            if (server) server->deliver_report(std::move(one));
        };
        command.origin->deliver_report(count);
    }
    tell_listeners(*command.setup, command.args, std::move(acked));
}

bool Server::listens(const NamespaceSetup& setup, const boost::json::array& event) {
    const auto& name = event.front().get_string();
    return setup.server_listeners.contains(std::string_view(name.data(), name.size()));
}

void Server::tell_listeners(const NamespaceSetup& setup, const boost::json::array& event,
                            Acked acked) {
    const CallScope entry(*this);
    sio::Ack ack;
    if (acked)
        ack = sio::Ack(std::make_shared<const sio::Ack::Sink>(
            [acked = std::move(acked),
             once = std::make_shared<std::atomic<bool>>(false)](boost::json::array values) {
                if (!once->exchange(true)) acked(std::move(values));
            }));
    const auto& name = event.front().get_string();
    const auto found = setup.server_listeners.find(std::string_view(name.data(), name.size()));
    if (found == setup.server_listeners.end()) return;
    const std::span<const Json> args(event.data() + 1, event.size() - 1);
    const sio::Socket nobody;
    for (const auto& listener : found->second)
        listener({nobody, {name.data(), name.size()}, args, ack});
}

uint64_t Server::open_request(const Command& command, uint64_t deadline_ms, Done done,
                              OnReport watch) {
    const uint64_t id = ++last_request_;
    const bool cluster = adapter_.cluster() && !command.target.flags.local;
    requests_.emplace(id, Request{.workers_left = adapter_.workers() + size_t{cluster},
                                  .done = std::move(done),
                                  .watch = std::move(watch)});
    requests_.find(id)->second.timer = at(deadline_ms, Timer::request, {}, id);
    return id;
}

void Server::ask(const std::shared_ptr<Command>& command, uint64_t timeout_ms, Done done,
                 OnReport watch) {
    command->origin = this;
    if (done)
        command->request = open_request(*command, runtime_.now_ms() + timeout_ms, std::move(done),
                                        std::move(watch));
    const bool before = std::exchange(asking_, true);
    log_if_throws("socket.io", [&] { adapter_.send(command); });
    asking_ = before;
}

void Server::call_later(std::function<void()> call) {
    auto later = std::make_shared<std::function<void()>>(std::move(call));
    const bool posted = runtime_.post(
        [this, later] {
            const CallScope entry(*this);
            log_if_throws("ack", *later);
        },
        0);
    if (!posted) log_if_throws("ack", *later);
}

void Server::deliver_report(Report one) {
    if (runtime_.here()) return report(std::move(one));
    size_t bytes = 64;
    for (const auto& socket : one.sockets) bytes += 1024 + socket.rooms.size() * 32;
    runtime_.post(
        [this, one = std::make_shared<Report>(std::move(one))] { report(std::move(*one)); }, bytes);
}

void Server::report(Report one) {
    STARLING_ASSERT(on_own_thread());
    const auto found = requests_.find(one.request);
    if (found == requests_.end()) return;  // The request has timed out.
    const CallScope entry(*this);
    Request& request = found->second;
    if (one.first) {
        --request.workers_left;
        request.expected += one.expected;
    }
    request.all.complete = request.all.complete && one.complete;
    request.all.missing_nodes += one.missing_nodes;
    if (request.watch) request.watch(one, request.workers_left);
    // A worker's answer may come before the worker's count.
    request.answered += one.responses.size();
    append(request.all.responses, std::move(one.responses));
    append(request.all.sockets, std::move(one.sockets));
    if (request.workers_left == 0 && request.answered >= request.expected)
        finish(one.request, true);
}

void Server::finish(uint64_t id, bool complete) {
    auto request = requests_.extract(id);
    if (request.empty()) return;
    cancel(request.mapped().timer);
    complete = complete && request.mapped().all.complete;
    if (!asking_) return request.mapped().done(complete, request.mapped().all);
    auto kept = std::make_shared<Request>(std::move(request.mapped()));
    call_later([complete, kept] { kept->done(complete, kept->all); });
}

void Server::post_drain() {
    if (drain_posted_.exchange(true)) return;
    if (!runtime_.post([this] { drain_history(); }, 0)) drain_posted_.store(false);
}

void Server::drain_history() {
    drain_posted_.store(false);  // Cleared before the log is read: a later packet posts a new call.
    if (std::exchange(draining_, true)) return;  // The loop that already runs delivers the packets.
    const CallScope entry(*this);
    for (;;) {
        std::vector<std::shared_ptr<const Command>> next;
        adapter_.history()->with([&](History& history) {
            next = history.since(history_cursor_);
            history_cursor_ = history.next();
            history.has_read(index_, history_cursor_);
        });
        if (next.empty()) break;
        for (const auto& command : next) {
            log_if_throws("socket.io", [&] { perform(*command); });
            if (!command->place) continue;
            if (delivered_.size() <= command->place->stream)
                delivered_.resize(command->place->stream + 1);
            delivered_[command->place->stream] = command->place->id;
        }
    }
    draining_ = false;
}

void Server::each_room(const std::function<void(std::string_view nsp, std::string_view room,
                                                size_t members)>& call) const {
    for (const auto& named : namespaces_)
        named.second->each_room(
            [&](std::string_view room, size_t members) { call(named.first, room, members); });
}

}  // namespace starling::socketio
