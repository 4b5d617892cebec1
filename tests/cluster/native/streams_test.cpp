#include "cluster/native/streams.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace starling::cluster::native {
namespace {

struct Sent {
    BatchHead head;
    std::string items;
};

// An OutStream, what it sent, and an InStream with a transcript of what came out of it.
struct Pair {
    explicit Pair(Options with = {}) : options(with), out(pool, options, 1), in(pool, options) {}

    size_t put(const std::string& item, size_t share = SIZE_MAX) {
        return out.append(item, true, share);
    }
    // One batch for each call that has items.
    void flush(Millis now) {
        out.flush(now, [&](OutStream::Batch& batch) {
            BatchHead head;
            head.epoch = out.epoch();
            head.seq = batch.seq;
            head.back = static_cast<uint32_t>(batch.seq - out.oldest());
            head.before = batch.before;
            sent.push_back({head, batch.bytes.substr(batch_head_bytes)});
        });
    }
    void batch(const std::string& item, Millis now) {
        put(item);
        flush(now);
    }
    void arrive(const Sent& message) {
        const auto arrival = in.arrived(message.head, message.items);
        if (arrival == InStream::Arrival::duplicate) log += "[again]";
        if (arrival == InStream::Arrival::stale) log += "[stale]";
        if (arrival != InStream::Arrival::fresh) return;
        while (const auto ready = in.next()) {
            if (ready->began_again) log += "[began]";
            if (ready->lost > 0) log += "[lost " + std::to_string(ready->lost) + "]";
            log += ready->items;
            in.count(ready->items.size());  // Each letter is a publication.
        }
    }
    void confirm(Millis now) { out.acked(in.next_seq(), in.ahead(), now); }

