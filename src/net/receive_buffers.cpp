#include "net/receive_buffers.h"

#include <cerrno>

namespace starling::net {
namespace {

// Pages that nobody has touched cost nothing.
void* map(size_t bytes) {
    void* const at =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::system_error(errno, std::system_category(), "mmap");
    return at;
}

}  // namespace

ReceiveBuffers::ReceiveBuffers(unsigned count) : count_(count) {
    memory_ = static_cast<std::byte*>(map(memory_bytes()));
    try {
        ring_ = static_cast<io_uring_buf_ring*>(map(ring_bytes()));
    } catch (...) {
        ::munmap(memory_, memory_bytes());
        throw;
    }
}

ReceiveBuffers::~ReceiveBuffers() {
    ::munmap(ring_, ring_bytes());
    ::munmap(memory_, memory_bytes());
}

std::error_code ReceiveBuffers::register_with(Ring& ring) noexcept {
    io_uring_buf_reg request{};
    request.ring_addr = reinterpret_cast<uint64_t>(ring_);
    request.ring_entries = count_;
    request.bgid = group;
    ::io_uring_buf_ring_init(ring_);
    if (const int failed = ::io_uring_register_buf_ring(&ring.raw(), &request, 0))
        return {-failed, std::system_category()};
    for (unsigned id = 0; id < count_; ++id) add(static_cast<uint16_t>(id), static_cast<int>(id));
    ::io_uring_buf_ring_advance(ring_, static_cast<int>(count_));
    return {};
}

void ReceiveBuffers::give_back(uint16_t id) noexcept {
    add(id, 0);
    ::io_uring_buf_ring_advance(ring_, 1);
}

void ReceiveBuffers::add(uint16_t id, int offset) noexcept {
    ::io_uring_buf_ring_add(ring_, take(id, 0).data(), buffer_bytes, id,
                            ::io_uring_buf_ring_mask(count_), offset);
}

}  // namespace starling::net
