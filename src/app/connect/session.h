// app/connect/session.h: a connection of `starling connect`, and what it tells the run of the command.
//
// Owner: the run owns its session. Thread: the loop's.
#pragma once

#include <starling/client.h>
#include <starling/websocket.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "app/connect/event.h"
#include "app/connect/options.h"

namespace starling::app::connect {

inline constexpr int clean_exit = 0, lost_exit = 1, usage_exit = 2, unreachable_exit = 3,
                     timeout_exit = 4;

class Host {
public:
    virtual void show(const Event& event) = 0;
    virtual void show_message(Direction direction, const ws::Message& message) = 0;
    virtual void help(std::string_view lines) = 0;
    // A message or an event of the server was shown; --exit-after counts it.
    virtual void received() = 0;
    // Messages can be sent, or cannot for now.
    virtual void ready(bool can_send) = 0;
    // Nothing waits to be sent any more.
    virtual void drained() = 0;
    // Nothing more comes. `exit_code` is that of the connection alone.
    virtual void ended(int exit_code) = 0;

protected:
    ~Host() = default;
};

class Session {
public:
    virtual ~Session() = default;

    // Once, first.
    virtual void start() = 0;
    // Of the command line or of a pipe; while ready.
    virtual void send(const ws::Message& message) = 0;
    // Typed on a terminal; while ready.
    virtual void typed(std::string_view line) = 0;
    // Bytes that the kernel has not taken.
    [[nodiscard]] virtual uint64_t waiting_bytes() const { return 0; }
    // Ends in order; Host::ended() follows.
    virtual void close() = 0;
    // Ends at once; Host::ended() may follow.
    virtual void terminate() = 0;
    // Stops and resumes receiving. False: the connection cannot be paused.
    virtual bool pause() { return false; }
    virtual void resume() {}
};

// Each throws what the constructor of the connection throws: std::invalid_argument.
[[nodiscard]] std::unique_ptr<Session> make_websocket_session(ClientLoop& loop,
                                                              const Options& options, Host& host);
[[nodiscard]] std::unique_ptr<Session> make_socketio_session(ClientLoop& loop,
                                                             const Options& options, Host& host);
[[nodiscard]] std::unique_ptr<Session> make_sse_session(ClientLoop& loop, const Options& options,
                                                        Host& host);

}  // namespace starling::app::connect
