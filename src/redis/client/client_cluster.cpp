// The part of Client for Redis Cluster: slots and their owners, redirections, the subscriptions to
// shards.
#include <algorithm>
#include <array>
#include <utility>

#include "redis/client/client.h"
#include "redis/command.h"

namespace starling::redis::client {

void Client::dispatch_in_cluster(Lane& lane, std::shared_ptr<Entry> entry, int redirects) {
    const std::string_view encoded = entry->command;
    lane.node->send(
        encoded, [this, asked = lane.node->endpoint(), entry = std::move(entry), redirects](
                     const Answer& answer) { on_cluster_answer(asked, entry, redirects, answer); });
}

void Client::on_cluster_answer(const Endpoint& asked, const std::shared_ptr<Entry>& entry,
                               int redirects, const Answer& answer) {
    const Reaction what =
        answer.error.empty() ? Reaction::tell : reaction(error_kind(answer.error));
    const bool not_executed = what == Reaction::redirect || what == Reaction::wait;
    if (!answer.value || !not_executed || redirects >= options_.redirects_max) {
        if (entry->done) entry->done(answer);
        return;
    }
    const auto where = parse_redirect(answer.error);
    if (!where) return later(entry);
    const Endpoint to = with_host_of(where->to, asked);
    if (!where->ask) {
        slots_.moved(*where, asked);
        apply_timer_.after(0, [this] { apply_slots(); });
        refresh_slots(options_.loading_pause_ms);
        return redirect(to, entry, redirects + 1);
    }
    Lane* const lane = find_lane(to);
    if (!lane || !lane->node->is_ready()) return later(entry);
    lane->node->send(redis::command({"ASKING"}), {});
    dispatch_in_cluster(*lane, entry, redirects + 1);
}

void Client::redirect(const Endpoint& to, const std::shared_ptr<Entry>& entry, int redirects) {
    Lane* const lane = find_lane(to);
    if (lane && lane->queue.is_empty() && takes(*lane))
        return dispatch_in_cluster(*lane, entry, redirects);
    // The lane is made, or connected, first; then the entry is counted anew.
    submit({entry->command, entry->done, entry->slot});
}

// TRYAGAIN, CLUSTERDOWN: the same again after a pause.
void Client::later(std::shared_ptr<Entry> entry) {
    retries_.push_back(std::move(entry));
    refresh_slots(options_.loading_pause_ms);
    if (retry_timer_.is_set()) return;
    retry_timer_.after(options_.loading_pause_ms, [this] {
        for (const auto& due : std::exchange(retries_, {})) submit(std::move(*due));
    });
}

// PUBLISH and SUBSCRIBE work on any node; the names move with the home.
void Client::choose_home() {
    if (home_ && home_->node->is_ready()) return;
    const auto ready =
        std::ranges::find_if(lanes_, [](const auto& lane) { return lane->node->is_ready(); });
    if (ready == lanes_.end() || ready->get() == home_) return;
    Lane* const before = std::exchange(home_, ready->get());
    if (!before) return;
    for (const Topic topic : {Topic::channel, Topic::pattern}) {
        for (const auto& [name, confirmed] :
             std::exchange(before->node->subscriptions().of(topic), {}))
            home_->node->subscribe(topic, name);
    }
    apply_timer_.after(0, [this] { apply_slots(); });
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
                  if (answer.value && slots_.read(*answer.value, asked))
                      return apply_timer_.after(0, [this] { apply_slots(); });
                  refresh_slots(options_.reconnect_ms_max);
              });
}

// A lane for each owner; the others go, unless nothing is known.
void Client::apply_slots() {
    if (slots_.is_empty()) return;
    for (const Endpoint& endpoint : slots_.nodes())
        if (!find_lane(endpoint)) add_lane(endpoint).node->reconnect();
    std::vector<std::unique_ptr<Lane>> gone;
    for (auto& lane : lanes_) {
        const auto& nodes = slots_.nodes();
        const Endpoint& endpoint = lane->node->endpoint();
        if (std::ranges::find(nodes, endpoint) == nodes.end()) gone.push_back(std::move(lane));
    }
    std::erase(lanes_, nullptr);
    Lane* const old_home = home_;
    for (const auto& lane : gone)
        if (lane.get() == home_) home_ = lanes_.front().get();
    if (home_ != old_home) {
        for (const Topic topic : {Topic::channel, Topic::pattern})
            for (const auto& [name, confirmed] : old_home->node->subscriptions().of(topic))
                home_->node->subscribe(topic, name);
        choose_home();
    }
    place_shards();
    for (const auto& lane : gone) {
        gone_drops_ += lane->queue.dropped();
        gone_errors_ += lane->node->silent_errors();
        while (!lane->queue.is_empty()) submit(lane->queue.pop());
        lane->node.reset();
    }
    route_again();
    if (is_ready()) events_.on_ready();
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

// What waits for a node that no longer owns its slot goes to the owner, in the order it has.
void Client::route_again() {
    const auto go = [this](PublishQueue& queue) {
        for (size_t left = queue.size(); left > 0 && !queue.is_empty(); --left) submit(queue.pop());
    };
    go(homeless_);
    for (size_t i = 0; i < lanes_.size(); ++i) {
        Lane& lane = *lanes_[i];
        if (!lane.queue.is_empty()) go(lane.queue);
        flush(lane);
    }
}

}  // namespace starling::redis::client
