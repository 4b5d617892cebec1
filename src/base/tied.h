// base/tied.h: two objects that point to each other and do not own each other. If either is
// destroyed or unties itself, the other's pointer becomes null, without a call of either object.
//
// Owner: each object derives from its own end. Thread: both objects belong to one thread.
#pragma once

#include <utility>

#include "base/assert.h"

namespace starling::base {

// Use: `class A : base::Tied<A, B>` and `class B : base::Tied<B, A>`. The size of one pointer.
template <class Here, class There>
class Tied {
public:
    Tied(const Tied&) = delete;
    Tied& operator=(const Tied&) = delete;

    // Null while untied.
    [[nodiscard]] There* tied() const noexcept { return static_cast<There*>(other_); }
    // Both ends must be untied.
    void tie(Tied<There, Here>& other) noexcept {
        STARLING_ASSERT(!other_ && !other.other_);
        other_ = &other;
        other.other_ = this;
    }
    void untie() noexcept {
        if (other_) std::exchange(other_, nullptr)->other_ = nullptr;
    }

protected:
    Tied() noexcept = default;
    ~Tied() { untie(); }

private:
    friend class Tied<There, Here>;
    Tied<There, Here>* other_ = nullptr;
};

}  // namespace starling::base
