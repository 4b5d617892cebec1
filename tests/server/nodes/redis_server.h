// tests/server/nodes/redis_server.h: a Redis of a test, on a Unix-domain socket in a folder of its own.
// It is ended by its process id. STARLING_REDIS_SERVER: its program, in place of redis-server.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "tests/server/fixture.h"

namespace starling::server::test {

class RedisServer {
public:
    // `options`: further words of the command line.
    explicit RedisServer(std::vector<std::string> options = {}) : options_(std::move(options)) {
        std::string folder = std::filesystem::temp_directory_path() / "starling-redis-XXXXXX";
        if (!::mkdtemp(folder.data())) ADD_FAILURE() << "no folder";
        folder_ = folder;
        start();
    }
    ~RedisServer() {
        kill();
        std::filesystem::remove_all(folder_);
    }
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;

    // `user`: "" or "name:password@".
    [[nodiscard]] std::string url(const std::string& user = "") const {
        return "redis+unix://" + user + path();
    }
    void start() {
        const char* const named = std::getenv("STARLING_REDIS_SERVER");
        const std::string program = named ? named : "redis-server";
        std::vector<std::string> words{
            program, "--port", "0",           "--unixsocket", path(),      "--save",   "",
            "--dir", folder_,  "--daemonize", "no",           "--logfile", "/dev/null"};
        words.insert(words.end(), options_.begin(), options_.end());
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        posix_spawnattr_t attributes;
        ::posix_spawnattr_init(&attributes);
        ASSERT_EQ(
            ::posix_spawnp(&pid_, program.c_str(), nullptr, &attributes, arguments.data(), environ),
            0);
        ::posix_spawnattr_destroy(&attributes);
        ASSERT_TRUE(eventually([this] { return answers(); })) << program << " does not start";
    }
    void signal(int number) const { ::kill(pid_, number); }
    void kill() {
        if (pid_ == 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

    // The beginning of the answer to an inline command.
    [[nodiscard]] std::string ask(const std::string& line) const {
        const base::Descriptor fd = connect();
        const std::string text = line + "\r\n";
        std::string answer(100, '\0');
        EXPECT_EQ(::send(fd.get(), text.data(), text.size(), 0), ssize_t(text.size()));
        const ssize_t bytes = ::recv(fd.get(), answer.data(), answer.size(), 0);
        answer.resize(bytes > 0 ? size_t(bytes) : 0);
        return answer;
    }

private:
    [[nodiscard]] std::string path() const { return folder_ + "/redis.sock"; }
    [[nodiscard]] base::Descriptor connect() const {
        base::Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
        if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            return {};
        return fd;
    }
    // A node that starts waits for Redis only so long. The kernel takes connections before that.
    [[nodiscard]] bool answers() const {
        return connect().get() >= 0 && ask("PING").starts_with("+PONG");
    }

    const std::vector<std::string> options_;
    std::string folder_;
    pid_t pid_ = 0;
};

}  // namespace starling::server::test
