// tests/fake/clock.h: a clock that the test moves.
#pragma once

#include <cstdint>
#include <functional>

namespace starling::fake {

struct Clock {
    uint64_t now_ms = 1'000'000;

    [[nodiscard]] std::function<uint64_t()> source() {
        return [this] { return now_ms; };
    }
    void advance(uint64_t ms) { now_ms += ms; }
};

}  // namespace starling::fake
