// webhook/answer.h: the answers of the control API, and the cache of answers that are repeated for
// an Idempotency-Key.
//
// Owner: the gateway owns the cache. Thread: the owner's, or under its lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/keyed_hash.h"
#include "webhook/fields.h"

namespace starling::webhook {

// `body` is JSON.
struct Answer {
    uint16_t status = 200;
    std::string body;
};

// {"code":0,"message":"success","data":{"connections":N}}; with `missing_nodes` above 0, data has
// "missing_nodes" as well.
[[nodiscard]] Answer success(size_t connections, size_t missing_nodes = 0);
// {"code":0,"message":"success"}
[[nodiscard]] Answer success();
// {"code":STATUS,"message":"users: ..."}. With lenient reading a 400 is sent as HTTP 200: such
// callers look at `code`, and their HTTP library throws for a 400.
[[nodiscard]] Answer problem(Reading reading, uint16_t status, std::string_view message);

class IdempotencyCache {
public:
    static constexpr size_t key_bytes_max = 255;

    struct Options {
        uint64_t kept_ms = 600'000;  // Counted from the first request with the key.
        size_t keys_max = 100'000;   // Beyond this number the oldest key is forgotten.
    };

    explicit IdempotencyCache(const Options& options) : options_(options) {}
    IdempotencyCache() : IdempotencyCache(Options()) {}
    IdempotencyCache(const IdempotencyCache&) = delete;
    IdempotencyCache& operator=(const IdempotencyCache&) = delete;

    enum class Found : uint8_t {
        nothing,  // The key is claimed now: carry out the request, then call answer() or forget().
        running,  // An earlier request with this key has no answer yet.
        answer,   // An earlier request had this key; repeat its `answer`.
    };
    struct Claim {
        Found found = Found::nothing;
        const Answer* answer = nullptr;  // Valid until the next call.
    };
    // `key` has 1 to key_bytes_max bytes. Times are milliseconds of a steady clock and do not go
    // back.
    [[nodiscard]] Claim claim(std::string_view key, uint64_t now_ms);
    // For a claimed key. Does nothing if the key has been forgotten.
    void answer(std::string_view key, const Answer& answer);
    void forget(std::string_view key);

    [[nodiscard]] size_t size() const noexcept { return entries_.size(); }

private:
    struct Entry {
        std::string key;
        uint64_t expires_ms = 0;
        bool answered = false;
        Answer answer;
    };
    void drop_oldest();

    const Options options_;
    std::list<Entry> entries_;  // Oldest first.
    // The keys are views into the entries.
    std::unordered_map<std::string_view, std::list<Entry>::iterator, base::KeyedTextHash,
                       std::equal_to<>>
        by_key_;
};

}  // namespace starling::webhook
