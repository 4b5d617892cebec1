#include "app/service_manager.h"

#include <starling/server.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "base/descriptor.h"

namespace starling::app {
namespace {

std::string_view variable(const Environment& environment, std::string_view name) {
    for (const auto& [key, value] : environment)
        if (key == name) return value;
    return {};
}

std::chrono::microseconds watchdog_of(const Environment& environment) {
    // WATCHDOG_PID names the process that is watched, which may be a child of this one's parent.
    const std::string_view pid = variable(environment, "WATCHDOG_PID");
    if (!pid.empty() && pid != std::to_string(::getpid())) return {};
    const std::string_view text = variable(environment, "WATCHDOG_USEC");
    uint64_t period = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), period);
    constexpr uint64_t day_us = 86'400'000'000;
    if (fault != std::errc() || end != text.data() + text.size()) return {};
    return std::chrono::microseconds(std::min(period, day_us));
}

}  // namespace

ServiceManager::ServiceManager(const Environment& environment)
    : socket_(variable(environment, "NOTIFY_SOCKET")), watchdog_(watchdog_of(environment)) {
    if (!socket_.starts_with('/') && !socket_.starts_with('@')) socket_.clear();
    if (socket_.size() >= sizeof(sockaddr_un::sun_path)) socket_.clear();
}

void ServiceManager::say(std::string_view state) const noexcept {
    if (socket_.empty()) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (socket_.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
    const base::Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.get() < 0) return;
    (void)::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr*>(&address), size);
}

void ServiceManager::watch(Server& server) const {
    if (socket_.empty() || watchdog_.count() == 0) return;
    const auto half = std::chrono::duration_cast<std::chrono::milliseconds>(watchdog_ / 2);
    server.every(std::max(half, std::chrono::milliseconds(1)),
                 [this, &server] { ask_worker(server, 0); });
}

void ServiceManager::ask_worker(Server& server, unsigned worker) const {
    if (worker == server.workers()) return say("WATCHDOG=1");
    server.post(worker, [this, &server, worker] { ask_worker(server, worker + 1); });
}

}  // namespace starling::app
