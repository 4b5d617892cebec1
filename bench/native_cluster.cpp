// bench/native_cluster.cpp: the figures of docs/cluster-native.md.
//
//     native_cluster micro                          CPU of a publication, and of a batch of 100
//     native_cluster scale                          throughput of a node in clusters of 1 to 64
//     native_cluster chaos [SEED [NODES [GROUPS]]]  a large world with faults
//     native_cluster deaths [SEED [NODES [GROUPS]]] the same, but nodes are killed and nothing else
//
// Exit status 1: a promise was broken.
//
// All nodes run in one thread, without Redis.
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cluster/names.h"
#include "cluster/native/node.h"
#include "redis/command.h"
#include "redis/reader.h"
#include "tests/cluster/native/simulation.h"

namespace {

using namespace starling::cluster::native;
using starling::base::bytes_of;

double cpu_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

class Bus;

struct Host final : Events {
    Host(Bus& of, Options options) : bus(of), id(options.id), node(std::move(options), *this) {}
    void send(const Channel& channel, std::string_view bytes) override;
    void on_publication(const Incoming&) override { ++delivered; }
    void on_question(uint64_t, const Incoming&) override {}

    Bus& bus;
    const NodeId id;
    uint64_t delivered = 0;
    std::string inbox;
    Node node;
};

// Carries the messages of all nodes, in the bytes of Redis' protocol.
class Bus {
public:
    explicit Bus(size_t nodes) {
        for (size_t i = 0; i < nodes; ++i) {
            Options options;
            options.id = i + 1;
            options.seed = i + 1;
            hosts.push_back(std::make_unique<Host>(*this, options));
            hosts.back()->node.link(true, now);
        }
    }
    void send(const Channel& channel, std::string_view bytes) {
        // What comes from Redis has the form of what goes there.
        message_.clear();
        const std::string name = channel_name("s", channel);
        const std::string_view parts[] = {"message", name, bytes};
        starling::redis::append_command(message_, parts);
        for (auto& host : hosts)
            if (channel.kind != Channel::Kind::node || channel.number == host->id)
                host->inbox += message_;
    }
    void tick() {
        now += 10;
        for (auto& host : hosts) host->node.tick(now);
        for (auto& host : hosts) receive(*host);
    }
    void receive(Host& host) {
        const std::string inbox = std::exchange(host.inbox, {});
        auto input = bytes_of(inbox);
        starling::redis::Reader reader;
        while (reader.next(input) == starling::redis::Reader::Step::reply) {
            const auto reply = reader.reply();
            host.node.received(reply[2].text(), now);
        }
    }
    std::vector<std::unique_ptr<Host>> hosts;
    Millis now = 1'000'000;

private:
    std::string message_;
};

void Host::send(const Channel& channel, std::string_view bytes) { bus.send(channel, bytes); }

size_t publish(Host& host, std::string_view room, std::string_view payload) {
    return host.node.publish({.rooms = std::span(&room, 1)}, payload).value_or(0);
}

// ---- micro ----------------------------------------------------------------------------------------

int micro() {
    constexpr int rounds = 10'000, packets = 100;
    const std::string payload(100, 'x');
    Bus bus(64);
    for (size_t i = 1; i <= 3; ++i) bus.hosts[i]->node.joined("room");
    for (int i = 0; i < 10'000; ++i) bus.hosts[7]->node.joined("other" + std::to_string(i));
    for (int i = 0; i < 100; ++i) bus.tick();
    double publishing = 0, ticking = 0, receiving = 0;
    for (int round = 0; round < rounds; ++round) {
        const double start = cpu_seconds();
        for (int i = 0; i < packets; ++i) publish(*bus.hosts[0], "room", payload);
        const double published = cpu_seconds();
        bus.now += 10;
        bus.hosts[0]->node.tick(bus.now);
        const double ticked = cpu_seconds();
        bus.receive(*bus.hosts[1]);
        const double received = cpu_seconds();
        publishing += published - start;
        ticking += ticked - published;
        receiving += received - ticked;
        for (size_t i = 1; i < bus.hosts.size(); ++i) bus.hosts[i]->node.tick(bus.now);
        for (auto& host : bus.hosts) bus.receive(*host);
    }
    const double publications = static_cast<double>(rounds) * packets;
    std::printf("publish to a room on 3 of 64 nodes, 100 bytes: %.0f ns\n",
                publishing / publications * 1e9);
    std::printf("tick of the publisher, 3 batches of 100 publications: %.1f us\n",
                ticking / rounds * 1e6);
    std::printf("receive a batch of 100 publications, with Redis' protocol: %.1f us\n",
                receiving / rounds * 1e6);
    if (bus.hosts[1]->delivered == static_cast<uint64_t>(rounds) * packets) return 0;
    std::printf("publications were lost\n");
    return 1;
}

// ---- scale ----------------------------------------------------------------------------------------

constexpr size_t rooms_of_a_node = 100;   // 21 of them on two other nodes as well.
constexpr size_t sockets_of_a_room = 10;  // On each node that holds it.
constexpr double delivery_us = 1.0;       // One socket: docs/performance.md, Socket.IO fan-out.
constexpr size_t publications_of_a_tick = 100;

// Of a publication that a PSUBSCRIBE brings and nobody here wants: to be read, and dropped.
double unwanted_us() {
    const starling::cluster::ClassicNames names("socket.io", "/");
    std::unordered_set<std::string, starling::base::TextHash, std::equal_to<>> held;
    for (size_t i = 0; i < rooms_of_a_node; ++i) held.insert("mine-" + std::to_string(i));
    std::string input;
    for (int i = 0; i < 1'000; ++i) {
        const std::string channel = names.room("room-" + std::to_string(i)), payload(160, 'x');
        const std::string pattern = names.pattern();
        const std::string_view parts[] = {"pmessage", pattern, channel, payload};
        starling::redis::append_command(input, parts);
    }
    size_t wanted = 0, read = 0;
    const double start = cpu_seconds();
    for (int round = 0; round < 500; ++round) {
        auto bytes = bytes_of(input);
        starling::redis::Reader reader;
        while (reader.next(bytes) == starling::redis::Reader::Step::reply) {
            ++read;
            const auto room = names.room_of(reader.reply()[2].text());
            wanted += room && held.contains(*room) ? 1 : 0;
        }
    }
    if (read != 500'000 || wanted > 0) std::abort();
    return (cpu_seconds() - start) / 500'000 * 1e6;
}

struct Scale {
    double node_us;        // The cluster's own work for each publication.
    double local, remote;  // Deliveries to sockets for each publication, here and there.
};

Scale measure(size_t nodes) {
    Bus bus(nodes);
    std::vector<std::vector<std::string>> rooms(nodes);
    const auto hold = [&](size_t node, const std::string& room) {
        rooms[node % nodes].push_back(room);
        bus.hosts[node % nodes]->node.joined(room);
    };
    for (size_t node = 0; node < nodes; ++node) {
        for (size_t i = 0; i < 80; ++i) hold(node, "own-" + std::to_string(node * 100 + i));
        // Each of these is on this node and the two that follow at a distance.
        for (size_t i = 0; i < 7; ++i) {
            const std::string room = "shared-" + std::to_string(node * 100 + i);
            for (size_t k = 0; k < std::min<size_t>(3, nodes); ++k) hold(node + k * (i + 1), room);
        }
        if (nodes == 1)
            while (rooms[0].size() < rooms_of_a_node)
                hold(0, "own-" + std::to_string(1000 + rooms[0].size()));
    }
    const std::string payload(160, 'x');
    for (int i = 0; i < 100; ++i) bus.tick();
    sim::Random random(nodes);
    const size_t ticks = std::max<size_t>(50, 3'000 / nodes);
    uint64_t copies = 0;
    const double start = cpu_seconds();
    for (size_t tick = 0; tick < ticks; ++tick) {
        for (size_t node = 0; node < nodes; ++node) {
            const auto& held = rooms[node];
            for (size_t i = 0; i < publications_of_a_tick; ++i)
                copies += publish(*bus.hosts[node], held[random.below(held.size())], payload);
        }
        bus.tick();
    }
    const double spent = cpu_seconds() - start;
    const double published = static_cast<double>(ticks * nodes * publications_of_a_tick);
    return {spent / published * 1e6, static_cast<double>(sockets_of_a_room),
            static_cast<double>(copies) / published * sockets_of_a_room};
}

int scale() {
    const double unwanted = unwanted_us();
    std::printf("a publication of PSUBSCRIBE that is not wanted: %.2f us\n", unwanted);
    std::printf("%5s %14s %12s %10s %10s %12s\n", "nodes", "deliveries/pub", "cluster us",
                "native/s", "native", "PSUBSCRIBE");
    double first = 0;
    for (size_t nodes = 1; nodes <= 64; nodes *= 2) {
        const Scale result = measure(nodes);
        const double deliveries = result.local + result.remote;
        const double native = deliveries / (deliveries * delivery_us + result.node_us) * 1e6;
        const double others = static_cast<double>(nodes - 1) * unwanted;
        const double patterns = deliveries / (deliveries * delivery_us + others) * delivery_us;
        if (nodes == 1) first = native;
        std::printf("%5zu %14.1f %12.2f %10.0f %9.1f%% %11.1f%%\n", nodes, deliveries,
                    result.node_us, native, 100 * native / first, 100 * patterns);
    }
    return 0;
}

// ---- chaos ----------------------------------------------------------------------------------------

int chaos(uint64_t seed, size_t nodes, uint32_t groups, bool only_deaths) {
    sim::Plan plan;
    plan.seed = seed;
    plan.nodes = nodes;
    plan.groups = groups;
    plan.rooms = 20 * nodes;
    plan.rooms_per_node = 100;
    plan.members_per_room = 10;
    plan.tick_ms = 20;
    plan.calm_ms = 2'000;
    plan.chaos_ms = 3'000;
    plan.heal_ms = 4'500;
    plan.fence_per_1000 = 2;
    plan.publish_per_1000 = 50;
    plan.change_per_1000 = 10;
    plan.kills = 5;
    if (!only_deaths) {
        plan.freezes = 5;
        plan.partitions = plan.outages = plan.storms = 1;
    }
    sim::Simulation world(plan);
    const double start = cpu_seconds();
    world.run();
    const sim::Totals& totals = world.totals();
    const Stats stats = world.stats();
    std::printf("seed %llu: %zu nodes, %zu sockets in rooms, %u groups, %.0f s of CPU\n",
                static_cast<unsigned long long>(seed), nodes, nodes * 1000, groups,
                cpu_seconds() - start);
    const auto row = [](const char* name, uint64_t value) {
        std::printf("  %-46s %llu\n", name, static_cast<unsigned long long>(value));
    };
    row("publications", totals.published);
    row("deliveries promised", totals.promised);
    row("deliveries", totals.delivered);
    row("excused: the room was left, or a node killed", totals.excused);
    row("messages", totals.messages);
    row("kills", totals.kills);
    row("freezes", totals.freezes);
    row("partitions", totals.partitions);
    row("outages of Redis", totals.outages);
    row("storms of lost, doubled and late messages", totals.storms);
    row("slowest death to be known, ms", totals.slowest_death_ms);
    row("most memory of a node, bytes", totals.memory_max);
    row("batches sent again", stats.resent);
    row("batches that came twice", stats.duplicates);
    row("publications for rooms not held", stats.unwanted);
    row("gaps", totals.gaps);
    for (const auto& fault : world.faults()) std::printf("  BROKEN: %s\n", fault.c_str());
    return world.faults().empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view what = argc > 1 ? argv[1] : "";
    const auto number = [&](int i, uint64_t otherwise) {
        return argc > i ? std::strtoull(argv[i], nullptr, 10) : otherwise;
    };
    if (what == "micro") return micro();
    if (what == "scale") return scale();
    if (what == "chaos" || what == "deaths")
        return chaos(number(2, 1), number(3, 1'000), static_cast<uint32_t>(number(4, 32)),
                     what == "deaths");
    std::fprintf(stderr, "native_cluster micro | scale | chaos|deaths [SEED [NODES [GROUPS]]]\n");
    return 2;
}
