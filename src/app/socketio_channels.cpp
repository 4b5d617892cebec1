#include "app/socketio_channels.h"

#include "app/waiting_calls.h"

#include <starling/socketio_limits.h>

#include <boost/json.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::app {
namespace {

namespace json = boost::json;

sio::Json problem(int code, std::string_view message) {
    return json::object{{"error", json::object{{"code", code}, {"message", message}}}};
}

// Nothing: it is allowed. The codes are those of starling.v1.
std::optional<sio::Json> refusal(events::Permission permission) {
    using events::Permission;
    switch (permission) {
        case Permission::allowed: return std::nullopt;
        case Permission::no_channel: return problem(404, "no such channel");
        case Permission::needs_login: return problem(401, "a login is needed");
        case Permission::forbidden: return problem(403, "not allowed for this user");
        case Permission::no_publishers:
            return problem(403, "clients do not publish to this channel");
        case Permission::refused: return problem(403, "the application refuses");
        case Permission::too_many:
            return problem(429, "too many publications of this channel in a short time");
    }
    return std::nullopt;
}

class Bridge : public std::enable_shared_from_this<Bridge> {
public:
    Bridge(Server& server, sio::Namespace& nsp, events::Channels& channels,
           ChannelRules rules) noexcept
        : server_(server), nsp_(nsp), channels_(channels), rules_(rules) {}

    void subscribe(const sio::Socket& socket, const std::string& channel, const sio::Ack& ack) {
        if (!sio::takes_join(socket))
            return ack(problem(429, "too many subscriptions in a short time"));
        const auto rooms = socket.rooms();
        const bool has = std::ranges::find(rooms, channel) != rooms.end();
        if (!has && rooms.size() > rules_.rooms_max)  // One of them is the socket's own.
            return ack(problem(429, "too many subscriptions"));
        if (const auto refused = permission(events::Use::listen, socket, channel, {}))
            return ack(*refused);
        socket.join(channel);
        if (when_open(channel, [ack] { ack(sio::Json(json::object())); })) return;
        if (!has) socket.leave(channel);
        ack(problem(503, "too many subscriptions wait for their channels"));
    }

    static void unsubscribe(const sio::Socket& socket, const std::string& channel,
                            const sio::Ack& ack) {
        if (channel != socket.id()) socket.leave(channel);
        ack(sio::Json(json::object()));
    }

    void publish(const sio::Socket& socket, const std::string& channel, const sio::Json& data,
                 const sio::Ack& ack) const {
        if (!data.is_string()) return ack(problem(400, "the event must be a text"));
        const std::string text(data.get_string());
        if (text.size() > rules_.event_bytes_max)
            return ack(problem(413, "the event is larger than " +
                                        std::to_string(rules_.event_bytes_max) + " bytes"));
        if (const auto refused = permission(events::Use::publish, socket, channel, text))
            return ack(*refused);
        channels_.publish(channel, text, [ack](const events::Published& published) {
            if (published.refused) return ack(problem(503, "the history is away"));
            json::object done;
            if (!published.offset.empty()) done.emplace("offset", published.offset);
            ack(sio::Json(done));
        });
    }

    // The first socket of a worker has joined the room: with the first worker's, the channel is
    // listened to.
    void room_created(std::string_view room) {
        const std::lock_guard lock(mutex_);
        Room& entry = rooms_[std::string(room)];
        if (++entry.workers > 1 || entry.listener) return;
        entry.listener = channels_.listen(
            room,
            [self = weak_from_this(), name = std::string(room)](const events::Event& event) {
                if (const auto bridge = self.lock()) bridge->deliver(name, event);
            },
            {.begun = [self = weak_from_this(), name = std::string(room)](bool) {
                if (const auto bridge = self.lock()) bridge->opened(name);
            }});
        if (!entry.listener) rooms_.erase(std::string(room));  // A socket's own room.
    }

    void room_deleted(std::string_view room) { finish(leave(room)); }

private:
    struct Room {
        size_t workers = 0;  // That have sockets in the room.
        uint64_t left = 0;   // How often the last socket has left.
        bool open = false;
        std::unique_ptr<events::Listener> listener = {};
    };
    using Rooms = std::map<std::string, Room, std::less<>>;

