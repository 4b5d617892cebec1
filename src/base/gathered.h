// base/gathered.h: keys that are gathered until a posted call takes them all.
//
// Owner: whoever posts the call. Thread: the owner's.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace starling::base {

// It keeps the memory of a usual batch for the next one.
template <class Key>
class Gathered {
public:
    static constexpr size_t kept_max = 256;

    [[nodiscard]] bool empty() const noexcept { return added_.empty(); }
    void add(Key key) { added_.push_back(key); }
    // Calls `each` for every key; what it adds is for the next call. If it throws, the other keys are dropped. It must
    // not call take().
    template <class F>
    void take(F&& each) {
        if (taken_.capacity() > kept_max) taken_ = {};
        taken_.clear();
        std::swap(added_, taken_);
        for (const Key& key : taken_) each(key);
    }

private:
    std::vector<Key> added_, taken_;
};

}  // namespace starling::base
