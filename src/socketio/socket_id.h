// socketio/socket_id.h: the id of a socket in 16 bytes. An id that this server made has 20
// characters of base64url, which are 15 bytes. A client before 3.0 has the id of its session: in "/"
// outside a cluster that has 20 characters as well. Any other id is a text on the heap.
//
// Owner: the socket. Thread: as the socket says.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/base64url_bits.h"

namespace starling::socketio {

class SocketId {
public:
    static constexpr size_t made_length = 20, made_bytes = 15;

    explicit SocketId(std::string_view text) {
        if (pack(text, bytes_)) return;
        auto own = std::make_unique<std::string>(text);
        const std::string* const address = own.release();
        std::memcpy(bytes_.data(), static_cast<const void*>(&address), sizeof(std::string*));
        bytes_.back() = long_mark;
    }
    SocketId(SocketId&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    SocketId& operator=(SocketId&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~SocketId() {
        if (is_long()) delete long_text();
    }

    // The id as text. view() is valid while the Text and the id live.
    class Text {
    public:
        [[nodiscard]] std::string_view view() const noexcept {
            return long_ ? std::string_view(*long_) : std::string_view(made_.data(), made_.size());
        }

    private:
        friend class SocketId;
        std::array<char, made_length> made_{};
        const std::string* long_ = nullptr;
    };
    [[nodiscard]] Text text() const noexcept {
        Text text;
        if (is_long())
            text.long_ = long_text();
        else
            base::write_base64url(text.made_, std::span(bytes_).first(made_bytes));
        return text;
    }
    [[nodiscard]] bool is(std::string_view text) const noexcept {
        if (is_long()) return *long_text() == text;
        Bytes packed{};
        return pack(text, packed) && packed == bytes_;
    }

    // Equal ids have equal hashes. The last 8 of the 15 bytes are their own hash: they are random in
    // an id that this server made, and part of the secret in the id of a session. The first bytes of
    // a session's id are not: they are the worker and the slot.
    [[nodiscard]] uint64_t hash() const noexcept {
        return is_long() ? hash_of_long(*long_text()) : hash_of(bytes_);
    }
    [[nodiscard]] static uint64_t hash_of(std::string_view text) noexcept {
        Bytes packed{};
        return pack(text, packed) ? hash_of(packed) : hash_of_long(text);
    }

private:
    using Bytes = std::array<std::byte, made_bytes + 1>;
    static constexpr std::byte long_mark{1};

    [[nodiscard]] static bool pack(std::string_view text, Bytes& bytes) noexcept {
        return text.size() == made_length &&
               base::read_base64url(text, std::span(bytes).first(made_bytes));
    }
    [[nodiscard]] static uint64_t hash_of_long(std::string_view text) noexcept {
        return std::hash<std::string_view>{}(text);
    }
    [[nodiscard]] static uint64_t hash_of(const Bytes& bytes) noexcept {
        uint64_t hash = 0;
        std::memcpy(&hash, bytes.data() + made_bytes - sizeof hash, sizeof hash);
        return hash;
    }
    [[nodiscard]] bool is_long() const noexcept { return bytes_.back() == long_mark; }
    [[nodiscard]] const std::string* long_text() const noexcept {
        const std::string* text = nullptr;
        std::memcpy(static_cast<void*>(&text), bytes_.data(), sizeof(std::string*));
        return text;
    }

    // The last byte says which form it is: the bytes of an id that was made, or the address of a
    // text.
    alignas(std::string*) Bytes bytes_{};
};
static_assert(sizeof(SocketId) == 16);

}  // namespace starling::socketio
