// Sockets that the program has got from systemd, or from the process that it replaces.
#include "app/serve/inherited.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace starling::app {
namespace {

// The first descriptors behind standard error are the test program's own: only numbers that are
// meant for another process, or that name none, may be tried here.
TEST(Inherited, VariablesForAnotherProcessCountForNothing) {
    const std::string other = std::to_string(::getppid());
    const Environment cases[] = {
        {},
        {{"LISTEN_FDS", "1"}},
        {{"LISTEN_FDS", "1"}, {"LISTEN_PID", other}},
        {{"LISTEN_FDS", "x"}, {"LISTEN_PID", std::to_string(::getpid())}},
        {{"LISTEN_FDS", "-1"}, {"LISTEN_PID", std::to_string(::getpid())}},
        {{sockets_variable, "1"}, {parent_variable, "1"}, {ready_variable, "4"}},
        {{sockets_variable, "1"}, {parent_variable, other}},
        {{sockets_variable, "1"}, {parent_variable, other}, {ready_variable, "2"}},
    };
    for (Environment environment : cases) {
        environment.emplace_back("PATH", "/bin");
        Inherited inherited(environment);
        EXPECT_TRUE(inherited.sockets().empty());
        EXPECT_FALSE(inherited.takes_over());
        EXPECT_EQ(environment, (Environment{{"PATH", "/bin"}}));
    }
}

}  // namespace
}  // namespace starling::app
