#include "app/cluster_demo/child.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace starling::app::cluster_demo {
namespace {

std::string words_of_error(int number) { return std::generic_category().message(number); }

struct Pipe {
    base::Descriptor read, write;
};

base::Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return base::Failure(words_of_error(errno));
    return Pipe{base::Descriptor(ends[0]), base::Descriptor(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> all;
    all.reserve(texts.size() + 1);
    for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
    all.push_back(nullptr);
    return all;
}

// The child between fork() and execve(): only calls that are safe in a process with other threads.
// Writes the error number to `fault` where the program cannot be started.
void become(pid_t parent, int output, int fault, char* const* words, char* const* environment) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);  // The demo has ended in between.
    ::setpgid(0, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::signal(SIGPIPE, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const int nothing = ::open("/dev/null", O_RDONLY);
    if (nothing >= 0 && ::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0 &&
        ::dup2(output, STDERR_FILENO) >= 0)
        ::execve(words[0], words, environment);
    const int error = errno;
    static_cast<void>(!::write(fault, &error, sizeof error));
    ::_exit(127);
}

}  // namespace

base::Result<Child> start_child(const Command& command) {
    auto output = make_pipe();
    if (!output) return base::Failure(output.error());
    auto fault = make_pipe();
    if (!fault) return base::Failure(fault.error());
    const std::vector<char*> words = pointers(command.words),
                             environment = pointers(command.environment);
    const pid_t parent = ::getpid(), pid = ::fork();
    if (pid < 0) return base::Failure(words_of_error(errno));
    if (pid == 0)
        become(parent, output->write.get(), fault->write.get(), words.data(), environment.data());
    fault->write.reset();
    int error = 0;
    ssize_t size = 0;
    do {
        size = ::read(fault->read.get(), &error, sizeof error);  // Ends with execve().
    } while (size < 0 && errno == EINTR);
    if (size == sizeof error) {
        ::waitpid(pid, nullptr, 0);
        return base::Failure("cannot start " + command.words.front() + ": " +
                             words_of_error(error));
    }
    ::fcntl(output->read.get(), F_SETFL, O_NONBLOCK);
    return Child{pid, std::move(output->read)};
}

std::optional<std::string> ended(pid_t pid) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
    if (WIFEXITED(status)) return "exit code " + std::to_string(WEXITSTATUS(status));
    const int signal = WTERMSIG(status);
    return "signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
}

}  // namespace starling::app::cluster_demo
