#include "redis/opening.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/text.h"
#include "redis/reader.h"
#include "tests/redis/show.h"

namespace starling::redis {
namespace {

// Plays replies against an opening; "" is the end of a pause. The transcript is what is compared.
std::string play(const OpeningOptions& options, const std::vector<std::string>& replies) {
    Opening opening(options);
    std::string text;
    const auto note = [&](Opening::Step step) {
        switch (step) {
            case Opening::Step::send: text += read_all(opening.commands(), 1, 1); break;
            case Opening::Step::more: break;
            case Opening::Step::wait: text += "wait: " + opening.error() + "\n"; break;
            case Opening::Step::ready:
                text += "ready " + std::to_string(opening.protocol()) + "\n";
                break;
            case Opening::Step::failed:
                text += (opening.is_final() ? "final: " : "failed: ") + opening.error() + "\n";
                break;
        }
    };
    note(opening.start());
    for (const std::string& wire : replies) {
        if (wire.empty()) {
            note(opening.on_waited());
            continue;
        }
        Reader reader;
        auto input = base::bytes_of(wire);
        EXPECT_EQ(reader.next(input), Reader::Step::reply);
        note(opening.on_reply(reader.reply()));
    }
    return text;
}

const std::string hello = "%1\r\n+proto\r\n:3\r\n", ok = "+OK\r\n", pong = "+PONG\r\n";

TEST(RedisOpening, SpeaksResp3WhereItCan) {
    EXPECT_EQ(play({}, {hello, pong}), "['HELLO' '3']\n['PING']\nready 3\n");
    EXPECT_EQ(play({.user = "", .password = "p", .database = 2, .client_name = "n"},
                   {hello, ok, ok, pong}),
              "['HELLO' '3' 'AUTH' 'default' 'p']\n['SELECT' '2']\n['CLIENT' 'SETNAME' 'n']\n"
              "['PING']\nready 3\n");
    EXPECT_EQ(play({.user = "ann", .password = "p"}, {hello, pong}),
              "['HELLO' '3' 'AUTH' 'ann' 'p']\n['PING']\nready 3\n");
}

TEST(RedisOpening, SendsAllCommandsAtOnce) {
    const OpeningOptions options{
        .password = "p", .database = 2, .client_name = "n", .must_be_master = true};
    EXPECT_EQ(play(options, {}),
              "['HELLO' '3' 'AUTH' 'default' 'p']\n['SELECT' '2']\n['CLIENT' 'SETNAME' 'n']\n"
              "['ROLE']\n['PING']\n");
    EXPECT_EQ(play(options, {hello, ok, ok, "*1\r\n+master\r\n"}), play(options, {}));
}

TEST(RedisOpening, FallsBackToResp2) {
    const std::string unknown = "-ERR unknown command 'HELLO'\r\n";
    EXPECT_EQ(play({}, {unknown, pong, pong}), "['HELLO' '3']\n['PING']\n['PING']\nready 2\n");
    // What was sent behind HELLO is refused, as the password was not sent.
    const std::string noauth = "-NOAUTH x\r\n";
    EXPECT_EQ(play({.password = "p", .database = 2},
                   {"-NOPROTO unsupported protocol version\r\n", noauth, noauth, ok, ok, pong}),
              "['HELLO' '3' 'AUTH' 'default' 'p']\n['SELECT' '2']\n['PING']\n"
              "['AUTH' 'p']\n['SELECT' '2']\n['PING']\nready 2\n");
    EXPECT_EQ(play({.user = "ann", .password = "p", .protocol = 2}, {ok, pong}),
              "['AUTH' 'ann' 'p']\n['PING']\nready 2\n");
    EXPECT_EQ(play({.protocol = 3}, {unknown}),
              "['HELLO' '3']\n['PING']\nfinal: the server does not know the command (ERR unknown "
              "command 'HELLO')\n");
}

TEST(RedisOpening, WaitsWhileTheServerLoads) {
    EXPECT_EQ(play({}, {hello, "-LOADING x\r\n", "", "-LOADING x\r\n", "", pong}),
              "['HELLO' '3']\n['PING']\nwait: the server loads its data (LOADING x)\n['PING']\n"
              "wait: the server loads its data (LOADING x)\n['PING']\nready 3\n");
    EXPECT_EQ(play({}, {hello, "-MASTERDOWN x\r\n", "", pong}),
              "['HELLO' '3']\n['PING']\nwait: the replica has no master (MASTERDOWN x)\n['PING']\n"
              "ready 3\n");
    // The pause begins when every command of the round has its reply; the next round, at the refused one.
    EXPECT_EQ(play({.database = 2, .client_name = "n"},
                   {hello, "-LOADING x\r\n", ok, "-LOADING x\r\n", "", ok, ok, pong}),
              "['HELLO' '3']\n['SELECT' '2']\n['CLIENT' 'SETNAME' 'n']\n['PING']\n"
              "wait: the server loads its data (LOADING x)\n"
              "['SELECT' '2']\n['CLIENT' 'SETNAME' 'n']\n['PING']\nready 3\n");
}

TEST(RedisOpening, WrongCredentialsAreFinal) {
    EXPECT_EQ(play({.password = "p"}, {"-WRONGPASS x\r\n"}),
              "['HELLO' '3' 'AUTH' 'default' 'p']\n['PING']\n"
              "final: wrong user or password (WRONGPASS x)\n");
    EXPECT_EQ(play({}, {"-NOAUTH HELLO must be called\r\n"}),
              "['HELLO' '3']\n['PING']\nfinal: the server requires a password (NOAUTH HELLO must "
              "be called)\n");
    EXPECT_EQ(play({.protocol = 2}, {"-NOAUTH x\r\n"}),
              "['PING']\nfinal: the server requires a password (NOAUTH x)\n");
    EXPECT_EQ(play({.password = "p", .protocol = 2}, {"-ERR invalid password\r\n"}),
              "['AUTH' 'p']\n['PING']\nfinal: wrong user or password (ERR invalid password)\n");
    EXPECT_EQ(play({.database = 99}, {hello, "-ERR DB index is out of range\r\n"}),
              "['HELLO' '3']\n['SELECT' '99']\n['PING']\nfinal: ERR DB index is out of range\n");
}

TEST(RedisOpening, LooksForTheMaster) {
    EXPECT_EQ(play({.must_be_master = true}, {hello, "*3\r\n+master\r\n:0\r\n*0\r\n", pong}),
              "['HELLO' '3']\n['ROLE']\n['PING']\nready 3\n");
    EXPECT_EQ(play({.must_be_master = true}, {hello, "*1\r\n+slave\r\n"}),
              "['HELLO' '3']\n['ROLE']\n['PING']\nfailed: the server is no master\n");
    EXPECT_EQ(play({.must_be_master = true}, {hello, "*0\r\n"}),
              "['HELLO' '3']\n['ROLE']\n['PING']\nfailed: the server is no master\n");
}

TEST(RedisOpening, ToleratesWhatAnAccessListForbids) {
    EXPECT_EQ(play({.client_name = "n", .must_be_master = true},
                   {hello, "-NOPERM x\r\n", "-NOPERM x\r\n", "-NOPERM x\r\n"}),
              "['HELLO' '3']\n['CLIENT' 'SETNAME' 'n']\n['ROLE']\n['PING']\nready 3\n");
    EXPECT_EQ(play({}, {"-ERR max number of clients reached\r\n"}),
              "['HELLO' '3']\n['PING']\nfailed: the server has too many clients (ERR max number of "
              "clients "
              "reached)\n");
}

}  // namespace
}  // namespace starling::redis
