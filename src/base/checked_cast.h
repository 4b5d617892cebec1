// base/checked_cast.h: a downcast to a class that the surrounding code guarantees. Builds with
// assertions check the class each time; in a release build the cast costs nothing.
#pragma once

#include <type_traits>

#include "base/assert.h"

namespace starling::base {

template <class Derived, class Base>
[[nodiscard]] Derived& checked_cast(Base& object) noexcept {
    static_assert(std::is_base_of_v<Base, Derived>);
    STARLING_ASSERT(dynamic_cast<Derived*>(&object) && "the object is of another class");
    return static_cast<Derived&>(object);
}

}  // namespace starling::base
