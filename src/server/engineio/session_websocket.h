// server/engineio/session_websocket.h: the WebSocket of an Engine.IO session, in one word: a connection
// of this node, or the end of a WebSocket whose client's connection is at another node.
//
// Owner: the session. Thread: the worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/text.h"
#include "hub/hub.h"
#include "server/ws_connection.h"

namespace starling::server {

// See RelayedSocket. The calls are those of a WsConnection.
class FarWebSocket {
public:
    virtual void send(ws::Message message, bool compress) = 0;
    [[nodiscard]] virtual size_t buffered_amount() const noexcept = 0;
    [[nodiscard]] virtual bool is_writable() const noexcept = 0;
    virtual void pause(bool pauses) = 0;
    [[nodiscard]] virtual std::string remote_address() const = 0;
    virtual void close(uint16_t code) = 0;
    // The session does not know it any more.
    virtual void untied() noexcept = 0;

protected:
    ~FarWebSocket() = default;
};

class SessionWebSocket {
public:
    SessionWebSocket() noexcept = default;  // None.
    explicit SessionWebSocket(WsConnection& connection) noexcept
        : word_(reinterpret_cast<uintptr_t>(&connection)) {}
    explicit SessionWebSocket(FarWebSocket& socket) noexcept
        : word_(reinterpret_cast<uintptr_t>(&socket) | far_tag) {}

    explicit operator bool() const noexcept { return word_ != 0; }
    [[nodiscard]] bool is_far() const noexcept { return (word_ & far_tag) != 0; }

    // ---- If there is one ------------------------------------------------------------------------
    void send(ws::Message message, bool compress = true) const {
        if (is_far()) [[unlikely]]
            return far().send(message, compress);
        near().send(message, compress);
    }
    void deliver(hub::Publication& publication) const {
        if (!is_far()) [[likely]]
            return near().deliver(publication);
        ++publication.taken;
        const auto bytes = publication.message.bytes;
        far().send(
            publication.message.binary ? ws::Message(bytes) : ws::Message(base::text_of(bytes)),
            publication.compress);
    }
    [[nodiscard]] size_t buffered_amount() const noexcept {
        return is_far() ? far().buffered_amount() : near().buffered_amount();
    }
    [[nodiscard]] bool is_writable() const noexcept {
        return is_far() ? far().is_writable() : near().is_writable();
    }
    void pause() const { is_far() ? far().pause(true) : near().pause(); }
    void resume() const { is_far() ? far().pause(false) : near().resume(); }
    [[nodiscard]] std::string remote_address() const {
        return is_far() ? far().remote_address() : near().remote_address();
    }
    void close(uint16_t code) const { is_far() ? far().close(code) : near().close(code, {}); }
    // It forgets the session, and this object forgets it.
    void untie() noexcept {
        const SessionWebSocket before = std::exchange(*this, SessionWebSocket());
        before.is_far() ? before.far().untied() : void(before.near().data() = {});
    }

private:
    static constexpr uintptr_t far_tag = 1;
    static_assert(alignof(WsConnection) > far_tag && alignof(FarWebSocket) > far_tag);

    [[nodiscard]] WsConnection& near() const noexcept {
        // NOLINTNEXTLINE(performance-no-int-to-ptr): the word is this address.
        return *reinterpret_cast<WsConnection*>(word_);
    }
    [[nodiscard]] FarWebSocket& far() const noexcept {
        // NOLINTNEXTLINE(performance-no-int-to-ptr): the word is this address and a tag.
        return *reinterpret_cast<FarWebSocket*>(word_ & ~far_tag);
    }

    uintptr_t word_ = 0;
};

}  // namespace starling::server
