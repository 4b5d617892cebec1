// <starling/socketio_flags.h>: the calls that choose the receivers and the flags of an emit.
// Included by <starling/socketio.h>.
//
//     io.to("room").except("muted").volatile_().emit("tick", 1);
//     socket.compress(false).timeout(5s).emit_with_ack("sure?", done);
#pragma once

#include <chrono>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::sio {

class Broadcast;

namespace detail {

// The flags of one emit. To add a flag, add a member here, and a method to FlagCalls.
struct Flags {
    bool volatile_packet = false;  // Dropped if the connection is not writable at once.
    bool compress = true;
    bool untold = false;      // From an outgoing listener: calls no outgoing listener.
    bool local = false;       // Not to other nodes of a cluster.
    uint64_t timeout_ms = 0;  // For the acks; 0: the default.
};

// A negative timeout expires with the next run of the timers.
constexpr uint64_t timeout_ms(std::chrono::milliseconds timeout) noexcept {
    return timeout.count() < 0 ? 1 : static_cast<uint64_t>(timeout.count());
}

// The flag methods of Derived. Each returns a changed copy, made by Result::from(derived): a
// Broadcast, or an Emitter for the client itself.
template <class Derived, class Result>
class FlagCalls {
public:
    // Drops the packet for receivers whose connection cannot take it at once.
    [[nodiscard]] Result volatile_() const {
        return changed([](Flags& flags) { flags.volatile_packet = true; });
    }
    [[nodiscard]] Result compress(bool on) const {
        return changed([on](Flags& flags) { flags.compress = on; });
    }
    // How long emit_with_ack() waits. 0: Options::ack_timeout.
    [[nodiscard]] Result timeout(std::chrono::milliseconds ack_timeout) const {
        return changed([&](Flags& flags) { flags.timeout_ms = timeout_ms(ack_timeout); });
    }

private:
    template <class F>
    [[nodiscard]] Result changed(F change) const {
        Result copy = Result::from(static_cast<const Derived&>(*this));
        change(copy.flags());
        return copy;
    }
};

// The receiver methods of Derived. Each returns a Broadcast with the receivers and flags of
// Derived, and the change. `Result` is Broadcast.
template <class Derived, class Result = Broadcast>
class ReceiverCalls {
public:
    // Addresses the sockets in any of the named rooms. Further calls add rooms.
    [[nodiscard]] Result to(std::string_view room) const {
        return changed([room](Result& copy) { copy.rooms().emplace_back(room); });
    }
    [[nodiscard]] Result to(std::vector<std::string> rooms) const {
        return changed([&rooms](Result& copy) { append(copy.rooms(), rooms); });
    }
    [[nodiscard]] Result in(std::string_view room) const { return to(room); }
    [[nodiscard]] Result in(std::vector<std::string> rooms) const { return to(std::move(rooms)); }
    // Excludes the sockets in any of these rooms.
    [[nodiscard]] Result except(std::string_view room) const {
        return changed([room](Result& copy) { copy.excepted().emplace_back(room); });
    }
    [[nodiscard]] Result except(std::vector<std::string> rooms) const {
        return changed([&rooms](Result& copy) { append(copy.excepted(), rooms); });
    }
    // Addresses only sockets of this process: nothing goes to other nodes of a cluster.
    [[nodiscard]] Result local() const {
        return changed([](Result& copy) { copy.flags().local = true; });
    }

private:
    static void append(std::vector<std::string>& to, std::vector<std::string>& rooms) {
        to.insert(to.end(), std::make_move_iterator(rooms.begin()),
                  std::make_move_iterator(rooms.end()));
    }
    template <class F>
    [[nodiscard]] Result changed(F change) const {
        Result copy = Result::from(static_cast<const Derived&>(*this));
        change(copy);
        return copy;
    }
};

}  // namespace detail
}  // namespace starling::sio
