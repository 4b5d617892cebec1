// Access to a Unix-domain socket: mode, owner and group of its file.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/server/fixture.h"

namespace starling::server::test {
namespace {

std::string temporary(const std::string& name) {
    return "/tmp/starling-" + std::to_string(::getpid()) + "-" + name;
}

class Umask {
public:
    explicit Umask(mode_t mask) : before_(::umask(mask)) {}
    ~Umask() { ::umask(before_); }

private:
    mode_t before_;
};

TEST(ServerUnix, TheFileHasTheModeThatIsAskedFor) {
    const Umask strict(077);
    const struct {
        uint32_t asked, found;
    } cases[] = {{0, 0700}, {0660, 0660}, {0666, 0666}, {0600, 0600}, {0777, 0777}};
    for (const auto& [asked, found] : cases) {
        const std::string path = temporary("mode.sock");
        TestServer t(
            {.listen = ListenList({{.address = "unix:" + path, .mode = asked}}), .workers = 2});
        t.server.get("/", [](const http::Request&, http::Response& r) { r.text("hello"); });
        t.start();
        struct stat info {};
        ASSERT_EQ(::stat(path.c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 07777, found);
        EXPECT_EQ(Client(path).get("/").body, "hello");
    }
}

TEST(ServerUnix, TheFileHasTheOwnerAndGroupThatAreAskedFor) {
    const std::string path = temporary("owner.sock");
    const bool root = ::geteuid() == 0;  // Other users may only give a file to themselves.
    const std::string number = std::to_string(root ? 12345 : ::getegid());
    TestServer t({.listen = ListenList({{.address = "unix:" + path,
                                         .mode = 0640,
                                         .owner = root ? "nobody" : std::to_string(::geteuid()),
                                         .group = number}})});
    t.start();
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(std::to_string(info.st_gid), number);
    EXPECT_EQ(info.st_uid == ::geteuid(), !root);
    EXPECT_EQ(info.st_mode & 07777, 0640u);
}

TEST(ServerUnix, WhatCannotBeSetIsAnErrorThatLeavesNoFile) {
    const std::string path = temporary("bad.sock"), address = "unix:" + path;
    const struct {
        Listen listen;
        std::string why;
    } cases[] = {
        {{.address = address, .mode = 01777}, "mode has other bits than those of 0777"},
        {{.address = address, .owner = "no such user"}, "no user 'no such user'"},
        {{.address = address, .group = "no such group"}, "no group 'no such group'"},
        {{.address = "127.0.0.1:0", .mode = 0600},
         "mode, owner and group are for Unix-domain sockets alone"},
    };
    for (const auto& one : cases) {
        TestServer t({.listen = ListenList({one.listen})});
        EXPECT_EQ(t.server.run(), 2);
        EXPECT_EQ(t.log->lines.text(), "cannot listen on " + one.listen.address + ": " + one.why);
        EXPECT_NE(::access(path.c_str(), F_OK), 0);
    }
}

}  // namespace
}  // namespace starling::server::test
