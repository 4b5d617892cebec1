#include "net/make_backend.h"

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>

namespace starling::net {
namespace {

[[nodiscard]] bool wants_uring(Io wanted) {
    if (wanted != Io::automatic) return wanted == Io::io_uring;
    const char* const variable = std::getenv("STARLING_IO");
    return variable && std::string_view(variable) == "io_uring";
}

}  // namespace

std::string describe_refusal(int error) {
    std::string text = std::system_category().message(error);
    switch (error) {
        case EPERM:
        case EACCES: return "a sandbox or kernel.io_uring_disabled forbids it (" + text + ")";
        case ENOSYS: return "the kernel has none, or a sandbox hides it (" + text + ")";
        case EINVAL:
        case EOPNOTSUPP: return "the kernel is older than Linux 6.1 (" + text + ")";
        default: return text;
    }
}

ChosenIo choose_io(Io wanted) {
    if (!wants_uring(wanted)) return {};
    try {
        (void)make_uring_backend();
        return {.io = Io::io_uring, .refused = {}};
    } catch (const std::system_error& error) {
        return {.io = Io::epoll, .refused = describe_refusal(error.code().value())};
    }
}

std::unique_ptr<Backend> make_backend(Io wanted) {
    if (!wants_uring(wanted)) return make_epoll_backend();
    try {
        return make_uring_backend();
    } catch (const std::system_error&) {
        return make_epoll_backend();
    }
}

}  // namespace starling::net
