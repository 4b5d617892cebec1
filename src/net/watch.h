// net/watch.h: readiness of a descriptor that belongs to somebody else, for libraries that own their
// sockets (libcurl, c-ares).
//
// Level-triggered: what is ready is reported in each tick until the library has dealt with it. An
// error or a hang-up counts as ready for whatever is asked for. Watcher::on_ready() may change or
// destroy any Watch, its own included; what it throws is told by Loop::on_escaped().
//
// Owner: the code that drives the library; a Watch ends before its Loop. Thread: the loop's.
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
    // At least one of the two, and only what the Watch asks for.
    virtual void on_ready(bool readable, bool writable) = 0;

protected:
    ~Watcher() = default;
};

class Watch {
public:
    // Throws std::system_error where the kernel refuses (not open, a plain file, no memory).
    Watch(Loop& loop, int fd, Interest interest, Watcher& watcher);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // Neither: nothing is reported, not even an error. A call that changes nothing costs nothing.
    [[nodiscard]] std::error_code change(Interest interest) noexcept;
    // The descriptor is closed, or is about to be before the loop waits again. Nothing more is reported, and the
    // number is not touched any more: another connection may bear it already.
    void forget() noexcept;

    [[nodiscard]] int fd() const noexcept { return fd_; }  // -1 after forget().
    [[nodiscard]] Interest interest() const noexcept { return interest_; }

    // From the backend.
    void ready(bool readable, bool writable);
    bool in_kernel = false;  // The backend's note.

private:
    Loop& loop_;
    Watcher& watcher_;
    int fd_;
    Interest interest_;
};

}  // namespace starling::net
