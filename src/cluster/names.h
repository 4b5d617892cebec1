// cluster/names.h: the names of the channels, streams and keys that the adapters of Node.js use in
// Redis. Pure functions and values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "socketio/stream_place.h"

namespace starling::cluster {

// The channels of @socket.io/redis-adapter for one namespace.
class ClassicNames {
public:
    // `key`: the adapter's option, "socket.io" by default.
    ClassicNames(std::string_view key, std::string_view nsp);

    [[nodiscard]] const std::string& all() const noexcept {
        return all_;
    }                                                             // Every emit to several rooms.
    [[nodiscard]] std::string room(std::string_view room) const;  // Every emit to one room.
    // For PSUBSCRIBE: matches all() and each room(). Characters with a meaning in patterns are
    // escaped.
    [[nodiscard]] std::string pattern() const;
    [[nodiscard]] const std::string& request() const noexcept { return request_; }
    [[nodiscard]] const std::string& response() const noexcept { return response_; }
    [[nodiscard]] std::string response_to(std::string_view uid) const;
    // The room of a channel; "" for all(). nullopt: neither all() nor a room().
    [[nodiscard]] std::optional<std::string_view> room_of(std::string_view channel) const noexcept;

private:
    std::string all_, request_, response_;
};

// The channels of the sharded adapter, and of the streams adapter for what is not in a stream.
class NodeNames {
public:
    // `prefix`: the option channelPrefix, "socket.io" by default.
    NodeNames(std::string_view prefix, std::string_view nsp);

    [[nodiscard]] const std::string& all() const noexcept { return all_; }
    [[nodiscard]] std::string room(std::string_view room) const;
    [[nodiscard]] std::string node(std::string_view uid) const;  // Answers to this node.

private:
    std::string all_;
};

// Which rooms have a channel of their own: the option subscriptionMode.
enum class RoomChannels : uint8_t { none, named, all };

// True: a message to this one room goes to the room's channel. `named`, which Node.js calls
// "dynamic": each room but those of single sockets. A sender knows the latter by their 20 units.
[[nodiscard]] bool has_channel(RoomChannels rooms, std::string_view room) noexcept;
// True: a node with members in this room subscribes to the room's channel. Unlike a sender, a node
// knows which rooms are those of its own sockets. So it subscribes to the channel of a named room of
// 20 units, too, which no sender uses.
[[nodiscard]] bool subscribes(RoomChannels rooms, bool room_of_one_socket) noexcept;

// Length in UTF-16 code units: what JavaScript calls the length of a text.
[[nodiscard]] size_t utf16_length(std::string_view text) noexcept;
// Java's hash of a text, over UTF-16 code units in signed 32 bits.
[[nodiscard]] int32_t java_hash(std::string_view text) noexcept;

// The stream of a namespace. With `count` 1, `base`. The remainder keeps the sign of the hash, as in
// JavaScript, so with count 3 some namespaces are in "base--1" and "base--2". Node.js writes there,
// and never reads there.
[[nodiscard]] std::string stream_name(std::string_view base, uint32_t count, std::string_view nsp);
// All names that stream_name() can return: 1, or 2 * count - 1.
[[nodiscard]] std::vector<std::string> stream_names(std::string_view base, uint32_t count);

// The number of the namespace's stream among stream_names().
[[nodiscard]] uint32_t stream_number(uint32_t count, std::string_view nsp);

using socketio::StreamId;
// Digits, '-', digits. nullopt: anything else, or a number over 64 bits.
[[nodiscard]] std::optional<StreamId> parse_stream_id(std::string_view text) noexcept;
using socketio::to_text;
// The smallest id behind `id`; nullopt behind the greatest.
[[nodiscard]] std::optional<StreamId> next(const StreamId& id) noexcept;
// The greatest id before `id`; nullopt before 0-0.
[[nodiscard]] std::optional<StreamId> previous(const StreamId& id) noexcept;

}  // namespace starling::cluster
