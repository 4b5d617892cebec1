// app/connect/words.h: what a typed line means: a message or a command. Pure functions, any thread.
#pragma once

#include <starling/socketio_value.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace starling::app::connect {

// A line of the interactive mode for a WebSocket. A line that does not begin with a slash is a text.
struct TypedLine {
    enum class Kind : uint8_t { text, ping, close, binary, help } kind = Kind::text;
    std::string text = {};  // The text to send, the payload of a ping, or the name of a file.
    uint16_t code = 0;      // close: 0 for none.
    std::string reason = {};
};
// The failure says what is wrong.
[[nodiscard]] base::Result<TypedLine> parse_typed_line(std::string_view line);
// One line for each command.
[[nodiscard]] std::string_view typed_line_help() noexcept;

// "90", "1.5s", "250ms", "2m", "1h" in milliseconds; a number without a unit counts seconds. The failure
// says which form is wanted.
[[nodiscard]] base::Result<uint64_t> parse_duration_ms(std::string_view text);
// "4096", "64k", "10m", "1g" in bytes, in powers of 1024.
[[nodiscard]] base::Result<uint64_t> parse_bytes(std::string_view text);

// A line for Socket.IO.
struct SocketIoLine {
    enum class Kind : uint8_t { nothing, emit, ack, answer, connect, disconnect, close, help };
    Kind kind = Kind::nothing;
    std::string name = {};  // Of the event.
    uint64_t id = 0;        // answer: the number that the event was shown with.
    std::vector<sio::Json> args = {};
};
// `read_file` gets the name behind "@" of an argument and returns the file's bytes.
using ReadFile = base::Result<std::string> (*)(const std::string& path);
[[nodiscard]] base::Result<SocketIoLine> parse_socketio_line(std::string_view line,
                                                             ReadFile read_file);
[[nodiscard]] std::string_view socketio_line_help() noexcept;

inline constexpr size_t file_bytes_max = 64 * 1024 * 1024;
// The failure says why: "cannot read 'x': No such file or directory".
[[nodiscard]] base::Result<std::string> read_file(const std::string& path);

}  // namespace starling::app::connect
