#include "server/events/v1.h"

#include <algorithm>
#include <utility>

#include "base/lifetime.h"
#include "base/text.h"
#include "events/text.h"
#include "server/events/member.h"
#include "server/fence.h"
#include "server/worker.h"
#include "server/ws_connection.h"

namespace starling::server {

namespace v1 = events::v1;

namespace {

// Slot in hub::Publication::encodings. WebSockets use 0 and 1, event streams 2.
constexpr size_t v1_encoding = 3;

v1::Problem problem_of(events::Permission permission) {
    using events::Permission;
    switch (permission) {
        case Permission::allowed: return {};
        case Permission::no_channel: return {v1::code::not_found, "no such channel"};
        case Permission::needs_login: return {v1::code::needs_login, "a login is needed"};
        case Permission::forbidden: return {v1::code::forbidden, "not allowed for this user"};
        case Permission::no_publishers:
            return {v1::code::forbidden, "clients do not publish to this channel"};
        case Permission::refused: return {v1::code::forbidden, "the application refuses"};
        case Permission::too_many:
            return {v1::code::too_many, "too many publications of this channel in a short time"};
    }
    return {};
}

// Calls on the socket's worker, unless the connection has ended. From any thread. Not dropped when many
// calls wait, as by Socket::post(), because the client waits for its result: a subscription has one call
// at most.
template <class F>
void call_later(base::Lifetime<Worker>& home, const ws::Socket& socket, F&& call) {
    const base::Lifetime<Worker>::Use worker(&home);
    if (worker)
        worker->post([socket, call = std::forward<F>(call)] {
            if (auto* const v1 = socket.data<V1Connection>()) call(*v1);
        });
}

const v1::Problem without_history{v1::code::unavailable, std::string(history_away)};

}  // namespace

V1Connection::V1Connection(Events& events, EventsWorker& host,
                           std::optional<auth::Identity> identity)
    : events_(events),
      host_(host),
      client_(host.make_client_id()),
      identity_(std::move(identity)),
      session_(*this, {.subscriptions_max = events.options().subscriptions_max,
                       .info_bytes_max = events.options().presence_info_bytes_max,
                       .data_bytes_max = events.options().event_bytes_max}) {}

V1Connection::~V1Connection() = default;

void V1Connection::open(WsConnection& connection) {
    connection_ = &connection;
    send(v1::welcome(client_, user().value_or("")));
}

void V1Connection::close() { members_.clear(); }

void V1Connection::send(std::string text) {
    static_cast<void>(connection_->send(std::string_view(text)));
}

std::optional<std::string_view> V1Connection::user() const {
    if (!identity_) return std::nullopt;
    if (identity_->expires_at_s && *identity_->expires_at_s <= host_.worker.now_s())
        return std::nullopt;
    return identity_->user;
}

v1::Problem V1Connection::admit(const Request& request, events::Match& match) const {
    match = events_.table().find(request.channel);
    return permit(events::Use::listen, request);
}

v1::Problem V1Connection::permit(events::Use use, const Request& request) const {
    return problem_of(events_.permission(use, {.channel = request.channel,
                                               .client = client_,
                                               .user = user().value_or(""),
                                               .text = request.data}));
}

// ---- subscriptions ------------------------------------------------------------------------------

void V1Connection::subscribe(const Request& request, uint64_t attempt) {
    if (!connection_->takes_join())
        return session_.refused(request.channel, attempt,
                                {v1::code::too_many, "too many subscriptions in a short time"});
    events::Match match;
    if (const auto problem = admit(request, match))
        return session_.refused(request.channel, attempt, problem);
    const events::Presence presence = match.rule->channel.presence;
    if (request.presence && presence == events::Presence::none)
        return session_.refused(request.channel, attempt,
                                {v1::code::bad_request, "this channel has no presence"});
    auto member = make_member(request, attempt, *match.rule);
    if (!member)
        return session_.refused(request.channel, attempt,
                                {v1::code::unavailable, "the channel has too many members"});
    std::optional<hub::Position> since;
    if (request.since) since = hub::position_from_client(*request.since);
    PresenceSeat* const seat = member->seat();
    members_.emplace(request.channel, std::move(member));
    // On any thread, and while the presence is locked.
    const auto later = [&home = host_.worker.lifetime(), socket = connection_->socket(),
                        channel = request.channel, attempt, since] {
        call_later(home, socket, [channel, attempt, since](V1Connection& v1) {
            v1.announce(channel, attempt, since);
        });
    };
    // The answer has the members on all nodes.
    if (seat && !seat->is_known(later)) return;
    announce(request.channel, attempt, since);
}

// The answer promises that from now on the events of all nodes arrive. Without a history, that is when
// the other nodes know of the channel.
void V1Connection::announce(const std::string& channel, uint64_t attempt,
                            const std::optional<hub::Position>& since) {
    V1Member* const member = find(channel, attempt);
    if (!member) return;
    if (member->room()->rule().history || !host_.worker.group().nodes)
        return listen(*member, since);
    after_fence(host_.worker, [socket = connection_->socket(), channel, attempt, since] {
        auto* const v1 = socket.data<V1Connection>();
        V1Member* const waiting = v1 ? v1->find(channel, attempt) : nullptr;
        if (waiting) v1->listen(*waiting, since);
    });
}

void V1Connection::listen(V1Member& member, std::optional<hub::Position> since) {
    const bool asked = since.has_value();
    host_.listen(member, member, std::move(since),
                 [this, &member, asked](hub::Beginning beginning) {
                     return begin(member, asked, std::move(beginning));
                 });
}

V1Member* V1Connection::find(std::string_view channel, uint64_t attempt) const {
    const auto found = members_.find(channel);
    return found != members_.end() && found->second->attempt() == attempt ? found->second.get()
                                                                          : nullptr;
}

std::unique_ptr<V1Member> V1Connection::make_member(const Request& request, uint64_t attempt,
                                                    const events::Rule& rule) {
    auto member = std::make_unique<V1Member>(*this, host_, request.channel, attempt);
    host_.enter(*member, rule, request.channel);
    if (rule.channel.access != events::Access::anyone) host_.log_in(*member, *identity_);
    if (!request.presence) return member;
    member->take(PresenceSeat::enter(events_, request.channel, rule,
                                     {client_, std::string(user().value_or("")), request.info}));
    return member->seat() ? std::move(member) : nullptr;
}

// Runs as long as the member is there. False: the member is removed.
bool V1Connection::begin(V1Member& member, bool asked, hub::Beginning beginning) {
    // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): erase() destroys the member.
    const std::string channel = member.channel();
    const uint64_t attempt = member.attempt();
    if (beginning.failed) {
        members_.erase(channel);
        session_.refused(channel, attempt, without_history);
        return false;
    }
    size_t bytes = 0;
    for (const auto& kept : beginning.missed) bytes += kept->text.size();
    if (bytes > events_.options().recovery_bytes_max) {
        beginning.recovered = false;
        beginning.missed.clear();
        bytes = 0;
    }
    // A recovery of several channels must not end the connection for its full queue.
    const size_t queued = connection_->buffered_amount();
    const size_t room = queued == 0 ? SIZE_MAX : ws::Route{}.send_queue_bytes_max / 2;
    if (queued > 0 && queued + bytes > room) {
        members_.erase(channel);
        session_.refused(channel, attempt,
                         {v1::code::unavailable, "the send queue is full: subscribe again later"});
        return false;
    }
    std::optional<hub::PresenceList> list;
    if (member.seat()) list = member.seat()->list();
    v1::Subscribed how{.asked = asked, .recovered = beginning.recovered};
    how.missed = &beginning.missed;
    if (list) how.presence = &*list;
    how.members_bytes_max = std::min(events_.options().recovery_bytes_max, room - queued - bytes);
    // Without a history there is no position.
    if (!beginning.position.epoch.empty()) how.offset = hub::position_text(beginning.position);
    if (session_.subscribed(channel, attempt, how)) return true;
    members_.erase(channel);
    return false;
}

void V1Connection::remove(std::string_view channel) {
    const auto found = members_.find(channel);
    if (found != members_.end()) members_.erase(found);
}

void V1Connection::unsubscribe(std::string_view channel) { remove(channel); }

void V1Connection::end(std::string_view channel, uint64_t attempt, const Problem& why) {
    if (!find(channel, attempt)) return;
    remove(channel);
    session_.ended(channel, why);
}

// ---- other requests -----------------------------------------------------------------------------

v1::Problem V1Connection::publish(const Request& request) {
    const auto match = events_.table().find(request.channel);
    if (auto problem = permit(events::Use::publish, request)) return problem;
    PlainCallback<void(events::Published)> done;
    if (!request.id.empty() || match.rule->history)
        done = [socket = connection_->socket(), id = request.id,
                channel = request.channel](const events::Published& published) {
            if (published.refused)
                static_cast<void>(socket.send(v1::error(id, channel, without_history)));
            else if (!id.empty())
                static_cast<void>(socket.send(v1::ack(id, channel, published.offset)));
        };
    events_.publish(request.channel, request.data, std::move(done));
    return {};
}

v1::Problem V1Connection::presence(const Request& request) {
    events::Match match;
    if (auto problem = admit(request, match)) return problem;
    if (match.rule->channel.presence == events::Presence::none)
        return {v1::code::not_found, "this channel has no presence"};
    events_.shared_presence().list(
        request.channel, PresenceSeat::listed_max,
        [socket = connection_->socket(), id = request.id, channel = request.channel,
         bytes_max = events_.options().recovery_bytes_max](const hub::PresenceList& list) {
            static_cast<void>(socket.send(v1::presence(id, channel, list, {}, bytes_max)));
        });
    return {};
}

v1::Problem V1Connection::history(const Request& request) {
    events::Match match;
    if (auto problem = admit(request, match)) return problem;
    if (!match.rule->history) return {v1::code::not_found, "this channel has no history"};
    events_.read(
        request.channel, request.since, request.limit,
        [socket = connection_->socket(), id = request.id, channel = request.channel](
            const hub::HistoryPage& page, bool recovered) {
            static_cast<void>(socket.send(page.failed ? v1::error(id, channel, without_history)
                                                      : v1::history(id, channel, page, recovered)));
        });
    return {};
}

v1::Problem V1Connection::login(const Request& request) {
    const uint64_t now_ms = host_.worker.loop().now_ms();
    const bool early =
        login_tried_ms_ != 0 && now_ms - login_tried_ms_ < events::Broker::refresh_interval_ms;
    if (early) return {v1::code::too_many, "a login was tried a moment ago"};
    login_tried_ms_ = std::max<uint64_t>(now_ms, 1);
    auto verdict = events_.authenticator().verify(request.token, host_.worker.now_s());
    if (!verdict.identity)
        return {v1::code::needs_login, std::string(auth::failure_text(verdict.failure))};
    if (identity_ && identity_->user != verdict.identity->user)
        return {v1::code::forbidden, "this connection has the login of another user"};
    identity_ = std::move(verdict.identity);
    for (const auto& [channel, member] : members_)
        if (member->login()) host_.log_in(*member, *identity_);
    if (!request.id.empty()) send(v1::ack(request.id, {}));
    return {};
}

// ---- members ------------------------------------------------------------------------------------

void V1Member::deliver(hub::Publication& publication) {
    auto& frame = publication.encodings[v1_encoding];
    const hub::Message& message = publication.message;
    if (!frame)
        frame = WsConnection::text_frame(v1::message(
            message.topic, message.offset, events::event_of(base::text_of(message.bytes))));
    connection_.connection().deliver_frame(publication, frame);
}

void V1Member::presence_changed(const hub::PresenceChange& change, hub::Publication& publication) {
    if (!seat_ || !seat_->hears(change)) return;
    auto& frame = publication.encodings[v1_encoding];
    if (!frame) frame = WsConnection::text_frame(v1::presence_change(change));
    connection_.connection().deliver_frame(publication, frame);
}

void V1Member::expired(hub::Subscriber&) {
    end_later({v1::code::needs_login, "the login has expired"});
}

void V1Member::lost(hub::Subscriber&) {
    end_later({v1::code::conflict, "events were lost: subscribe again"});
}

void V1Member::end_later(v1::Problem why) {
    call_later(host_.worker.lifetime(), connection_.connection().socket(),
               [channel = channel_, attempt = attempt_, why = std::move(why)](V1Connection& v1) {
                   v1.end(channel, attempt, why);
               });
}

// ---- the endpoint -------------------------------------------------------------------------------

ws::Route v1_route(Events& events) {
    ws::Route route;
    route.origins = events.options().origins;
    route.subprotocols = {std::string(v1::subprotocol)};
    // Each byte of an event may be escaped as six.
    route.message_bytes_max =
        std::max<uint64_t>(route.message_bytes_max, 6 * events.options().event_bytes_max + 8192);
    route.upgrade = [&events](ws::Upgrade& upgrade) {
        EventsWorker* const host = events.here();
        if (!host) return upgrade.refuse(503);
        if (std::ranges::find(upgrade.offered_subprotocols(), v1::subprotocol) ==
            upgrade.offered_subprotocols().end())
            return upgrade.refuse(400, "the subprotocol starling.v1 is needed");
        auto verdict = events.authenticator().identify(upgrade.request(), host->worker.now_s());
        upgrade.emplace_data<V1Connection>(events, *host, std::move(verdict.identity));
    };
    route.open = [](ws::Socket socket) {
        auto* const v1 = socket.data<V1Connection>();
        WsConnection* const connection = EventMember::connection_of(socket);
        if (v1 && connection) v1->open(*connection);
    };
    route.message = [](ws::Socket socket, ws::Message message) {
        if (message.is_binary()) return socket.close(1003, "text only");
        if (auto* const v1 = socket.data<V1Connection>()) v1->on_text(message.text());
    };
    route.close = [](ws::Socket socket, uint16_t, std::string_view) {
        if (auto* const v1 = socket.data<V1Connection>()) v1->close();
    };
    return route;
}

}  // namespace starling::server
