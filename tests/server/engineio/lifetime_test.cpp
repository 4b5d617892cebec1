// Requests in flight, their session, its WebSocket and the workers end in every order.
// AddressSanitizer finds pointers to ended objects; EngineModel finds objects that are left.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "tests/fake/engine_model.h"

namespace starling::server::test {
namespace {

using Step = EngineStep;
using Steps = std::vector<Step>;

// Tells whether `next` is possible after `done`.
bool may_follow(const Steps& done, Step next) {
    const auto has = [&](Step step) { return std::ranges::find(done, step) != done.end(); };
    switch (next) {
        case Step::post_body:
        case Step::close_post: return has(Step::post_head);
        case Step::close_poll: return has(Step::poll);
        case Step::upgrade:
        case Step::close_socket: return has(Step::attach);
        default: return !has(Step::stop) && !has(Step::stop_at_once);
    }
}

// Calls `visit` for each order of `rest` that can follow `done`.
template <class F>
void each_order(Steps& done, const std::set<Step>& rest, F&& visit) {
    if (rest.empty()) return visit(done);
    for (const Step next : rest) {
        if (!may_follow(done, next)) continue;
        auto left = rest;
        left.erase(next);
        done.push_back(next);
        each_order(done, left, visit);
        done.pop_back();
    }
}

// "5" is only valid after "2probe", so an upgrade step sends both.
void run(EngineModel& model, const Steps& steps, bool away, bool settled) {
    model.open(away);
    for (const Step step : steps) {
        if (step == Step::upgrade) {
            model.run(Step::probe);
            model.settle();
        }
        model.run(step);
        if (settled) model.settle();
    }
    model.settle();
    model.end();
}

size_t run_each_order(const std::set<Step>& steps, bool settled) {
    size_t orders = 0;
    // One model for all orders: a slot that is used again must not be mistaken for its previous
    // object.
    EngineModel model;
    Steps done;
    for (const bool away : {false, true})
        each_order(done, steps, [&](const Steps& order) {
            run(model, order, away, settled);
            ++orders;
        });
    return orders;
}

// The session upgrades while the body of a POST is arriving; the POST is answered at that moment.
TEST(EngineLifetime, APostThatAnUpgradeOvertakes) {
    for (const bool away : {false, true}) {
        EngineModel model;
        run(model,
            {Step::post_head, Step::attach, Step::upgrade, Step::post_body, Step::close_post,
             Step::server_sends, Step::close_socket},
            away, true);
    }
}

TEST(EngineLifetime, EveryOrderOfRequestsUpgradeAndClosing) {
    EXPECT_GT(run_each_order({Step::poll, Step::post_head, Step::post_body, Step::attach,
                              Step::upgrade, Step::close_post, Step::close_socket},
                             true),
              100u);
}

TEST(EngineLifetime, EveryOrderWithTheEndOfTheSession) {
    EXPECT_GT(run_each_order({Step::poll, Step::post_head, Step::post_body, Step::attach,
                              Step::upgrade, Step::close_poll, Step::server_closes},
                             true),
              100u);
    EXPECT_GT(run_each_order({Step::poll, Step::post_head, Step::post_body, Step::attach,
                              Step::close_socket, Step::client_closes},
                             true),
              100u);
}

// The worker handles what arrives in one tick in the order of the descriptors.
TEST(EngineLifetime, EveryOrderWithinOneTick) {
    EXPECT_GT(run_each_order({Step::poll, Step::post_head, Step::post_body, Step::attach,
                              Step::close_poll, Step::close_post, Step::server_closes},
                             false),
              100u);
}

// The next session uses the same slot; requests of the first session must not reach it.
TEST(EngineLifetime, EveryOrderWithAnotherSessionInTheSameSlot) {
    EXPECT_GT(run_each_order({Step::poll, Step::post_head, Step::post_body, Step::server_closes,
                              Step::reopen, Step::server_sends},
                             true),
              100u);
}

// The server stops after every order of a few steps; then the client ends everything.
TEST(EngineLifetime, AStopAfterEveryOrder) {
    const std::vector<std::set<Step>> sets = {
        {Step::poll, Step::post_head, Step::attach, Step::upgrade},
        {Step::post_head, Step::post_body, Step::attach, Step::upgrade},
        {Step::poll, Step::post_head, Step::server_closes},
        {Step::post_head},
        {Step::poll},
    };
    size_t orders = 0;
    for (const auto& steps : sets)
        for (const Step stop : {Step::stop, Step::stop_at_once})
            for (const bool away : {false, true})
                for (const bool settled : {false, true}) {
                    Steps done = {Step::crowd};
                    each_order(done, steps, [&](Steps order) {
                        EngineModel model;
                        order.insert(order.end(), {stop, Step::post_body, Step::close_post,
                                                   Step::close_socket, Step::close_poll});
                        run(model, order, away, settled);
                        ++orders;
                    });
                }
    EXPECT_GT(orders, 100u);
}

// The client of a poll that is answered during a stop may be unable to poll again.
TEST(EngineLifetime, APollThatIsAnsweredWhileTheServerStops) {
    EngineModel model;
    run(model, {Step::crowd, Step::poll, Step::stop, Step::server_sends, Step::close_poll}, false,
        true);
    EXPECT_FALSE(model.has_session());
}

// Otherwise each unread answer would remove a part of the queue from the count.
TEST(EngineLifetime, APollBehindAnAnswerThatIsNotReadEndsTheSession) {
    EngineModel model;
    model.open(false);
    for (const Step step : {Step::poll, Step::server_floods}) {
        model.run(step);
        model.settle();
    }
    EXPECT_TRUE(model.has_session());
    model.run(Step::second_poll);
    model.settle();
    EXPECT_FALSE(model.has_session());
    model.end();
}

// The unsent part of an answer counts like packets in the queue.
TEST(EngineLifetime, AnAnswerThatIsNotReadCountsForTheQueue) {
    EngineModel model;
    model.open(false);
    for (const Step step : {Step::poll, Step::server_floods, Step::server_floods}) {
        model.run(step);
        model.settle();
    }
    EXPECT_TRUE(model.has_session());  // A single message may exceed the limit of the queue.
    model.run(Step::server_sends);
    EXPECT_FALSE(model.has_session());
    model.end();
}

// After the upgrade, too: what the client does not read on one connection leaves less room on the other.
TEST(EngineLifetime, AnAnswerThatIsNotReadCountsForTheWebSocket) {
    for (const bool read : {false, true}) {
        EngineModel model;
        model.open(false);
        for (const Step step :
             {Step::poll, Step::server_floods, Step::attach, Step::probe, Step::upgrade}) {
            model.run(step);
            model.settle();
        }
        ASSERT_TRUE(model.on_websocket());
        if (read) model.read_poll();
        EXPECT_EQ(model.queued_bytes() > 256 * 1024, !read);
        model.run(Step::server_floods);
        EXPECT_EQ(model.has_session(), read);
        model.end();
    }
}

// The workers end while requests are in flight.
TEST(EngineLifetime, WorkersThatEndAroundRequestsInFlight) {
    for (const bool away : {false, true}) {
        EngineModel model;
        model.open(away);
        for (const Step step : {Step::poll, Step::post_head, Step::attach}) model.run(step);
        model.settle();
        model.run(Step::second_poll);  // Not even read by the server.
    }
}

#if defined(STARLING_ASSERTIONS)
TEST(EngineLifetimeDeathTest, ASessionIsTouchedByItsOwnThreadAlone) {
    EngineModel model;
    model.open(false);
    EXPECT_DEATH(model.touch_from_another_thread(), "session.cpp:.*on_own_thread");
    model.end();
}
#endif

}  // namespace
}  // namespace starling::server::test
