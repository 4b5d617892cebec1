// net/acceptor.h: accepts connections from one listening socket on one loop.
//
// When descriptors run out it pauses for a moment instead of spinning, after it has told one waiting
// peer "503" with the help of a descriptor kept in reserve. Existing connections go on.
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

    // Sent, without parsing anything, to a peer that cannot be served for want of descriptors.
    void set_refusal(std::string_view bytes) noexcept { refusal_ = bytes; }

    // Told each time accepting pauses.
    void on_pause(std::function<void()> call) { on_pause_ = std::move(call); }

    [[nodiscard]] int fd() const noexcept { return listening_.get(); }
    [[nodiscard]] uint64_t pauses() const noexcept { return pauses_; }

    // From the backend.
    void accepted(Descriptor fd);
    void failed(int error);

private:
    void refuse_one() noexcept;
    void pause();
    void resume();

    static constexpr uint64_t pause_ms = 100;
    static constexpr int refused_reads_max = 4;  // Of 4 KiB: a request is seldom longer.

    Loop& loop_;
    Descriptor listening_;
    Descriptor reserve_;  // Open on /dev/null, given up to answer one peer when none is left.
    Accepted accepted_;
    std::function<void()> on_pause_;
    std::string_view refusal_;
    uint64_t pauses_ = 0;
    uint64_t resume_timer_ = 0;  // 0: not paused.
};

}  // namespace starling::net
