#include "redis/client/client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "redis/command.h"

namespace starling::redis::client {
namespace {

OpeningOptions opening_of(const Url& url) {
    OpeningOptions opening;
    opening.user = url.user;
    opening.password = url.password;
    opening.database = url.database;
    opening.client_name = url.client_name;
    opening.protocol = url.protocol;
    opening.must_be_master = url.mode == Url::Mode::sentinel;
    return opening;
}

}  // namespace

base::Result<std::unique_ptr<Client>> Client::make(net::Loop& loop, net::Resolver& resolver,
                                                   ClientOptions options, ClientEvents& events) {
    std::shared_ptr<const net::TlsClientContext> tls;
    if (options.url.tls) {
        auto made = net::TlsClientContext::make(options.tls);
        if (!made) return base::Failure("tls: " + made.error());
        tls = *std::move(made);
    }
    return std::unique_ptr<Client>(
        new Client(loop, resolver, std::move(options), events, std::move(tls)));
}

Client::Client(net::Loop& loop, net::Resolver& resolver, ClientOptions options,
               ClientEvents& events, std::shared_ptr<const net::TlsClientContext> tls)
    : options_(std::move(options)),
      events_(events),
      loop_(loop),
      dialer_(loop, resolver),
      context_{loop_, dialer_, options_, std::move(tls)},
      held_(options_.queue_bytes_max),
      slots_timer_(loop),
      poll_timer_(loop),
      apply_timer_(loop),
      release_timer_(loop),
      refused_timer_(loop),
      ready_timer_(loop),
      withdraw_timer_(loop) {
    for (const Endpoint& endpoint : options_.url.endpoints) {
        add_lane(endpoint);
        if (!is_cluster()) break;
    }
    home_ = lanes_.front().get();
    if (options_.url.mode == Url::Mode::sentinel) {
        awaiting_master_ = true;
        sentinels_ = std::make_unique<SentinelWatch>(
            context_, [this](const Endpoint& master) { on_master(master); },
            [this](const std::string& why) { events_.on_down(why, false); });
        sentinels_->ask();
        return;
    }
    for (const auto& lane : lanes_) lane->node->reconnect();
    if (is_cluster()) poll_timer_.every(options_.slots_interval_ms, [this] { refresh_slots(0); });
}

Client::~Client() {
    sentinels_.reset();
    // Done of a waiting command may look at the client, and finds no server.
    home_ = nullptr;
    slots_ = SlotMap();
    const auto lanes = std::move(lanes_);
    lanes_.clear();
    for (const auto& lane : lanes) {
        lane->queue.clear("closed");
        lane->node.reset();
    }
    for (const Entry& entry : flows_.clear())
        if (entry.done) entry.done({nullptr, "closed"});
    held_.clear("closed");
}

Client::Lane& Client::add_lane(const Endpoint& endpoint) {
    lanes_.push_back(std::make_unique<Lane>(
        Lane{std::make_unique<Node>(context_, endpoint, opening_of(options_.url),
                                    static_cast<NodeEvents&>(*this)),
             PublishQueue(options_.queue_bytes_max)}));
    return *lanes_.back();
}

Client::Lane* Client::find_lane(const Endpoint& endpoint) noexcept {
    for (const auto& lane : lanes_)
        if (lane->node->endpoint() == endpoint) return lane.get();
    return nullptr;
}

Client::Lane* Client::lane_of(int32_t slot) noexcept {
    if (!is_cluster() || slot < 0) return home_;
    const Endpoint* const owner = slots_.owner(static_cast<uint16_t>(slot));
    return owner ? find_lane(*owner) : nullptr;
}

bool Client::takes(const Lane& lane) const noexcept {
    return lane.node->is_ready() && lane.node->pending_bytes() < options_.pipeline_bytes_max &&
           !is_late(lane);
}

bool Client::is_late(const Lane& lane) const noexcept {
    return !lane.sent.empty() &&
           loop_.now_ms() >= lane.sent.front().sent_ms + options_.late_answer_ms;
}

void Client::submit(Entry entry) {
    if (entry.number == 0) entry.number = ++last_number_;
    if (entry.until_ms > 0) withdraw_later();
    // A server that a slot was moving to may be gone.
    if (entry.ask && !find_lane(*entry.ask)) entry.ask.reset();
    Lane* const lane = entry.ask ? find_lane(*entry.ask) : lane_of(entry.slot);
    // Nobody owns the slot: somebody may soon.
    if (!lane && is_cluster()) refresh_slots(options_.loading_pause_ms);
    if (!lane || (flows_.is_blocked(entry.slot) && !entry.goes_first))
        held_.push(std::move(entry));
    else if (lane->queue.is_empty() && takes(*lane))
        dispatch(*lane, std::move(entry));
    else
        lane->queue.push(std::move(entry));
}

void Client::dispatch(Lane& lane, Entry entry) {
    const int32_t slot = entry.slot;
    flows_.sent(slot);
    const size_t before = lane.sent.size();
    try {
        if (entry.ask) lane.node->send(redis::command({"ASKING"}), {});
        entry.sent_ms = loop_.now_ms();
        const Entry& sent = lane.sent.emplace_back(std::move(entry));
        lane.node->send(sent.command,
                        [this, &lane](const Answer& answer) { on_answer(lane, answer); });
    } catch (const std::bad_alloc&) {
        // It was not sent. The next answer is another command's.
        if (lane.sent.size() > before) {
            entry = std::move(lane.sent.back());
            lane.sent.pop_back();
        }
        flows_.answered(slot);
        if (entry.done) entry.done({nullptr, "no memory to send the command"});
    }
}

void Client::on_answer(Lane& lane, const Answer& answer) {
    Entry entry = std::move(lane.sent.front());
    lane.sent.pop_front();
    const bool bounces = answer.value && !answer.error.empty() && may_be_sent_again(answer.error) &&
                         entry.redirects < options_.redirects_max;
    const bool leads_nowhere =
        bounces && !is_cluster() && reaction(error_kind(answer.error)) == Reaction::redirect;
    if (bounces && !leads_nowhere)
        return bounce(lane.node->endpoint(), std::move(entry), answer.error);
    flows_.answered(entry.slot);
    if (flows_.is_blocked(entry.slot)) release_later();
    if (entry.done) entry.done(answer);
    if (leads_nowhere)
        events_.on_down(
            "the server is a node of a Redis Cluster: use redis+cluster:// or rediss+cluster://",
            false);
}

void Client::bounce(const Endpoint& asked, Entry entry, std::string_view error) {
    ++bounced_;
    entry.ask.reset();
    if (entry.until_ms > 0) withdraw_later();
    const bool at_once = redirect(asked, entry, error);
    flows_.bounced(std::move(entry), loop_.now_ms() + (at_once ? 0 : options_.loading_pause_ms),
                   reaction(error_kind(error)) != Reaction::redirect);
    release_later();
    events_.on_bounced(error);
}

void Client::release_later() {
    const auto due = flows_.due_ms();
    if (!due || (release_timer_.is_set() && release_ms_ <= *due)) return;
    release_ms_ = *due;
    const uint64_t now_ms = loop_.now_ms();
    release_timer_.after(*due - std::min(*due, now_ms), [this] {
        submit_again(flows_.release(loop_.now_ms()));
        release_later();
    });
}

// `entries` and what waits, in the order in which all of it was submitted first.
void Client::submit_again(std::vector<Entry> entries) {
    const auto add = [&entries](PublishQueue& queue) {
        while (!queue.is_empty()) entries.push_back(queue.pop());
    };
    add(held_);
    for (const auto& lane : lanes_) add(lane->queue);
    std::ranges::sort(entries, {}, &Entry::number);
    for (Entry& entry : entries) submit(std::move(entry));
}

void Client::withdraw_later() {
    if (withdraw_timer_.is_set()) return;
    withdraw_timer_.after(options_.withdraw_interval_ms, [this] { withdraw(); });
}

void Client::withdraw() {
    std::vector<Entry> late;
    const uint64_t now_ms = loop_.now_ms();
    flows_.take_late(now_ms, late);
    held_.take_late(now_ms, late);
    for (const auto& lane : lanes_) lane->queue.take_late(now_ms, late);
    std::ranges::sort(late, {}, &Entry::number);
    if (stats().waiting > 0) withdraw_later();
    for (const Entry& entry : late)
        if (entry.done) entry.done({nullptr, withdrawn});
}

void Client::flush(Lane& lane) {
    while (!lane.queue.is_empty() && takes(lane)) {
        Entry entry = lane.queue.pop();
        if (flows_.is_blocked(entry.slot) && !entry.goes_first)
            held_.push(std::move(entry));
        else
            dispatch(lane, std::move(entry));
    }
}

void Client::publish(std::string_view channel, std::string_view payload, Done done) {
    submit({redis::command({"PUBLISH", channel, payload}), std::move(done)});
}

void Client::spublish(std::string_view channel, std::string_view payload, Done done) {
    submit({redis::command({"SPUBLISH", channel, payload}), std::move(done),
            is_cluster() ? slot_of(channel) : -1});
}

void Client::command(std::span<const std::string_view> arguments, Done done) {
    Entry entry;
    append_command(entry.command, arguments);
    entry.done = std::move(done);
    submit(std::move(entry));
}

void Client::command(std::span<const std::string_view> arguments, Done done, std::string_view key) {
    command(arguments, std::move(done), key, 0);
}

void Client::command(std::span<const std::string_view> arguments, Done done, std::string_view key,
                     uint64_t until_ms) {
    Entry entry;
    append_command(entry.command, arguments);
    entry.done = std::move(done);
    entry.until_ms = until_ms;
    if (is_cluster()) entry.slot = slot_of(key);
    submit(std::move(entry));
}

void Client::subscribe(Topic topic, std::string_view name) {
    if (topic == Topic::shard && is_cluster()) {
        if (!shard_names_.emplace(name).second) return;
        Lane* const lane = lane_of(slot_of(name));
        if (lane) lane->node->subscribe(topic, name);
    } else if (home_) {
        home_->node->subscribe(topic, name);
    }
}

void Client::unsubscribe(Topic topic, std::string_view name) {
    refused_.erase({topic, std::string(name)});
    if (topic == Topic::shard && is_cluster()) {
        shard_names_.erase(std::string(name));
        for (const auto& lane : lanes_) lane->node->unsubscribe(topic, name);
    } else if (home_) {
        home_->node->unsubscribe(topic, name);
    }
}

bool Client::is_ready() const noexcept {
    if (!is_cluster()) return home_ && home_->node->is_ready();
    return !slots_.is_empty() && !lanes_.empty() &&
           std::ranges::all_of(lanes_, [](const auto& lane) {
               return lane->kept_until_ms > 0 || lane->node->is_ready();
           });
}

bool Client::is_late() const noexcept {
    return std::ranges::any_of(lanes_, [this](const auto& lane) { return is_late(*lane); });
}

ClientStats Client::stats() const {
    ClientStats stats;
    stats.losses = losses_;
    stats.silent_errors = gone_errors_;
    stats.bounced = bounced_;
    stats.dropped = gone_drops_ + held_.dropped();
    stats.waiting = held_.size() + flows_.size();
    stats.waiting_bytes = held_.bytes();
    for (const auto& lane : lanes_) {
        stats.silent_errors += lane->node->silent_errors();
        stats.dropped += lane->queue.dropped();
        stats.waiting += lane->queue.size();
        stats.waiting_bytes += lane->queue.bytes();
    }
    return stats;
}

void Client::on_node_ready(Node& node) {
    if (is_cluster()) {
        if (slots_.is_empty()) refresh_slots(0);
        choose_home();
    }
    if (Lane* const lane = find_lane(node.endpoint())) flush(*lane);
    tell_ready();
}

void Client::on_node_down(Node& node, const std::string& why, bool is_final) {
    ++losses_;
    if (is_cluster()) {
        choose_home();
        refresh_slots(options_.reconnect_ms_min);
        const Lane* const lane = find_lane(node.endpoint());
        if (lane && lane->kept_until_ms > 0) return;  // Nothing needs this server.
    }
    events_.on_down(why, is_final);
}

void Client::on_node_progress(Node& node) {
    if (Lane* const lane = find_lane(node.endpoint())) flush(*lane);
}

bool Client::may_connect(Node&) {
    if (!sentinels_) return true;
    awaiting_master_ = true;
    sentinels_->ask();
    return false;
}

void Client::on_master(const Endpoint& master) {
    Node& node = *home_->node;
    if (!awaiting_master_ && node.endpoint() == master) return;
    awaiting_master_ = false;
    node.reconnect(master);
}

void Client::on_refused(Node& node, Topic topic, const std::string& name, std::string_view error) {
    const Reaction what = reaction(error_kind(error));
    if (!is_cluster() || topic != Topic::shard || what == Reaction::tell) {
        refused_.emplace(topic, name);
        if (!refused_timer_.is_set())
            refused_timer_.after(options_.refused_interval_ms, [this] { try_refused(); });
        return events_.on_refused(topic, name, error);
    }
    if (const auto moved = parse_redirect(error); moved && !moved->ask) {
        slots_.moved(*moved, node.endpoint());
        apply_timer_.after(0, [this] { apply_slots(); });
    }
    refresh_slots(options_.loading_pause_ms);
}

// Null: no server is known for the name.
Node* Client::node_of(Topic topic, std::string_view name) noexcept {
    const bool by_slot = topic == Topic::shard && is_cluster();
    Lane* const lane = by_slot ? lane_of(slot_of(name)) : home_;
    return lane ? lane->node.get() : nullptr;
}

// An access list may allow them by now.
void Client::try_refused() {
    for (auto at = refused_.begin(); at != refused_.end();) {
        const auto& [topic, name] = *at;
        Node* const node = node_of(topic, name);
        if (node && node->subscriptions().is_confirmed(topic, name)) {
            at = refused_.erase(at);
            continue;
        }
        if (node && node->is_ready()) node->resubscribe(topic, name);
        ++at;
    }
    if (refused_.empty()) return tell_ready();
    refused_timer_.after(options_.refused_interval_ms, [this] { try_refused(); });
}

void Client::on_lost(Node& node, std::string_view name) {
    if (is_cluster()) return refresh_slots(0);
    node.resubscribe(Topic::shard, name);
}

}  // namespace starling::redis::client
