#include "server/cluster/recovery.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "server/cluster/messages.h"
#include "server/cluster/session_scripts.h"
#include "server/cluster/stream_reader.h"
#include "server/random_pool.h"

namespace starling::server {
namespace {

using cluster::ClaimEnd;
using socketio::Command;
using SessionName = socketio::RecoveryLink::SessionName;

constexpr uint64_t warn_interval_ms = 1000;
constexpr uint32_t page_entries = 200;
// A session is in the memory of Redis, and whoever can write there is not trusted.
constexpr size_t session_bytes_max = 1u << 20;

cluster::ClaimOptions claim_options(const ClusterSettings& settings,
                                    const socketio::Adapter& adapter) {
    std::random_device random;
    const sio::Recovery& limits = *adapter.settings().recovery;
    return {.bytes_max = limits.bytes_max,
            // A session of a Node.js node does not say to which namespace it belongs.
            .foreign_sessions = settings.foreign_sessions && adapter.declared() == 1,
            .session_bytes_max = session_bytes_max,
            .session_ms_max = static_cast<uint64_t>(limits.max_disconnection_duration.count()),
            .table_seed = uint64_t{random()} << 32 | random()};
}

}  // namespace

// While a client is here its session is refreshed each quarter of max_disconnection_duration. After a
// crash the session must live for the whole of it, counted from the latest refresh at least.
StreamRecovery::StreamRecovery(const ClusterSettings& settings, Worker& worker,
                               socketio::Adapter& adapter, redis::client::Client& client,
                               const cluster::Repeats& repeats, ClusterFigures& figures)
    : settings_(settings),
      worker_(worker),
      adapter_(adapter),
      client_(client),
      repeats_(repeats),
      figures_(figures),
      streams_(cluster::stream_names(settings.node.dialect.stream, settings.node.dialect.streams)),
      alive_ms_(std::to_string(
          adapter.settings().recovery->max_disconnection_duration.count() * 5 / 4 + 1)),
      left_ms_(std::to_string(adapter.settings().recovery->max_disconnection_duration.count())),
      owner_(RandomPool().hex(session_owner_bytes / 2)),
      save_(save_session_script()),
      refresh_(refresh_session_script()),
      forget_(forget_session_script()),
      take_(take_session_script()),
      own_(streams_.size()),
      arena_(cluster::decode_limits(adapter.settings().decode.table_seed)),
      claims_(claim_options(settings, adapter), *this),
      timer_(worker.loop()) {
    client_.subscribe(redis::Topic::channel, channel_of(owner_));
}

// ---- Redis --------------------------------------------------------------------------------------

void StreamRecovery::up() {
    if (std::exchange(up_, true)) return;
    claims_.up();
    // Redis may have been restarted without its data.
    if (std::exchange(was_up_, true)) adapter_.save_all_sessions();
}

void StreamRecovery::down() {
    up_ = false;
    claims_.down();
}

void StreamRecovery::on_stream(socketio::StreamPlace place) {
    adapter_.history()->with([&](socketio::History& history) { history.stream_begins(place); });
    claims_.on_read(place);
}

bool StreamRecovery::take_own(socketio::StreamPlace place, const cluster::Entry& entry) {
    cluster::OwnEvents::Events lost;
    const auto event = own_[place.stream].came_back(cluster::OwnEvents::print_of(entry), lost);
    deliver_lost(lost);
    if (event) adapter_.deliver_in_order(stamped(*event, adapter_, place));
    return event != nullptr;
}

void StreamRecovery::on_round(uint64_t round) {
    cluster::OwnEvents::Events lost;
    for (auto& own : own_) own.round_ended(round, lost);
    deliver_lost(lost);
}

// ---- events of this node ------------------------------------------------------------------------

cluster::OwnEvents* StreamRecovery::own_of(const std::string& stream) {
    const auto found = std::ranges::find(streams_, stream);
    return found == streams_.end() ? nullptr : &own_[static_cast<size_t>(found - streams_.begin())];
}

void StreamRecovery::add(const cluster::Message& message, std::shared_ptr<const Command> event) {
    cluster::Entry entry;
    if (!cluster::write_entry(message, entry)) return deliver_here(*event, adapter_);
    cluster::OwnEvents::Events lost;
    own_[stream_of(message.nsp)].add(cluster::OwnEvents::print_of(entry), std::move(event), lost);
    deliver_lost(lost);
}

uint64_t StreamRecovery::sent(const std::string& stream, const cluster::Entry& entry) {
    cluster::OwnEvents* const own = own_of(stream);
    return own && own->size() > 0 ? own->sent(cluster::OwnEvents::print_of(entry)) : 0;
}

void StreamRecovery::answered(const std::string& stream, uint64_t number, bool good,
                              uint64_t round) {
    if (cluster::OwnEvents* const own = own_of(stream)) own->answered(number, good, round);
}

void StreamRecovery::deliver_lost(const cluster::OwnEvents::Events& lost) {
    for (const auto& event : lost) deliver_here(*event, adapter_);
}

// ---- sessions -----------------------------------------------------------------------------------

// No namespace has this channel: their names begin with a slash.
std::string StreamRecovery::channel_of(std::string_view owner) const {
    return settings_.node.dialect.key + "#sessions#" + std::string(owner);
}

// EVAL and not EVALSHA: a server that does not know a script would execute it after the commands
// behind it, and an older session would replace a newer one.
void StreamRecovery::run(const std::string& script, std::string_view pid,
                         std::initializer_list<std::string_view> arguments, redis::Done done) {
    const auto keys = session_keys(settings_.sessions, pid);
    std::vector<std::string_view> words{"EVAL", script, "2", keys[0], keys[1], owner_};
    words.insert(words.end(), arguments);
    client_.command(words, std::move(done), keys[0]);
}

void StreamRecovery::keep(const std::string& script, const SessionName& session,
                          std::initializer_list<std::string_view> arguments) {
    ++under_way_;
    run(script, session.pid, arguments, [this, session](const redis::Answer& answer) {
        --under_way_;
        if (!answer.error.empty()) {
            figures_.unsaved.fetch_add(1, std::memory_order_relaxed);
            return warn("a session was not saved", answer.error);
        }
        if (session.id.empty() || answer.value->integer() != session_has_moved) return;
        warn("a client is at another node now", "its connection here is ended");
        adapter_.client_has_moved(session.nsp, session.id, true);
    });
}

bool StreamRecovery::take_notice(const redis::Message& message) {
    if (message.topic != redis::Topic::channel || !message.channel.ends_with(owner_) ||
        message.channel != channel_of(owner_))
        return false;
    // The client may be back here meanwhile: Redis knows.
    cluster::Limits limits;
    limits.message_bytes_max = session_bytes_max;
    const auto told = cluster::read_session(std::string(message.payload), limits, arena_);
    arena_.clear();
    if (told && !(*told).pid.empty())
        keep(refresh_, {(*told).pid, (*told).nsp, (*told).sid}, {alive_ms_});
    return true;
}

void StreamRecovery::save(const std::vector<socketio::SavedSession>& sessions, bool left) {
    // All sessions are saved when Redis is back, but for those of clients that are gone.
    if (!up_ && !left) return;
    std::string value;
    for (const auto& session : sessions) {
        const bool written =
            session.rooms.size() <= cluster::Limits{}.rooms_max &&
            cluster::write_session({.sid = session.id,
                                    .pid = session.pid,
                                    .rooms = session.rooms,
                                    .data = session.data,
                                    .nsp = session.nsp,
                                    .user = session.user,
                                    .begin = session.begin ? cluster::to_text(*session.begin) : ""},
                                   value) &&
            value.size() <= session_bytes_max;
        const SessionName name{session.pid, session.nsp, left ? "" : session.id};
        if (written) {
            keep(save_, name, {value, left ? left_ms_ : alive_ms_});
            continue;
        }
        // An older state must not come back.
        keep(forget_, name, {left_ms_});
        figures_.unsaved.fetch_add(1, std::memory_order_relaxed);
        warn("a session was not saved", "its rooms or its data are too large");
    }
}

void StreamRecovery::refresh(const std::vector<SessionName>& sessions) {
    if (!up_) return;
    for (const auto& session : sessions) keep(refresh_, session, {alive_ms_});
}

void StreamRecovery::forget(const std::string& pid) { keep(forget_, {pid, {}, {}}, {left_ms_}); }

void StreamRecovery::claim(const socketio::SessionClaim& claim,
                           socketio::RecoveryLink::Claimed done) {
    claims_.claim(claim, now_ms(),
                  [this, done = std::move(done)](ClaimEnd end, socketio::RestoredSession found) {
                      tell(end);
                      if (end != ClaimEnd::restored) return done(std::nullopt);
                      tell_owner(found);
                      done(std::move(found));
                  });
    touched();
}

// The other node may still believe that it has the client.
void StreamRecovery::tell_owner(const socketio::RestoredSession& found) {
    if (found.had_by.empty()) return;
    cluster::Session name;
    name.sid = found.who.id;
    name.pid = found.who.pid;
    name.nsp = found.who.nsp;
    std::string text;
    if (cluster::write_session(name, text)) client_.publish(channel_of(found.had_by), text);
}

void StreamRecovery::tell(ClaimEnd end) {
    figures_.claims[static_cast<size_t>(end)].fetch_add(1, std::memory_order_relaxed);
    // A client that was away for too long is no reason for a line.
    if (end == ClaimEnd::restored || end == ClaimEnd::unknown || end == ClaimEnd::refused) return;
    warn("a client that comes back starts anew", cluster::in_words(end));
}

void StreamRecovery::warn(std::string_view what, std::string_view why) {
    ++warnings_;
    if (warned_ms_ && now_ms() - warned_ms_ < warn_interval_ms) return;
    warned_ms_ = now_ms();
    const std::string count = std::to_string(std::exchange(warnings_, 0));
    const std::array<log::Field, 1> fields{{{"count", count}}};
    worker_.log(log::Level::warn, "cluster: " + std::string(what) + ": " + std::string(why),
                fields);
}

void StreamRecovery::touched() {
    const auto due = claims_.due_ms();
    if (!due || (timer_.is_set() && timer_ms_ <= *due)) return;
    timer_ms_ = *due;
    timer_.after(*due - std::min(*due, now_ms()), [this] {
        claims_.on_time(now_ms());
        touched();
    });
}

// ---- cluster::SessionStore ----------------------------------------------------------------------

void StreamRecovery::take(const std::string& pid, std::function<void(Taken)> done) {
    run(take_, pid, {alive_ms_}, [this, done = std::move(done)](const redis::Answer& answer) {
        Taken taken{.reached = answer.error.empty()};
        if (!taken.reached) warn("no session was read", answer.error);
        if (taken.reached && answer.value->size() == 2) {
            auto at = answer.value->begin();
            taken.value = std::string((*at).text());
            taken.had_by = std::string((*++at).text());
        }
        done(std::move(taken));
    });
}

void StreamRecovery::read_back(uint32_t stream, socketio::StreamId last,
                               std::function<void(std::optional<Page>)> done) {
    const std::string& name = streams_[stream];
    const std::string end = cluster::to_text(last);
    const std::string count = std::to_string(page_entries);
    const std::array<std::string_view, 6> words{"XREVRANGE", name, end, "-", "COUNT", count};
    client_.command(
        words,
        [this, stream, done = std::move(done)](const redis::Answer& answer) {
            if (!answer.error.empty()) return done(std::nullopt);
            Page page;
            page.is_last = answer.value->size() < page_entries;
            socketio::StreamPlace place{.stream = stream};
            cluster::Entry entry;
            for (const redis::Value row : *answer.value)
                if (read_stream_entry(row, place.id, entry))
                    page.rows.push_back({place.id, event_of(entry, place)});
            done(std::move(page));
            touched();
        },
        name);
}

std::shared_ptr<const Command> StreamRecovery::event_of(const cluster::Entry& entry,
                                                        socketio::StreamPlace place) {
    std::shared_ptr<Command> event;
    {
        auto read = cluster::read_entry(entry, settings_.node.limits, arena_);
        if (read && (*read).kind == cluster::Kind::emit && !(*read).target.flags.volatile_packet &&
            adapter_.records((*read).nsp))
            event = to_command(*read, adapter_, cluster::to_text(place.id));
        if (event) event->place = place;
    }
    arena_.clear();  // After the values in it.
    return event;
}

std::optional<socketio::StreamId> StreamRecovery::covered_from(uint32_t stream) const {
    std::optional<socketio::StreamId> covered;
    adapter_.history()->with(
        [&](const socketio::History& history) { covered = history.covered_from(stream); });
    return covered;
}

std::vector<cluster::SessionStore::Row> StreamRecovery::window(uint32_t stream) const {
    std::vector<std::shared_ptr<const Command>> kept;
    adapter_.history()->with([&](const socketio::History& history) { kept = history.since(0); });
    std::vector<Row> rows;
    for (auto event = kept.rbegin(); event != kept.rend(); ++event)
        if ((*event)->place && (*event)->place->stream == stream)
            rows.push_back({(*event)->place->id, *event});
    return rows;
}

uint32_t StreamRecovery::stream_of(std::string_view nsp) const {
    return cluster::stream_number(settings_.node.dialect.streams, nsp);
}

}  // namespace starling::server
