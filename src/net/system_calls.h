// net/system_calls.h: send, receive and wait without the cancellation points of libc.
//
// In a process with several threads libc's send() and recv() make the thread cancellable for each
// call. This library cancels no thread, and with small messages that work is 2 % of a server's
// time. Under ThreadSanitizer libc's functions are used, because the sanitizer needs them to know
// the order of events.
#pragma once

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

namespace starling::net::system_calls {

#if defined(__SANITIZE_THREAD__)
#define STARLING_LIBC_CALLS 1
#elif defined(__has_feature)
#define STARLING_LIBC_CALLS __has_feature(thread_sanitizer)
#else
#define STARLING_LIBC_CALLS 0
#endif

inline ssize_t send(int fd, const void* bytes, size_t size, int flags) noexcept {
#if STARLING_LIBC_CALLS
    return ::send(fd, bytes, size, flags);
#else
    return ::syscall(SYS_sendto, fd, bytes, size, flags, nullptr, 0);
#endif
}

inline ssize_t sendmsg(int fd, const msghdr* message, int flags) noexcept {
#if STARLING_LIBC_CALLS
    return ::sendmsg(fd, message, flags);
#else
    return ::syscall(SYS_sendmsg, fd, message, flags);
#endif
}

inline ssize_t receive(int fd, void* bytes, size_t size) noexcept {
#if STARLING_LIBC_CALLS
    return ::recv(fd, bytes, size, 0);
#else
    return ::syscall(SYS_recvfrom, fd, bytes, size, 0, nullptr, nullptr);
#endif
}

// Bytes sent that the peer has not acknowledged, including those that the kernel has not sent yet.
inline size_t unacknowledged(int fd) noexcept {
    int bytes = 0;
    return ::ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

}  // namespace starling::net::system_calls
