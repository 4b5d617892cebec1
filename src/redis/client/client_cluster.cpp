// The part of Client for Redis Cluster: slots and their owners, redirections, the subscriptions to
// shards.
#include <algorithm>
#include <array>
#include <utility>

#include "redis/client/client.h"
#include "redis/command.h"

namespace starling::redis::client {
namespace {

// The server would have to be started with cluster-enabled.
bool is_alone(std::string_view error) noexcept {
    return error.find("cluster support disabled") != std::string_view::npos;
}

std::string no_slots(std::string_view error) {
    if (is_alone(error))
        return "the server is no node of a Redis Cluster: use redis:// or rediss://";
    return "the server does not tell the slots: " +
           std::string(error.empty() ? "its answer has another form" : error);
}

}  // namespace

// Where the entry goes next. False: not at once.
bool Client::redirect(const Endpoint& asked, Entry& entry, std::string_view error) {
    if (!is_cluster()) return reaction(error_kind(error)) == Reaction::reconnect;
    const auto where = parse_redirect(error);
    refresh_slots(options_.loading_pause_ms);
    if (!where) return false;
    // Nodes that disagree about a slot get time to agree.
    constexpr int at_once_max = 4;
    const bool at_once = ++entry.redirects <= at_once_max;
    const Endpoint to = with_host_of(where->to, asked);
    if (!where->ask) {
        slots_.moved(*where, asked);
        apply_timer_.after(0, [this] { apply_slots(); });
        return at_once;
    }
    Lane* lane = find_lane(to);
    if (!lane) {
        lane = &add_lane(to);
        lane->kept_until_ms = 1;
        lane->node->reconnect();
    }
    if (lane->kept_until_ms > 0) lane->kept_until_ms = loop_.now_ms() + options_.slots_interval_ms;
    entry.ask = std::make_unique<Endpoint>(to);
    return at_once;
}

// PUBLISH and SUBSCRIBE work on any node; the names move with the home.
void Client::choose_home() {
    // One that waits for its subscriptions stays.
    if (home_ && home_->node->is_open()) return;
    const auto ready =
        std::ranges::find_if(lanes_, [](const auto& lane) { return lane->node->is_ready(); });
    if (ready == lanes_.end() || ready->get() == home_) return;
    Lane* const before = std::exchange(home_, ready->get());
    if (!before) return;
    move_names(*before->node, *home_->node);
    apply_timer_.after(0, [this] { apply_slots(); });
}

void Client::move_names(Node& from, Node& to) {
    for (const Topic topic : {Topic::channel, Topic::pattern}) {
        std::vector<std::string> names;
        for (const auto& [name, confirmed] : std::exchange(from.subscriptions().of(topic), {}))
            names.push_back(name);
        to.adopt(topic, std::move(names));
    }
}

// A shard's name that moved is confirmed by its new owner later than the nodes are ready.
void Client::tell_ready() {
    if (!is_ready()) return;
    const bool all = std::ranges::all_of(shard_names_, [this](const std::string& name) {
        Node* const node = node_of(Topic::shard, name);
        return refused_.contains({Topic::shard, name}) ||
               (node && node->subscriptions().is_confirmed(Topic::shard, name));
    });
    if (all) return events_.on_ready();
    constexpr uint64_t look_again_ms = 20;
    ready_timer_.after(look_again_ms, [this] { tell_ready(); });
}

void Client::refresh_slots(uint64_t delay_ms) {
    if (slots_timer_.is_set() && delay_ms > 0) return;
    slots_timer_.after(delay_ms, [this] { ask_for_slots(); });
}

void Client::ask_for_slots() {
    if (asking_slots_) return;
    const auto ready =
        std::ranges::find_if(lanes_, [](const auto& lane) { return lane->node->is_ready(); });
    if (ready == lanes_.end()) return;  // The next node that is ready is asked.
    asking_slots_ = true;
    Node& node = *(*ready)->node;
    node.send(redis::command({"CLUSTER", "SLOTS"}),
              [this, asked = node.endpoint()](const Answer& answer) {
                  asking_slots_ = false;
                  if (answer.value && answer.error.empty() && slots_.read(*answer.value, asked))
                      return apply_timer_.after(0, [this] { apply_slots(); });
                  refresh_slots(options_.reconnect_ms_max);
                  if (answer.value && slots_.is_empty())
                      events_.on_down(no_slots(answer.error), is_alone(answer.error));
              });
}

// The lanes that own no slot, and have nothing under way.
std::vector<std::unique_ptr<Client::Lane>> Client::take_idle_lanes() {
    std::vector<std::unique_ptr<Lane>> idle;
    const auto& nodes = slots_.nodes();
    const uint64_t now_ms = loop_.now_ms();
    for (auto& lane : lanes_) {
        const bool owns = std::ranges::find(nodes, lane->node->endpoint()) != nodes.end();
        if (owns)
            lane->kept_until_ms = 0;
        else if (lane->kept_until_ms == 0)
            lane->kept_until_ms = now_ms + 1;  // Not needed to be ready.
        const bool drains = lane->node->is_ready() && lane->node->pending_bytes() > 0;
        if (!owns && drains)
            apply_timer_.after(options_.loading_pause_ms, [this] { apply_slots(); });
        if (!owns && !drains && lane->kept_until_ms <= now_ms + 1) idle.push_back(std::move(lane));
    }
    std::erase(lanes_, nullptr);
    return idle;
}

// A lane for each owner; the others go, unless nothing is known.
void Client::apply_slots() {
    if (slots_.is_empty()) return;
    for (const Endpoint& endpoint : slots_.nodes())
        if (!find_lane(endpoint)) add_lane(endpoint).node->reconnect();
    std::vector<std::unique_ptr<Lane>> gone = take_idle_lanes();
    const auto home = std::ranges::find(gone, home_, [](const auto& lane) { return lane.get(); });
    if (home != gone.end()) {
        home_ = lanes_.front().get();
        move_names(*(*home)->node, *home_->node);
        choose_home();
    }
    place_shards();
    std::vector<Entry> entries;
    for (const auto& lane : gone) {
        gone_drops_ += lane->queue.dropped();
        gone_errors_ += lane->node->silent_errors();
        while (!lane->queue.is_empty()) entries.push_back(lane->queue.pop());
        lane->node.reset();
    }
    submit_again(std::move(entries));
    for (const auto& lane : lanes_) flush(*lane);
    tell_ready();
}

// Each shard's channel is with the owner of its slot, and only there.
void Client::place_shards() {
    for (const auto& lane : lanes_) {
        Node& node = *lane->node;
        std::vector<std::string> leaving;
        for (const auto& [name, confirmed] : node.subscriptions().of(Topic::shard))
            if (lane_of(slot_of(name)) != lane.get()) leaving.push_back(name);
        for (const std::string& name : leaving) node.unsubscribe(Topic::shard, name);
    }
    for (const std::string& name : shard_names_) {
        Lane* const lane = lane_of(slot_of(name));
        if (!lane) continue;
        Node& node = *lane->node;
        const auto& names = node.subscriptions().of(Topic::shard);
        const auto found = names.find(name);
        if (found == names.end())
            node.subscribe(Topic::shard, name);
        else if (!found->second && node.is_ready())
            node.resubscribe(Topic::shard, name);
    }
}

}  // namespace starling::redis::client
