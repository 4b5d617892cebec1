#include "server/events/events.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "base/utf8.h"
#include "events/text.h"
#include "server/random_pool.h"
#include "server/site_origins.h"
#include "server/state.h"
#include "server/worker.h"

namespace starling::server {
namespace {

// Names of the query parameter that holds the channel. The description of these endpoints and its
// examples use different spellings.
constexpr std::array<std::string_view, 4> channel_parameters{"Ref", "ref", "Rel", "rel"};

constexpr size_t text_bytes_kept = 256 * 1024;
constexpr uint64_t expire_interval_ms = 1000;
// In a cluster, each channel's history is read once in a minute.
constexpr uint64_t check_interval_ms = 1000, checks_per_round = 60;

std::unique_ptr<const ws::OriginPolicy> policy_of(std::vector<std::string> origins) {
    for (const auto& origin : origins)
        if (!ws::origin_pattern_is_valid(origin))
            throw std::invalid_argument("not an origin: '" + origin + "'");
    return std::make_unique<const ws::OriginPolicy>(
        ws::OriginPolicy{.allowed = std::move(origins)});
}

events::Options with_api_key(events::Options options) {
    if (options.api_key.empty()) options.api_key = make_api_key();
    return options;
}

Admission refused(int status, std::string_view reason) {
    Admission admission;
    admission.status = status;
    admission.reason = reason;
    return admission;
}

}  // namespace

// ---- one worker ---------------------------------------------------------------------------------

EventsWorker::EventsWorker(Worker& w, hub::History& history, Nodes* nodes,
                           size_t page_bytes_max) noexcept
    : worker(w), nodes_(nodes), feeds_(history, *this, page_bytes_max) {}

void EventsWorker::publish(EventBatch& batch) {
    // Each worker gets each batch; one of them counts it.
    if (worker.index() == 0) publications_ += batch.items.size();
    for (auto& item : batch.items) {
        if (item.refused) continue;
        if (item.kept) {
            feeds_.published(item.kept, worker.loop().now_ms());
            continue;
        }
        const auto published = broker_.publish(item.channel, item.text, worker.loop().now_ms());
        item.delivered.fetch_add(published.delivered, std::memory_order_relaxed);
        item.limited.fetch_add(published.limited, std::memory_order_relaxed);
        deliveries_ += published.delivered;
        limited_ += published.limited;
    }
    set_timer();
    give_up(batch);
}

void EventsWorker::give_up(EventBatch& batch) {
    // The last worker's decrement synchronizes with all others, so `done` reads complete counts.
    if (batch.workers_left.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    if (const auto done = std::exchange(batch.done, nullptr)) done(batch);
}

void EventsWorker::enter(events::Member& member, const events::Rule& rule,
                         std::string_view channel) {
    broker_.enter(member, rule, channel);
}

void EventsWorker::listen(events::Member& member, hub::Subscriber& subscriber,
                          std::optional<hub::Position> since,
                          std::function<bool(hub::Beginning)> begun) {
    const uint64_t now_ms = worker.loop().now_ms();
    if (member.room()->rule().history)
        broker_.follow(member, subscriber, std::move(since), now_ms, std::move(begun));
    else if (begun({}))
        broker_.add_listener(member, subscriber, now_ms);
}

void EventsWorker::deliver(const hub::KeptPtr& kept) {
    text_.assign(events::event_prefix).append(kept->text);
    const std::string offset = hub::position_text(kept->epoch, kept->offset);
    const auto published = broker_.publish(kept->channel, text_, worker.loop().now_ms(), offset);
    kept->delivered.fetch_add(published.delivered, std::memory_order_relaxed);
    deliveries_ += published.delivered;
    if (text_.capacity() > text_bytes_kept) std::string().swap(text_);
}

// Posted, so that members may leave the room.
void EventsWorker::lost(std::string_view channel) {
    worker.post([this, name = std::string(channel)] { broker_.lost(name); });
}

void EventsWorker::room_opened(const events::Room& room) noexcept {
    if (channel_nodes_ && !room.rule().history) channel_nodes_->opened(room.name());
}

void EventsWorker::room_closed(const events::Room& room) noexcept {
    // A connection that is destroyed with its worker leaves when nobody hears of it any more.
    if (channel_nodes_ && !room.rule().history && !worker.has_ended())
        channel_nodes_->closed(room.name());
}

// The other nodes hear that this one wants the channel. Until they do, what they publish is only in
// the history, so the feed reads once more then.
void EventsWorker::opened(std::string_view channel) {
    if (!nodes_) return;
    nodes_->joined(Nodes::Kind::history, channel);
    nodes_->fence(
        [this, name = std::string(channel)] { feeds_.catch_up(name, worker.loop().now_ms()); });
}

void EventsWorker::closed(std::string_view channel) {
    if (nodes_ && !worker.has_ended()) nodes_->left(Nodes::Kind::history, channel);
}

void EventsWorker::published(const hub::KeptPtr& kept) {
    feeds_.published(kept, worker.loop().now_ms());
}

void EventsWorker::keep_checking() {
    worker.loop().after(check_interval_ms, [this] {
        feeds_.catch_up(worker.loop().now_ms(), checks_++ % checks_per_round, checks_per_round);
        keep_checking();
    });
}

void EventsWorker::must_catch_up() {
    if (catching_up_.exchange(true)) return;
    worker.post([this] {
        catching_up_.store(false);
        feeds_.catch_up(worker.loop().now_ms());
    });
}

void EventsWorker::keep_expiring(SharedHistory& history) {
    worker.loop().after(expire_interval_ms, [this, &history] {
        history.expire(worker.loop().now_ms());
        keep_expiring(history);
    });
}

void EventsWorker::log_in(events::Member& member, const auth::Identity& identity) {
    std::optional<uint64_t> lifetime_ms;
    if (identity.expires_at_s) {
        // The wall clock is read only here: a later change of it does not move the end of the
        // login.
        const int64_t left_s = *identity.expires_at_s - worker.now_s();
        constexpr auto left_s_max = static_cast<int64_t>(events::Broker::login_ms_max / 1000);
        lifetime_ms = static_cast<uint64_t>(std::clamp<int64_t>(left_s, 0, left_s_max)) * 1000;
    }
    broker_.log_in(member, identity.user, lifetime_ms, worker.loop().now_ms());
    set_timer();
}

uint32_t EventsWorker::draw_retry_ms() {
    constexpr uint32_t first_ms = 1000, spread_ms = 4000;
    std::array<std::byte, sizeof(uint32_t)> random;
    random_.take(random);
    return first_ms + std::bit_cast<uint32_t>(random) % spread_ms;
}

bool EventsWorker::may_refresh(events::Member& member) {
    return broker_.may_refresh(member, worker.loop().now_ms());
}

void EventsWorker::set_timer() {
    const auto next_ms = broker_.next_ms();
    if (!next_ms || (timer_ && timer_ms_ <= *next_ms)) return;
    net::Loop& loop = worker.loop();
    if (timer_) loop.cancel_timer(timer_);
    timer_ms_ = *next_ms;
    timer_ = loop.after(timer_ms_ - std::min(loop.now_ms(), timer_ms_), [this] {
        timer_ = 0;
        broker_.run(worker.loop().now_ms());
        set_timer();
    });
}

// ---- all workers --------------------------------------------------------------------------------

Events::Events(events::Options options)
    : makes_key_(options.api_key.empty()),
      options_(with_api_key(std::move(options))),
      accepted_keys_(std::in_place, std::span(&options_.api_key, 1)),
      authenticator_(std::in_place, options_.auth),
      origins_(policy_of(options_.origins)),
      table_(std::in_place),
      answer_(
          [](std::string_view input) { return std::string(events::echo_prefix).append(input); }),
      memory_(RandomPool().hex(6), options_.history_bytes_max),
      presence_(
          {options_.presence_members_max, options_.presence_bytes_max},
          [this](const hub::PresenceChange& change) { tell(change); },
          [this](const hub::PresenceChange& change) { report_safely(change); }) {}

Events::~Events() = default;

void Events::require_not_attached() const {
    if (attached_.load(std::memory_order_acquire))
        throw std::logic_error("channels are declared before the server starts");
}

void Events::declare(events::Channel channel) {
    const std::lock_guard lock(declaring_);
    require_not_attached();
    const bool keeps = channel.history.messages > 0;
    table_->declare(std::move(channel));
    keeps_history_ |= keeps;
}

void Events::change(events::Options options, std::vector<events::Channel> channels) {
    auto table = std::make_unique<events::Table>();
    for (events::Channel& channel : channels) {
        if (channel.history.messages > 0 && !keeps_history_)
            throw std::invalid_argument("channel '" + channel.pattern +
                                        "': the first history needs a restart");
        table->declare(std::move(channel));
    }
    if (options.origins.empty() != options_.origins.empty())
        throw std::invalid_argument("the first origin, or none at all, needs a restart");
    auto origins = policy_of(options.origins);
    if (options.api_key.empty() != makes_key_)
        throw std::invalid_argument("a first key of publishing, or none at all, needs a restart");
    if (makes_key_) options.api_key = options_.api_key;
    auto keys = std::make_unique<const auth::ApiKeys>(std::span(&options.api_key, 1));
    auto logins = std::make_unique<const auth::Authenticator>(std::move(options.auth));
    for (size_t i = 0; i < endpoints_; ++i)
        site_->websockets[first_endpoint_ + i]->change_origins(origins->allowed);
    origins_.replace(std::move(origins));
    accepted_keys_.replace(std::move(keys));
    authenticator_.replace(std::move(logins));
    table_.replace(std::move(table));
}

void Events::on_client_event(std::function<std::string(std::string_view)> answer) {
    require_not_attached();
    if (!answer) throw std::invalid_argument("on_client_event: no function");
    answer_ = std::move(answer);
}

void Events::attach(WorkerGroup& group) {
    group_ = &group;
    workers_ended_.store(false);  // A start may have failed before.
    if (group.nodes) presence_.join(group);
    if (keeps_history_) {
        link_ = HistoryLink::make(group, *this, workers_);
        history_ = link_ ? &link_->history() : &memory_;
    }
    Nodes* const nodes = link_ ? group.nodes : nullptr;
    for (const auto& worker : group.workers)
        workers_.push_back(std::make_unique<EventsWorker>(
            *worker, *history_, nodes, link_ ? options_.recovery_bytes_max : SIZE_MAX));
    if (link_) {
        for (const auto& each : workers_)
            each->worker.post([worker = each.get()] { worker->keep_checking(); });
    } else if (keeps_history_) {
        EventsWorker* const first = workers_.front().get();
        first->worker.post([this, first] { first->keep_expiring(memory_); });
    }
    if (group.nodes) {
        nodes_.emplace(*this, group);
        for (const auto& worker : workers_) worker->use_nodes(*nodes_);
    }
    attached_.store(true, std::memory_order_release);
}

void Events::detach() noexcept {
    attached_.store(false, std::memory_order_release);
    workers_.clear();
    history_ = &memory_;
    link_.reset();
}

uint64_t Events::publish_wait_s(Worker& worker, std::string_view channel) {
    SharedLimits* const limits = worker.group().limits.get();
    if (!limits) return 0;
    const uint64_t wait_s = limits->publish_to(channel, worker.loop().now_ms());
    if (wait_s != 0) worker.counters().limited_channel_publishes.add();
    return wait_s;
}

EventsWorker* Events::here() const noexcept {
    const Worker* const worker = group_ ? group_->here() : nullptr;
    return worker ? workers_[worker->index()].get() : nullptr;
}

bool Events::declared(std::string_view channel) const {
    if (attached_.load(std::memory_order_acquire)) return table_->find(channel).rule != nullptr;
    const std::lock_guard lock(declaring_);
    return table_->find(channel).rule != nullptr;
}

bool Events::publish(std::string_view channel, std::string_view event,
                     PlainCallback<void(events::Published)> done) {
    if (!base::utf8_is_valid(event)) throw std::invalid_argument("an event must be UTF-8");
    if (!declared(channel)) return false;
    auto batch = std::make_shared<EventBatch>(1);
    batch->items.front().channel = channel;
    batch->items.front().text.append(events::event_prefix).append(event);
    if (done)
        batch->done = [this, done = std::move(done)](const EventBatch& all) {
            guarded("publish", [&] { done(all.items.front().published()); });
        };
    publish(std::move(batch));
    return true;
}

void Events::publish(std::shared_ptr<EventBatch> batch) {
    if (!attached_.load(std::memory_order_acquire)) {  // Not started: no listeners.
        if (batch->done) batch->done(*batch);
        return;
    }
    if (keeps_history_) {
        for (auto& item : batch->items)
            if (const auto* rule = table_->find(item.channel).rule; rule && rule->history)
                append(item, *rule, batch);
    }
    appended(batch);
}

void Events::append(EventBatch::Item& item, const events::Rule& rule,
                    const std::shared_ptr<EventBatch>& batch) {
    batch->appends_left.fetch_add(1, std::memory_order_relaxed);
    history_->append(item.channel, rule.history, events::event_of(item.text), now_ms(),
                     [this, &item, batch](hub::KeptPtr kept) {
                         item.refused = !kept;
                         item.kept = std::move(kept);
                         appended(batch);
                     });
}

void Events::appended(const std::shared_ptr<EventBatch>& batch) {
    if (batch->appends_left.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    if (link_)
        for (const auto& item : batch->items)
            if (item.kept) link_->push(*item.kept);
    if (nodes_) {
        // For another thread by the first worker, which keeps the order of that thread.
        if (here())
            nodes_->publish(*batch);
        else
            (void)group_->workers.front()->post_bounded(batch->bytes(),
                                                        [this, batch] { nodes_->publish(*batch); });
    }
    deliver(batch);
}

void Events::deliver(const std::shared_ptr<EventBatch>& batch) {
    batch->workers_left.store(workers_.size(), std::memory_order_relaxed);
    EventsWorker* const mine = here();
    const size_t bytes = batch->bytes();
    for (const auto& part : workers_) {
        EventsWorker* const to = part.get();
        if (to == mine) continue;
        // At a stop, a worker may have ended while the history took its time.
        const bool has_ended = to->worker.has_ended();
        if (!has_ended && to->worker.post_bounded(bytes, [to, batch] { to->publish(*batch); }))
            continue;
        if (keeps_history_ && !has_ended) to->must_catch_up();
        EventsWorker::give_up(*batch);
    }
    if (mine) mine->publish(*batch);
}

// The clock of the loops, for any thread.
uint64_t Events::now_ms() const {
    static const auto clock = net::Loop::steady_clock();
    return clock();
}

// ---- admission ----------------------------------------------------------------------------------

Admission Events::admit(const http::Request& request, int64_t now_s) const {
    std::optional<std::string> name;
    for (const auto parameter : channel_parameters)
        if (!name) name = request.query(parameter);
    if (!name || name->empty()) return refused(400, "Ref: names no channel");
    if (!events::is_channel_name(*name))
        return refused(400, "Ref: must be 1 to 255 bytes of UTF-8 without control characters");
    const auto match = table_->find(*name);
    if (!match.rule) return refused(404, "no such channel");

    Admission admission;
    if (match.rule->channel.access != events::Access::anyone) {
        auto verdict = authenticator_->identify(request, now_s);
        if (!verdict.identity) return refused(401, auth::failure_text(verdict.failure));
        admission.identity = std::move(verdict.identity);
        if (events::decide(match, admission.identity->user) != events::Decision::allowed)
            return refused(403, "this channel is another user's");
    }
    admission.rule = match.rule;
    admission.channel = std::move(*name);
    return admission;
}

void Events::refresh(events::Member& member, std::string_view message) {
    EventsWorker* const host = here();
    if (!host || !member.room() || !member.login()) return;
    const auto token = events::token_of(message);
    if (!token || !host->may_refresh(member)) return;
    const auto verdict = authenticator_->verify(*token, host->worker.now_s());
    if (verdict.identity && verdict.identity->user == member.login()->user)
        host->log_in(member, *verdict.identity);
}

bool Events::allows_origin(const http::Request& request) const {
    return origin_allowed_on_site(*origins_, request, request.header("origin"));
}

bool Events::apply_cors(const http::Request& request, http::Response& response) const {
    http::CorsOptions rules;
    rules.methods = {"GET", "HEAD"};
    // Header fields that pages set on event streams: fetch() with a token, and polyfills of
    // EventSource.
    rules.headers = {"Authorization", "Cache-Control", "Last-Event-ID"};
    return apply_listed_cors(origins_->allowed, std::move(rules), request, response);
}

}  // namespace starling::server

namespace starling {

events::Channels& Server::events(events::Options options) {
    if (state_->find<server::Events>()) throw std::logic_error("a server has one set of channels");
    return state_->extend(std::make_unique<server::Events>(std::move(options)));
}

}  // namespace starling
