#include "server/admin_ui/password.h"

#include <gtest/gtest.h>
#include <starling/socketio_admin_ui.h>

#include <future>

namespace starling::server {
namespace {

// Of "changeit", with the lowest cost.
const std::string bcrypt = "$2b$04$abcdefghijklmnopqrstuudwGrhhx5JklpO9.j/ckWDCf3exvs1/2";

TEST(AdminUiPassword, HashesThatCanBeUsed) {
    const struct {
        std::string hash;
        std::string_view fault;
    } cases[] = {
        {bcrypt, ""},
        {"$2a$10$abcdefghijklmnopqrstuudwGrhhx5JklpO9.j/ckWDCf3exvs1/2", ""},
        {"", "is needed"},
        {"changeit", "must be a hash"},
        {"$1$abcdefgh$kJlaT8V6TsmFFxAVzI1jL0", "must be a hash"},  // MD5.
        {"abJnggxhB/yWI", "must be a hash"},                       // DES.
        {"$2b$31$abcdefghijklmnopqrstuudwGrhhx5JklpO9.j/ckWDCf3exvs1/2", "costs too much"},
        {"$2b$04$short", "must be a hash"},
        {"$y$j75$abcdefghijklmnop$CBx93HLDnr7J2ubPku0uRsZox2VyKY.A9qoyH7AR9h7", ""},
        {"$gy$j75$abcdefghijklmnop$cut off", "must be a hash"},
        // 1 GiB, 128 MiB, several threads, another variant, no parameters.
        {"$y$jFT$abcdefgh$WkihgDfA9g4UjixczCcNdFu1.uZqp0RT9Dki4Iw/1Z2", "costs too much"},
        {"$gy$jCT$abcdefgh$WkihgDfA9g4UjixczCcNdFu1.uZqp0RT9Dki4Iw/1Z2", "costs too much"},
        {"$y$j9T0/$abcdefgh$WkihgDfA9g4UjixczCcNdFu1.uZqp0RT9Dki4Iw/1Z2", "costs too much"},
        {"$y$.9T$abcdefgh$WkihgDfA9g4UjixczCcNdFu1.uZqp0RT9Dki4Iw/1Z2", "costs too much"},
        {"$y$", "costs too much"},
        {"$7$4/..../....abcdefgh$short", "must be a hash"},
        // 128 MiB, and 2^30 times the work.
        {"$7$DU..../....abcdefgh$243c7zJ9LkhIJyOhj5AwOHOuy71a7QEW/2HuhnB1u13", "costs too much"},
        {"$7$4/........zabcdefgh$243c7zJ9LkhIJyOhj5AwOHOuy71a7QEW/2HuhnB1u13", "costs too much"},
        {"$7$4/", "costs too much"},
        {"$6$rounds=1000$abcdefgh$jMe8j9HjZOB34P8uF8GIfv9Ox6Y/JHAcrsxBxNYRbL/raj.4FLXpiKLo2YmGJPELS"
         "plZQDlj9FwjeoysWXXW20",
         ""},
        {"$6$rounds=1000001$abcdefgh$jMe8j9HjZOB34P8uF8GIfv9", "costs too much"},
    };
    for (const auto& one : cases) {
        const std::string_view fault = fault_of_password_hash(one.hash);
        if (one.fault.empty())
            EXPECT_EQ(fault, "") << one.hash;
        else
            EXPECT_TRUE(fault.starts_with(one.fault)) << one.hash << ": " << fault;
    }
}

TEST(AdminUiPassword, OnlyTheRightOneMatches) {
    EXPECT_TRUE(password_matches("changeit", bcrypt));
    for (const std::string_view wrong : {"", "changeit ", "Changeit", "change"})
        EXPECT_FALSE(password_matches(wrong, bcrypt)) << wrong;
    EXPECT_FALSE(password_matches(std::string_view("changeit\0x", 10), bcrypt));
    EXPECT_FALSE(password_matches(std::string(256, 'x'), bcrypt));
}

TEST(AdminUiPassword, AMadeHashFits) {
    const std::string hash = sio::hash_password("pass word é");
    EXPECT_TRUE(hash.starts_with("$y$"));
    EXPECT_EQ(fault_of_password_hash(hash), "");
    EXPECT_TRUE(password_matches("pass word é", hash));
    EXPECT_FALSE(password_matches("pass word e", hash));
    EXPECT_THROW((void)sio::hash_password(""), std::invalid_argument);
    EXPECT_THROW((void)sio::hash_password(std::string(256, 'x')), std::invalid_argument);
}

TEST(AdminUiPassword, TheThreadComparesNameAndPassword) {
    PasswordChecks checks("admin", bcrypt);
    const struct {
        const char *username, *password;
        bool right;
    } cases[] = {{"admin", "changeit", true},
                 {"admin", "changed", false},
                 {"Admin", "changeit", false},
                 {"", "changeit", false}};
    for (const auto& one : cases) {
        std::promise<bool> answer;
        ASSERT_TRUE(checks.ask(one.username, one.password,
                               [&answer](bool right) { answer.set_value(right); }));
        EXPECT_EQ(answer.get_future().get(), one.right) << one.username << " " << one.password;
    }
}

TEST(AdminUiPassword, TooManyThatWaitAreRefused) {
    std::promise<void> first_runs, go_on;
    std::shared_future<void> may_go_on = go_on.get_future().share();
    PasswordChecks checks("admin", bcrypt);
    ASSERT_TRUE(checks.ask("admin", "x", [&first_runs, may_go_on](bool) {
        first_runs.set_value();
        may_go_on.wait();
    }));
    first_runs.get_future().wait();
    for (size_t i = 0; i < PasswordChecks::waiting_max; ++i)
        EXPECT_TRUE(checks.ask("admin", "x", [](bool) {}));
    EXPECT_FALSE(checks.ask("admin", "x", [](bool) {}));
    go_on.set_value();
}

}  // namespace
}  // namespace starling::server
