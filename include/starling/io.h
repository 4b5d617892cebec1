// <starling/io.h>: how a loop talks to the kernel. Part of <starling/server.h> and <starling/client.h>.
#pragma once

#include <cstdint>

namespace starling {

enum class Io : uint8_t {
    // io_uring if the environment variable STARLING_IO is "io_uring"; with any other text, or
    // without the variable, epoll.
    automatic,
    epoll,
    // io_uring of Linux 6.1 and newer. Where the kernel or a sandbox refuses it, epoll.
    io_uring,
};

}  // namespace starling
