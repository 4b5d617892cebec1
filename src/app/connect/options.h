// app/connect/options.h: the command line of `starling connect` as values. Reads the files of --binary;
// otherwise pure.
//
// Owner: the run of the command. Thread: main's.
#pragma once

#include <starling/socketio_value.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/command_line.h"
#include "app/connect/render.h"
#include "base/result.h"

namespace starling::app::connect {

enum class Kind : uint8_t { websocket, socketio, sse };

// A message of the command line.
struct Sent {
    bool binary = false;
    std::string bytes;
};

// What is connected to what. Tests give pipes and pseudo-terminals.
struct Descriptors {
    int in = 0, out = 1, err = 2;
};

struct Options {
    Kind kind = Kind::websocket;
    std::string url;
    std::vector<Sent> sent = {};
    bool send_binary = false, length_prefixed = false;
    RenderOptions render = {};
    uint64_t exit_after = 0;                                // 0: no limit.
    std::optional<std::chrono::milliseconds> wait = {};     // --wait
    std::optional<std::chrono::milliseconds> timeout = {};  // --timeout
    std::chrono::milliseconds connect_timeout{10'000};
    std::vector<std::string> protocols = {};
    std::vector<std::pair<std::string, std::string>> headers =
        {};  // With Origin for Socket.IO and SSE.
    std::string origin = {};
    std::optional<std::string> proxy = {};
    std::string ca = {}, certificate = {}, key = {};
    bool verify = true, compress = false, redirects = false, history = true, reconnect = true;
    uint64_t message_bytes_max = 16 * 1024 * 1024;
    std::chrono::milliseconds ping_interval{25'000};
    std::string nsp = {};      // "": the URL's path.
    sio::Json auth = nullptr;  // Null: none.
    std::string path = "/socket.io", transport = {};
    int eio = 4;
    std::string last_event_id = {};
    std::string history_path = {};  // "": none.
};

// Facts of the environment that a test sets.
struct Surroundings {
    bool in_is_terminal = false, out_is_terminal = false;
    bool no_color = false;        // NO_COLOR is set and not empty.
    std::string state_home = {};  // $XDG_STATE_HOME, or ~/.local/state; "": unknown.
};

// The failure names the option: "--wait: must be a time, as 1.5s, 250ms, 2m or 1h".
[[nodiscard]] base::Result<Options> read_options(const CommandLine& line,
                                                 const Surroundings& surroundings);

}  // namespace starling::app::connect
