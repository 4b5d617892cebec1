// net/watch.h: reports the readiness of a descriptor that other code owns, for libraries with their
// own sockets (libcurl, c-ares).
//
// Level-triggered: readiness is reported in each tick until the library has dealt with it. An error
// or a hang-up counts as ready for everything in the interest. Watcher::on_ready() may change or
// destroy any Watch, even its own; its exceptions go to Loop::on_escaped().
//
// Owner: the code that drives the library; it destroys the Watch before the Loop. Thread: the
//        loop's.
#pragma once

#include <cstdint>
#include <system_error>

namespace starling::net {

class Loop;

struct Interest {
    bool readable = false, writable = false;
    bool operator==(const Interest&) const = default;
};

class Watcher {
public:
    // At least one of the two is true, and only for what the Watch asks.
    virtual void on_ready(bool readable, bool writable) = 0;

protected:
    ~Watcher() = default;
};

class Watch {
public:
    // Throws std::system_error if the kernel refuses (fd not open, a plain file, no memory).
    Watch(Loop& loop, int fd, Interest interest, Watcher& watcher);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // An empty interest reports nothing, not even errors. A call that changes nothing costs
    // nothing.
    [[nodiscard]] std::error_code change(Interest interest) noexcept;
    // Call it when the descriptor is closed, or will be before the loop waits again. Nothing more
    // is reported, and the number is not used any more: another connection may already have it.
    void forget() noexcept;

    [[nodiscard]] int fd() const noexcept { return fd_; }  // -1 after forget().
    [[nodiscard]] Interest interest() const noexcept { return interest_; }

    // Called by the backend.
    void ready(bool readable, bool writable);
    bool in_kernel = false;  // For the backend.

private:
    Loop& loop_;
    Watcher& watcher_;
    int fd_;
    Interest interest_;
};

}  // namespace starling::net
