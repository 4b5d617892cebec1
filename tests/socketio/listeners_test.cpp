#include "socketio/listeners.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "starling/socketio.h"

namespace starling::socketio {
namespace {

using sio::detail::Listener;

// Sockets of one worker, and what their listeners wrote.
class SocketioListeners : public ::testing::Test {
protected:
    std::string call(Listeners& listeners, std::string_view name) {
        written.clear();
        const sio::Socket nobody;
        const sio::Ack ack;
        const bool any = listeners.call(names.of(name), {nobody, name, {}, ack},
                                        [](const sio::detail::ArgumentMismatch&) {});
        return any ? written : "(none)";
    }
    template <class F>
    void add(Listeners& listeners, std::string_view name, F&& handler, bool once = false) {
        listeners.add(names.of(name), Listener::of(std::forward<F>(handler)), once);
    }
    // What a handler that captures one reference writes.
    struct Writer {
        Writer(std::string& t, std::string w) : to(t), word(std::move(w)) {}
        void write() const { to += word; }
        std::string& to;
        std::string word;
    };
    // What an application does for each client.
    void connect(Listeners& listeners) {
        add(listeners, "plain", [] {});
        add(listeners, "one", [this] { written += "one "; });
        add(listeners, "two", [this] { written += two; });
        listeners.share(recent);
    }

