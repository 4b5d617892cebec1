// tests/fake/program.h: another program, as a server for a test. It ends with this object.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/descriptor.h"

namespace starling::fake {

class Program {
public:
    explicit Program(const std::vector<std::string>& command) {
        int out[2];
        if (::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error(std::strerror(errno));
        output_ = base::Descriptor(out[0]);
        const base::Descriptor theirs(out[1]);
        std::vector<char*> arguments;
        for (const std::string& word : command)
            arguments.push_back(const_cast<char*>(word.c_str()));
        arguments.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error(std::strerror(errno));
        if (pid_ > 0) return;
        ::dup2(theirs.get(), STDOUT_FILENO);
        ::dup2(theirs.get(), STDERR_FILENO);
        const int nothing = ::open("/dev/null", O_RDONLY);
        ::dup2(nothing, STDIN_FILENO);
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }
    ~Program() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    // Waits until the program has printed `text`; false if it ends before, or after 20 s.
    [[nodiscard]] bool prints(const std::string& text) {
        while (printed_.find(text) == std::string::npos) {
            pollfd ready{output_.get(), POLLIN, 0};
            char bytes[4096];
            if (::poll(&ready, 1, 20'000) != 1) return false;
            const ssize_t size = ::read(output_.get(), bytes, sizeof bytes);
            if (size <= 0) return false;
            printed_.append(bytes, size_t(size));
        }
        return true;
    }
    [[nodiscard]] const std::string& printed() const { return printed_; }

private:
    base::Descriptor output_;
    std::string printed_;
    pid_t pid_ = -1;
};

}  // namespace starling::fake
