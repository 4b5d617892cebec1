// What a node does with too much, and with what is not for it.
#include "cluster/node.h"

#include <gtest/gtest.h>

#include "tests/cluster/three.h"

namespace starling::cluster::test {
namespace {

// What Redis sends back is no fault; what this node has not sent is one, and nobody hears it.
TEST(Node, AnotherNodeWithThisUid) {
    for (const auto& [name, options] : variants()) {
        SCOPED_TRACE(name);
        Three three(options);
        three.a().emit({}, "all");
        three.a().emit({"red"}, "red");
        three.a().emit({"nobody"}, "none");
        three.a().change(Kind::join, {"blue"}, {"green"});
        three.a().ask(Kind::fetch, {});
        three.a().ask(Kind::server_event, {});
        three.redis.run_for(10);
        EXPECT_EQ(three.a().node->stats().impostors, 0u);
        three.redis.run_for(25'000);
        three.a().emit({}, "all");
        three.redis.run_for(10);
        const auto forged = [&, &options = options] {
            Process impostor(three.redis, "A", options);
            impostor.emit({}, "forged");
            three.redis.run_for(5);
        };
        for (int i = 0; i < 3; ++i) forged();
        const auto stats = three.a().node->stats();
        EXPECT_EQ(stats.impostors, 3u);
        EXPECT_EQ(joined(three.a().warnings), "a message with the uid of this node 1");
        EXPECT_EQ(three.a().heard.count("a1"), 0u);
    }
}

TEST(Node, QuestionsAreBounded) {
    NodeOptions options;
    options.questions.open_max = 100;
    Three three(options);
    three.c().frozen = true;
    size_t ended = 0;
    for (int i = 0; i < 1000; ++i) {
        Message fetch;
        fetch.kind = Kind::fetch;
        three.a().node->ask(fetch, 0, three.redis.now_ms, [&](const socketio::Report& report) {
            if (report.first) ++ended;
        });
    }
    EXPECT_EQ(ended, 900u);
    three.redis.run_for(5000);
    EXPECT_EQ(ended, 1000u);
}

// Answers that were not asked for, too many of them, and more bytes than a question may hold.
TEST(Node, AnswersAreBounded) {
    NodeOptions options;
    options.questions.answer_bytes_max = 10'000;
    Three three(options);
    three.b().frozen = three.c().frozen = true;
    three.a().ask(Kind::ask, {}, 1000);
    const auto answer = [&](std::string_view body) {
        three.a().receive(
            {Medium::channel, "socket.io-response#/#", "socket.io-response#/#", body});
    };
    answer(R"({"requestId":"A-1","type":8,"clientCount":9007199254740991})");
    answer(R"({"requestId":"A-1","sockets":[]})");
    answer(R"({"requestId":"A-9","type":9,"packet":[1]})");
    for (int i = 0; i < 1000; ++i) answer(R"({"requestId":"A-1","type":9,"packet":["x"]})");
    EXPECT_EQ(three.a().answers.back(), "incomplete");
    EXPECT_LT(three.a().answers.size(), 1000u);
    EXPECT_GT(three.a().node->stats().strange_answers, 2u);
}

}  // namespace
}  // namespace starling::cluster::test
