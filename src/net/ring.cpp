#include "net/ring.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/assert.h"

namespace starling::net {

std::error_code Ring::open() noexcept {
    STARLING_ASSERT(!open_);
    io_uring_params params{};
    // SUBMIT_ALL: an operation that the kernel refuses does not hold up those behind it.
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                   IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                   IORING_SETUP_CLAMP;
    params.cq_entries = sizes_.completions;
    if (const int failed = ::io_uring_queue_init_params(sizes_.submissions, &ring_, &params))
        return {-failed, std::system_category()};
    open_ = true;
    // EXT_ARG: the timeout is an argument of the wait. NODROP: the kernel keeps completions that do not fit.
    constexpr unsigned wanted =
        IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE;
    int error = (params.features & wanted) == wanted ? 0 : EOPNOTSUPP;
    if (error == 0) error = try_to_enter();
    if (error == 0) return {};
    close();
    return {error, std::system_category()};
}

// A sandbox may allow a ring and forbid its use. EBADFD is the kernel's own answer: the ring is not enabled yet.
int Ring::try_to_enter() const noexcept {
    const long result = ::syscall(__NR_io_uring_enter, ring_.ring_fd, 0, 0, 0, nullptr, 0);
    return result == 0 || errno == EBADFD ? 0 : errno;
}

std::error_code Ring::enable() const noexcept {
    // Debian's liburing 2.3 does not export io_uring_enable_rings().
    const long result =
        ::syscall(__NR_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
    if (result == 0) return {};
    return {errno, std::system_category()};
}

void Ring::close() noexcept {
    if (!open_) return;
    ::io_uring_queue_exit(&ring_);
    open_ = false;
    pending_ = 0;
}

void Ring::cancel_all_and_close() {
    constexpr int again_ms = 20;
    while (pending_ > 0) {
        io_uring_sqe& all = prepare(0);
        ::io_uring_prep_cancel64(&all, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
        submit_and_wait(again_ms);
    }
    close();
}

io_uring_sqe& Ring::prepare(uint64_t name) {
    io_uring_sqe* operation = ::io_uring_get_sqe(&ring_);
    while (!operation) {
        submit();
        operation = ::io_uring_get_sqe(&ring_);
    }
    operation->user_data = name;
    if (name != 0) ++pending_;
    return *operation;
}

void Ring::submit() noexcept {
    (void)::io_uring_submit(&ring_);
    collect();  // Completions that do not fit are lost with this thread, and the kernel may refuse to submit meanwhile.
}

// Errors are temporary (a signal, the end of the time, no memory), because open() has tried the call. What was not
// submitted stays in the queue.
void Ring::submit_and_wait(int timeout_ms) noexcept {
    if (timeout_ms == 0) {
        (void)::io_uring_submit_and_get_events(&ring_);
    } else if (timeout_ms < 0) {
        (void)::io_uring_submit_and_wait(&ring_, 1);
    } else {
        __kernel_timespec time{timeout_ms / 1000, (timeout_ms % 1000) * 1'000'000LL};
        io_uring_cqe* first = nullptr;
        (void)::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &time, nullptr);
    }
    collect();
}

void Ring::collect() {
    for (;;) {
        // May throw: nothing is taken yet.
        found_.reserve(found_.size() + ::io_uring_cq_ready(&ring_));
        unsigned head = 0, count = 0;
        const io_uring_cqe* completed = nullptr;
        io_uring_for_each_cqe(&ring_, head, completed) {
            ++count;
            if (completed->user_data == 0) continue;
            if (!(completed->flags & IORING_CQE_F_MORE)) --pending_;
            found_.push_back({completed->user_data, completed->res, completed->flags});
        }
        ::io_uring_cq_advance(&ring_, count);
        // What did not fit into the shared memory is given out now.
        if (!::io_uring_cq_has_overflow(&ring_)) return;
        if (::io_uring_get_events(&ring_) < 0) return;  // No memory, or not the thread of the ring.
    }
}

void Ring::forget_taken() noexcept {
    found_.erase(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
}

}  // namespace starling::net
