// Futures and promises without a server, and the scopes that own coroutines.
#include <gtest/gtest.h>
#include <starling/async_callback.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace starling {
namespace {

using namespace std::chrono_literals;

TEST(Future, GetWaitsForAnotherThread) {
    Promise<std::string> promise;
    Future<std::string> future = promise.future();
    EXPECT_FALSE(future.ready());
    EXPECT_FALSE(future.wait_for(0ms));
    std::thread other([promise = std::move(promise)]() mutable { promise.set_value("there"); });
    EXPECT_EQ(future.get(), "there");
    EXPECT_FALSE(future.valid());
    other.join();
}

TEST(Future, ThenIsCalledAtOnceOrByTheThreadThatGivesTheResult) {
    Promise<int> early, late;
    early.set_value(1);
    int sum = 0;
    early.future().then([&](int value) { sum += value; });
    EXPECT_EQ(sum, 1);
    std::thread::id called_on;
    late.future().then([&](int value) {
        sum += value;
        called_on = std::this_thread::get_id();
    });
    EXPECT_EQ(sum, 1);
    std::thread other([&] { late.set_value(10); });
    const auto other_id = other.get_id();
    other.join();
    EXPECT_EQ(sum, 11);
    EXPECT_EQ(called_on, other_id);
}

TEST(Future, ThenMovesWhatCannotBeCopied) {
    Promise<std::unique_ptr<int>> promise;
    int got = 0;
    promise.future().then([&, moved = std::make_unique<int>(1)](std::unique_ptr<int> value) {
        got = *value + *moved;
    });
    promise.set_value(std::make_unique<int>(41));
    EXPECT_EQ(got, 42);
}

TEST(Future, OfNothing) {
    Promise<void> promise;
    bool called = false;
    promise.future().then([&] { called = true; });
    promise.set_value();
    EXPECT_TRUE(called);
}

TEST(Future, AnExceptionTakesThePlaceOfTheResult) {
    Promise<int> thrown;
    thrown.set_exception(std::make_exception_ptr(std::range_error("too far")));
    EXPECT_THROW((void)thrown.future().get(), std::range_error);
    Promise<int> result_of;
    result_of.set_result_of([]() -> int { throw std::range_error("too far"); });
    std::string what;
    result_of.future().then(
        [&](int) { what = "a value"; },
        [&](const std::exception_ptr& error) { what = std::string(detail::describe(error)); });
    EXPECT_EQ(what, "too far");
}

TEST(Future, APromiseThatIsDroppedIsBroken) {
    auto promise = std::make_unique<Promise<int>>();
    Future<int> waits = promise->future();
    promise.reset();
    EXPECT_TRUE(waits.ready());
    EXPECT_THROW((void)waits.get(), BrokenPromise);
}

TEST(Future, IsTakenOnce) {
    Promise<int> promise;
    Future<int> future = promise.future();
    EXPECT_FALSE(promise.future().valid());
    promise.set_value(1);
    EXPECT_THROW(promise.set_value(2), std::logic_error);
    EXPECT_EQ(future.get(), 1);
    EXPECT_THROW((void)future.get(), std::logic_error);
    EXPECT_THROW(future.then([](int) {}), std::logic_error);
    EXPECT_THROW((void)Future<int>().ready(), std::logic_error);
}

// A strand that runs on the test's thread.
class FakeStrand final : public detail::Strand {
public:
    void post(std::function<void()> call) override { posted.push_back(std::move(call)); }
    uint64_t after(std::chrono::milliseconds, std::function<void()> call) override {
        timer = std::move(call);
        return 1;
    }
    void cancel(uint64_t) noexcept override { timer = nullptr; }
    void log_exception(std::string_view where, std::string_view what) override {
        logged = std::string(where) + ": " + std::string(what);
    }
    void run() {
        for (const auto& call : std::exchange(posted, {})) call();
    }
    std::vector<std::function<void()>> posted;
    std::function<void()> timer;
    std::string logged;
};

struct Guard {
    explicit Guard(int& n) : alive(n) { ++alive; }
    ~Guard() { --alive; }
    int& alive;
};

Task<int> doubled(Future<int> future) {
    const int value = co_await std::move(future);
    if (value < 0) throw std::range_error("negative");
    co_return 2 * value;
}

struct Coroutines : testing::Test {
    // Starts `task` like a handler. If it is suspended, `scope` owns it.
    void start(Task<> task) {
        const auto coroutine = std::make_shared<detail::Coroutine>(
            std::move(task), [this](const std::exception_ptr& error) {
                ended = error ? std::string(detail::describe(error)) : "ended";
            });
        if (!coroutine->start()) scope.add(coroutine);
    }

