// net/make_backend.h: the backend for an Io, and what an Io becomes on this machine. Thread: any.
#pragma once

#include <starling/io.h>

#include <memory>
#include <string>

#include "net/backend.h"

namespace starling::net {

struct ChosenIo {
    Io io = Io::epoll;    // Never `automatic`.
    std::string refused;  // Why it is not the io_uring that was asked for; "": nothing was refused.
};

// Tries io_uring if it is asked for.
[[nodiscard]] ChosenIo choose_io(Io wanted);
// Falls back to epoll as choose_io() does.
[[nodiscard]] std::unique_ptr<Backend> make_backend(Io wanted);

// Why the kernel refuses io_uring, for people.
[[nodiscard]] std::string describe_refusal(int error);

}  // namespace starling::net
