// socketio/codec/values.h: writes the arguments of an event into a packet. Pure; any thread.
#pragma once

#include <starling/socketio_handler.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "socketio/codec/encoder.h"

namespace starling::socketio {

// Throws std::invalid_argument for an event name that clients may not send.
void require_event_of_clients(std::string_view name);

void write_values(Encoder& encoder, std::span<const sio::Value> values);

// Encodes a complete event. Throws std::invalid_argument for a name that is reserved or too long,
// and for values that cannot be encoded.
void encode_event(Encoder& encoder, Codec codec, std::string_view nsp, std::string_view name,
                  std::span<const sio::Value> values, std::optional<uint64_t> ack_id = std::nullopt,
                  std::string_view offset = {});

// Copies `values`, to be sent later. Unless empty, `name` becomes the first item.
[[nodiscard]] boost::json::array to_array(std::span<const sio::Value> values,
                                          std::string_view name = {});
// Views of a copy that to_array() made.
[[nodiscard]] std::vector<sio::Value> to_values(const boost::json::array& array, size_t from = 0);
// Deep copies in memory of their own, for an application. A plain copy of a packet's Json would
// stay in the memory of the Arena.
[[nodiscard]] std::vector<Json> own_values(std::span<const Json> values);
// True: the event ends in a text, which may be its name. With recovery, clients take it for an offset.
[[nodiscard]] bool ends_in_text(std::span<const sio::Value> values) noexcept;
// The approximate memory of a copy of `values`, for limits.
[[nodiscard]] size_t size_of(std::span<const sio::Value> values) noexcept;

}  // namespace starling::socketio
