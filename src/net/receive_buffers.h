// net/receive_buffers.h: memory into which an io_uring receives (IORING_REGISTER_PBUF_RING). The kernel takes a
// buffer when bytes have arrived, so an idle connection holds none.
//
// Each buffer has Backend::receive_headroom_bytes before it. A buffer that is out belongs to the completion that
// names it, until give_back().
//
// Owner: UringBackend. Thread: the loop's.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

#include "net/backend.h"
#include "net/ring.h"

namespace starling::net {

class ReceiveBuffers {
public:
    static constexpr uint16_t group = 0;
    static constexpr size_t buffer_bytes = 32 * 1024;

    // `count` is a power of two. Throws std::system_error.
    explicit ReceiveBuffers(unsigned count);
    ~ReceiveBuffers();
    ReceiveBuffers(const ReceiveBuffers&) = delete;
    ReceiveBuffers& operator=(const ReceiveBuffers&) = delete;

    // Gives all buffers to a new ring. None is out.
    [[nodiscard]] std::error_code register_with(Ring& ring) noexcept;

    // The buffer of a completion with IORING_CQE_F_BUFFER and `bytes` received bytes.
    [[nodiscard]] std::span<std::byte> take(uint16_t id, size_t bytes) noexcept {
        return {memory_ + id * stride + Backend::receive_headroom_bytes, bytes};
    }
    void give_back(uint16_t id) noexcept;

private:
    // Not a multiple of the page: otherwise the first bytes of all buffers would share a few lines of the cache.
    static constexpr size_t stride = Backend::receive_headroom_bytes + buffer_bytes + 5 * 64;

    void add(uint16_t id, int offset) noexcept;
    [[nodiscard]] size_t memory_bytes() const noexcept { return count_ * stride; }
    [[nodiscard]] size_t ring_bytes() const noexcept { return count_ * sizeof(io_uring_buf); }

    const unsigned count_;
    std::byte* memory_ = nullptr;
    io_uring_buf_ring* ring_ = nullptr;
};

}  // namespace starling::net
