#include "app/service_manager.h"

#include <gtest/gtest.h>
#include <starling/server.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "base/descriptor.h"

namespace starling::app {
namespace {

using std::chrono::microseconds;

// A socket as systemd has it, in the abstract namespace.
class Listener {
public:
    Listener() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string name = std::string(1, '\0') + "starling-" + std::to_string(::getpid());
        std::memcpy(address.sun_path, name.data(), name.size());
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        const timeval patience{.tv_sec = 30, .tv_usec = 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        is_bound_ = ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0;
    }
    [[nodiscard]] bool is_bound() const { return is_bound_; }
    [[nodiscard]] static std::string name() { return "@starling-" + std::to_string(::getpid()); }
    // Waits for the next datagram.
    [[nodiscard]] std::string take() const {
        std::string text(256, '\0');
        const ssize_t size = ::recv(socket_.get(), text.data(), text.size(), 0);
        return size < 0 ? "nothing" : text.substr(0, static_cast<size_t>(size));
    }
    [[nodiscard]] bool has_one() const {
        char byte = 0;
        return ::recv(socket_.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0;
    }

private:
    base::Descriptor socket_;
    bool is_bound_ = false;
};

TEST(ServiceManager, SaysItOnTheSocketThatSystemdNames) {
    const Listener systemd;
    ASSERT_TRUE(systemd.is_bound());
    ServiceManager({{"NOTIFY_SOCKET", Listener::name()}}).say("READY=1");
    EXPECT_EQ(systemd.take(), "READY=1");
}

TEST(ServiceManager, SaysNothingWithoutASocketOrToOneThatIsNone) {
    const Listener systemd;
    ASSERT_TRUE(systemd.is_bound());
    for (const std::string& name :
         {std::string(), std::string("starling-x"), "/" + std::string(200, 'x'), std::string("/")})
        ServiceManager({{"NOTIFY_SOCKET", name}}).say("READY=1");
    EXPECT_FALSE(systemd.has_one());
}

TEST(ServiceManager, ReadsThePeriodOfTheWatchdog) {
    struct Case {
        std::string usec, pid;
        microseconds period;
    };
    const std::string me = std::to_string(::getpid());
    for (const auto& [usec, pid, period] :
         {Case{"30000000", me, microseconds(30'000'000)},
          {"30000000", "", microseconds(30'000'000)},
          {"30000000", "1", microseconds(0)},
          {"", me, microseconds(0)},
          {"x", me, microseconds(0)},
          {"5x", me, microseconds(0)},
          {"-5", me, microseconds(0)},
          {"99999999999999999999", me, microseconds(0)},
          {"18446744073709551615", me, microseconds(86'400'000'000)}})
        EXPECT_EQ(ServiceManager({{"WATCHDOG_USEC", usec}, {"WATCHDOG_PID", pid}}).watchdog(),
                  period)
            << usec << ' ' << pid;
}

TEST(ServiceManager, TheWatchdogHearsOfAServerWhoseWorkersAllRun) {
    const Listener systemd;
    ASSERT_TRUE(systemd.is_bound());
    const ServiceManager manager({{"NOTIFY_SOCKET", Listener::name()}, {"WATCHDOG_USEC", "20000"}});
    Server server({.listen = "127.0.0.1:0", .workers = 2});
    manager.watch(server);
    server.start();
    EXPECT_EQ(systemd.take(), "WATCHDOG=1");
    EXPECT_EQ(systemd.take(), "WATCHDOG=1");
    server.stop();
    server.wait();
}

}  // namespace
}  // namespace starling::app
