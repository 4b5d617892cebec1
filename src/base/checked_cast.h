// base/checked_cast.h: a downcast whose target is known by construction. Builds with assertions prove it each
// time; a release build casts for free.
#pragma once

#include <cassert>
#include <type_traits>

namespace starling::base {

template <class Derived, class Base>
[[nodiscard]] Derived& checked_cast(Base& object) noexcept {
    static_assert(std::is_base_of_v<Base, Derived>);
    assert(dynamic_cast<Derived*>(&object) && "the object is of another class");
    return static_cast<Derived&>(object);
}

}  // namespace starling::base
