#include "redis/session.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "redis/command.h"
#include "redis/publish_queue.h"
#include "redis/sentinel.h"
#include "tests/redis/show.h"

namespace starling::redis {
namespace {

const std::string hello = "%1\r\n+proto\r\n:3\r\n", pong = "+PONG\r\n";

// A session and its transcript: what it writes ("> "), and what it reports.
struct Player final : SessionEvents {
    explicit Player(Session::Role role = Session::Role::both, OpeningOptions options = {})
        : session(role, std::move(options),
                  {.reader = {}, .silent_periods_max = 3, .idle_periods_max = 2}, subscriptions,
                  *this) {}

    void on_ready() override { text += "ready\n"; }
    void on_message(const Message& message) override {
        text += "message " + std::string(message.pattern) + " " + std::string(message.channel) +
                " " + std::string(message.payload) + (message.too_large ? "too large\n" : "\n");
    }
    void on_refused(Topic, const std::string& name, std::string_view error) override {
        text += "refused " + name + " " + std::string(error) + "\n";
    }
    void on_lost(std::string_view name) override { text += "lost " + std::string(name) + "\n"; }

    void send(std::string name) {
        session.send(command({name}), [this, name](const Answer& answer) {
            text += name + ": " + (answer.value ? show(*answer.value) : "none") + " " +
                    std::string(answer.error) + "\n";
        });
    }
    void get(std::string_view wire, size_t step = 1) {
        for (; !wire.empty(); wire.remove_prefix(std::min(step, wire.size()))) {
            kept += wire.substr(0, step);
            auto input = base::bytes_of(kept);
            if (!session.on_bytes(input)) {
                text += "failed: " + session.error() + "\n";
                return;
            }
            kept.erase(0, kept.size() - input.size());
        }
    }
    std::string take() {
        const std::string wrote = read_all(session.output(), 1, 1);
        session.output().clear();
        std::string lines;
        for (size_t at = 0; at < wrote.size(); at = wrote.find('\n', at) + 1)
            lines += "> " + wrote.substr(at, wrote.find('\n', at) + 1 - at);
        return std::exchange(text, {}) + lines;
    }
    void open() {
        session.start();
        get(session.protocol() == 3 ? hello + pong : pong);
    }

