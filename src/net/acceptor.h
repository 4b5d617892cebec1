// net/acceptor.h: accepts connections from one listening socket on one loop.
//
// When descriptors run out, the Acceptor uses a descriptor kept in reserve to answer one waiting
// peer with 503. Then it pauses for a moment instead of spinning. Existing connections go on.
//
// Owner: the server::Worker that listens. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "net/socket.h"

namespace starling::net {

class Loop;

class Acceptor {
public:
    using Accepted = std::function<void(Descriptor)>;

    Acceptor(Loop& loop, Descriptor listening, Accepted accepted);
    ~Acceptor();
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    // The answer to a peer that cannot be served because descriptors ran out. Its request is not
    // parsed.
    void set_refusal(std::string_view bytes) noexcept { refusal_ = bytes; }

    // Calls `call` each time accepting pauses.
    void on_pause(std::function<void()> call) { on_pause_ = std::move(call); }

    [[nodiscard]] int fd() const noexcept { return listening_.get(); }
    [[nodiscard]] uint64_t pauses() const noexcept { return pauses_; }

    // Called by the backend.
    void accepted(Descriptor fd);
    void failed(int error);

private:
    void refuse_one() noexcept;
    void pause();
    void resume();

    static constexpr uint64_t pause_ms = 100;
    static constexpr int refused_reads_max = 4;  // Reads of 4 KiB; a request is seldom longer.

    Loop& loop_;
    Descriptor listening_;
    // Open on /dev/null. Closed to accept and answer one peer when no descriptor is left.
    Descriptor reserve_;
    Accepted accepted_;
    std::function<void()> on_pause_;
    std::string_view refusal_;
    uint64_t pauses_ = 0;
    uint64_t resume_timer_ = 0;  // 0: not paused.
};

}  // namespace starling::net
