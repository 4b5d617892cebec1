// socketio/link.h: the connection below a client, as the layers above see it; a server implements it.
//
// Owner: the server. Thread: the worker's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hub/hub.h"

namespace starling::socketio {

// What is kept of the request with which a client came.
struct ConnectInfo {
    std::string head;     // "/socket.io/?EIO=4&...\n", then "name: value\n" for each field.
    std::string address;  // "192.0.2.7"
    std::string user;     // Who logged in by that request; "" for nobody.
    std::optional<int64_t> login_expires_s;  // Unix time.
    std::string_view login_failure;          // Why nobody is logged in though it was tried.
    int64_t issued_ms = 0;                   // Unix time.
    bool secure = false;
    bool xdomain = false;  // It carried an Origin.
};

class Link {
public:
    // Why this side ends the connection: the words of Engine.IO's close reasons.
    enum class End : uint8_t { forced_close, forced_server_close, server_shutting_down };

    virtual ~Link() = default;
    // A packet: its text (or MessagePack bytes) and its attachments, in this order.
    virtual void send(std::string_view text, bool text_is_binary,
                      std::span<const std::string> attachments, bool compress) = 0;
    // One message of a packet that many get.
    virtual void deliver(hub::Publication& message) = 0;
    [[nodiscard]] virtual bool writable() const noexcept = 0;  // What is sent leaves now.
    virtual void end(End how) = 0;
    [[nodiscard]] virtual unsigned revision() const noexcept = 0;  // Of Engine.IO: 3 or 4.
    [[nodiscard]] virtual std::string_view sid() const noexcept = 0;
    [[nodiscard]] virtual std::string_view transport() const noexcept = 0;
    [[nodiscard]] virtual const ConnectInfo& info() const noexcept = 0;
};

}  // namespace starling::socketio