    Names names;
    RecentListeners recent;
    std::string written, two = "two ";
};

TEST_F(SocketioListeners, SocketsWithTheSameListenersShareThem) {
    std::vector<Listeners> sockets(100);
    for (Listeners& socket : sockets) connect(socket);
    for (Listeners& socket : sockets) {
        EXPECT_TRUE(socket.shares_with(sockets.front()));
        EXPECT_EQ(call(socket, "one"), "one ");
        EXPECT_EQ(call(socket, "two"), "two ");
        EXPECT_EQ(call(socket, "three"), "(none)");
    }
}

TEST_F(SocketioListeners, OthersDoNotSeeTheChangeOfOne) {
    Listeners a, b, c;
    for (Listeners* socket : {&a, &b, &c}) connect(*socket);
    add(a, "one", [this] { written += "more "; });
    b.remove(names.of("one"));
    EXPECT_EQ(call(a, "one"), "one more ");
    EXPECT_EQ(call(b, "one"), "(none)");
    EXPECT_EQ(call(b, "two"), "two ");
    EXPECT_EQ(call(c, "one"), "one ");
    c.clear();
    EXPECT_TRUE(c.empty());
    EXPECT_EQ(call(a, "two"), "two ");
}

TEST_F(SocketioListeners, OtherHandlersOrderNamesAndCapturesAreNotTheSame) {
    const Writer first(written, "1 "), second(written, "2 ");
    const auto number = [](const Writer& writer) { return [&writer] { writer.write(); }; };
    const std::function<void(Listeners&)> ways[] = {
        [&](Listeners& to) { add(to, "a", number(first)); },
        [&](Listeners& to) { add(to, "a", number(second)); },
        [&](Listeners& to) { add(to, "b", number(first)); },
        [&](Listeners& to) { add(to, "a", number(first), true); },
        [&](Listeners& to) { add(to, "a", [this] { written += "x "; }); },
        [&](Listeners& to) {
            add(to, "a", number(first));
            add(to, "a", number(second));
        },
        [&](Listeners& to) {
            add(to, "a", number(second));
            add(to, "a", number(first));
        },
    };
    std::vector<Listeners> sockets(std::size(ways));
    for (size_t i = 0; i < sockets.size(); ++i) {
        ways[i](sockets[i]);
        sockets[i].share(recent);
        for (size_t j = 0; j < i; ++j) EXPECT_FALSE(sockets[i].shares_with(sockets[j])) << i << j;
    }
    EXPECT_EQ(call(sockets[5], "a"), "1 2 ");
    EXPECT_EQ(call(sockets[6], "a"), "2 1 ");
    EXPECT_EQ(call(sockets[3], "a"), "1 ");
    EXPECT_EQ(call(sockets[3], "a"), "(none)");
}

// A call that changes a handler's own state changes that of one socket.
TEST_F(SocketioListeners, HandlersWithAStateOfTheirOwnAreNotShared) {
    struct Counter {
        std::string* to;
        mutable int count = 0;
        void operator()() const { *to += std::to_string(++count) + " "; }
    };
    Listeners a, b;
    for (Listeners* socket : {&a, &b}) {
        add(*socket, "mutable",
            [this, count = int64_t{0}]() mutable { written += std::to_string(++count) + " "; });
        add(*socket, "class", Counter{&written});
        add(*socket, "text",
            [this, text = std::string("a long text, which is on the heap")] { written += text; });
        socket->share(recent);
    }
    EXPECT_FALSE(a.shares_with(b));
    EXPECT_EQ(call(a, "mutable"), "1 ");
    EXPECT_EQ(call(a, "mutable"), "2 ");
    EXPECT_EQ(call(a, "class"), "1 ");
    EXPECT_EQ(call(b, "mutable"), "1 ");
    EXPECT_EQ(call(b, "class"), "1 ");
}

// A constant call may change a member that is `mutable`, and no handler here can be assigned. They
// are shared until a call changes one.
TEST_F(SocketioListeners, AMutableMemberCountsPerSocket) {
    struct Counter {
        std::string& to;
        mutable int count = 0;
        void operator()() const { to += std::to_string(++count) + " "; }
    };
    struct Small {
        mutable int count = 0;
    };
    static std::vector<int> counted;
    counted.clear();
    static_assert(sizeof(Counter) == 16 && !std::is_copy_assignable_v<Counter>);
    std::vector<Listeners> sockets(6);
    const auto add_to = [&](size_t i) {
        if (i < 2) return add(sockets[i], "e", Counter{written});
        if (i < 4) return add(sockets[i], "e", [counter = Counter{written}] { counter(); });
        add(sockets[i], "e", [small = Small()] { counted.push_back(++small.count); });
    };
    for (size_t i = 0; i < sockets.size(); ++i) {
        add_to(i);
        sockets[i].share(recent);
    }
    EXPECT_TRUE(sockets[4].shares_with(sockets[5]));
    for (Listeners& socket : std::span(sockets).first(4)) {
        EXPECT_EQ(call(socket, "e"), "1 ");
        EXPECT_EQ(call(socket, "e"), "2 ");
    }
    for (size_t i : {4, 5, 4}) call(sockets[i], "e");
    EXPECT_EQ(counted, (std::vector<int>{1, 1, 2}));
    Listeners late;
    add(late, "e", [small = Small()] { counted.push_back(++small.count); });
    late.share(recent);
    call(late, "e");
    EXPECT_EQ(counted.back(), 1);
}

// The state of a handler stays where it belongs when the handler changes the listeners meanwhile.
TEST_F(SocketioListeners, AMutableMemberStaysWhenTheListenersChange) {
    struct Flag {
        std::function<void()>& change;
        mutable bool called = false;
    };
    Listeners a, b;
    std::function<void()> change = [&] {
        for (int i = 0; i < 20; ++i) add(a, "other", [this] { written += "other "; });
    };
    for (Listeners* socket : {&a, &b}) {
        add(*socket, "e", [flag = Flag{change}] {
            if (!std::exchange(flag.called, true)) flag.change();
        });
        socket->share(recent);
    }
    call(a, "e");
    const std::string added = call(a, "other");
    EXPECT_EQ(added.size(), 20 * std::string("other ").size());
    call(a, "e");  // Adds no more.
    EXPECT_EQ(call(a, "other"), added);
    change = [&] {
        b.remove(names.of("e"));
        written += "removed ";
    };
    EXPECT_EQ(call(b, "e"), "removed ");
    EXPECT_EQ(call(b, "e"), "(none)");
}

// Handlers without a state of their own that a call may change are shared up to 16 bytes.
TEST_F(SocketioListeners, WhichHandlersAreShareable) {
    int x = 0, y = 0, z = 0;
    struct Class {
        int* at;
        void operator()() const {}
    };
    const auto shareable = [](auto handler) {
        return sio::detail::is_shareable<decltype(handler)>();
    };
    EXPECT_TRUE(shareable([] {}));
    EXPECT_TRUE(shareable(+[] {}));
    EXPECT_TRUE(shareable([&x] { ++x; }));
    EXPECT_TRUE(shareable([&x, &y] { x += y; }));
    EXPECT_TRUE(shareable([&x, y]() noexcept { x += y; }));
    EXPECT_FALSE(shareable([&x, &y, &z] { x += y + z; }));
    EXPECT_FALSE(shareable([x]() mutable { ++x; }));
    EXPECT_FALSE(shareable([&x, y]() mutable { x += ++y; }));
    EXPECT_FALSE(shareable([&x, y]() mutable noexcept { x += ++y; }));
    EXPECT_FALSE(shareable([text = std::string()] { (void)text; }));
    EXPECT_FALSE(shareable([shared = std::make_shared<int>()] { (void)shared; }));
    EXPECT_FALSE(shareable(Class{&x}));
    EXPECT_FALSE(shareable(std::function<void()>([] {})));
}

// The smallest handlers lie in the Listener itself if no call changes them, else on the heap.
TEST_F(SocketioListeners, TheStateOfASmallHandlerStays) {
    static std::vector<int> counted;
    counted.clear();
    Listeners a, b;
    for (Listeners* socket : {&a, &b}) {
        add(*socket, "e", [count = 0]() mutable { counted.push_back(++count); });
        socket->share(recent);
    }
    EXPECT_FALSE(a.shares_with(b));
    for (Listeners* socket : {&a, &a, &b}) call(*socket, "e");
    EXPECT_EQ(counted, (std::vector<int>{1, 2, 1}));
}

TEST_F(SocketioListeners, HandlersWithTwoEqualCapturesAreShared) {
    Listeners a, b, c, d;
    std::string other = "other ";
    const auto add_to = [this](Listeners& socket, const std::string& text) {
        add(socket, "e", [this, &text] { written += text; });
        socket.share(recent);
    };
    for (Listeners* socket : {&a, &b}) add_to(*socket, two);
    add_to(c, other);
    add(d, "e", [this, &text = two] { written += text + text; });  // Of another type.
    d.share(recent);
    EXPECT_TRUE(a.shares_with(b));
    EXPECT_FALSE(a.shares_with(c));
    EXPECT_FALSE(a.shares_with(d));
    EXPECT_EQ(call(a, "e"), "two ");
    EXPECT_EQ(call(b, "e"), "two ");
    EXPECT_EQ(call(c, "e"), "other ");
    EXPECT_EQ(call(d, "e"), "two two ");
}

// A socket with a handler whose captures are larger has a set of its own.
TEST_F(SocketioListeners, HandlersWithThreeCapturesAreNotShared) {
    Listeners a, b;
    const std::string three = "three ";
    for (Listeners* socket : {&a, &b}) {
        add(*socket, "e", [this, &two = two, &three] { written += two + three; });
        socket->share(recent);
    }
    EXPECT_FALSE(a.shares_with(b));
    EXPECT_EQ(call(a, "e"), "two three ");
    EXPECT_EQ(call(b, "e"), "two three ");
}

TEST_F(SocketioListeners, OnceIsOncePerSocket) {
    Listeners a, b;
    for (Listeners* socket : {&a, &b}) {
        add(
            *socket, "e", [this] { written += "once "; }, true);
        socket->share(recent);
    }
    EXPECT_TRUE(a.shares_with(b));
    EXPECT_EQ(call(a, "e"), "once ");
    EXPECT_EQ(call(a, "e"), "(none)");
    EXPECT_EQ(call(b, "e"), "once ");
    EXPECT_EQ(call(b, "e"), "(none)");
}

// While a listener of a shared set runs, all sockets give the set up. The captures stay.
TEST_F(SocketioListeners, ASharedSetStaysWhileItsListenerRuns) {
    auto a = std::make_unique<Listeners>(), b = std::make_unique<Listeners>();
    auto forgotten = std::make_unique<RecentListeners>();
    const Writer writer(written, "still here ");
    const struct {
        const Writer& writer;
        std::function<void()> give_up;
    } scene{writer, [&] {
                a->clear();
                b->clear();
                forgotten.reset();
            }};
    for (Listeners* socket : {a.get(), b.get()}) {
        add(*socket, "e", [&scene] {
            scene.give_up();
            scene.writer.write();
        });
        add(*socket, "e", [this] { written += "removed meanwhile "; });
        socket->share(*forgotten);
    }
    ASSERT_TRUE(a->shares_with(*b));
    EXPECT_EQ(call(*a, "e"), "still here ");
    EXPECT_EQ(call(*a, "e"), "(none)");
    EXPECT_EQ(call(*b, "e"), "(none)");
}

TEST_F(SocketioListeners, AListenerMayAddToASharedSet) {
    Listeners a, b;
    const std::function<void()> add_more = [&] {
        written += "first ";
        add(a, "e", [this] { written += "added "; });
    };
    for (Listeners* socket : {&a, &b}) {
        add(*socket, "e", [&add_more] { add_more(); });
        socket->share(recent);
    }
    EXPECT_TRUE(a.shares_with(b));
    EXPECT_EQ(call(a, "e"), "first ");
    EXPECT_EQ(call(a, "e"), "first added ");
    EXPECT_EQ(call(b, "e"), "first ");
}

TEST_F(SocketioListeners, SetsThatManyHaveAreRemembered) {
    Listeners a, b;
    connect(a);
    connect(b);
    const std::vector<Writer> writers(50, Writer(written, "single "));
    std::vector<Listeners> singles(writers.size());
    for (size_t i = 0; i < singles.size(); ++i) {
        add(singles[i], "e", [&writer = writers[i]] { writer.write(); });
        singles[i].share(recent);
    }
    Listeners c;
    connect(c);
    EXPECT_TRUE(c.shares_with(a));
}

}  // namespace
}  // namespace starling::socketio
