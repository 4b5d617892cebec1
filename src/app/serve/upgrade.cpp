#include "app/serve/upgrade.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

namespace starling::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds ready_max{60'000};

// No signal interrupts this thread, nor the threads that it starts.
class AllSignalsBlocked {
public:
    AllSignalsBlocked() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

// As poll(), for `max` at most: a signal does not end the wait.
int poll_all(std::span<pollfd> wanted, milliseconds max) {
    const auto end = steady_clock::now() + max;
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
        const int events = ::poll(wanted.data(), wanted.size(),
                                  static_cast<int>(std::max(left, milliseconds(0)).count()));
        if (events >= 0 || errno != EINTR) return events;
    }
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    all.reserve(texts.size() + 1);
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
}

struct Actions {
    Actions() { ::posix_spawn_file_actions_init(&all); }
    ~Actions() { ::posix_spawn_file_actions_destroy(&all); }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;
    posix_spawn_file_actions_t all{};
};

// The child has no signal blocked, whatever this thread blocks.
struct Attributes {
    Attributes() {
        sigset_t none;
        ::sigemptyset(&none);
        ::posix_spawnattr_init(&all);
        ::posix_spawnattr_setsigmask(&all, &none);
        ::posix_spawnattr_setflags(&all, POSIX_SPAWN_SETSIGMASK);
    }
    ~Attributes() { ::posix_spawnattr_destroy(&all); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    posix_spawnattr_t all{};
};

// Starts the command with `sockets` from first_inherited on, and `ready` behind them. Returns the
// process; -1: errno says why.
int spawn(std::vector<std::string> command, const Environment& environment,
          const std::vector<int>& sockets, int ready, const Inherited& inherited) {
    const int above = first_inherited + static_cast<int>(sockets.size()) + 1;
    std::vector<int> wanted = sockets;
    wanted.push_back(ready);
    // Copies above all targets: no target is the source of a later one.
    std::vector<base::Descriptor> copies;
    Actions actions;
    for (size_t i = 0; i < wanted.size(); ++i) {
        copies.emplace_back(::fcntl(wanted[i], F_DUPFD_CLOEXEC, above));
        if (!copies.back()) return -1;
        ::posix_spawn_file_actions_adddup2(&actions.all, copies.back().get(),
                                           first_inherited + static_cast<int>(i));
    }
    std::vector<std::string> variables;
    // Without WATCHDOG_PID, the watchdog of systemd watches the process that has it next.
    for (const auto& [name, value] : environment)
        if (name != "WATCHDOG_PID") variables.push_back(name + "=" + value);
    const auto add = [&](const char* name, int value) {
        variables.push_back(std::string(name) + "=" + std::to_string(value));
    };
    add(sockets_variable, static_cast<int>(sockets.size()));
    add(ready_variable, above - 1);
    add(parent_variable, ::getpid());
    add(files_variable, inherited.files_stay() ? 1 : 0);
    std::string names;
    for (const int socket : sockets) names += inherited.name_of(socket) + ":";
    variables.push_back(std::string(names_variable) + "=" + names);
    const Attributes attributes;
    pid_t child = -1;
    errno = ::posix_spawn(&child, command.front().c_str(), &actions.all, &attributes.all,
                          pointers(command).data(), pointers(variables).data());
    return errno == 0 ? child : -1;
}

}  // namespace

Upgrade::~Upgrade() {
    stop_.reset();
    if (waiting_.joinable()) waiting_.join();
}

void Upgrade::failed(const std::string& why) {
    const std::array fields{log::Field{"reason", why}};
    parts_.log.write(log::Level::error, "no hand-over: this process goes on", fields);
    under_way_ = false;
}

std::vector<int> Upgrade::sockets() const {
    std::vector<int> all = parts_.server.listening_sockets();
    if (!parts_.redirect) return all;
    const std::vector<int> more = parts_.redirect->listening_sockets();
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

void Upgrade::run() {
    if (under_way_.exchange(true)) return;
    if (waiting_.joinable()) waiting_.join();
    std::array<int, 2> ends{}, stop{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failed(std::strerror(errno));
    base::Descriptor read_end(ends[0]);
    const base::Descriptor write_end(ends[1]);
    if (::pipe2(stop.data(), O_CLOEXEC) != 0) return failed(std::strerror(errno));
    base::Descriptor stopped_end(stop[0]);
    stop_ = base::Descriptor(stop[1]);
    const int child = spawn(command_, environment_, sockets(), write_end.get(), parts_.inherited);
    if (child < 0) return failed(command_.front() + ": " + std::strerror(errno));
    const std::array fields{log::Field{"pid", static_cast<int64_t>(child)}};
    parts_.log.write(log::Level::info, "a new process starts", fields);
    const AllSignalsBlocked blocked;
    waiting_ = std::thread([this, child, ready = std::move(read_end),
                            stopped = std::move(stopped_end)] { watch(child, ready, stopped); });
}

// The end of the pipe `ready` without a byte: the new process has ended.
void Upgrade::watch(int child, const base::Descriptor& ready, const base::Descriptor& stopped) {
    std::array<pollfd, 2> wanted{{{ready.get(), POLLIN, 0}, {stopped.get(), POLLIN, 0}}};
    const int events = poll_all(wanted, ready_max);
    if (events > 0 && wanted[0].revents == 0) return end(child);  // This process ends.
    if (events <= 0) ::kill(child, SIGKILL);
    char byte = 0;
    ssize_t count = 0;
    do count = ::read(ready.get(), &byte, 1);
    while (count < 0 && errno == EINTR);
    if (count == 1) return hand_over(child);
    int status = 0;
    ::waitpid(child, &status, 0);
    const std::string how = WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                                              : "signal " + std::to_string(WTERMSIG(status));
    failed("the new process has ended: " + how);
}

void Upgrade::hand_over(int child) {
    // A stop that came first is one of the service: nobody would stop the new process.
    if (!parts_.server.hand_over()) return end(child);
    const std::array fields{log::Field{"pid", static_cast<int64_t>(child)}};
    parts_.log.write(log::Level::info, "a new process takes over", fields);
    parts_.manager.say("MAINPID=" + std::to_string(child));
    if (parts_.redirect) parts_.redirect->stop_listening();
}

void Upgrade::end(int child) const {
    const std::array fields{log::Field{"pid", static_cast<int64_t>(child)}};
    parts_.log.write(log::Level::info, "no hand-over: both processes end", fields);
    const base::Descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    pollfd wanted{ended.get(), POLLIN, 0};
    for (int i = 0; i < 2; ++i) {  // The second one ends a drain.
        ::kill(child, SIGTERM);
        static_cast<void>(poll_all({&wanted, 1}, parts_.end_timeout / 2));
        if (::waitpid(child, nullptr, WNOHANG) != 0) return;
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}

}  // namespace starling::app
