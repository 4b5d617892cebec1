#include "socketio_events.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace starling::interop {
namespace {

using boost::json::array;
using boost::json::object;
using sio::Json;

// The text of socketio/text.mjs: characters of two to four bytes in UTF-8, line separators, "\n" as
// two characters and as one, quotes.
constexpr std::string_view greeting = "Grüße, 世界, \U0001f426 \u2028 \u2029 \\n \\ \"quoted\" \n";

// The event names that a socket's catch-all listeners received.
struct Seen {
    std::vector<std::string> incoming, outgoing;
};

struct Call {
    sio::Socket socket;
    sio::Ack ack;
    std::span<const Json> args;
    Context& context;

    [[nodiscard]] const Json& arg(size_t index) const {
        static const Json missing;
        return index < args.size() ? args[index] : missing;
    }
    [[nodiscard]] std::span<const Json> from(size_t index) const {
        return args.subspan(std::min(index, args.size()));
    }
    [[nodiscard]] sio::Broadcast everyone() const { return context.io->in_namespace(socket.nsp()); }
};

std::string text(const Json& value) {
    const auto* string = value.if_string();
    return string ? std::string(*string) : std::string();
}

int64_t number(const Json& value) {
    boost::system::error_code error;
    return value.to_number<int64_t>(error);
}

bool flag(const Json& value) { return value.is_bool() && value.get_bool(); }

// The names in `rooms`: one room, a list of rooms, or null for none.
std::vector<std::string> names(const Json& rooms) {
    std::vector<std::string> all;
    if (const auto* list = rooms.if_array())
        for (const Json& room : *list) all.push_back(text(room));
    else if (rooms.is_string())
        all.push_back(text(rooms));
    return all;
}

sio::Broadcast to(const sio::Broadcast& all, const Json& rooms) {
    return rooms.is_null() ? all : all.to(names(rooms));
}

array list_of(const std::vector<std::string>& texts) {
    array list;
    for (const auto& each : texts) list.emplace_back(each);
    return list;
}

array sorted(std::vector<std::string> texts) {
    std::ranges::sort(texts);
    return list_of(texts);
}

// `event`: the event's name, then its arguments.
template <class Sender>
void emit(const Sender& sender, std::span<const Json> event) {
    if (!event.empty()) sender.emit_list(text(event.front()), event.subspan(1));
}

constexpr const char* timed_out = "operation has timed out";

Json error_of(bool complete) { return complete ? Json() : Json(timed_out); }

std::chrono::milliseconds time(const Json& value) {
    return std::chrono::milliseconds(number(value));
}

// ---- events that send ---------------------------------------------------------------------------

void broadcast(const Call& call) {
    emit(to(call.everyone(), call.arg(0)), call.from(1));
    call.ack();
}

void broadcast_except(const Call& call) {
    emit(to(call.everyone(), call.arg(0)).except(names(call.arg(1))), call.from(2));
    call.ack();
}

void broadcast_local(const Call& call) {
    emit(to(call.everyone().local(), call.arg(0)), call.from(1));
    call.ack();
}

void to_others(const Call& call) {
    emit(to(call.socket.broadcast(), call.arg(0)), call.from(1));
    call.ack();
}

void ask_me(const Call& call) {
    call.socket.timeout(time(call.arg(0)))
        .emit_list_with_ack("question", call.from(1), [ack = call.ack](const sio::Answer& answer) {
            ack(error_of(bool(answer)), Json(answer.args));
        });
}

void ask(const Call& call, const sio::Broadcast& whom) {
    whom.timeout(time(call.arg(1)))
        .emit_list_with_ack("question", call.from(2), [ack = call.ack](const sio::Answers& all) {
            ack(error_of(all.complete), all.responses);
        });
}

void ask_all(const Call& call) { ask(call, to(call.everyone(), call.arg(0))); }

void ask_others(const Call& call) { ask(call, to(call.socket.broadcast(), call.arg(0))); }

void volatile_burst(const Call& call) {
    const int64_t count = number(call.arg(0));
    for (int64_t i = 0; i < count; ++i) call.socket.volatile_().emit("volatile", i);
    call.socket.emit("volatile-end", count);
}

void emit_many(const Call& call) {
    const int64_t count = number(call.arg(0));
    for (int64_t i = 1; i <= count; ++i) call.socket.emit("tick", i);
    call.ack();
}

void greet(const Call& call) {
    call.socket.emit("greeting", greeting);
    call.ack(greeting);
}

void disconnect_me(const Call& call) {
    call.socket.emit("bye");
    call.socket.disconnect(flag(call.arg(0)));
}

// ---- values -------------------------------------------------------------------------------------

void binary_sum(const Call& call) {
    uint64_t count = 0, sum = 0;
    std::vector<const Json*> waiting;
    for (const Json& each : call.args) waiting.push_back(&each);
    while (!waiting.empty()) {
        const Json& value = *waiting.back();
        waiting.pop_back();
        if (const auto bytes = sio::Binary::view(value)) {
            ++count;
            for (const char byte : *bytes) sum += uint8_t(byte);
        } else if (const auto* list = value.if_array()) {
            for (const Json& each : *list) waiting.push_back(&each);
        } else if (const auto* members = value.if_object()) {
            for (const auto& member : *members) waiting.push_back(&member.value());
        }
    }
    call.ack(count, sum);
}

void binary_make(const Call& call) {
    const int64_t count = number(call.arg(0));
    array parts;
    for (int64_t i = 0; i < count; ++i)
        parts.push_back(Json(sio::Binary(std::string(size_t(number(call.arg(1))), char(i)))));
    call.ack(Json({{"parts", std::move(parts)}, {"count", count}}));
}

// The code points of a valid UTF-8 text.
void describe(const Call& call) {
    array points;
    uint32_t point = 0;
    size_t left = 0;
    for (const char each : text(call.arg(0))) {
        const auto byte = uint8_t(each);
        if (byte >= 0xc0) {
            left = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
            point = byte & (0x3fu >> left);
        } else {
            point = byte < 0x80 ? byte : point << 6 | (byte & 0x3fu);
            if (left > 0) --left;
        }
        if (left == 0) points.push_back(point);
    }
    call.ack(Json(std::move(points)));
}

// ---- rooms and sockets --------------------------------------------------------------------------

void join(const Call& call) {
    for (const auto& room : names(call.arg(0))) call.socket.join(room);
    call.ack(Json(sorted(call.socket.rooms())));
}

void leave(const Call& call) {
    call.socket.leave(text(call.arg(0)));
    call.ack(Json(sorted(call.socket.rooms())));
}

void fetch_sockets(const Call& call) {
    const auto answer = [ack = call.ack](std::vector<sio::RemoteSocket> sockets) {
        std::ranges::sort(sockets, {}, &sio::RemoteSocket::id);
        array list;
        for (auto& each : sockets)
            list.push_back({{"id", each.id},
                            {"rooms", sorted(std::move(each.rooms))},
                            {"data", each.data.is_null() ? Json(object()) : each.data}});
        ack(Json(std::move(list)));
    };
    to(call.everyone(), call.arg(0)).fetch_sockets(answer);
}

void set_data(const Call& call) {
    Json& data = call.socket.data();
    if (!data.is_object()) data.emplace_object();
    data.get_object()[text(call.arg(0))] = call.arg(1);
    call.ack();
}

void sockets_disconnect(const Call& call) {
    call.ack();
    to(call.everyone(), call.arg(0)).disconnect_sockets(flag(call.arg(1)));
}

// ---- reports ------------------------------------------------------------------------------------

void catch_all(const Call& call) {
    const Seen* seen = call.socket.data_as<Seen>();
    call.ack(seen->incoming, seen->outgoing);
}

Json handshake(const sio::Handshake& from) {
    object query;
    for (const auto& [name, value] : from.query) query[name] = value;
    const auto header = from.header("x-test");
    return {{"query", std::move(query)}, {"auth", from.auth.is_null() ? Json(object()) : from.auth},
            {"xdomain", from.xdomain},   {"secure", from.secure},
            {"url", from.url},           {"header", header.empty() ? Json() : Json(header)}};
}

void transport(const Call& call) {
    const auto from = call.socket.handshake();
    call.ack(call.socket.transport(), from.query_value("EIO") == "4" ? 4 : 3);
}

struct Event {
    const char* name;
    void (*effect)(const Call& call);
};

constexpr Event events[]{
    {"echo", [](const Call& call) { call.ack.list(call.args); }},
    {"echo-event", [](const Call& call) { call.socket.emit_list("echo-event", call.args); }},
    {"message", [](const Call& call) { call.socket.emit_list("message", call.args); }},
    {"broadcast", broadcast},
    {"broadcast-except", broadcast_except},
    {"broadcast-local", broadcast_local},
    {"to-others", to_others},
    {"join", join},
    {"leave", leave},
    {"rooms", [](const Call& call) { call.ack(Json(sorted(call.socket.rooms()))); }},
    {"ask-me", ask_me},
    {"ask-all", ask_all},
    {"ask-others", ask_others},
    {"binary-sum", binary_sum},
    {"binary-make", binary_make},
    {"describe", describe},
    {"greeting", greet},
    {"big", [](const Call& call) { call.ack(std::string(size_t(number(call.arg(0))), 'x')); }},
    {"volatile-burst", volatile_burst},
    {"compress",
     [](const Call& call) { emit(call.socket.compress(flag(call.arg(0))), call.from(1)); }},
    {"emit-many", emit_many},
    {"disconnect-me", disconnect_me},
    {"fetch-sockets", fetch_sockets},
    {"set-data", set_data},
    {"sockets-join",
     [](const Call& call) {
         to(call.everyone(), call.arg(0)).sockets_join(names(call.arg(1)));
         call.ack();
     }},
    {"sockets-leave",
     [](const Call& call) {
         to(call.everyone(), call.arg(0)).sockets_leave(names(call.arg(1)));
         call.ack();
     }},
    {"sockets-disconnect", sockets_disconnect},
    {"catch-all", catch_all},
    {"adapter-log", [](const Call& call) { call.ack(Json(call.context.ledger.room_events())); }},
    {"namespaces", [](const Call& call) { call.ack(Json(call.context.ledger.namespaces())); }},
    {"reasons",
     [](const Call& call) { call.ack(Json(call.context.ledger.gone(call.socket.nsp()))); }},
    {"connections", [](const Call& call) { call.ack(call.context.io->clients()); }},
    {"transport", transport},
    {"handshake", [](const Call& call) { call.ack(handshake(call.socket.handshake())); }},
};

void on_connection(sio::Socket socket, Context& context) {
    socket.emit("hello", socket.recovered());
    socket.emplace_data<Seen>();
    socket.on_any([socket](std::string_view name, std::span<const Json>) {
        socket.data_as<Seen>()->incoming.emplace_back(name);
    });
    socket.on_any_outgoing([socket](std::string_view name, std::span<const Json>) {
        socket.data_as<Seen>()->outgoing.emplace_back(name);
    });
    socket.use([](std::string_view name, std::span<const Json>) -> std::optional<sio::Error> {
        if (name == "forbidden") return sio::Error{"forbidden event"};
        return std::nullopt;
    });
    socket.on("error",
              [](sio::Socket self, std::string_view message) { self.emit("refused", message); });
    socket.on("disconnecting", [&context](sio::Socket self, std::string reason) {
        context.ledger.add_gone(
            self.nsp(),
            {{"id", self.id()}, {"reason", std::move(reason)}, {"rooms", sorted(self.rooms())}});
    });
}

}  // namespace

void Ledger::add_namespace(std::string_view name) {
    const std::lock_guard lock(mutex_);
    namespaces_.emplace_back(name);
}

void Ledger::add_room_event(std::string line) {
    const std::lock_guard lock(mutex_);
    room_events_.emplace_back(line);
}

void Ledger::add_gone(const std::string& nsp, Json entry) {
    const std::lock_guard lock(mutex_);
    gone_[nsp].push_back(std::move(entry));
}

array Ledger::namespaces() const {
    const std::lock_guard lock(mutex_);
    return namespaces_;
}

array Ledger::room_events() const {
    const std::lock_guard lock(mutex_);
    return room_events_;
}

array Ledger::gone(const std::string& nsp) const {
    const std::lock_guard lock(mutex_);
    const auto found = gone_.find(nsp);
    return found == gone_.end() ? array() : found->second;
}

void serve(sio::Namespace& nsp, Context& context) {
    nsp.on_connection([&context](sio::Socket socket) { on_connection(socket, context); });
    for (const Event& event : events)
        nsp.on(event.name, [effect = event.effect, &context](sio::Socket socket, sio::Ack ack,
                                                             std::span<const Json> args) {
            effect({socket, std::move(ack), args, context});
        });
}

}  // namespace starling::interop
