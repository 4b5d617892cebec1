#include "app/serve/inherited.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

namespace starling::app {
namespace {

constexpr int sockets_max = 4096;

// Takes the variable out of the environment; -1: it is absent or no number.
int take(Environment& environment, std::string_view name) {
    const auto found = std::ranges::find(environment, name, &Environment::value_type::first);
    if (found == environment.end()) return -1;
    const std::string text = found->second;
    environment.erase(found);
    int value = -1;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc() && read.ptr == text.data() + text.size() ? value : -1;
}

// Children do not get it.
base::Descriptor own(int descriptor) {
    if (::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) return {};
    return base::Descriptor(descriptor);
}

}  // namespace

Inherited::Inherited(Environment& environment) {
    const int for_pid = take(environment, "LISTEN_PID"),
              from_systemd = take(environment, "LISTEN_FDS");
    (void)take(environment, "LISTEN_FDNAMES");
    const int from_predecessor = take(environment, sockets_variable);
    const int parent = take(environment, parent_variable),
              ready = take(environment, ready_variable);
    const int files = take(environment, files_variable);
    const bool takes_over = parent == ::getppid() && ready >= first_inherited;
    const int count = takes_over ? from_predecessor : for_pid == ::getpid() ? from_systemd : 0;
    for (int i = 0; i < std::min(count, sockets_max); ++i)
        if (base::Descriptor socket = own(first_inherited + i))
            sockets_.push_back(std::move(socket));
    if (takes_over) ready_ = own(ready);
    files_stay_ = takes_over ? files == 1 : count > 0;
}

std::vector<int> Inherited::sockets() const {
    std::vector<int> all;
    all.reserve(sockets_.size());
    for (const base::Descriptor& socket : sockets_) all.push_back(socket.get());
    return all;
}

void Inherited::accepting() {
    sockets_.clear();
    if (!ready_) return;
    (void)!::write(ready_.get(), "r", 1);
    ready_.reset();
}

}  // namespace starling::app
