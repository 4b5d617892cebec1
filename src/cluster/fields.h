// cluster/fields.h: the parts that the messages of all adapters have in common: rooms, targets,
// events and sockets. Reading checks each field and each length: the sender may be hostile. Lists of
// sockets are read by socket_list.h. Pure functions; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/message.h"
#include "cluster/writer.h"

namespace starling::cluster {

// Each reader returns nothing if it succeeded.
using Fault = std::optional<Refusal>;

// null for undefined members, as JavaScript sees them: absent or null.
[[nodiscard]] const Json* field(const Json& object, std::string_view name) noexcept;
[[nodiscard]] Json* field(Json& object, std::string_view name) noexcept;

// A whole number from 0 to 2^53 - 1, as JSON or MessagePack hold it.
[[nodiscard]] std::optional<uint64_t> whole_number(const Json* value) noexcept;
// As JavaScript's `if (value)`.
[[nodiscard]] bool truthy(const Json* value) noexcept;
// A room that is a number gets the text that JavaScript prints for it.
[[nodiscard]] std::optional<std::string> room_name(const Json& room);
// A text of 1 to `bytes_max` bytes.
[[nodiscard]] std::optional<std::string> short_text(const Json* value, size_t bytes_max);

// A list of rooms, see room_name(). An absent list is empty.
[[nodiscard]] Fault read_rooms(const Json* list, size_t rooms_max, std::vector<std::string>& rooms);
// {rooms, except, flags}. Absent: all sockets. Rooms of any length are kept in a target: a room
// that is too long has no members.
[[nodiscard]] Fault read_target(const Json* opts, const Limits& limits, Target& target);
// {type, data, nsp?}: moves the event to message.data. An absent nsp is "/".
[[nodiscard]] Fault read_event(Json* packet, Message& message, std::string_view* nsp = nullptr);
// The arguments of a server-side event; the first one is its name.
[[nodiscard]] Fault read_server_event(Json* arguments, Message& message);
// The rooms that sockets join or leave: not too long.
[[nodiscard]] Fault read_changed_rooms(const Json* list, const Limits& limits,
                                       std::vector<std::string>& rooms);

// Writes ["a", "42", 42]: on a Node.js server the room 42 may be a number or a text, and these are
// two rooms. A room that looks like a number is therefore named in both ways.
void write_target_rooms(Writer& out, std::span<const std::string> rooms);
void write_rooms(Writer& out, std::span<const std::string> rooms);  // As texts alone.
// {rooms, except}, and with `flags`: {rooms, except, flags}.
void write_target(Writer& out, const Target& target, bool flags);
void write_sockets(Writer& out, std::span<const RemoteSocket> sockets);

}  // namespace starling::cluster
