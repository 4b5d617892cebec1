// events/room.h: the listeners of one channel on one worker, and the limit on pushes to each
// listener.
//
// For the limit a listener keeps 32 bits: the time of its last push. All listeners that wait for
// the latest event at their interval's end share that event and the time of the next check.
//
// Owner: the Broker. Thread: its worker's. Pure: the time is an argument, in milliseconds of a
// clock that never goes back.
#pragma once

#include <starling/events.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/ref.h"
#include "base/segmented.h"
#include "events/table.h"
#include "hub/hub.h"
#include "hub/presence.h"

namespace starling::events {

class Broker;
class Room;
struct Login;  // events/broker.h

// A listener's place in a room: owned by its connection, leaves the room with it.
class Member {
public:
    Member() noexcept;
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    virtual ~Member();

    // The member's login has expired: the connection ends. The member must not leave the room
    // within this call.
    virtual void expired(hub::Subscriber& subscriber) = 0;
    // Events of a channel with a history were lost. As expired().
    virtual void lost(hub::Subscriber& subscriber) { static_cast<void>(subscriber); }
    // A member of the channel's presence came or went. All members of the room share `publication`.
    // As expired().
    virtual void presence_changed(const hub::PresenceChange& change,
                                  hub::Publication& publication) {
        static_cast<void>(change), static_cast<void>(publication);
    }

    [[nodiscard]] Room* room() const noexcept { return room_; }
    [[nodiscard]] const Login* login() const noexcept { return login_.get(); }

private:
    friend class Room;
    friend class Broker;
    static constexpr uint32_t not_listening = UINT32_MAX;

    Room* room_ = nullptr;
    std::unique_ptr<Login> login_;  // Null: the channel requires no login.
    // Set while the member is in a room with a history, for an answer that comes later.
    struct Following : base::RefCounted {
        explicit Following(Member& m) noexcept : member(&m) {}
        Member* member;  // Null: the member has left.
    };
    base::Ref<Following> following_;
    uint32_t listener_index_ = not_listening;
};

class Room {
public:
    // The shortest time between two checks for due pushes, so that a room whose members are due at
    // different times is not walked once per member.
    static constexpr uint64_t due_step_ms = 10;
    // With more listeners an event is queued for each of them, and the loop sends in slices.
    static constexpr size_t at_once_listeners_max = 1000;

    Room(Broker& broker, std::string_view name, const Rule& rule)
        : broker_(broker), name_(name), rule_(rule) {}

    void add_listener(Member& member, hub::Subscriber& subscriber, uint64_t now_ms);
    void remove_listener(Member& member) noexcept;

    // `text` is sent to the listeners unchanged.
    Published publish(std::string_view text, uint64_t now_ms, std::string_view offset = {});
    void lost();
    void presence_changed(const hub::PresenceChange& change);
    void push_due(uint64_t now_ms);
    // When push_due() has work; meaningful only while waiting() > 0.
    [[nodiscard]] uint64_t due_ms() const noexcept { return due_ms_; }
    [[nodiscard]] size_t waiting() const noexcept { return waiting_; }

    [[nodiscard]] size_t size() const noexcept { return listeners_.size(); }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const Rule& rule() const noexcept { return rule_; }

private:
    friend class Broker;
    friend class Member;
    struct Listener {
        hub::Subscriber* subscriber;
        uint32_t pushed_ms;  // Modulo 2^32: see limited().
        bool waiting;
    };
    static_assert(sizeof(Listener) == 16, "a fan-out walks them");

    [[nodiscard]] uint32_t since_push_ms(const Listener& listener, uint64_t now_ms) const noexcept {
        return static_cast<uint32_t>(now_ms) - listener.pushed_ms;
    }
    [[nodiscard]] bool sends_at_once() const noexcept {
        return listeners_.size() <= at_once_listeners_max;
    }
    void wait(Listener& listener, uint64_t now_ms);
    void push_waiting(uint64_t now_ms);
    [[nodiscard]] hub::Message message(std::string_view text,
                                       std::string_view offset = {}) const noexcept;

    Broker& broker_;
    const std::string name_;
    const Rule& rule_;
    base::Segmented<Listener> listeners_;  // Walked by each publication,
    base::Segmented<Member*> members_;     // and their members, by index.
    uint32_t references_ = 0;              // Members that entered, listening or not.
    bool listed_ = false;                  // In the broker's list of waiting rooms.
    size_t waiting_ = 0;
    uint64_t pushed_ms_ = 0;  // The last push to any listener.
    bool pushed_ever_ = false;
    uint64_t due_ms_ = 0;
    std::string latest_;  // The event for the waiting listeners.
};

}  // namespace starling::events
