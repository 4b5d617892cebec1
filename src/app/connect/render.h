// app/connect/render.h: writes events and messages in the form that was asked for. Pure: the time is an
// argument.
//
// Owner: the run of the command. Thread: any, one at a time.
#pragma once

#include <starling/websocket.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "app/connect/event.h"

namespace starling::app::connect {

enum class Format : uint8_t {
    terminal,  // "12:34:56.789 < text": escaped, cut, perhaps with colours.
    lines,  // What arrives, one on each line; bytes as "base64:AAE=". Faults go to the error stream.
    lengths,  // What arrives, each behind four bytes of length.
    json,     // {"time":"2026-11-29T12:34:56.789Z","event":"message",...}, one object on each line.
};

struct RenderOptions {
    Format format = Format::terminal;
    bool color = false;
    bool full = false;        // Long messages are not cut.
    bool show_pings = false;  // Events of Mark::ping.
};

// What is to be written to the two streams, added by each call.
struct Rendered {
    std::string out, err;
};

class Renderer {
public:
    using Time = std::chrono::sys_time<std::chrono::milliseconds>;

    explicit Renderer(const RenderOptions& options) noexcept : options_(options) {}

    void message(Rendered& to, Direction direction, const ws::Message& message, Time now) const;
    void event(Rendered& to, const Event& event, Time now) const;
    // Lines for the user of a terminal alone.
    void help(Rendered& to, std::string_view lines) const;
    [[nodiscard]] const RenderOptions& options() const noexcept { return options_; }

private:
    void begin_line(std::string& out, Event::Mark mark, Time now) const;
    void json_line(std::string& out, std::string_view name, const Members& members, Time now) const;

    RenderOptions options_;
};

}  // namespace starling::app::connect
