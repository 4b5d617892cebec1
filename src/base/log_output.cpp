#include "base/log_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <system_error>
#include <utility>

namespace starling::base {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

int open_file(const std::string& path) noexcept {
    // O_NONBLOCK: without a reader, opening a FIFO is an error instead of a wait.
    return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                  0640);
}

}  // namespace

LogOutput::~LogOutput() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> LogOutput::open(const std::string& path) {
    if (path.empty()) return adopt(STDERR_FILENO);
    const int descriptor = open_file(path);
    if (descriptor < 0) return Failure("cannot open log file '" + path + "': " + reason(errno));
    path_ = path;
    use(descriptor);
    return {};
}

Result<void> LogOutput::adopt(int descriptor) {
    const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        return Failure("cannot write the log to descriptor " + std::to_string(descriptor) + ": " +
                       reason(errno));
    path_.clear();
    use(copy);
    return {};
}

Result<void> LogOutput::reopen() {
    if (path_.empty()) return {};
    const int descriptor = open_file(path_);
    if (descriptor < 0) return Failure("cannot reopen log file '" + path_ + "': " + reason(errno));
    if (!rest_.empty()) rest_.erase(0, push(rest_));  // The rest belongs to the old file.
    rest_.clear();
    use(descriptor);
    return {};
}

// Takes over `descriptor` and finds a way to write to it without waiting. O_NONBLOCK belongs to the
// open file, which standard error shares with the shell and other programs. So pipes and terminals
// are opened a second time, through /proc: then the flag affects this program only.
void LogOutput::use(int descriptor) noexcept {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = descriptor;
    way_ = Way::plain;
    piece_bytes_max_ = SSIZE_MAX;
    terminal_ = ::isatty(descriptor) == 1;
    struct stat status {};
    if (::fstat(descriptor, &status) != 0 || S_ISREG(status.st_mode)) return;
    if (S_ISSOCK(status.st_mode)) {
        way_ = Way::socket;
        return;
    }
    const int flags = ::fcntl(descriptor, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK)) return;
    const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
    const int own = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (own >= 0) {
        ::close(std::exchange(descriptor_, own));
        return;
    }
    // A pipe that poll() reports as writable has room for PIPE_BUF bytes (pipe(7)), a terminal for
    // one.
    way_ = Way::polled;
    piece_bytes_max_ = S_ISFIFO(status.st_mode) ? PIPE_BUF : 1;
}

bool LogOutput::write(std::string_view line) noexcept {
    if (descriptor_ < 0) return false;
    if (!rest_.empty()) {
        rest_.erase(0, push(rest_));
        if (!rest_.empty()) return false;
    }
    const size_t taken = push(line);
    if (taken == 0) return line.empty();
    if (taken < line.size()) rest_.assign(line.substr(taken));
    return true;
}

size_t LogOutput::push(std::string_view bytes) noexcept {
    size_t taken = 0;
    while (taken < bytes.size()) {
        const long count = push_once(bytes.substr(taken, piece_bytes_max_));
        if (count <= 0) break;
        taken += static_cast<size_t>(count);
    }
    return taken;
}

long LogOutput::push_once(std::string_view bytes) noexcept {
    if (way_ == Way::polled) {
        pollfd poll{descriptor_, POLLOUT, 0};
        if (::poll(&poll, 1, 0) != 1 || !(poll.revents & POLLOUT)) return 0;
    }
    long count = 0;
    do {
        count = way_ == Way::socket
                    ? ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                    : ::write(descriptor_, bytes.data(), bytes.size());
    } while (count < 0 && errno == EINTR);
    return count;
}

}  // namespace starling::base
