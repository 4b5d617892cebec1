// net/ring.h: one io_uring: operations are prepared, submitted together, and completed. Private to the io_uring
// backend, because liburing's header is large.
//
// The ring is made by any thread. The thread that calls enable() is from then on the only one that submits and
// collects (IORING_SETUP_SINGLE_ISSUER). The kernel works for the ring only while that thread is in a system
// call of the ring (IORING_SETUP_DEFER_TASKRUN), so between two such calls the
// kernel writes to no buffer.
//
// Owner: UringBackend. Thread: the one of enable().
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <vector>

#include "net/uring_sizes.h"

namespace starling::net {

class Ring {
public:
    // `name` is what the operation was submitted with.
    struct Completion {
        uint64_t name;
        int32_t result;
        uint32_t flags;
    };

    explicit Ring(const UringSizes& sizes) : sizes_(sizes) { found_.reserve(sizes.completions); }
    ~Ring() { close(); }
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    // Not enabled yet: operations can be prepared, but not submitted.
    [[nodiscard]] std::error_code open() noexcept;
    [[nodiscard]] bool is_open() const noexcept { return open_; }
    [[nodiscard]] std::error_code enable() const noexcept;
    // The kernel ends all operations soon; nothing is completed any more.
    void close() noexcept;
    // Cancels all operations, waits for their completions, and closes.
    void cancel_all_and_close();

    // The next operation, to be filled in by io_uring_prep_*(). Submits the earlier ones if the queue is full.
    // Its completion gets `name`. Name 0: the operation is not waited for, and its completion is dropped.
    [[nodiscard]] io_uring_sqe& prepare(uint64_t name);
    void submit() noexcept;  // Also collects.
    // Submits, lets the kernel do what is due, and waits at most `timeout_ms` for a completion (-1: without end).
    void submit_and_wait(int timeout_ms) noexcept;

    // Takes note of what the kernel has completed. If there is no memory for that, it throws, and the completions wait.
    // The other functions call it: without memory, those that are noexcept end the program.
    void collect();
    // Completions that were collected and not taken. Grows during submit(), submit_and_wait() and prepare().
    [[nodiscard]] std::span<Completion> found() noexcept {
        return std::span(found_).subspan(taken_);
    }
    [[nodiscard]] bool has_found() const noexcept { return taken_ < found_.size(); }
    // Precondition: has_found().
    [[nodiscard]] Completion take() noexcept { return found_[taken_++]; }
    void forget_taken() noexcept;
    // As if the kernel had completed it.
    void complete(Completion completion) { found_.push_back(completion); }

    // The kernel has not taken all prepared operations. It still reads the memory that they name.
    [[nodiscard]] bool has_unsubmitted() const noexcept { return ::io_uring_sq_ready(&ring_) > 0; }

    [[nodiscard]] io_uring& raw() noexcept { return ring_; }

private:
    // An errno; 0: the kernel lets this program use the ring.
    [[nodiscard]] int try_to_enter() const noexcept;

    const UringSizes sizes_;
    io_uring ring_{};
    bool open_ = false;
    size_t pending_ = 0;  // Operations with a name whose last completion was not collected.
    std::vector<Completion> found_;
    size_t taken_ = 0;
};

}  // namespace starling::net
