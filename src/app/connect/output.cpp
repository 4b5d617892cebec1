#include "app/connect/output.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace starling::app::connect {

Output::Output(ClientLoop& loop, int descriptor) : loop_(loop), descriptor_(descriptor) {
    struct stat facts {};
    if (::fstat(descriptor, &facts) != 0) return;
    if (S_ISFIFO(facts.st_mode)) kind_ = Kind::pipe;
    if (S_ISSOCK(facts.st_mode)) kind_ = Kind::socket;
}

Output::~Output() { loop_.unwatch(watch_); }

void Output::write(std::string_view bytes) {
    if (error_ != 0) return;
    if (waiting_bytes() == 0 && !write_some(bytes)) return on_change_ ? on_change_() : void();
    if (bytes.empty()) return;
    queue_.append(bytes);
    if (watch_ == 0)
        watch_ = loop_.watch(descriptor_, {.writable = true},
                             [this](ClientLoop::Readiness) { on_writable(); });
}

// Takes what was written off `bytes`. False: the write has failed.
//
// The descriptor may be shared with other programs, so it is not made non-blocking: a pipe that is
// ready takes PIPE_BUF bytes without waiting (POSIX, write()).
bool Output::write_some(std::string_view& bytes) {
    while (!bytes.empty()) {
        ssize_t size = 0;
        if (kind_ == Kind::socket) {
            size = ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        } else if (kind_ == Kind::pipe) {
            pollfd ready{descriptor_, POLLOUT, 0};
            if (::poll(&ready, 1, 0) == 0) return true;
            size = ::write(descriptor_, bytes.data(), std::min<size_t>(bytes.size(), PIPE_BUF));
        } else {
            size = ::write(descriptor_, bytes.data(), bytes.size());
        }
        if (size < 0 && errno == EAGAIN && kind_ == Kind::direct) {
            pollfd ready{descriptor_, POLLOUT, 0};  // Another program has made it non-blocking.
            ::poll(&ready, 1, -1);
            continue;
        }
        if (size < 0 && errno == EAGAIN) return true;
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) {
            error_ = errno;
            return false;
        }
        bytes.remove_prefix(static_cast<size_t>(size));
    }
    return true;
}

void Output::on_writable() {
    std::string_view rest = std::string_view(queue_).substr(taken_);
    const bool good = write_some(rest);
    taken_ = queue_.size() - rest.size();
    if (good && !rest.empty()) return;
    queue_.clear();
    taken_ = 0;
    loop_.unwatch(std::exchange(watch_, 0));
    if (on_change_) on_change_();
}

}  // namespace starling::app::connect
