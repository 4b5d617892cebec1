// tests/server/guard.h: a Guard inside a coroutine reports when the frame is destroyed.
#pragma once

#include <string>
#include <utility>

#include "tests/server/fixture.h"

namespace starling::server::test {

struct Guard {
    Guard(Transcript& e, std::string n) : events(e), name(std::move(n)) {
        events.add(name + " begins");
    }
    ~Guard() { events.add(name + " ends"); }
    Guard(const Guard&) = delete;
    Transcript& events;
    const std::string name;
};

}  // namespace starling::server::test
