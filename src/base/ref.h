// base/ref.h: an object with a reference count in itself, and the pointers that count: one word each,
// where std::shared_ptr takes two and a block of its own.
//
// Thread: any; the last Ref destroys the object on its own thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace starling::base {

class RefCounted {
public:
    RefCounted(const RefCounted&) = delete;
    RefCounted& operator=(const RefCounted&) = delete;

protected:
    RefCounted() = default;
    ~RefCounted() = default;

private:
    template <class T>
    friend class Ref;
    mutable std::atomic<uint32_t> refs_{0};
};

// T derives from RefCounted and was made by new.
template <class T>
class Ref {
public:
    Ref() noexcept = default;
    explicit Ref(T* object) noexcept : object_(object) {
        if (object_) object_->refs_.fetch_add(1, std::memory_order_relaxed);
    }
    Ref(const Ref& other) noexcept : Ref(other.object_) {}
    Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    Ref& operator=(Ref other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Ref() {
        if (object_ && object_->refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete object_;
    }

    // The reference as a pointer, which adopt() makes a Ref again.
    [[nodiscard]] T* release() noexcept { return std::exchange(object_, nullptr); }
    [[nodiscard]] static Ref adopt(T* object) noexcept {
        Ref ref;
        ref.object_ = object;
        return ref;
    }

    [[nodiscard]] T* get() const noexcept { return object_; }
    T& operator*() const noexcept { return *object_; }
    T* operator->() const noexcept { return object_; }
    explicit operator bool() const noexcept { return object_ != nullptr; }

private:
    T* object_ = nullptr;
};

}  // namespace starling::base
