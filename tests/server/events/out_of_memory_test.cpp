// Each allocation of a place in the presence fails once: a connection without a place is no member, and a
// place is given back without memory.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <new>
#include <string>

#include "server/events/events.h"
#include "server/events/presence_seat.h"
#include "tests/fake/failing_memory.h"

namespace starling::server::test {
namespace {

TEST(OutOfMemoryPresenceSeat, EntersOrNotAndAlwaysLeaves) {
    const std::string channel = "a channel with a name that needs memory";
    Events events({});
    events.declare({.pattern = channel, .presence = starling::events::Presence::users});
    size_t left = 0;
    events.on_leave([&left](const auto&, const auto&) {
        ++left;
        throw std::bad_alloc();
    });
    uint64_t number = 1;
    for (bool entered = false; !entered; ++number) {
        hub::PresenceMember member{"a client with a name that needs memory", "ann", "\"info\""};
        std::unique_ptr<PresenceSeat> seat;
        fake::fail_allocation(number);
        try {
            seat = PresenceSeat::enter(events, channel, *events.table().find(channel).rule,
                                       std::move(member));
            entered = true;
        } catch (const std::bad_alloc&) {}
        fake::fail_allocation(0);
        EXPECT_EQ(events.presence(channel, 10).members.size(), entered ? 1U : 0U) << number;
        fake::fail_allocation(1);
        seat.reset();
        fake::fail_allocation(0);
        EXPECT_EQ(events.presence(channel, 10).members.size(), 0U) << number;
    }
    EXPECT_GT(number, 5U);
    EXPECT_LE(left, 1U);
}

}  // namespace
}  // namespace starling::server::test
