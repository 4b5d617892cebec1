// The promises of docs/cluster-native.md under random faults. A failing seed is printed; bench/native_cluster
// runs larger worlds by the same code.
#include <gtest/gtest.h>

#include "tests/cluster/native/simulation.h"

namespace starling::cluster::native::sim {
namespace {

void expect_no_faults(const Plan& plan, uint64_t promised_min) {
    Simulation world(plan);
    world.run();
    for (const auto& fault : world.faults()) ADD_FAILURE() << fault;
    EXPECT_GE(world.totals().promised, promised_min)
        << "seed " << plan.seed << " proves too little";
    EXPECT_EQ(world.totals().gaps, 0u) << "seed " << plan.seed;
    EXPECT_LE(world.totals().memory_max, size_t{256} << 10) << "seed " << plan.seed;
}

TEST(NativeSimulation, InCalmWeatherNothingIsSentInVain) {
    Plan plan;
    plan.change_per_1000 = 0;
    Simulation world(plan);
    world.run();
    for (const auto& fault : world.faults()) ADD_FAILURE() << fault;
    const Stats stats = world.stats();
    EXPECT_EQ(stats.delivered, stats.copies);
    EXPECT_EQ(stats.unwanted + stats.resent + stats.duplicates + stats.syncs + stats.flooded, 0u);
}

TEST(NativeSimulation, KilledNodesAreKnownWithinASecond) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        Plan plan{.seed = seed, .kills = 3};
        Simulation world(plan);
        world.run();
        for (const auto& fault : world.faults()) ADD_FAILURE() << fault;
        EXPECT_GT(world.totals().kills, 0u);
        EXPECT_GE(world.totals().slowest_death_ms, 500u);
        EXPECT_LE(world.totals().slowest_death_ms, 1'000u);
    }
}

TEST(NativeSimulation, KeepsItsPromisesUnderFaults) {
    for (uint64_t seed = 1; seed <= 8; ++seed)
        expect_no_faults(
            {.seed = seed, .kills = 1, .freezes = 2, .partitions = 1, .outages = 1, .storms = 1},
            100);
}

TEST(NativeSimulation, KeepsItsPromisesWhereEveryHundredthMessageIsLostDoubledOrLate) {
    for (uint64_t seed = 1; seed <= 4; ++seed)
        expect_no_faults({.seed = seed,
                          .nodes = 12,
                          .weather = {10, 10, 10, 2},
                          .kills = 1,
                          .freezes = 1,
                          .partitions = 1,
                          .outages = 1,
                          .storms = 1},
                         100);
}

// Nothing that follows shows that the last batch was lost.
TEST(NativeSimulation, KeepsItsPromisesWhereLittleIsPublished) {
    for (uint64_t seed = 1; seed <= 4; ++seed)
        expect_no_faults({.seed = seed, .publish_per_1000 = 5, .freezes = 2, .storms = 3}, 20);
}

TEST(NativeSimulation, KeepsItsPromisesInGroups) {
    for (uint64_t seed = 1; seed <= 2; ++seed)
        expect_no_faults({.seed = seed,
                          .nodes = 18,
                          .groups = 3,
                          .chaos_ms = 3'000,
                          .kills = 1,
                          .partitions = 1},
                         100);
}

TEST(NativeSimulation, KeepsItsPromisesWithSnapshotsAndFloods) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
        Plan plan{.seed = seed, .kills = 1, .partitions = 1, .outages = 1, .log_changes_max = 8};
        if (seed % 2 == 0) plan.table_entries_max = 60;
        if (seed == 3) plan.own_rooms_max = 14;
        expect_no_faults(plan, 100);
    }
}

// The checks themselves: a world in which messages are lost for good must be found out.
TEST(NativeSimulation, FindsABrokenPromise) {
    Plan plan;
    plan.heal_ms = 200;
    plan.partitions = 4;
    Simulation world(plan);
    world.run();
    EXPECT_FALSE(world.faults().empty());
}

}  // namespace
}  // namespace starling::cluster::native::sim