    Options options;
    Pool pool;
    OutStream out;
    InStream in;
    std::vector<Sent> sent;
    std::string log;
};

struct Order {
    const char* name;
    std::vector<size_t> arrivals;  // Of the batches a, b, c, d.
    const char* log;
};

TEST(NativeStreams, PutInOrderWhatArrives) {
    const Order rows[] = {
        {"in order", {0, 1, 2, 3}, "abcd"},
        {"reversed", {3, 2, 1, 0}, "abcd"},
        {"doubled", {0, 0, 1, 1, 0}, "a[again]b[again][again]"},
        {"doubled while it waits", {2, 2, 0, 1}, "[again]abc"},
        {"a hole", {0, 2, 3}, "a"},
        {"the hole is filled", {0, 2, 3, 1}, "abcd"},
        {"nothing before the first", {1, 2}, ""},
    };
    for (const auto& row : rows) {
        Pair pair;
        for (const char* item : {"a", "b", "c", "d"}) pair.batch(item, 1);
        ASSERT_EQ(pair.sent.size(), 4u);
        for (const size_t i : row.arrivals) pair.arrive(pair.sent[i]);
        EXPECT_EQ(pair.log, row.log) << row.name;
    }
}

TEST(NativeStreams, ItemsOfATickAreOneBatch) {
    Pair pair;
    pair.put("a");
    pair.put("b");
    pair.flush(1);
    pair.flush(2);
    ASSERT_EQ(pair.sent.size(), 1u);
    EXPECT_EQ(pair.sent[0].items, "ab");
}

TEST(NativeStreams, AHoleIsSentAgainOnceInAWhile) {
    Pair pair;
    for (const char* item : {"a", "b", "c"}) pair.batch(item, 1);
    pair.arrive(pair.sent[0]);
    pair.arrive(pair.sent[2]);
    pair.confirm(100);
    pair.flush(100);
    ASSERT_EQ(pair.sent.size(), 4u);
    EXPECT_EQ(pair.sent[3].items, "b");
    pair.confirm(110);  // The same confirmation again: the second "b" is on its way.
    pair.flush(110);
    EXPECT_EQ(pair.sent.size(), 4u);
    pair.arrive(pair.sent[3]);
    EXPECT_EQ(pair.log, "abc");
    pair.confirm(120);
    EXPECT_TRUE(pair.out.is_idle());
    EXPECT_EQ(pair.pool.queued_bytes, 0u);
    EXPECT_EQ(pair.pool.held_bytes, 0u);
}

TEST(NativeStreams, ALostTailIsSentAgainAfterATime) {
    Pair pair;
    pair.batch("a", 1);
    pair.flush(500);
    EXPECT_EQ(pair.sent.size(), 1u);
    pair.flush(501);
    ASSERT_EQ(pair.sent.size(), 2u);
    pair.arrive(pair.sent[1]);
    pair.confirm(502);
    pair.flush(2'000);
    EXPECT_EQ(pair.sent.size(), 2u);
}

TEST(NativeStreams, AFullQueueDropsTheOldestAndTheReceiverKnowsHowMany) {
    Options options;
    options.node_queue_bytes_max = 4 * (batch_head_bytes + 1);
    Pair pair(options);
    pair.batch("a", 1);
    pair.arrive(pair.sent[0]);
    size_t dropped = 0;
    for (const char* item : {"b", "c", "d", "e", "f"}) {
        dropped += pair.put(item);
        pair.flush(1);
    }
    EXPECT_EQ(dropped, 2u);     // "a", which arrived and is not confirmed, and "b".
    pair.arrive(pair.sent[4]);  // The sender had "b" when it sent "e".
    EXPECT_EQ(pair.log, "a");
    pair.arrive(pair.sent[5]);
    EXPECT_EQ(pair.log, "a");
    pair.confirm(100);
    pair.flush(100);
    for (size_t i = 6; i < pair.sent.size(); ++i) pair.arrive(pair.sent[i]);
    EXPECT_EQ(pair.log, "a[lost 1]cdef");
}

TEST(NativeStreams, AShareIsKeptWhileAllQueuesAreFull) {
    Options options;
    options.queue_bytes_max = 1'000;
    Pair pair(options);
    for (int i = 0; i < 20; ++i) pair.batch(std::string(100, 'x'), 1);
    EXPECT_LE(pair.pool.queued_bytes, 3'400u);
    const size_t before = pair.out.bytes();
    EXPECT_GT(pair.put(std::string(100, 'y'), 400), 0u);
    EXPECT_LT(pair.out.bytes(), before);
    EXPECT_LE(pair.out.bytes(), 1'000u);
}

TEST(NativeStreams, AStreamThatBeginsAgainSaysSo) {
    Pair pair;
    pair.batch("a", 1);
    pair.arrive(pair.sent[0]);
    OutStream second(pair.pool, pair.options, 2);
    second.append("b", true, SIZE_MAX);
    Sent sent;
    second.flush(1, [&](OutStream::Batch& batch) {
        sent.head.epoch = 2;
        sent.head.seq = batch.seq;
        sent.items = batch.bytes.substr(batch_head_bytes);
    });
    pair.arrive(sent);
    pair.arrive(pair.sent[0]);
    EXPECT_EQ(pair.log, "a[began]b[stale]");
}

TEST(NativeStreams, EpochsAreSerialNumbers) {
    static_assert(is_newer(2u, 1u) && !is_newer(1u, 1u) && !is_newer(1u, 2u));
    static_assert(is_newer(1u, 0xffff'ffffu) && !is_newer(0xffff'ffffu, 1u));
    static_assert(is_newer(uint64_t{0}, UINT64_MAX) && !is_newer(UINT64_MAX, uint64_t{0}));
    Pair pair;
    BatchHead head{.to = 1, .epoch = 0xffff'ffff, .seq = 1};
    EXPECT_EQ(pair.in.arrived(head, "x"), InStream::Arrival::fresh);
    (void)pair.in.next();
    head.epoch = 1;
    EXPECT_EQ(pair.in.arrived(head, "y"), InStream::Arrival::fresh);
    (void)pair.in.next();
    head.epoch = 0xffff'ffff;
    EXPECT_EQ(pair.in.arrived(head, "z"), InStream::Arrival::stale);
}

TEST(NativeStreams, HoldsNoMoreThanAllowed) {
    Options options;
    options.held_bytes_max = 10;
    Pair pair(options);
    for (int i = 0; i < 50; ++i) pair.batch("xxx", 1);
    for (size_t i = 1; i < 50; ++i) pair.arrive(pair.sent[i]);
    EXPECT_EQ(pair.pool.held_bytes, 9u);
    EXPECT_EQ(pair.in.ahead(), 7u);
    pair.arrive(pair.sent[0]);
    EXPECT_EQ(pair.log, std::string(12, 'x'));
}

TEST(NativeStreams, ABurstIsSpreadOverTicks) {
    Options options;
    options.batch_bytes_max = 1'000;
    options.burst_bytes_max = 3'000;
    Pair pair(options);
    for (int i = 0; i < 100; ++i) pair.put(std::string(100, 'z'));
    size_t last = 0;
    for (Millis now = 1; now < 20; ++now) {
        pair.flush(now);
        EXPECT_LE(pair.sent.size() - last, 4u);
        last = pair.sent.size();
    }
    for (const auto& sent : pair.sent) pair.arrive(sent);
    EXPECT_EQ(pair.log, std::string(10'000, 'z'));
}

}  // namespace
}  // namespace starling::cluster::native
