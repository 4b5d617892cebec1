// socketio/transport.h: the connection below a client, as the layers above see it; a server implements it.
//
// Owner: the server. Thread: the worker's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "hub/hub.h"

namespace starling::socketio {

// What is kept of the request with which a client came, for as long as it stays: so in one piece.
class ConnectInfo {
public:
    static constexpr int64_t never_s = INT64_MAX;

    ConnectInfo() = default;
    // `user`: who logged in by that request, "" for nobody. `head`: "/socket.io/?EIO=4&...\n", then
    // "name: value\n" for each field.
    ConnectInfo(std::string_view address, std::string_view user, std::string_view head)
        : address_bytes_(uint8_t(address.size())), user_bytes_(uint8_t(user.size())) {
        text_.reserve(address_bytes_ + user_bytes_ + head.size());  // Exactly.
        text_.append(address.substr(0, address_bytes_)).append(user.substr(0, user_bytes_));
        text_.append(head);
    }

    [[nodiscard]] std::string_view address() const noexcept {
        return std::string_view(text_).substr(0, address_bytes_);
    }
    [[nodiscard]] std::string_view user() const noexcept {
        return std::string_view(text_).substr(address_bytes_, user_bytes_);
    }
    [[nodiscard]] std::string_view head() const noexcept {
        return std::string_view(text_).substr(address_bytes_ + size_t(user_bytes_));
    }

    int64_t login_expires_s = never_s;    // Unix time.
    const char* login_failure = nullptr;  // Why nobody is logged in though it was tried.
    int64_t issued_ms = 0;                // Unix time.
    bool secure = false;
    bool xdomain = false;  // It carried an Origin.

private:
    uint8_t address_bytes_ = 0, user_bytes_ = 0;  // Neither is longer than 255.
    std::string text_;
};

class Transport {
public:
    // Why this side ends the connection: the words of Engine.IO's close reasons.
    enum class End : uint8_t { forced_close, forced_server_close, server_shutting_down };

    virtual ~Transport() = default;
    // A packet: its text (or MessagePack bytes) and its attachments, in this order.
    virtual void send(std::string_view text, bool text_is_binary,
                      std::span<const std::string> attachments, bool compress) = 0;
    // One message of a packet that many get.
    virtual void deliver(hub::Publication& message) = 0;
    [[nodiscard]] virtual bool writable() const noexcept = 0;  // What is sent leaves now.
    virtual void end(End how) = 0;
    // Connection::timed_out() is due then. Replaces the one set before.
    virtual void set_timer(uint64_t delay_ms) = 0;
    // A namespace let the client in; called for each.
    virtual void joined() {}
    [[nodiscard]] virtual unsigned revision() const noexcept = 0;  // Of Engine.IO: 3 or 4.
    [[nodiscard]] virtual std::string_view sid() const noexcept = 0;
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;
    [[nodiscard]] virtual const ConnectInfo& info() const noexcept = 0;
};

}  // namespace starling::socketio
