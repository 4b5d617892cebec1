#include "tests/cluster/native/simulation.h"

namespace starling::cluster::native::sim {
namespace {

constexpr Millis death_known_ms = 1'000;
constexpr Millis disturbed_before_ms = 500;

std::string name_of(uint32_t room) { return "room:" + std::to_string(room); }

struct Payload {
    uint64_t number = 0;
    uint32_t rooms[2] = {0, 0};
};

}  // namespace

// ---- A process ------------------------------------------------------------------------------------

Process::Process(Simulation& of, size_t at, Options options, Random random)
    : world(of),
      place(at),
      id(options.id),
      offset(random.below(1'000'000'000)),
      drift(random.below(101)),
      node(std::move(options), *this) {}

void Process::send(const Channel& channel, std::string_view bytes) {
    world.sent(*this, channel, bytes);
}
void Process::on_publication(const Incoming& publication) { world.delivered(*this, publication); }
void Process::on_question(uint64_t question, const Incoming& asked) {
    node.answer(asked.from, question, "answer", true);
}
void Process::on_fence(uint64_t ticket, size_t missing) { world.fenced(*this, ticket, missing); }
void Process::on_gap(NodeId, uint64_t) { world.gap(); }
void Process::on_node(NodeId other, std::string_view, NodeChange change) {
    if (change == NodeChange::away || change == NodeChange::leaves) world.went_away(*this, other);
}
void Process::on_impostor() { world.fault("a node met an impostor"); }

// ---- The world --------------------------------------------------------------------------------------

void Simulation::fault(const std::string& text) {
    if (faults_.size() < 20)
        faults_.push_back("seed " + std::to_string(plan_.seed) + ", " + std::to_string(now_) +
                          " ms: " + text);
}

Process* Simulation::find(NodeId id) const {
    const auto place = places_.find(id);
    if (place == places_.end()) return nullptr;
    Process* const process = processes_[place->second].get();
    return process && process->id == id ? process : nullptr;
}

void Simulation::start(size_t place) {
    Options options;
    options.id = random_.next() | 1;
    options.name = "node-" + std::to_string(place);
    options.hash_key = {plan_.seed, 42};
    options.seed = random_.next();
    options.groups = plan_.groups;
    options.table_entries_max = plan_.table_entries_max;
    options.own_rooms_max = plan_.own_rooms_max;
    options.log_changes_max = plan_.log_changes_max;
    const NodeId id = options.id;
    auto process =
        std::make_unique<Process>(*this, place, std::move(options), Random(random_.next()));
    process->started_at = now_;
    places_[id] = place;
    groups_[group_of(id, plan_.groups)].push_back(place);
    Process& made = *process;
    processes_[place] = std::move(process);
    made.node.link(true, made.clock(now_));
    for (size_t i = 0; i < plan_.rooms_per_node; ++i) {
        const auto room = static_cast<uint32_t>(random_.below(plan_.rooms));
        for (size_t m = 0; m < plan_.members_per_room; ++m) join(made, room);
    }
}

void Simulation::kill(size_t place) {
    Process* const killed = processes_[place].get();
    Death death{now_, killed->id, {}};
    for (const auto& process : processes_) {
        if (!process || process.get() == killed || is_frozen(*process)) continue;
        for (const auto& known : process->node.nodes(process->clock(now_)))
            if (known.id == killed->id && !known.is_away) death.unaware.push_back(process->id);
    }
    deaths_[killed->id] = std::move(death);
    for (auto& [key, promises] : promises_) {
        const size_t before = promises.size();
        if (key.first == place) promises.clear();
        std::erase_if(promises, [&](const Promise& p) { return p.from == killed->id; });
        totals_.excused += before - promises.size();
    }
    std::erase(groups_[group_of(killed->id, plan_.groups)], place);
    processes_[place].reset();
    ++totals_.kills;
}

// ---- Messages -------------------------------------------------------------------------------------

void Simulation::sent(Process& from, const Channel& channel, std::string_view bytes) {
    if (up_at_[from.place] > now_) return;
    ++totals_.messages;
    totals_.bytes += bytes.size();
    const auto shared = std::make_shared<const std::string>(bytes);
    const auto give = [&](size_t place) {
        if (side_[place] != side_[from.place] || random_.chance(weather_.loss)) return;
        const int copies = random_.chance(weather_.duplicate) ? 2 : 1;
        for (int i = 0; i < copies; ++i)
            put_later(place, shared, weather_.delay_ms + (i == 0 ? 0 : random_.between(1, 300)));
    };
    switch (channel.kind) {
        case Channel::Kind::all:
            for (size_t place = 0; place < processes_.size(); ++place) give(place);
            break;
        case Channel::Kind::group:
            for (const size_t place : groups_[channel.number]) give(place);
            break;
        case Channel::Kind::node: {
            const auto place = places_.find(channel.number);
            // Nobody listens to the channel of a process that is gone.
            if (place != places_.end() && find(channel.number)) give(place->second);
            break;
        }
    }
}

void Simulation::put_later(size_t place, std::shared_ptr<const std::string> bytes, Millis delay) {
    Millis at = now_ + delay;
    if (random_.chance(weather_.reorder)) {
        at += random_.between(5, 50);
    } else {
        at = std::max(at, busy_until_[place]);
        busy_until_[place] = at;
    }
    due_[at].push_back({place, std::move(bytes)});
}

void Simulation::deliver_due() {
    while (!due_.empty() && due_.begin()->first <= now_) {
        const auto deliveries = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        for (const auto& delivery : deliveries) {
            Process* const process = processes_[delivery.place].get();
            if (!process || up_at_[delivery.place] > now_) continue;
            if (is_frozen(*process))
                process->backlog.push_back(delivery.bytes);
            else
                process->node.received(*delivery.bytes, process->clock(now_));
        }
    }
}

// ---- What processes do ------------------------------------------------------------------------------

void Simulation::join(Process& process, uint32_t room) {
    process.node.joined(name_of(room));
    if (++process.members[room] == 1) process.fences[process.node.fence()].push_back(room);
}

void Simulation::leave(Process& process, uint32_t room) {
    process.node.left(name_of(room));
    if (--process.members[room] > 0) return;
    process.members.erase(room);
    process.promised_at.erase(room);
    const auto place = promises_.find({process.place, room});
    if (place == promises_.end()) return;
    totals_.excused += place->second.size();
    promises_.erase(place);
}

void Simulation::publish(Process& process) {
    Payload payload;
    payload.number = ++process.published;
    const bool two = random_.chance(100);
    payload.rooms[0] = static_cast<uint32_t>(random_.below(plan_.rooms));
    payload.rooms[1] = two ? static_cast<uint32_t>(random_.below(plan_.rooms)) : payload.rooms[0];
    ++totals_.published;
    for (const auto& other : processes_) {
        if (!other || other.get() == &process) continue;
        for (const uint32_t room : payload.rooms) {
            const auto promised = other->promised_at.find(room);
            if (promised == other->promised_at.end() || process.started_at > promised->second)
                continue;
            promises_[{other->place, room}].insert({process.id, payload.number});
            ++totals_.promised;
            break;
        }
    }
    const std::string names[2] = {name_of(payload.rooms[0]), name_of(payload.rooms[1])};
    const std::string_view rooms[2] = {names[0], names[1]};
    const std::string_view bytes(reinterpret_cast<const char*>(&payload), sizeof payload);
    if (!process.node.publish({.rooms = std::span(rooms, two ? 2 : 1), .nodes = {}}, bytes))
        fault("a publication was refused");
}

void Simulation::delivered(Process& at, const Incoming& publication) {
    ++totals_.delivered;
    Payload payload;
    if (publication.payload.size() != sizeof payload) return fault("a payload changed");
    std::memcpy(&payload, publication.payload.data(), sizeof payload);
    uint64_t& last = at.last[publication.from];
    if (payload.number == last) fault("delivered twice");
    if (payload.number < last) fault("out of order");
    last = payload.number;
    bool is_held = false;
    for (const uint32_t room : payload.rooms) {
        is_held = is_held || at.members.contains(room);
        const auto place = promises_.find({at.place, room});
        if (place != promises_.end()) place->second.erase({publication.from, payload.number});
    }
    if (!is_held) fault("delivered to a node without the room");
}

void Simulation::fenced(Process& at, uint64_t ticket, size_t missing) {
    const auto fence = at.fences.find(ticket);
    if (fence == at.fences.end()) return fault("a fence that nobody asked for");
    const auto rooms = std::move(fence->second);
    at.fences.erase(fence);
    if (missing > 0) return;
    // A node that this one does not know yet is no part of the promise.
    std::unordered_set<NodeId> known;
    for (const auto& node : at.node.nodes(at.clock(now_)))
        if (!node.is_away) known.insert(node.id);
    for (const auto& process : processes_)
        if (process && process.get() != &at && !known.contains(process->id)) return;
    for (const uint32_t room : rooms)
        if (at.members.contains(room)) at.promised_at.emplace(room, now_);
}

// A fence that was passed while a node was not known or away proves nothing: another one is asked for.
void Simulation::fence_again(Process& process) {
    std::vector<uint32_t> rooms;
    for (const auto& [room, members] : process.members)
        if (!process.promised_at.contains(room)) rooms.push_back(room);
    if (!rooms.empty() && process.fences.empty()) process.fences[process.node.fence()] = rooms;
}

void Simulation::live(Process& process) {
    if (random_.chance(plan_.fence_per_1000)) fence_again(process);
    if (random_.chance(plan_.publish_per_1000)) publish(process);
    if (!random_.chance(plan_.change_per_1000)) return;
    if (process.members.empty() || random_.chance(500)) {
        join(process, static_cast<uint32_t>(random_.below(plan_.rooms)));
    } else {
        auto member = process.members.begin();
        std::advance(member, static_cast<std::ptrdiff_t>(random_.below(process.members.size())));
        leave(process, member->first);
    }
}

void Simulation::tick(Process& process) {
    if (is_frozen(process)) return;
    const Millis clock = process.clock(now_);
    const bool is_up = up_at_[process.place] <= now_;
    if (is_up != process.is_up) process.node.link(process.is_up = is_up, clock);
    for (const auto& bytes : std::exchange(process.backlog, {}))
        process.node.received(*bytes, clock);
    if (now_ + plan_.heal_ms / 2 < calm_at_ + plan_.heal_ms) live(process);
    process.node.tick(clock);
}

// ---- Faults ---------------------------------------------------------------------------------------

void Simulation::begin_faults() {
    const unsigned rates[] = {plan_.kills, plan_.freezes, plan_.partitions, plan_.outages,
                              plan_.storms};
    for (unsigned kind = 0; kind < 5; ++kind)
        if (rates[kind] > 0 && random_.below(1000) < rates[kind]) one_fault(kind);
}

void Simulation::one_fault(unsigned kind) {
    const size_t place = random_.below(processes_.size());
    Process* const process = processes_[place].get();
    switch (kind) {
        case 0:
            if (!process) return;
            kill(place);
            restart_at_[place] = now_ + random_.between(200, 2'500);
            return;
        case 1:
            if (!process || is_frozen(*process)) return;
            process->frozen_until = now_ + random_.between(100, 3'000);
            ++totals_.freezes;
            return;
        case 2:
            for (auto& side : side_) side = random_.chance(500) ? 1 : 0;
            heal_partition_at_ = now_ + random_.between(200, 2'000);
            ++totals_.partitions;
            return;
        case 3: {
            const Millis back = now_ + random_.between(100, 1'500);
            for (auto& up : up_at_) up = back + random_.below(300);
            ++totals_.outages;
            return;
        }
        default:
            weather_ = {200, 200, 200, 20};
            heal_partition_at_ = now_ + random_.between(200, 1'000);
            ++totals_.storms;
    }
}

void Simulation::end_faults() {
    if (heal_partition_at_ <= now_) {
        std::ranges::fill(side_, 0);
        weather_ = plan_.weather;
    }
    for (size_t place = 0; place < processes_.size(); ++place) {
        if (processes_[place] || restart_at_[place] > now_) continue;
        start(place);
    }
}

void Simulation::heal() {
    heal_partition_at_ = 0;
    for (auto& at : restart_at_) at = 0;
    for (auto& at : up_at_) at = std::min(at, now_);
    for (auto& process : processes_)
        if (process) process->frozen_until = std::min(process->frozen_until, now_);
    end_faults();
    weather_ = {};
}

// ---- Promises -------------------------------------------------------------------------------------

void Simulation::went_away(Process& at, NodeId node) {
    const auto death = deaths_.find(node);
    if (death == deaths_.end()) return;
    if (std::erase(death->second.unaware, at.id) > 0 && !is_disturbed_)
        totals_.slowest_death_ms = std::max(totals_.slowest_death_ms, now_ - death->second.at);
}

// A death that was seen while the world was disturbed proves nothing.
void Simulation::check_deaths(bool at_end) {
    const bool is_outage =
        std::ranges::any_of(up_at_, [&](Millis at) { return at + disturbed_before_ms > now_; });
    is_disturbed_ = heal_partition_at_ + disturbed_before_ms > now_ || is_outage;
    for (auto death = deaths_.begin(); death != deaths_.end();) {
        if (is_disturbed_) {
            death = deaths_.erase(death);
            continue;
        }
        if (now_ < death->second.at + death_known_ms && !at_end) {
            ++death;
            continue;
        }
        for (const NodeId id : death->second.unaware) {
            const Process* const process = find(id);
            if (process && process->frozen_until < death->second.at)
                fault(process->node.nodes(0).empty() ? "no nodes" : "a death is not known in time");
        }
        death = deaths_.erase(death);
    }
}

void Simulation::check_tables() {
    std::vector<std::vector<NodeId>> truth(plan_.rooms);
    for (const auto& process : processes_)
        for (const auto& [room, members] : process->members) truth[room].push_back(process->id);
    for (auto& nodes : truth) std::ranges::sort(nodes);
    const size_t step = std::max<size_t>(1, processes_.size() / 64);
    for (size_t i = 0; i < processes_.size(); i += step) {
        const Process& process = *processes_[i];
        for (uint32_t room = 0; room < plan_.rooms; ++room) {
            auto holders = process.node.holders(name_of(room), process.clock(now_));
            if (process.members.contains(room)) holders.nodes.push_back(process.id);
            std::ranges::sort(holders.nodes);
            if (holders.uncertain == 0 && holders.nodes != truth[room])
                return fault("a table differs after healing");
            if (holders.uncertain > 0 && plan_.own_rooms_max > plan_.rooms &&
                plan_.table_entries_max > plan_.rooms * plan_.nodes)
                return fault("rooms are uncertain after healing");
        }
    }
}

void Simulation::check_end() {
    for (const auto& [key, promises] : promises_)
        if (!promises.empty())
            fault(std::to_string(promises.size()) + " publications lost at node " +
                  std::to_string(key.first));
    for (const auto& process : processes_) {
        size_t here = 0;
        for (const auto& node : process->node.nodes(process->clock(now_)))
            here += node.is_away ? 0 : 1;
        if (here + 1 != processes_.size()) fault("a node is not known after healing");
        if (!process->fences.empty()) fault("a fence is not passed after healing");
        if (process->node.stats().mismatches > 0) fault("a digest differed");
    }
    check_tables();
}

void Simulation::step() {
    deliver_due();
    if (now_ % plan_.tick_ms == 0) {
        for (const auto& process : processes_)
            if (process) tick(*process);
        check_deaths(false);
    }
    if (now_ % 500 == 0)
        for (const auto& process : processes_)
            if (process) totals_.memory_max = std::max(totals_.memory_max, process->node.memory());
    ++now_;
}

void Simulation::run() {
    processes_.resize(plan_.nodes);
    restart_at_.assign(plan_.nodes, 0);
    side_.assign(plan_.nodes, 0);
    busy_until_.assign(plan_.nodes, 0);
    up_at_.assign(plan_.nodes, 0);
    groups_.resize(plan_.groups);
    calm_at_ = plan_.calm_ms + plan_.chaos_ms;
    for (size_t place = 0; place < plan_.nodes; ++place) start(place);
    while (now_ < calm_at_) {
        if (now_ > plan_.calm_ms) {
            begin_faults();
            end_faults();
        }
        step();
    }
    heal();
    while (now_ < calm_at_ + plan_.heal_ms) step();
    check_deaths(true);
    check_end();
}

Stats Simulation::stats() const {
    Stats sum;
    for (const auto& process : processes_) {
        const Stats& one = process->node.stats();
        sum.published += one.published;
        sum.copies += one.copies;
        sum.flooded += one.flooded;
        sum.batches += one.batches;
        sum.resent += one.resent;
        sum.bytes_sent += one.bytes_sent;
        sum.messages_received += one.messages_received;
        sum.delivered += one.delivered;
        sum.unwanted += one.unwanted;
        sum.duplicates += one.duplicates;
        sum.held += one.held;
        sum.dropped += one.dropped;
        sum.lost += one.lost;
        sum.malformed += one.malformed;
        sum.refused += one.refused;
        sum.syncs += one.syncs;
        sum.snapshots += one.snapshots;
        sum.mismatches += one.mismatches;
    }
    return sum;
}

}  // namespace starling::cluster::native::sim
