// The part of Channels beside publishing: the history, the presence, and the handlers for both.
#include <starling/server.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "server/events/events.h"
#include "server/figures.h"
#include "server/worker.h"

namespace starling::server {
namespace {

events::PresenceMember shown(const hub::PresenceMember& member) {
    return {member.client, member.user, member.info};
}

events::PresenceList shown(const hub::PresenceList& list) {
    events::PresenceList result;
    for (const auto& member : list.members) result.members.push_back(shown(member));
    result.connections = list.connections;
    result.missing = list.missing;
    return result;
}

events::HistoryPage shown(const hub::HistoryPage& page, bool recovered) {
    events::HistoryPage result;
    result.failed = page.failed;
    if (page.failed) return result;
    result.recovered = recovered;
    result.offset = hub::position_text(page.top);
    result.more = page.more;
    for (const auto& kept : page.messages)
        result.events.push_back({hub::position_text(kept->epoch, kept->offset), kept->text});
    return result;
}

}  // namespace

bool Events::history(std::string_view channel, events::HistoryQuery query,
                     PlainCallback<void(events::HistoryPage)> done) {
    if (!done) throw std::invalid_argument("history: no function");
    const auto* const rule =
        attached_.load(std::memory_order_acquire) ? table_->find(channel).rule : nullptr;
    if (!rule || !rule->history) return false;
    std::optional<std::string> since;
    if (!query.since.empty()) since = std::move(query.since);
    read(channel, since, query.limit,
         [this, done = std::move(done)](const hub::HistoryPage& page, bool recovered) {
             guarded("history", [&] { done(shown(page, recovered)); });
         });
    return true;
}

void Events::read(std::string_view channel, const std::optional<std::string>& since, size_t limit,
                  const std::function<void(const hub::HistoryPage&, bool recovered)>& done) {
    std::optional<hub::Position> from;
    if (since) from = hub::position_from_client(*since);
    const hub::HistoryQuery query{.channel = channel,
                                  .since = from,
                                  .limit = limit,
                                  .bytes_max = options_.recovery_bytes_max};
    history_->read(query, now_ms(), [from, done](const hub::HistoryPage& page) {
        done(page, !page.failed && (!from || page.covers(*from)));
    });
}

events::PresenceList Events::presence(std::string_view channel, size_t limit) const {
    return shown(presence_.list(channel, limit));
}

void Events::presence(std::string_view channel, size_t limit,
                      PlainCallback<void(events::PresenceList)> done) {
    if (!done) throw std::invalid_argument("presence: no function");
    presence_.list(channel, limit, [this, done = std::move(done)](const hub::PresenceList& list) {
        guarded("presence", [&] { done(shown(list)); });
    });
}

void Events::on_subscribe(PlainCallback<bool(const events::ClientRequest&)> allows) {
    require_not_attached();
    handlers_.subscribe = std::move(allows);
}

events::Permission Events::permission(events::Use use, const events::ClientRequest& request) const {
    using events::Permission;
    const auto match = table_->find(request.channel);
    if (!match.rule) return Permission::no_channel;
    const bool publishes = use == events::Use::publish;
    if (publishes && match.rule->channel.publishers == events::Publishers::nobody)
        return Permission::no_publishers;
    const auto user = request.user.empty() ? std::nullopt : std::optional(request.user);
    switch (publishes ? events::decide_publish(match, user) : events::decide(match, user)) {
        case events::Decision::allowed: break;
        case events::Decision::needs_login: return Permission::needs_login;
        case events::Decision::forbidden: return Permission::forbidden;
    }
    const auto& handler = publishes ? handlers_.publish : handlers_.subscribe;
    if (handler && !handler(request)) return Permission::refused;
    const EventsWorker* const host = here();
    if (publishes && host && publish_wait_s(host->worker, request.channel) != 0)
        return Permission::too_many;
    return Permission::allowed;
}

void Events::on_publish(PlainCallback<bool(const events::ClientRequest&)> allows) {
    require_not_attached();
    handlers_.publish = std::move(allows);
}

void Events::on_join(MemberHandler handler) {
    require_not_attached();
    handlers_.join = std::move(handler);
}

void Events::on_leave(MemberHandler handler) {
    require_not_attached();
    handlers_.leave = std::move(handler);
}

void Events::report(const hub::PresenceChange& change) const {
    const auto& handler = change.joined ? handlers_.join : handlers_.leave;
    if (handler) handler(change.channel, shown(change.member));
}

void Events::report_safely(const hub::PresenceChange& change) const noexcept {
    try {
        report(change);
    } catch (...) {
        log_exception(change.joined ? "on_join" : "on_leave");
    }
}

bool Events::log_exception(std::string_view where) const noexcept {
    Worker* const worker = group_ ? group_->here() : nullptr;
    if (worker) worker->log_exception(where, detail::describe(std::current_exception()));
    return worker != nullptr;
}

// To all workers, the member's own among them, so that each gets the changes in their order.
void Events::tell(const hub::PresenceChange& change) {
    if (!attached_.load(std::memory_order_acquire) || workers_ended_.load()) return;
    const size_t bytes = sizeof change + change.channel.size() + change.member.client.size() +
                         change.member.user.size() + change.member.info.size();
    group_->post_all(bytes, nullptr,
                     [this, shared = std::make_shared<const hub::PresenceChange>(change)](
                         Worker& worker) { workers_[worker.index()]->presence_changed(*shared); });
}

void Events::add_stats(ServerStats& stats) const {
    const auto kept = memory_.stats();
    const auto present = presence_.stats();
    stats.history_messages += kept.messages;
    stats.history_bytes += kept.bytes;
    stats.history_evicted += kept.evicted;
    stats.presence_members += present.members;
    stats.presence_refused += present.refused;
}

void Events::add_figures(Figures& figures) const {
    const auto kept = memory_.stats();
    const auto present = presence_.stats();
    figures.gauge("starling_history_messages", "Events that the histories of channels keep",
                  static_cast<double>(kept.messages));
    figures.gauge("starling_history_bytes", "Memory of the histories of channels",
                  static_cast<double>(kept.bytes));
    figures.counter("starling_history_evicted_total",
                    "Events that histories dropped for lack of memory", kept.evicted);
    figures.gauge("starling_presence_members", "Members of channels with presence",
                  static_cast<double>(present.members));
    figures.counter("starling_presence_refused_total",
                    "Members that did not fit into the presence of a channel", present.refused);
}

void EventsWorker::add_figures(Figures& figures) const {
    const std::string kind = label("kind", "channel");
    figures.counter("starling_publications_total", publications_help, publications_, kind);
    figures.counter("starling_deliveries_total", deliveries_help, deliveries_, kind);
    figures.counter("starling_events_limited_total",
                    "Events of channels that a listener did not get at once, because its interval "
                    "was not over",
                    limited_);
    refused_streams.add_figures("sse", figures);
    refused_requests.add_figures("api", figures);
}

void Events::add_figures(Worker& worker, Figures& figures) {
    workers_[worker.index()]->add_figures(figures);
}

void Events::each_room(Worker& worker, const std::function<void(const RoomFacts&)>& call) {
    workers_[worker.index()]->broker().each_room([&](std::string_view channel, size_t listeners) {
        call({"channel", {}, channel, listeners});
    });
}

}  // namespace starling::server
