// socketio/codec/values.h: the arguments of an event on their way into a packet. Pure; any thread.
#pragma once

#include <starling/socketio_handler.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "socketio/codec/encoder.h"

namespace starling::socketio {

// Throws std::invalid_argument for a handler that no event of a client could reach.
void require_event_of_clients(std::string_view name);

void write_values(Encoder& encoder, std::span<const sio::Value> values);

// An event, complete. Throws std::invalid_argument where the application must not send that: a name
// that is reserved or too long, values that cannot be encoded.
void encode_event(Encoder& encoder, Codec codec, std::string_view nsp, std::string_view name,
                  std::span<const sio::Value> values, std::optional<uint64_t> ack_id = std::nullopt,
                  std::string_view offset = {});

// Copies, for what is sent later. `name`: as first item, where it is not empty.
[[nodiscard]] boost::json::array to_array(std::span<const sio::Value> values,
                                          std::string_view name = {});
// Views of such a copy.
[[nodiscard]] std::vector<sio::Value> to_values(const boost::json::array& array, size_t from = 0);
// Deep copies in memory of their own, for an application: a Json from a packet is in the memory of the
// Arena, and a plain copy of it would be so, too.
[[nodiscard]] std::vector<Json> own_values(std::span<const Json> values);
// About what such a copy holds, for limits.
[[nodiscard]] size_t size_of(std::span<const sio::Value> values) noexcept;

}  // namespace starling::socketio
