// Each allocation of a command fails once: the other commands get their own answers.
#include "tests/fake/failing_memory.h"
#include "tests/redis/client/player.h"

namespace starling::redis::client {
namespace {

TEST(RedisOutOfMemory, ACommandIsSentOrNotAndTheOthersGetTheirAnswers) {
    Player player;
    fake::Redis redis(player.loop);
    redis.script = [](const Words& words) -> Scripted {
        if (!is_data(words)) return std::nullopt;
        return fake::Redis::bulk(words[2]);
    };
    player.start(redis);
    ASSERT_TRUE(player.until_ready());
    std::vector<std::string> got;
    const auto send = [&](const std::string& text) {
        const std::vector<std::string_view> words{"XADD", "c", text};
        player.client->command(
            words,
            [&got, text](const Answer& answer) {
                got.push_back(text + " " + std::string(answer.value ? answer.value->text() : "!"));
            },
            "c");
    };
    uint64_t number = 1;
    for (bool failed = true; failed; ++number) {
        ASSERT_LT(number, 100u);
        // Longer than what the session has room for: it allocates.
        const std::string text(number * 1000, static_cast<char>('a' + number % 26));
        fake::fail_allocation(number);
        bool is_thrown = false;
        try {
            send(text);
        } catch (const std::bad_alloc&) {
            is_thrown = true;
        }
        failed = fake::allocation_failed();
        fake::fail_allocation(0);
        // Where the stream had no memory, its connection ends with what was under way.
        const std::string probe = "probe " + std::to_string(number);
        do {
            const size_t before = got.size();
            send(probe);
            ASSERT_TRUE(player.until([&] {
                return got.size() > before && got.back().starts_with(probe);
            })) << number;
        } while (got.back() != probe + " " + probe);
        size_t answers = 0;
        for (const std::string& one : got) {
            if (one.starts_with("probe")) continue;
            ++answers;
            EXPECT_TRUE(one == text + " " + text || one == text + " !") << number;
        }
        EXPECT_EQ(answers, is_thrown ? 0u : 1u) << number;
        got.clear();
    }
    EXPECT_GT(number, 5u);
}

}  // namespace
}  // namespace starling::redis::client
