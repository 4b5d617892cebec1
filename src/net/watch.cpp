#include "net/watch.h"

#include "net/backend.h"
#include "net/loop.h"

namespace starling::net {

Watch::Watch(Loop& loop, int fd, Interest interest, Watcher& watcher)
    : loop_(loop), watcher_(watcher), fd_(fd), interest_(interest) {
    if (const auto error = loop_.backend().watch(*this)) throw std::system_error(error, "watch");
}

Watch::~Watch() {
    if (fd_ >= 0) loop_.backend().unwatch(*this, false);
}

std::error_code Watch::change(Interest interest) noexcept {
    if (interest == interest_ || fd_ < 0) return {};
    interest_ = interest;
    return loop_.backend().watch(*this);
}

void Watch::forget() noexcept {
    if (fd_ < 0) return;
    loop_.backend().unwatch(*this, true);
    fd_ = -1;
    interest_ = {};
}

void Watch::ready(bool readable, bool writable) {
    readable = readable && interest_.readable;
    writable = writable && interest_.writable;
    if (!readable && !writable) return;  // The interest changed earlier in the same batch.
    // The call may destroy this object.
    loop_.guarded(
        [&watcher = watcher_, readable, writable] { watcher.on_ready(readable, writable); });
}

}  // namespace starling::net
