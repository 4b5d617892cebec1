#include "net/outbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"

namespace starling::net {
namespace {

using base::SharedBytes;

std::string gathered(const Outbox& outbox, size_t parts_max = 64) {
    std::array<iovec, 64> parts;
    const size_t count = outbox.gather(std::span(parts).first(parts_max));
    std::string text;
    for (size_t i = 0; i < count; ++i)
        text.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    return text;
}

std::string pattern(size_t size, char first = 'a') {
    std::string text(size, ' ');
    for (size_t i = 0; i < size; ++i) text[i] = char(first + i % 23);
    return text;
}

void append(Outbox& outbox, ChunkPool& pool, const std::string& text) {
    outbox.append(base::bytes_of(text), pool);
}

TEST(Outbox, SmallAppendsShareAChunk) {
    ChunkPool pool;
    Outbox outbox;
    for (int i = 0; i < 100; ++i) append(outbox, pool, "abc");
    append(outbox, pool, "");
    std::array<iovec, 64> parts;
    EXPECT_EQ(outbox.gather(parts), 1u);
    EXPECT_EQ(outbox.bytes(), 300u);
    outbox.clear(pool);
    EXPECT_TRUE(outbox.empty());
    EXPECT_EQ(outbox.gather(parts), 0u);
}

TEST(Outbox, KeepsTheOrderOfCopiesAndReferences) {
    ChunkPool pool;
    Outbox outbox;
    const std::string large = pattern(5000), huge = pattern(100'000, 'A');
    append(outbox, pool, "one");
    outbox.append(SharedBytes::copy(base::bytes_of(large)));
    append(outbox, pool, "two");
    append(outbox, pool, huge);
    outbox.append(SharedBytes::copy(base::bytes_of(large)), 4990);
    outbox.append(SharedBytes::copy(base::bytes_of(large)), 5000);
    append(outbox, pool, "three");
    const std::string want = "one" + large + "two" + huge + large.substr(4990) + "three";
    EXPECT_EQ(outbox.bytes(), want.size());
    EXPECT_EQ(gathered(outbox), want);
    outbox.clear(pool);
}

TEST(Outbox, ConsumedAtEveryStepItIsTheSame) {
    for (const size_t step : {1u, 2u, 7u, 1000u, 4079u, 4080u, 4081u, 20'000u}) {
        ChunkPool pool;
        Outbox outbox;
        const std::string large = pattern(1500, 'A');
        std::string want;
        for (int i = 0; i < 8; ++i) {
            const std::string text = pattern(size_t(i) * 300 + 1);
            append(outbox, pool, text);
            outbox.append(SharedBytes::copy(base::bytes_of(large)));
            want += text + large;
        }
        std::string left;
        while (!outbox.empty()) {
            const size_t taken = std::min(step, outbox.bytes());
            left += gathered(outbox).substr(0, taken);
            outbox.consume(taken, pool);
            if (left.size() % 5 == 0 && left.size() < want.size() / 2 && step > 100) {
                append(outbox, pool, "more");  // Appended while earlier bytes are being sent.
                want += "more";
            }
        }
        EXPECT_EQ(left, want) << step;
    }
}

TEST(Outbox, AQueueThatIsNeverEmptyDoesNotGrow) {
    ChunkPool pool;
    Outbox outbox;
    const auto shared = SharedBytes::copy(base::bytes_of(pattern(2000)));
    outbox.append(shared);
    for (int i = 0; i < 20'000; ++i) {
        outbox.append(shared);
        outbox.consume(2000, pool);
        ASSERT_EQ(outbox.bytes(), 2000u);
    }
    EXPECT_EQ(gathered(outbox), pattern(2000));
    outbox.clear(pool);
}

TEST(Outbox, GathersNoMoreThanThereIsRoomFor) {
    ChunkPool pool;
    Outbox outbox;
    const auto shared = SharedBytes::copy(base::bytes_of(pattern(1024)));
    for (int i = 0; i < 10; ++i) outbox.append(shared);
    EXPECT_EQ(gathered(outbox, 3).size(), 3u * 1024);
    outbox.clear(pool);
}

TEST(ChunkPool, GivesAtLeastWhatIsWantedAndReuses) {
    ChunkPool pool;
    Chunk* small = pool.take(1);
    EXPECT_EQ(small->capacity, ChunkPool::chunk_bytes);
    pool.give_back(small);
    EXPECT_EQ(pool.take(ChunkPool::chunk_bytes), small);
    Chunk* large = pool.take(ChunkPool::chunk_bytes + 1);
    EXPECT_GT(large->capacity, ChunkPool::chunk_bytes);
    pool.give_back(large);
    pool.give_back(small);
}

}  // namespace
}  // namespace starling::net
