// server/ws_data.h: what a WsHandler keeps for a connection, in one word: an object that the
// connection owns, the key of an object of another owner, or the address of such an object.
//
// Owner: the connection. Thread: the worker's.
#pragma once

#include <starling/websocket.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/assert.h"
#include "base/slot_table.h"

namespace starling::server {

class WsData {
public:
    WsData() noexcept = default;
    template <std::derived_from<ws::detail::AnyData> T>
    // NOLINTNEXTLINE(google-explicit-constructor): as a std::unique_ptr takes one of another class
    WsData(std::unique_ptr<T> object) noexcept
        : word_(reinterpret_cast<uintptr_t>(static_cast<ws::detail::AnyData*>(object.release()))) {}
    [[nodiscard]] static WsData of_key(base::SlotKey key) noexcept {
        return WsData(static_cast<uintptr_t>(base::pack(key) << tag_bits | key_tag));
    }
    // Whoever owns the object takes it away from here before it ends, and learns by
    // WsHandler::on_freed() that the connection has ended.
    template <class T>
    [[nodiscard]] static WsData borrowed_from(T& object) noexcept {
        static_assert(alignof(T) > tag_mask);
        return WsData(reinterpret_cast<uintptr_t>(&object) | borrowed_tag);
    }
    WsData(WsData&& other) noexcept : word_(std::exchange(other.word_, 0)) {}
    WsData& operator=(WsData&& other) noexcept {
        const WsData before(std::exchange(word_, std::exchange(other.word_, 0)));
        return *this;
    }
    ~WsData() { delete get(); }

    // The connection's own object; null: none.
    [[nodiscard]] ws::detail::AnyData* get() const noexcept {
        if ((word_ & tag_mask) != 0) return nullptr;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): without a tag the word is this address.
        return reinterpret_cast<ws::detail::AnyData*>(word_);
    }
    [[nodiscard]] ws::detail::AnyData& operator*() const noexcept { return *get(); }
    [[nodiscard]] ws::detail::AnyData* release() noexcept {
        ws::detail::AnyData* const object = get();
        if (object) word_ = 0;
        return object;
    }
    [[nodiscard]] base::SlotKey key() const noexcept {
        return (word_ & tag_mask) == key_tag ? base::unpack(word_ >> tag_bits) : base::SlotKey{};
    }
    [[nodiscard]] bool is_borrowed() const noexcept { return (word_ & tag_mask) == borrowed_tag; }
    // Null: it is no borrowed object. T: as in borrowed_from().
    template <class T>
    [[nodiscard]] T* borrowed() const noexcept {
        if (!is_borrowed()) return nullptr;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): borrowed_from() made the word of this address.
        return reinterpret_cast<T*>(word_ & ~tag_mask);
    }

private:
    static constexpr unsigned tag_bits = 2;
    static constexpr uintptr_t tag_mask = 3, key_tag = 1, borrowed_tag = 2;
    static_assert(sizeof(uintptr_t) == sizeof(uint64_t));

    explicit WsData(uintptr_t word) noexcept : word_(word) {}

    uintptr_t word_ = 0;
};

}  // namespace starling::server
