// A hand-over that does not come about: this process goes on, or both processes end.
#include "app/serve/upgrade.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/server/fixture.h"

namespace starling::app {
namespace {

using server::test::eventually;
using server::test::TestServer;

class UpgradeTest : public testing::Test {
protected:
    void TearDown() override { std::filesystem::remove(file_); }
    // The new process: writes its id to file_ and goes on with `script`.
    Upgrade upgrade_to(const std::string& script) {
        const std::string write = "echo $$ > " + file_ + ".new; mv " + file_ + ".new " + file_;
        return {{t_.server, nullptr, *t_.log, manager_, inherited_, std::chrono::milliseconds(100)},
                {"/bin/sh", "-c", script + write + "; exec sleep 60"},
                {{"PATH", "/usr/bin:/bin"}}};
    }
    pid_t started() {
        pid_t pid = 0;
        EXPECT_TRUE(eventually([&] { return bool(std::ifstream(file_) >> pid); }));
        return pid;
    }
    const std::string file_ = testing::TempDir() + "upgrade_test_" + std::to_string(::getpid());
    const ServiceManager manager_{{}};
    Environment none_;
    const Inherited inherited_{none_};
    TestServer t_;
};

TEST_F(UpgradeTest, AStopEndsTheNewProcessToo) {
    for (const char* script : {"", "trap '' TERM; "}) {  // The second one must be killed.
        pid_t child = 0;
        {
            Upgrade upgrade = upgrade_to(script);
            upgrade.run();
            child = started();
        }
        EXPECT_EQ(::kill(child, 0), -1) << script;
        EXPECT_EQ(errno, ESRCH);
        std::filesystem::remove(file_);
    }
    EXPECT_EQ(t_.log->lines.text().find("has ended"), std::string::npos);
}

// A stop came before the new process was ready: nobody would stop it later.
TEST_F(UpgradeTest, AStopBeforeTheNewProcessIsReadyEndsIt) {
    t_.start();
    {
        const std::string go = file_ + ".go";
        Upgrade upgrade = upgrade_to("ready() { until [ -e " + go +
                                     " ]; do sleep 0.01; done; "
                                     "printf r > /dev/fd/$STARLING_TAKEOVER_READY; }; ready & ");
        upgrade.run();
        const pid_t child = started();
        t_.server.drain({.announce = std::chrono::hours(1)});
        std::ofstream(go) << "";
        EXPECT_TRUE(eventually([&] { return ::kill(child, 0) != 0; }));
        std::filesystem::remove(go);
    }
    EXPECT_FALSE(t_.server.stopping());
}

void ignore(int) {}

TEST_F(UpgradeTest, ASignalDoesNotEndTheWait) {
    struct sigaction action {
    }, before{};
    action.sa_handler = ignore;
    ::sigaction(SIGUSR1, &action, &before);
    sigset_t one, mask;
    ::sigemptyset(&one);
    ::sigaddset(&one, SIGUSR1);
    {
        Upgrade upgrade = upgrade_to("");
        upgrade.run();
        (void)started();
        ::pthread_sigmask(SIG_BLOCK, &one, &mask);
        ::kill(::getpid(), SIGUSR1);  // For any thread that does not block it.
        const timespec none{};
        // It waits for this thread: no other one has taken it.
        EXPECT_EQ(::sigtimedwait(&one, nullptr, &none), SIGUSR1);
        ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
    }
    ::sigaction(SIGUSR1, &before, nullptr);
    EXPECT_EQ(t_.log->lines.text().find("has ended"), std::string::npos);
}

}  // namespace
}  // namespace starling::app
