// socketio/transport.h: the interface to the Engine.IO connection below a client; a server
// implements it.
//
// Owner: the server. Thread: the worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "hub/hub.h"

namespace starling::socketio {

// The facts kept about the request that opened the session. All texts share one allocation, because
// they live as long as the client.
class ConnectInfo {
public:
    static constexpr int64_t never_s = INT64_MAX;

    ConnectInfo() = default;
    // `user`: the user that the request logged in, "" for none. `head`: "/socket.io/?EIO=4&...\n",
    // then "name: value\n" for each field.
    ConnectInfo(std::string_view address, std::string_view user, std::string_view head)
        : address_bytes_(static_cast<uint8_t>(address.size())),
          user_bytes_(static_cast<uint8_t>(user.size())),
          head_bytes_(static_cast<uint32_t>(head.size())),
          text_(std::make_unique<char[]>(user_end() + head.size())) {
        address.copy(text_.get(), address_bytes_);
        user.copy(text_.get() + address_bytes_, user_bytes_);
        head.copy(text_.get() + user_end(), head_bytes_);
    }

    [[nodiscard]] std::string_view address() const noexcept {
        return {text_.get(), address_bytes_};
    }
    [[nodiscard]] std::string_view user() const noexcept {
        return {text_.get() + address_bytes_, user_bytes_};
    }
    [[nodiscard]] std::string_view head() const noexcept {
        return {text_.get() + user_end(), head_bytes_};
    }

    int64_t login_expires_s = never_s;    // Unix time.
    const char* login_failure = nullptr;  // Why the credentials were refused; null: no failure.
    int64_t issued_ms = 0;                // Unix time.
    bool secure : 1 = false;
    bool xdomain : 1 = false;             // The request had an Origin.
    bool from_trusted_proxy : 1 = false;  // As http::Request::from_trusted_proxy().

private:
    [[nodiscard]] size_t user_end() const noexcept {
        return address_bytes_ + static_cast<size_t>(user_bytes_);
    }

    uint8_t address_bytes_ = 0, user_bytes_ = 0;  // Each at most 255.
    uint32_t head_bytes_ = 0;                     // The parser bounds the head of a request.
    std::unique_ptr<char[]> text_;
};
static_assert(sizeof(ConnectInfo) <= 40, "part of what an idle Socket.IO client costs");

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
    // From pause() to resume() the client is not read; its heartbeats are not missed.
    virtual void pause() {}
    virtual void resume() {}
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
