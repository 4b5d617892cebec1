// base/intrusive_list.h: a doubly linked list whose links are part of the members; no allocation.
//
// The list owns nothing. Destroying a link unlinks it.
#pragma once

#include "base/assert.h"

namespace starling::base {

class ListLink {
public:
    ListLink() noexcept = default;
    ~ListLink() { unlink(); }
    ListLink(const ListLink&) = delete;
    ListLink& operator=(const ListLink&) = delete;

    [[nodiscard]] bool linked() const noexcept { return next_ != this; }
    [[nodiscard]] ListLink* next() const noexcept { return next_; }

    void insert_before(ListLink& position) noexcept {
        STARLING_ASSERT(!linked());
        previous_ = position.previous_;
        next_ = &position;
        previous_->next_ = this;
        position.previous_ = this;
    }

    void unlink() noexcept {
        previous_->next_ = next_;
        next_->previous_ = previous_;
        next_ = previous_ = this;
    }

    // Moves all members of `other`, in order, to the list of this head, which must be empty.
    void take_all(ListLink& other) noexcept {
        STARLING_ASSERT(!linked());
        if (!other.linked()) return;
        next_ = other.next_;
        previous_ = other.previous_;
        next_->previous_ = previous_->next_ = this;
        other.next_ = other.previous_ = &other;
    }

private:
    ListLink* next_ = this;
    ListLink* previous_ = this;
};

}  // namespace starling::base
