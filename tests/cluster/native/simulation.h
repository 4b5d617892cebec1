// tests/cluster/native/simulation.h: many native::Nodes over a Redis that loses, doubles, reorders and
// delays, with partitions, outages, frozen and killed nodes, and clocks that differ. Everything
// follows from the seed. What breaks a promise of docs/cluster-native.md is a line in faults().
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cluster/native/node.h"

namespace starling::cluster::native::sim {

struct Weather {
    unsigned loss = 0, duplicate = 0, reorder = 0;  // In 1,000 messages.
    Millis delay_ms = 2;
};

struct Plan {
    uint64_t seed = 1;
    size_t nodes = 8;
    uint32_t groups = 1;
    size_t rooms = 64;
    size_t rooms_per_node = 16;
    size_t members_per_room = 1;  // Sockets of a node in each of its rooms, at the start.
    Millis tick_ms = 10;
    Millis calm_ms = 1'500;  // Before anything happens.
    Millis chaos_ms = 5'000;
    Millis heal_ms = 3'000;           // After the last fault; all promises are checked at the end.
    unsigned publish_per_1000 = 200;  // Of a node, in each tick.
    unsigned fence_per_1000 = 20;     // Of a node whose rooms nobody promised yet, in each tick.
    unsigned change_per_1000 = 20;    // Joins and leaves of a node, in each tick.
    Weather weather{};
    // Faults in each second of chaos.
    unsigned kills = 0, freezes = 0, partitions = 0, outages = 0, storms = 0;
    size_t table_entries_max = 4'000'000;
    size_t own_rooms_max = 262'144;
    size_t log_changes_max = 65'536;
};

class Random {
public:
    explicit Random(uint64_t seed) : state_(seed) {}
    uint64_t next() { return mix64(state_ += 0x9E3779B97F4A7C15); }
    uint64_t below(uint64_t limit) { return limit == 0 ? 0 : next() % limit; }
    Millis between(Millis low, Millis high) { return low + below(high - low + 1); }
    bool chance(unsigned in_1000) { return below(1000) < in_1000; }

private:
    uint64_t state_;
};

struct Totals {
    uint64_t published = 0, promised = 0, delivered = 0, excused = 0, messages = 0, bytes = 0;
    uint64_t kills = 0, freezes = 0, partitions = 0, outages = 0, storms = 0, gaps = 0;
    Millis slowest_death_ms = 0;
    size_t memory_max = 0;
};

class Simulation;

// A process: its node, its clock, its sockets' rooms.
struct Process final : Events {
    Process(Simulation& world, size_t place, Options options, Random random);

    void send(const Channel& channel, std::string_view bytes) override;
    void on_publication(const Incoming& publication) override;
    void on_question(uint64_t id, const Incoming& question) override;
    void on_fence(uint64_t ticket, size_t missing) override;
    void on_gap(NodeId from, uint64_t publications) override;
    void on_node(NodeId node, std::string_view name, NodeChange change) override;
    void on_impostor() override;

    // The own clock: another beginning, and up to 1 % faster or slower than the world's.
    [[nodiscard]] Millis clock(Millis now) const { return offset + now + now * drift / 10'000; }

    Simulation& world;
    const size_t place;
    const NodeId id;
    Millis offset, drift;
    Millis started_at = 0;
    Millis frozen_until = 0;
    bool is_up = true;
    std::vector<std::shared_ptr<const std::string>> backlog;  // Arrived while it was frozen.
    std::map<uint32_t, size_t> members;                       // Of the rooms that it holds.
    std::map<uint64_t, std::vector<uint32_t>> fences;         // Rooms that a ticket is about.
    std::map<uint32_t, Millis> promised_at;                   // The fence of a room was passed.
    std::unordered_map<NodeId, uint64_t> last;                // Publication of each node.
    uint64_t published = 0;
    Node node;
};

class Simulation {
public:
    explicit Simulation(Plan plan) : plan_(plan), random_(plan.seed), weather_(plan.weather) {}

    void run();
    [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }
    [[nodiscard]] const Totals& totals() const { return totals_; }
    [[nodiscard]] Stats stats() const;

    // ---- For the processes ------------------------------------------------------------------------
    void sent(Process& from, const Channel& channel, std::string_view bytes);
    void delivered(Process& at, const Incoming& publication);
    void fenced(Process& at, uint64_t ticket, size_t missing);
    void went_away(Process& at, NodeId node);
    void gap() { ++totals_.gaps; }
    void fault(const std::string& text);

private:
    struct Delivery {
        size_t place;
        std::shared_ptr<const std::string> bytes;
    };
    struct Promise {
        NodeId from;
        uint64_t number;
        friend bool operator==(const Promise&, const Promise&) = default;
    };
    struct PromiseHash {
        size_t operator()(const Promise& promise) const {
            return static_cast<size_t>(mix64(promise.from ^ promise.number << 20));
        }
    };
    struct Death {
        Millis at;
        NodeId node;
        std::vector<NodeId> unaware;  // Processes that knew the node.
    };

    void start(size_t place);
    void kill(size_t place);
    void step();
    void deliver_due();
    void put_later(size_t place, std::shared_ptr<const std::string> bytes, Millis delay);
    void tick(Process& process);
    void live(Process& process);
    void join(Process& process, uint32_t room);
    void leave(Process& process, uint32_t room);
    void fence_again(Process& process);
    void publish(Process& process);
    void begin_faults();
    void one_fault(unsigned kind);
    void end_faults();
    void heal();
    void check_deaths(bool at_end);
    void check_end();
    void check_tables();
    [[nodiscard]] bool is_frozen(const Process& process) const {
        return process.frozen_until > now_;
    }
    [[nodiscard]] Process* find(NodeId id) const;

    const Plan plan_;
    Random random_;
    Weather weather_;
    Millis now_ = 1;
    std::vector<std::unique_ptr<Process>> processes_;  // Null: killed.
    std::vector<Millis> restart_at_;
    std::vector<uint8_t> side_;       // Of a partition.
    std::vector<Millis> busy_until_;  // A connection delivers in order.
    std::vector<Millis> up_at_;       // Where Redis is away: when it is back.
    std::unordered_map<NodeId, size_t> places_;
    std::vector<std::vector<size_t>> groups_;
    std::map<Millis, std::vector<Delivery>> due_;
    std::map<std::pair<size_t, uint32_t>, std::unordered_set<Promise, PromiseHash>> promises_;
    std::unordered_map<NodeId, Death> deaths_;
    Millis heal_partition_at_ = 0, calm_at_ = 0;
    bool is_disturbed_ = false;  // A partition or an outage is on.
    std::vector<std::string> faults_;
    Totals totals_;
};

}  // namespace starling::cluster::native::sim