    Subscriptions subscriptions;
    Session session;
    std::string text, kept;
};

TEST(RedisSession, AnswersCommandsInTheirOrder) {
    Player player;
    player.open();
    EXPECT_EQ(player.take(), "ready\n> ['HELLO' '3']\n> ['PING']\n");
    player.send("A");
    player.send("B");
    player.session.send(command({"C"}), {});
    player.send("D");
    EXPECT_EQ(player.session.pending_commands(), 4u);
    EXPECT_EQ(player.session.pending_bytes(), 4 * command({"A"}).size());
    player.take();
    player.get(":1\r\n-ERR b\r\n-ERR c\r\n*1\r\n_\r\n");
    EXPECT_EQ(player.take(), "A: 1 \nB: -ERR b ERR b\nD: [null] \n");
    EXPECT_EQ(player.session.pending_bytes(), 0u);
    EXPECT_EQ(player.session.silent_errors(), 1u);
    player.get(":1\r\n");
    EXPECT_EQ(player.take(), "failed: the server sent a reply to no command\n");
}

TEST(RedisSession, ACutTellsWhatWasUnderWay) {
    Player player;
    player.open();
    player.send("A");
    player.send("B");
    player.take();
    player.get(":1\r\n");
    player.session.cut("connection reset");
    EXPECT_EQ(player.take(), "A: 1 \nB: none connection reset\n");
    EXPECT_FALSE(player.session.is_open());
}

TEST(RedisSession, RestoresSubscriptionsBeforeItIsReady) {
    Player player;
    player.subscriptions.add(Topic::channel, "a");
    player.subscriptions.add(Topic::channel, "b");
    player.subscriptions.add(Topic::pattern, "p*");
    player.subscriptions.add(Topic::shard, "s");
    player.subscriptions.add(Topic::shard, "t");
    player.open();
    EXPECT_EQ(player.take(),
              "> ['HELLO' '3']\n> ['PING']\n> ['SUBSCRIBE' 'a' 'b']\n> ['PSUBSCRIBE' 'p*']\n"
              "> ['SSUBSCRIBE' 's']\n> ['SSUBSCRIBE' 't']\n");
    player.get(
        ">3\r\n+subscribe\r\n+a\r\n:1\r\n>3\r\n+subscribe\r\n+b\r\n:2\r\n"
        ">3\r\n+message\r\n+a\r\n+early\r\n>3\r\n+psubscribe\r\n+p*\r\n:3\r\n"
        ">3\r\n+ssubscribe\r\n+s\r\n:1\r\n");
    EXPECT_FALSE(player.session.is_ready());
    player.get(
        ">3\r\n+ssubscribe\r\n+t\r\n:2\r\n>4\r\n+pmessage\r\n+p*\r\n+p1\r\n+x\r\n"
        ">3\r\n+smessage\r\n+s\r\n+y\r\n>2\r\n+invalidate\r\n_\r\n"
        ">3\r\n+smessage\r\n+s\r\n_\r\n>4\r\n+pmessage\r\n+p*\r\n+p1\r\n_\r\n");
    EXPECT_EQ(player.take(),
              "message  a early\nready\nmessage p* p1 x\nmessage  s y\n"
              "message  s too large\nmessage p* p1 too large\n");
}

TEST(RedisSession, MixesMessagesAndReplies) {
    Player player;
    player.open();
    player.subscriptions.add(Topic::channel, "a");
    player.send("A");
    player.session.subscribe(Topic::channel, "a");
    player.send("B");
    player.take();
    player.get(":1\r\n>3\r\n+subscribe\r\n+a\r\n:1\r\n>3\r\n+message\r\n+a\r\n+x\r\n:2\r\n");
    EXPECT_EQ(player.take(), "A: 1 \nmessage  a x\nB: 2 \n");
    player.subscriptions.remove(Topic::channel, "a");
    player.session.unsubscribe(Topic::channel, "a");
    player.take();
    player.get(">3\r\n+message\r\n+a\r\n+late\r\n>3\r\n+unsubscribe\r\n+a\r\n:0\r\n");
    EXPECT_EQ(player.take(), "");
    EXPECT_EQ(player.session.pending_commands(), 0u);
}

TEST(RedisSession, ARefusedBatchIsTriedNameByName) {
    Player player;
    player.subscriptions.add(Topic::channel, "a");
    player.subscriptions.add(Topic::channel, "b");
    player.open();
    player.take();
    player.get("-NOPERM x\r\n");
    EXPECT_EQ(player.take(), "> ['SUBSCRIBE' 'a']\n> ['SUBSCRIBE' 'b']\n");
    player.get(">3\r\n+subscribe\r\n+a\r\n:1\r\n-NOPERM x\r\n");
    EXPECT_EQ(player.take(), "refused b NOPERM x\nready\n");
}

TEST(RedisSession, TellsASlotThatMoved) {
    Player player;
    player.subscriptions.add(Topic::shard, "s");
    player.open();
    player.get(">3\r\n+ssubscribe\r\n+s\r\n:1\r\n");
    player.take();
    player.get(">3\r\n+sunsubscribe\r\n+s\r\n:0\r\n");
    EXPECT_EQ(player.take(), "lost s\n");
    // The answer to this side's own command is no loss.
    player.subscriptions.remove(Topic::shard, "s");
    player.session.unsubscribe(Topic::shard, "s");
    player.get(">3\r\n+sunsubscribe\r\n+s\r\n:0\r\n");
    EXPECT_EQ(player.take(), "> ['SUNSUBSCRIBE' 's']\n");
}

TEST(RedisSession, WithResp2SubscriptionsHaveAConnectionOfTheirOwn) {
    Player player(Session::Role::subscriber, {.protocol = 2});
    player.subscriptions.add(Topic::channel, "a");
    player.open();
    EXPECT_EQ(player.take(), "> ['PING']\n> ['SUBSCRIBE' 'a']\n");
    player.get(
        "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
    EXPECT_EQ(player.take(), "ready\nmessage  a hi\n");
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(player.session.on_period());
    EXPECT_EQ(player.take(), "> ['PING']\n");
    player.get("*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    EXPECT_EQ(player.session.pending_commands(), 0u);

    Player commands(Session::Role::both, {.protocol = 2});
    commands.subscriptions.add(Topic::channel, "a");
    commands.open();
    EXPECT_EQ(commands.take(), "ready\n> ['PING']\n");
    EXPECT_FALSE(commands.session.can_subscribe());
}

TEST(RedisSession, PingsAServerThatIsQuietAndGivesUpOneThatIsDead) {
    Player player;
    player.session.start();
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(player.session.on_period());
    EXPECT_FALSE(player.session.on_period());  // No answer to HELLO.

    Player open;
    open.open();
    open.take();
    EXPECT_TRUE(open.session.on_period());
    EXPECT_TRUE(open.session.on_period());
    EXPECT_EQ(open.take(), "");
    EXPECT_TRUE(open.session.on_period());
    EXPECT_EQ(open.take(), "> ['PING']\n");
    EXPECT_TRUE(open.session.on_period());
    EXPECT_TRUE(open.session.on_period());
    EXPECT_FALSE(open.session.on_period());
}

TEST(RedisSession, WaitsForAServerThatLoads) {
    Player player;
    player.session.start();
    player.get(hello + "-LOADING x\r\n");
    EXPECT_TRUE(player.session.waits());
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(player.session.on_period());
    player.take();
    player.session.on_waited();
    EXPECT_EQ(player.take(), "> ['PING']\n");
    // The pause does not count against the server.
    EXPECT_TRUE(player.session.on_period());
    player.get(pong);
    EXPECT_EQ(player.take(), "ready\n");
}

TEST(RedisSession, LeavesAServerThatIsNotTheRightOne) {
    for (const std::string error : {"READONLY a replica", "NOAUTH gone"}) {
        Player player;
        player.open();
        player.send("A");
        player.take();
        player.get("-" + error + "\r\n");
        EXPECT_EQ(player.take(), "A: -" + error + " " + error + "\nfailed: " + error + "\n");
    }
}

// The answers behind the refusal say what the server has executed.
TEST(RedisSession, HearsTheLastAnswersBeforeItLeaves) {
    Player player;
    player.open();
    for (const char* const name : {"A", "B", "C"}) player.send(name);
    player.take();
    player.get("-READONLY x\r\n");
    EXPECT_FALSE(player.session.is_open());
    EXPECT_EQ(player.take(), "A: -READONLY x READONLY x\n");
    player.get(":1\r\n");
    EXPECT_EQ(player.take(), "B: 1 \n");
    player.get("-NOAUTH y\r\n");
    EXPECT_EQ(player.take(), "C: -NOAUTH y NOAUTH y\nfailed: READONLY x\n");

    // One of them never comes.
    Player other;
    other.open();
    for (const char* const name : {"A", "B"}) other.send(name);
    other.get("-READONLY x\r\n");
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(other.session.on_period());
    EXPECT_FALSE(other.session.on_period());
}

TEST(RedisSession, IsNotReadyUntilTheNamesOfAnotherConnectionAreConfirmed) {
    Player player;
    player.open();
    player.take();
    player.subscriptions.add(Topic::channel, "a");
    player.subscriptions.add(Topic::channel, "b");
    player.session.restore(Topic::channel, {"a", "b"});
    EXPECT_FALSE(player.session.is_ready());
    EXPECT_EQ(player.take(), "> ['SUBSCRIBE' 'a' 'b']\n");
    player.get(">3\r\n+subscribe\r\n+a\r\n:1\r\n");
    EXPECT_FALSE(player.session.is_ready());
    player.get(">3\r\n+subscribe\r\n+b\r\n:2\r\n");
    EXPECT_TRUE(player.session.is_ready());
    EXPECT_EQ(player.take(), "ready\n");
}

TEST(RedisSession, FailsAtBadInput) {
    const std::pair<const char*, const char*> cases[] = {
        {"HTTP/1.1 400 Bad Request\r\n",
         "failed: the server does not speak the protocol of Redis: unknown type\n"},
        {">1\r\n+message\r\n", "failed: a push of the server is too short\n"},
        {">3\r\n+pmessage\r\n+a\r\n+b\r\n", "failed: a push of the server is too short\n"},
    };
    for (const auto& [wire, expected] : cases) {
        Player player;
        player.open();
        player.take();
        player.get(wire);
        EXPECT_EQ(player.take(), expected);
    }
}

TEST(RedisPublishQueue, DropsTheOldestAndCountsThem) {
    constexpr size_t cost = 10 + PublishQueue::entry_bytes;
    PublishQueue queue(3 * cost);
    std::string told;
    const auto push = [&](char c) {
        return queue.push({std::string(10, c), [&told, c](const Answer& answer) {
                               told += c + (": " + std::string(answer.error)) + "\n";
                           }});
    };
    for (const char c : {'a', 'b', 'c'}) EXPECT_TRUE(push(c));
    EXPECT_EQ(queue.dropped(), 0u);
    EXPECT_EQ(queue.bytes(), 3 * cost);
    EXPECT_TRUE(push('d'));
    EXPECT_EQ(queue.dropped(), 1u);
    EXPECT_EQ(told, "a: dropped: the queue is full\n");
    EXPECT_EQ(queue.front().command, std::string(10, 'b'));
    EXPECT_FALSE(queue.push({std::string(4 * cost, 'x'), {}}));
    EXPECT_EQ(queue.dropped(), 2u);
    EXPECT_EQ(queue.size(), 3u);
    EXPECT_EQ(queue.pop().command, std::string(10, 'b'));
    told.clear();
    queue.clear("closed");
    EXPECT_EQ(told, "c: closed\nd: closed\n");
    EXPECT_EQ(queue.bytes(), 0u);
    EXPECT_EQ(queue.dropped(), 2u);
}

TEST(RedisSentinel, NamesTheMasterAndTheOtherSentinels) {
    SentinelList list({{"a", 1}, {"b", 2}}, "m");
    EXPECT_EQ(read_all(list.master_command(), 1, 1),
              "['SENTINEL' 'GET-MASTER-ADDR-BY-NAME' 'm']\n");
    EXPECT_EQ(read_all(list.sentinels_command(), 1, 1), "['SENTINEL' 'SENTINELS' 'm']\n");
    const auto read = [](std::string_view wire, auto&& use) {
        Reader reader;
        auto input = base::bytes_of(wire);
        EXPECT_EQ(reader.next(input), Reader::Step::reply);
        return use(reader.reply());
    };
    const std::pair<const char*, const char*> masters[] = {
        {"*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n", "127.0.0.1:6379"},
        {"*-1\r\n", "none"},
        {"_\r\n", "none"},
        {"-IDONTKNOW\r\n", "none"},
        {"*2\r\n+a\r\n+0\r\n", "none"},
        {"*2\r\n+a\r\n+65536\r\n", "none"},
        {"*2\r\n+\r\n+1\r\n", "none"},
        {"*1\r\n+a\r\n", "none"},
    };
    for (const auto& [wire, expected] : masters) {
        const auto found = read(wire, [](const Value& v) { return SentinelList::read_master(v); });
        EXPECT_EQ(found ? show(*found) : "none", expected) << wire;
    }
    const auto learn = [&](const Value& v) { return list.learn(v), 0; };
    read(
        "*2\r\n%2\r\n+ip\r\n+c\r\n+port\r\n+3\r\n*6\r\n+name\r\n+x\r\n+ip\r\n+a\r\n+port\r\n+1\r\n",
        learn);
    read("*2\r\n:1\r\n*2\r\n+ip\r\n+d\r\n", learn);
    EXPECT_EQ(list.endpoints(), (std::vector<Endpoint>{{"a", 1}, {"b", 2}, {"c", 3}}));
    EXPECT_FALSE(list.next());
    EXPECT_FALSE(list.next());
    list.answered();
    EXPECT_EQ(list.endpoints(), (std::vector<Endpoint>{{"c", 3}, {"a", 1}, {"b", 2}}));
    EXPECT_FALSE(list.next());
    EXPECT_FALSE(list.next());
    EXPECT_TRUE(list.next());
    const std::pair<const char*, const char*> switches[] = {
        {"m 1.1.1.1 1 2.2.2.2 2", "2.2.2.2:2"},
        {"n 1.1.1.1 1 2.2.2.2 2", "none"},
        {"m 1.1.1.1 1 2.2.2.2", "none"},
        {"m", "none"},
        {"", "none"},
    };
    for (const auto& [payload, expected] : switches) {
        const auto found = list.read_switch(payload);
        EXPECT_EQ(found ? show(*found) : "none", expected) << payload;
    }
}

}  // namespace
}  // namespace starling::redis
