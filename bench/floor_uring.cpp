// bench/floor_uring.cpp: what the kernel alone costs with io_uring: returns the bytes it gets, without a protocol.
// Multishot accept and receive, a ring of provided buffers, sends submitted by the call that waits.
#include <liburing.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "listen.h"

using namespace starling::bench;

namespace {

constexpr unsigned buffers = 256, buffer_bytes = 32 * 1024;
enum Kind : uint8_t { accepting = 1, receiving, sending };

struct Floor {
    io_uring ring{};
    io_uring_buf_ring* free = nullptr;
    std::vector<char> memory = std::vector<char>(size_t{buffers} * buffer_bytes);
    int listener = -1;

    io_uring_sqe& prepare() {
        for (;;) {
            if (io_uring_sqe* operation = io_uring_get_sqe(&ring)) return *operation;
            io_uring_submit(&ring);
        }
    }
    void give_back(unsigned id) {
        io_uring_buf_ring_add(free, &memory[size_t{id} * buffer_bytes], buffer_bytes,
                              static_cast<uint16_t>(id), io_uring_buf_ring_mask(buffers), 0);
        io_uring_buf_ring_advance(free, 1);
    }
    void accept() {
        io_uring_sqe& operation = prepare();
        io_uring_prep_multishot_accept(&operation, listener, nullptr, nullptr, 0);
        operation.user_data = accepting;
    }
    void receive(int fd) {
        io_uring_sqe& operation = prepare();
        io_uring_prep_recv_multishot(&operation, fd, nullptr, 0, 0);
        operation.flags |= IOSQE_BUFFER_SELECT;
        operation.user_data = receiving | static_cast<uint64_t>(fd) << 8;
    }
    // MSG_WAITALL: the kernel sends everything before it completes, as send_whole() does.
    void send(int fd, unsigned id, int bytes) {
        io_uring_sqe& operation = prepare();
        io_uring_prep_send(&operation, fd, &memory[size_t{id} * buffer_bytes],
                           static_cast<size_t>(bytes), MSG_NOSIGNAL | MSG_WAITALL);
        operation.user_data = sending | static_cast<uint64_t>(id) << 8;
    }
    bool start() {
        io_uring_params params{};
        params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                       IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
        params.cq_entries = 4096;
        if (io_uring_queue_init_params(1024, &ring, &params) != 0) return false;
        void* at = nullptr;
        if (posix_memalign(&at, 4096, buffers * sizeof(io_uring_buf)) != 0) return false;
        free = static_cast<io_uring_buf_ring*>(at);
        io_uring_buf_ring_init(free);
        io_uring_buf_reg request{};
        request.ring_addr = reinterpret_cast<uint64_t>(free);
        request.ring_entries = buffers;
        if (io_uring_register_buf_ring(&ring, &request, 0) != 0) return false;
        for (unsigned id = 0; id < buffers; ++id) give_back(id);
        accept();
        return true;
    }
    void completed(const io_uring_cqe& done) {
        const int fd = static_cast<int>(done.user_data >> 8);
        switch (done.user_data & 0xff) {
            case accepting:
                if (done.res >= 0) receive(accepted(done.res));
                if (!(done.flags & IORING_CQE_F_MORE)) accept();
                return;
            case receiving:
                if (done.res > 0) send(fd, done.flags >> IORING_CQE_BUFFER_SHIFT, done.res);
                if (done.flags & IORING_CQE_F_MORE) return;
                if (done.res > 0 || done.res == -ENOBUFS)
                    receive(fd);
                else
                    close(fd);
                return;
            case sending: return give_back(static_cast<unsigned>(fd));
            default: return;
        }
    }
};

}  // namespace

int main(int argc, char** argv) {
    Floor floor;
    if (argc > 1 && std::string_view(argv[1]) == "--check") {
        floor.listener = listen_on(0);
        return floor.start() ? 0 : 1;
    }
    floor.listener = listen_on(static_cast<uint16_t>(argc > 1 ? std::atoi(argv[1]) : 9000));
    if (floor.listener < 0 || !floor.start()) return std::perror("floor_uring"), 1;
    for (;;) {
        io_uring_submit_and_wait(&floor.ring, 1);
        unsigned head = 0, count = 0;
        const io_uring_cqe* done = nullptr;
        io_uring_for_each_cqe(&floor.ring, head, done) {
            floor.completed(*done);
            ++count;
        }
        io_uring_cq_advance(&floor.ring, count);
    }
}