    // What is left of a room.
    struct Ended {
        std::unique_ptr<events::Listener> listener;
        std::vector<WaitingCalls::Call> calls;
    };

    // Without the lock.
    static void finish(Ended ended) {
        ended.listener.reset();
        for (const auto& call : ended.calls) call();
    }

    // With the lock.
    Ended end(Rooms::iterator room) {
        Ended ended{std::move(room->second.listener), waiting_.take(room->first)};
        rooms_.erase(room);
        return ended;
    }

    Ended leave(std::string_view room) {
        const std::lock_guard lock(mutex_);
        const auto found = rooms_.find(room);
        if (found == rooms_.end() || --found->second.workers > 0) return {};
        if (rules_.kept.count() == 0 || kept_ >= kept_rooms_max) return end(found);
        ++kept_;
        server_.after(rules_.kept, [self = weak_from_this(), name = std::string(room),
                                    left = ++found->second.left] {
            if (const auto bridge = self.lock()) finish(bridge->drop_kept(name, left));
        });
        return {};
    }

    [[nodiscard]] std::optional<sio::Json> permission(events::Use use, const sio::Socket& socket,
                                                      std::string_view channel,
                                                      std::string_view text) const {
        const std::string id = socket.id(), user = socket.user();
        return refusal(channels_.permission(
            use, {.channel = channel, .client = id, .user = user, .text = text}));
    }

    // The room is still empty, unless sockets have come since it was left for the `left`th time.
    Ended drop_kept(const std::string& room, uint64_t left) {
        const std::lock_guard lock(mutex_);
        --kept_;
        const auto found = rooms_.find(room);
        if (found == rooms_.end() || found->second.workers > 0 || found->second.left != left)
            return {};
        return end(found);
    }

    // Calls at once if the channel is listened to, or the room is gone. False: too many calls wait,
    // and this one is never made.
    bool when_open(const std::string& channel, WaitingCalls::Call call) {
        {
            const std::lock_guard lock(mutex_);
            const auto found = rooms_.find(channel);
            if (found != rooms_.end() && !found->second.open) return waiting_.add(channel, call);
        }
        call();
        return true;
    }

    void opened(const std::string& channel) {
        std::vector<WaitingCalls::Call> calls;
        {
            const std::lock_guard lock(mutex_);
            const auto found = rooms_.find(channel);
            if (found == rooms_.end()) return;
            found->second.open = true;
            calls = waiting_.take(channel);
        }
        for (const auto& call : calls) call();
    }

    // Each node of a cluster listens itself.
    void deliver(const std::string& channel, const events::Event& event) const {
        json::object publication{{"channel", channel}, {"data", event.text}};
        if (!event.offset.empty()) publication.emplace("offset", event.offset);
        nsp_.local().to(channel).emit("publication", sio::Json(publication));
    }

    static constexpr size_t kept_rooms_max = 10'000, waiting_max = 10'000;

    Server& server_;
    sio::Namespace& nsp_;
    events::Channels& channels_;
    const ChannelRules rules_;
    std::mutex mutex_;
    Rooms rooms_;
    WaitingCalls waiting_{waiting_max};
    size_t kept_ = 0;  // Calls of drop_kept() to come.
};

}  // namespace

void serve_channels(Server& server, sio::Namespace& nsp, events::Channels& channels,
                    ChannelRules rules) {
    const auto bridge = std::make_shared<Bridge>(server, nsp, channels, rules);
    nsp.on_create_room([bridge](std::string_view room) { bridge->room_created(room); });
    nsp.on_delete_room([bridge](std::string_view room) { bridge->room_deleted(room); });
    nsp.on("subscribe", [bridge](const sio::Socket& socket, std::string channel, sio::Ack ack) {
        bridge->subscribe(socket, channel, ack);
    });
    nsp.on("unsubscribe", [](const sio::Socket& socket, std::string channel, sio::Ack ack) {
        Bridge::unsubscribe(socket, channel, ack);
    });
    nsp.on("publish", [bridge](const sio::Socket& socket, std::string channel, sio::Json data,
                               sio::Ack ack) { bridge->publish(socket, channel, data, ack); });
}

}  // namespace starling::app
