// Requests in flight, their session, its WebSocket and the workers end in every order. AddressSanitizer
// finds a pointer to one that has ended; EngineModel finds what is left over.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "tests/fake/engine_model.h"

namespace starling::server::test {
namespace {

using Step = EngineStep;
using Steps = std::vector<Step>;

// What each step needs before it.
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

// Calls `visit` for each order of all of `rest` behind `done`.
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

// "5" counts only behind "2probe": an upgrade here is both.
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
    EngineModel
        model;  // One for all: a slot that was used before must not be taken for its last user.
    Steps done;
    for (const bool away : {false, true})
        each_order(done, steps, [&](const Steps& order) {
            run(model, order, away, settled);
            ++orders;
        });
    return orders;
}

// A POST whose body is on its way while the session upgrades, and which is answered then.
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

// What one tick brings together, the worker sees in the order of its descriptors.
TEST(EngineLifetime, EveryOrderWithinOneTick) {
    EXPECT_GT(run_each_order({Step::poll, Step::post_head, Step::post_body, Step::attach,
                              Step::close_poll, Step::close_post, Step::server_closes},
                             false),
              100u);
}

// A slot that the next session uses: what is left of the first one must not reach it.
TEST(EngineLifetime, EveryOrderWithAnotherSessionInTheSameSlot) {
    EXPECT_GT(run_each_order({Step::poll, Step::post_head, Step::post_body, Step::server_closes,
                              Step::reopen, Step::server_sends},
                             true),
              100u);
}

// Stopped after every order of every few steps; what the client does then is all the same.
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

// Each answer that a client does not read would take another part of the queue out of the count.
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

// What an answer has not sent counts like what waits in the queue.
TEST(EngineLifetime, AnAnswerThatIsNotReadCountsForTheQueue) {
    EngineModel model;
    model.open(false);
    for (const Step step : {Step::poll, Step::server_floods, Step::server_floods}) {
        model.run(step);
        model.settle();
    }
    EXPECT_TRUE(model.has_session());  // A message that is alone in its queue may be of any size.
    model.run(Step::server_sends);
    EXPECT_FALSE(model.has_session());
    model.end();
}

// The workers end with everything in flight.
TEST(EngineLifetime, WorkersThatEndAroundRequestsInFlight) {
    for (const bool away : {false, true}) {
        EngineModel model;
        model.open(away);
        for (const Step step : {Step::poll, Step::post_head, Step::attach}) model.run(step);
        model.settle();
        model.run(Step::second_poll);  // Not even read.
    }
}

}  // namespace
}  // namespace starling::server::test
