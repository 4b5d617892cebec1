// socketio/transport.h: the interface to the Engine.IO connection below a client; a server
// implements it in a class that derives from Connection.
//
// Owner: the server. Thread: the worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "hub/hub.h"
#include "socketio/connect_info.h"

namespace starling::socketio {

class Transport {
public:
    // Why this side ends the connection: the words of Engine.IO's close reasons.
    enum class End : uint8_t { forced_close, forced_server_close, server_shutting_down };

    virtual ~Transport() = default;
    // Sends one packet: its text (or MessagePack bytes), then its attachments.
    virtual void send(std::string_view text, bool text_is_binary,
                      std::span<const std::string> attachments, bool compress) = 0;
    // Sends one message of a broadcast packet.
    virtual void deliver(hub::Publication& message) = 0;
    // True if a packet sent now could leave now.
    [[nodiscard]] virtual bool writable() const noexcept = 0;
    // From now on writable() is true only while the client keeps up: it answers a ping after some
    // packets, the fewer the slower it is. `packets_wanted`: how many it takes at once.
    virtual void keep_pace() {}
    [[nodiscard]] virtual size_t packets_wanted() const noexcept { return SIZE_MAX; }
    virtual void end(End how) = 0;
    // Sets the connection's only timer, which calls Connection::timed_out(); replaces the earlier
    // time.
    virtual void set_timer(uint64_t delay_ms) = 0;
    virtual void cancel_timer() {}
    // Until resume_reading() the client is not read; its heartbeats are not missed.
    virtual void pause_reading() {}
    virtual void resume_reading() {}
    // Called for each namespace that admitted the client.
    virtual void joined() {}
    // Counts one subscription of the client. False: it is over the limit.
    [[nodiscard]] virtual bool takes_join() { return true; }
    [[nodiscard]] virtual unsigned revision() const noexcept = 0;  // Engine.IO revision: 3 or 4.
    [[nodiscard]] virtual std::string sid() const = 0;
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;
    [[nodiscard]] virtual const ConnectInfo& info() const noexcept = 0;
};

}  // namespace starling::socketio
