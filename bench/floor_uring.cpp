// bench/floor_uring.cpp: what the kernel alone costs with io_uring: returns the bytes it gets, without a protocol.
// Multishot accept and receive, a ring of provided buffers, sends submitted by the call that waits.
//
//   floor_uring PORT [files] [zero-copy] [whole=BYTES]
//
//   files        operations name descriptors that are registered with the ring
//   zero-copy    IORING_OP_SEND_ZC in place of IORING_OP_SEND; the first notification says on stderr what the kernel did
//   whole=BYTES  each connection waits for a message of BYTES bytes and returns it with one send, so that a send has the
//                size of a message; without it the floor returns what each receive has brought
#include <liburing.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "listen.h"

using namespace starling::bench;

namespace {

constexpr unsigned buffers = 256, buffer_bytes = 32 * 1024, files_max = 1024;
// IORING_SEND_ZC_REPORT_USAGE and IORING_NOTIF_USAGE_ZC_COPIED, from Linux 6.2 on. Debian's liburing 2.3 does not
// define them.
constexpr unsigned report_usage = 1u << 3, copied = 1u << 31;
enum Kind : uint8_t { accepting = 1, receiving, sending };

struct Floor {
    bool files = false, zero_copy = false, told = false;
    size_t whole_bytes = 0;  // 0: returns what each receive brings.
    std::map<int, std::vector<char>> messages;
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
    // The operation `kind` for `fd`, whose completion carries `name`.
    void finish(io_uring_sqe& operation, Kind kind, int name) const {
        if (files) operation.flags |= IOSQE_FIXED_FILE;
        operation.user_data = kind | static_cast<uint64_t>(name) << 8;
    }
    void receive(int fd) {
        io_uring_sqe& operation = prepare();
        if (whole_bytes) {
            io_uring_prep_recv(&operation, fd, messages[fd].data(), whole_bytes, MSG_WAITALL);
        } else {
            io_uring_prep_recv_multishot(&operation, fd, nullptr, 0, 0);
            operation.flags |= IOSQE_BUFFER_SELECT;
        }
        finish(operation, receiving, fd);
    }
    // MSG_WAITALL: the kernel sends everything before it completes, as send_whole() does.
    void send(int fd, const char* bytes, size_t count, int name) {
        io_uring_sqe& operation = prepare();
        constexpr int flags = MSG_NOSIGNAL | MSG_WAITALL;
        if (zero_copy)
            io_uring_prep_send_zc(&operation, fd, bytes, count, flags, report_usage);
        else
            io_uring_prep_send(&operation, fd, bytes, count, flags);
        finish(operation, sending, name);
    }
    void open(int fd) {
        if (files && io_uring_register_files_update(&ring, static_cast<unsigned>(fd), &fd, 1) != 1)
            std::perror("floor_uring: a file is not registered"), std::exit(1);
        if (whole_bytes) messages[fd].resize(whole_bytes);
        receive(fd);
    }
    void end(int fd) {
        int none = -1;
        if (files) io_uring_register_files_update(&ring, static_cast<unsigned>(fd), &none, 1);
        messages.erase(fd);
        close(fd);
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
        if (files && io_uring_register_files_sparse(&ring, files_max) != 0) return false;
        accept();
        return true;
    }
    void completed(const io_uring_cqe& done) {
        const int name = static_cast<int>(done.user_data >> 8);
        switch (done.user_data & 0xff) {
            case accepting:
                if (done.res >= 0) open(accepted(done.res));
                if (!(done.flags & IORING_CQE_F_MORE)) accept();
                return;
            case receiving: return whole_bytes ? received_whole(name, done) : received(name, done);
            case sending: return sent(name, done);
            default: return;
        }
    }
    void received(int fd, const io_uring_cqe& done) {
        const unsigned id = done.flags >> IORING_CQE_BUFFER_SHIFT;
        if (done.res > 0)
            send(fd, &memory[size_t{id} * buffer_bytes], static_cast<size_t>(done.res),
                 static_cast<int>(id));
        if (done.flags & IORING_CQE_F_MORE) return;
        if (done.res > 0 || done.res == -ENOBUFS)
            receive(fd);
        else
            end(fd);
    }
    void received_whole(int fd, const io_uring_cqe& done) {
        if (done.res != static_cast<int>(whole_bytes)) return end(fd);
        send(fd, messages[fd].data(), whole_bytes, fd);
    }
    // `name`: the buffer, or with whole messages the descriptor. A zero-copy send completes twice: the second time the
    // kernel no longer reads the bytes.
    void sent(int name, const io_uring_cqe& done) {
        if (done.flags & IORING_CQE_F_MORE) return;
        if (done.flags & IORING_CQE_F_NOTIF && !std::exchange(told, true))
            std::fprintf(stderr, "floor_uring: the kernel %s\n",
                         static_cast<unsigned>(done.res) & copied ? "copied the bytes"
                                                                  : "did not copy the bytes");
        if (whole_bytes)
            receive(name);
        else
            give_back(static_cast<unsigned>(name));
    }
};

}  // namespace

int main(int argc, char** argv) {
    Floor floor;
    if (argc > 1 && std::string_view(argv[1]) == "--check") {
        floor.listener = listen_on(0);
        return floor.start() ? 0 : 1;
    }
    for (int i = 2; i < argc; ++i) {
        const std::string_view word = argv[i];
        floor.files |= word == "files";
        floor.zero_copy |= word == "zero-copy";
        if (word.starts_with("whole="))
            floor.whole_bytes = static_cast<size_t>(std::atol(argv[i] + sizeof "whole=" - 1));
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
