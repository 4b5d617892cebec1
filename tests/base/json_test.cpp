// JSON of untrusted peers: values equal those of Boost.JSON's parser, and no set of keys makes
// lookups slow.
#include <starling/json.h>

#include <gtest/gtest.h>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/memory_resource.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/json_builder.h"

namespace starling {
namespace {

namespace json = boost::json;

std::string object_text(const std::vector<std::string>& keys) {
    std::string text;
    for (size_t i = 0; i < keys.size(); ++i)
        text += (i ? ",\"" : "{\"") + keys[i] + "\":" + std::to_string(i);
    return keys.empty() ? "{}" : text + "}";
}

TEST(Json, IsWhatBoostReads) {
    std::vector<std::string> texts{"null", " [1, 2.5, \"a\"] ", "{}", R"({"a":{"b":[{}]},"a":2})"};
    for (const size_t count : {17, 18, 19, 31, 32, 33, 34, 64, 65, 200, 5000}) {
        std::vector<std::string> plain, escaped, repeated, first_is_long;
        for (size_t i = 0; i < count; ++i) {
            plain.push_back("key" + std::to_string(i));
            escaped.push_back("\\u00e9" + std::to_string(i) + "\\n" + std::string(i % 40, 'x'));
            repeated.push_back(std::to_string(i % 40));
            first_is_long.push_back(std::to_string(i) +
                                    std::string(i == 0 ? 9000 : 3000 / (i + 1), 'y'));
        }
        for (const auto& keys : {plain, escaped, repeated, first_is_long}) {
            texts.push_back(object_text(keys));
            texts.push_back("[" + object_text(keys) + "," + object_text(keys) + "]");
        }
    }
    for (const std::string& text : texts) {
        const auto read = parse_json(text);
        ASSERT_TRUE(read) << text;
        EXPECT_EQ(*read, json::parse(text)) << text;
        // A copy and a move use the default memory resource, not the source's.
        EXPECT_EQ(read->storage().get(), json::storage_ptr().get());
    }
}

TEST(Json, RefusesWhatIsNone) {
    for (const std::string_view text : {"", " ", "{", "[1,]", "{\"a\":1}x", "nul", "\"\xff\"",
                                        "[[[[1]]]]", "{\"a\":1,}", "// x\n1"})
        EXPECT_FALSE(parse_json(text, 3)) << text;
    EXPECT_TRUE(parse_json("[[[1]]]", 3));
}

// ---- colliding keys
// ---------------------------------------------------------------------------------

constexpr uint64_t prime = 0x100000001b3;

// The hash of Boost.JSON 1.81: FNV-1a, salted with the address of the table.
uint64_t digest(std::string_view key, uint64_t salt) {
    uint64_t hash = 0xcbf29ce484222325 + salt;
    for (const char c : key) hash = (static_cast<uint64_t>(c) ^ hash) * prime;
    return hash;
}

// How many comparisons of keys it costs to build `object` in a table of `buckets` buckets.
uint64_t comparisons(const json::object& object, uint64_t salt, size_t buckets) {
    std::vector<uint64_t> load(buckets);
    uint64_t sum = 0;
    for (const auto& member : object)
        sum += load[digest({member.key().data(), member.key().size()}, salt) % buckets]++;
    return sum;
}

// Allocates every large table at the same address: an attacker would know the salt.
class KnownAddress final : public json::memory_resource {
public:
    KnownAddress() : buffer_(new std::array<std::byte, size>) {}
    [[nodiscard]] uint64_t salt() const { return reinterpret_cast<uintptr_t>(buffer_.get()); }

private:
    static constexpr size_t size = 4'000'000;
    static constexpr size_t table_bytes = 500'000;

    void* do_allocate(size_t bytes, size_t) override {
        if (bytes > table_bytes) return buffer_.get();
        return ::operator new(bytes);
    }
    void do_deallocate(void* memory, size_t bytes, size_t) override {
        if (bytes <= table_bytes) ::operator delete(memory);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }

    std::unique_ptr<std::array<std::byte, size>> buffer_;
};

// Returns 2^bits keys that fall into bucket 0 of 2^bits buckets. Tables all three-letter suffixes
// by the hash state from which each suffix leads to bucket 0, then looks up the state of each
// prefix.
std::vector<std::string> colliding_keys(unsigned bits, uint64_t salt) {
    const uint64_t mask = (uint64_t(1) << bits) - 1;
    uint64_t inverse = 1;  // Multiplicative inverse of the prime, modulo a power of two.
    for (int i = 0; i < 6; ++i) inverse *= 2 - prime * inverse;
    constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::vector<std::vector<std::string>> suffixes(mask + 1);
    for (const char a : letters)
        for (const char b : letters)
            for (const char c : letters) {
                uint64_t state = 0;
                for (const char letter : {c, b, a})
                    state = (state * inverse ^ static_cast<uint64_t>(letter)) & mask;
                suffixes[state].push_back({a, b, c});
            }
    std::vector<std::string> keys;
    for (unsigned prefix = 0; keys.size() <= mask; ++prefix) {
        const std::string front = std::to_string(prefix) + ".";
        for (const auto& suffix : suffixes[digest(front, salt) & mask]) {
            if (keys.size() <= mask) keys.push_back(front + suffix);
        }
    }
    return keys;
}

TEST(Json, NoKeysMakeASlowTable) {
    constexpr unsigned bits = 14;
    KnownAddress memory;
    const auto keys = colliding_keys(bits, memory.salt());
    const std::string text = object_text(keys);
    for (uint64_t seed = 1; seed <= 64; ++seed) {
        base::TableDraws draws(seed);
        json::value_stack stack;
        stack.reset(&memory);
        json::basic_parser<base::JsonBuilder> parser(json::parse_options(), stack, draws);
        json::error_code error;
        ASSERT_EQ(parser.write_some(false, text.data(), text.size(), error), text.size());
        json::value value = stack.release();
        EXPECT_EQ(parser.handler().fills(), value.get_object().contains(base::table_filler));
        base::drop_fillers(value);
        const json::object& object = value.get_object();
        ASSERT_EQ(object.size(), keys.size());
        // The members follow the head of the table, whose address is the salt.
        const auto salt = reinterpret_cast<uintptr_t>(object.begin()) - 16;
        ASSERT_EQ(salt, memory.salt());
        EXPECT_EQ(object.capacity() % 2, 1u);
        EXPECT_EQ(comparisons(object, salt, keys.size()), keys.size() * (keys.size() - 1) / 2);
        EXPECT_LT(comparisons(object, salt, object.capacity()), keys.size() * 8) << seed;
    }
}

}  // namespace
}  // namespace starling