    const std::shared_ptr<FakeStrand> strand = std::make_shared<FakeStrand>();
    const detail::Strand::Here here{*strand};
    detail::Scope scope;
    std::string ended;
    int alive = 0, result = 0;
};

TEST_F(Coroutines, GoOnFromTheLoopAndNeverWithinTheCallThatGivesTheResult) {
    Promise<int> promise;
    const auto body = [](Coroutines& t, Future<int> future) -> Task<> {
        const Guard guard(t.alive);
        t.result = co_await doubled(std::move(future));
    };
    start(body(*this, promise.future()));
    EXPECT_EQ(scope.size(), 1u);
    EXPECT_EQ(alive, 1);
    promise.set_value(21);
    EXPECT_EQ(result, 0);
    strand->run();
    EXPECT_EQ(result, 42);
    EXPECT_EQ(ended, "ended");
    EXPECT_EQ(scope.size(), 0u);
    EXPECT_EQ(alive, 0);
}

TEST_F(Coroutines, ExceptionsGoUpToTheHandler) {
    Promise<int> promise, later;
    const auto body = [](Coroutines& t, Future<int> first, Future<int> second) -> Task<> {
        try {
            (void)co_await doubled(std::move(first));
        } catch (const std::range_error&) {
            ++t.result;
        }
        (void)co_await doubled(std::move(second));
    };
    promise.set_value(-1);
    start(body(*this, promise.future(), later.future()));
    EXPECT_EQ(result, 1);
    later.set_value(-1);
    strand->run();
    EXPECT_EQ(ended, "negative");
}

TEST_F(Coroutines, DieWithTheirOwnerAndAreNeverResumed) {
    Promise<int> promise;
    const auto body = [](Coroutines& t, Future<int> future) -> Task<> {
        const Guard guard(t.alive);
        t.result = co_await doubled(std::move(future));
    };
    start(body(*this, promise.future()));
    scope.end();
    EXPECT_EQ(alive, 0);
    promise.set_value(21);
    strand->run();
    EXPECT_EQ(result, 0);
    EXPECT_EQ(ended, "");
}

TEST_F(Coroutines, OneThatEndsItsOwnerRunsOnToItsNextSuspension) {
    Promise<int> first, second;
    const auto body = [](Coroutines& t, Future<int> a, Future<int> b) -> Task<> {
        const Guard guard(t.alive);
        (void)co_await std::move(a);
        t.scope.end();
        t.result = 1;
        (void)co_await std::move(b);
        t.result = 2;
    };
    start(body(*this, first.future(), second.future()));
    first.set_value(0);
    strand->run();
    EXPECT_EQ(result, 1);
    EXPECT_EQ(alive, 0);
    second.set_value(0);
    strand->run();
    EXPECT_EQ(result, 1);
}

TEST_F(Coroutines, ASleepThatIsCutShortLeavesNoTimer) {
    const auto body = [](Coroutines& t) -> Task<> {
        co_await detail::Sleep{1h};
        t.result = 1;
    };
    start(body(*this));
    EXPECT_TRUE(strand->timer);
    scope.end();
    EXPECT_FALSE(strand->timer);
    start(body(*this));
    std::exchange(strand->timer, nullptr)();
    EXPECT_EQ(result, 1);
    EXPECT_EQ(ended, "ended");
}

TEST_F(Coroutines, ALoopOverTasksThatEndAtOnceStaysOnOneLevelOfTheStack) {
    const auto body = [](Coroutines& t) -> Task<> {
        const auto one = []() -> Task<int> { co_return 1; };
        for (int i = 0; i < 100'000; ++i) t.result += co_await one();
    };
    start(body(*this));
    EXPECT_EQ(result, 100'000);
}

TEST_F(Coroutines, OneOwnerHasSoManyAndNoMore) {
    std::vector<Promise<int>> promises(coroutines_per_connection_max + 1);
    Promise<int> after;
    const auto body = [](Coroutines& t, Future<int> future) -> Task<> {
        const Guard guard(t.alive);
        (void)co_await std::move(future);
    };
    for (size_t i = 0; i < coroutines_per_connection_max; ++i)
        start(body(*this, promises[i].future()));
    EXPECT_THROW(start(body(*this, promises.back().future())), std::length_error);
    EXPECT_EQ(alive, int(coroutines_per_connection_max));
    promises[3].set_value(1);
    strand->run();
    start(body(*this, after.future()));
    scope.end();
    EXPECT_EQ(alive, 0);
}

TEST_F(Coroutines, AWorkersThreadDoesNotWaitForAResult) {
    Promise<int> promise;
    promise.set_value(1);
    Future<int> future = promise.future();
    EXPECT_THROW((void)future.wait_for(0ms), std::logic_error);
    EXPECT_THROW((void)future.get(), std::logic_error);
    EXPECT_TRUE(future.valid());
}

TEST(CoroutinesElsewhere, APlainCallbackTakesNone) {
    const auto plain = [](int) { return 1; };
    const auto coroutine = [](int) -> Task<> { co_return; };
    static_assert(std::is_constructible_v<std::function<void(int)>, decltype(coroutine)>);
    static_assert(!std::is_constructible_v<PlainCallback<void(int)>, decltype(coroutine)>);
    static_assert(std::is_constructible_v<PlainCallback<void(int)>, decltype(plain)>);
    int calls = 0;
    const PlainCallback<void(int)> empty, call = [&calls](int more) { calls += more; };
    EXPECT_FALSE(empty);
    EXPECT_FALSE(PlainCallback<void(int)>(empty));
    EXPECT_FALSE(PlainCallback<void(int)>(std::function<void(int)>()));
    const PlainCallback<void(int)> copy = call;
    copy(2);
    EXPECT_EQ(calls, 2);
}

TEST(CoroutinesElsewhere, ACoroutineHandlerNeedsAWorkersThread) {
    const auto body = []() -> Task<> { co_return; };
    EXPECT_THROW(detail::Coroutine(body(), nullptr), std::logic_error);
}

}  // namespace
}  // namespace starling
