// Each allocation of joining a room fails once: the member leaves all the same.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <new>
#include <string>

#include "events/broker.h"
#include "events/table.h"
#include "tests/fake/failing_memory.h"

namespace starling::events {
namespace {

struct Listener final : hub::Subscriber, Member {
    void deliver(hub::Publication& publication) override { ++publication.taken; }
    void expired(hub::Subscriber&) override {}
};

// Has nothing, and answers at once.
struct EmptyHistory final : hub::History {
    void append(std::string_view, const hub::HistoryRule&, std::string_view, uint64_t,
                const std::function<void(hub::KeptPtr)>&) override {}
    void read(const hub::HistoryQuery&, uint64_t,
              const std::function<void(hub::HistoryPage)>& done) override {
        hub::HistoryPage page;
        page.top.epoch = "an epoch with a name that needs memory";
        done(page);
    }
};

struct NoSink final : hub::Feeds::Sink {
    void deliver(const hub::KeptPtr&) override {}
    void lost(std::string_view) override {}
    void opened(std::string_view channel) override {
        static_cast<void>(std::string(100, channel.front()));
        ++open;
    }
    void closed(std::string_view) override { --open; }
    int open = 0;
};

constexpr std::string_view channel = "a channel with a name that needs memory";

class OutOfMemoryBroker : public testing::TestWithParam<bool> {
protected:
    OutOfMemoryBroker() {
        table_.declare(
            {.pattern = std::string(channel),
             .history = {.messages = GetParam() ? 10U : 0U, .age = std::chrono::minutes(1)}});
    }
    void join(Member& member, hub::Subscriber& subscriber) {
        broker_.enter(member, *table_.find(channel).rule, channel);
        if (GetParam())
            broker_.follow(member, subscriber, std::nullopt, 0, [](auto) { return true; });
        else
            broker_.add_listener(member, subscriber, 0);
    }
    EmptyHistory history_;
    NoSink sink_;
    hub::Feeds feeds_{history_, sink_};
    Table table_;
    Broker broker_{&feeds_};
};

TEST_P(OutOfMemoryBroker, AMemberThatCouldNotJoinLeaves) {
    for (const bool has_other : {false, true}) {
        uint64_t number = 1;
        for (bool joined = false; !joined; ++number) {
            Listener other;
            if (has_other) join(other, other);
            auto member = std::make_unique<Listener>();
            fake::fail_allocation(number);
            try {
                join(*member, *member);
                joined = true;
            } catch (const std::bad_alloc&) {}
            fake::fail_allocation(0);
            EXPECT_EQ(broker_.listeners(channel), (has_other ? 1U : 0U) + (joined ? 1U : 0U))
                << number;
            member.reset();
            const auto published = broker_.publish(channel, "x", 0);
            EXPECT_EQ(published.delivered, has_other ? 1U : 0U) << number;
        }
        EXPECT_EQ(broker_.rooms(), 0U);
        EXPECT_EQ(feeds_.feeds(), 0U);
        EXPECT_EQ(sink_.open, 0);
        EXPECT_GT(number, has_other ? 1U : 2U);
    }
}

INSTANTIATE_TEST_SUITE_P(History, OutOfMemoryBroker, testing::Bool());

}  // namespace
}  // namespace starling::events
