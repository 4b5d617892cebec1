// app/connect/event.h: what `starling connect` tells: each event in words for people and as the members of
// a JSON object. Pure functions, any thread.
#pragma once

#include <starling/client_events.h>
#include <starling/socketio_value.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "app/connect/sse_parser.h"

namespace starling::app::connect {

enum class Direction : uint8_t { in, out };

// Members of a JSON object.
class Members {
public:
    Members& add(std::string_view name, std::string_view text);
    Members& add(std::string_view name, const char* text) {
        return add(name, std::string_view(text));
    }
    Members& add(std::string_view name, uint64_t number);
    Members& add(std::string_view name, bool value);
    Members& add_json(std::string_view name, std::string_view json);
    // `,"name":"text"`, one behind the other.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
};

struct Event {
    enum class Mark : uint8_t {
        in,
        out,
        state,  // Of the connection.
        fault,
        ping,  // In or out, and shown only if asked for.
    };
    std::string name;  // "open", the member "event".
    Mark mark = Mark::state;
    std::string words = {};  // For people; not escaped.
    Members members = {};
    // What a pipe gets: the words without time; nullopt: nothing.
    std::optional<std::string> piped = {};
};

[[nodiscard]] Event open_event(std::string_view url, std::string_view protocol,
                               std::string_view extensions);
// `in_order`: the end that was wanted, no fault.
[[nodiscard]] Event close_event(uint16_t code, std::string_view reason, bool was_clean,
                                bool in_order);
[[nodiscard]] Event error_event(std::string_view message, int status, std::string_view body);
[[nodiscard]] Event ping_event(Direction direction, std::string_view payload);
[[nodiscard]] Event pong_event(Direction direction, std::string_view payload,
                               std::optional<std::chrono::milliseconds> round_trip);
// Words of the program itself.
[[nodiscard]] Event notice_event(std::string_view words);

// ---- Socket.IO ----------------------------------------------------------------------------------

// Numbers as JavaScript writes them; bytes as {"base64":"AAE="}.
void append_json(std::string& out, const sio::Json& value);
[[nodiscard]] std::string json_list(std::span<const sio::Json> args);

[[nodiscard]] Event connected_event(std::string_view nsp, std::string_view id, bool recovered);
// `answer`: the number for the command `answer`; 0: no ack is wanted.
[[nodiscard]] Event socketio_event(Direction direction, std::string_view name,
                                   std::span<const sio::Json> args, uint64_t answer);
[[nodiscard]] Event ack_event(std::string_view name, std::span<const sio::Json> args);
[[nodiscard]] Event no_ack_event(std::string_view name, std::string_view why);
[[nodiscard]] Event answered_event(uint64_t number, std::span<const sio::Json> args);
[[nodiscard]] Event disconnected_event(std::string_view reason);
// `error`: what the client's connect_error gives: {message, code?, reason?, data?}.
[[nodiscard]] Event connect_error_event(const sio::Json& error);
[[nodiscard]] Event reconnecting_event(uint64_t attempt);
[[nodiscard]] Event reconnected_event(uint64_t attempts);

// ---- Server events ------------------------------------------------------------------------------

[[nodiscard]] Event stream_event(std::string_view url);
[[nodiscard]] Event server_event(const SseEvent& event);
[[nodiscard]] Event retry_event(std::string_view why, uint64_t wait_ms, std::string_view last_id);

}  // namespace starling::app::connect
