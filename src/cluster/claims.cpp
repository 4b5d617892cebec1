#include "cluster/claims.h"

#include <algorithm>

#include "cluster/node_codec.h"
#include "cluster/repeats.h"

namespace starling::cluster {
namespace {

// A pid is a secret of 20 characters. Other versions may have longer ones.
bool is_pid(std::string_view text) noexcept {
    return text.size() >= 16 && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
           });
}

size_t bytes_of(const SessionStore::Row& row) noexcept {
    return sizeof(row) + (row.event ? row.event->bytes() : 0);
}

}  // namespace

std::string_view in_words(ClaimEnd end) noexcept {
    switch (end) {
        case ClaimEnd::restored: return "its session is restored";
        case ClaimEnd::refused: return "its pid or its offset has no possible form";
        case ClaimEnd::unknown: return "there is no such session";
        case ClaimEnd::malformed: return "what Redis holds is no session of its namespace";
        case ClaimEnd::too_old: return "the stream no longer holds what it missed";
        case ClaimEnd::late: return "Redis did not answer in time";
        case ClaimEnd::away: break;
    }
    return "Redis is away";
}

std::string_view name_of(ClaimEnd end) noexcept {
    switch (end) {
        case ClaimEnd::restored: return "recovered";
        case ClaimEnd::refused: return "refused";
        case ClaimEnd::unknown: return "no_session";
        case ClaimEnd::malformed: return "malformed";
        case ClaimEnd::too_old: return "too_old";
        case ClaimEnd::late: return "late";
        case ClaimEnd::away: break;
    }
    return "redis_away";
}

Claims::Claims(const ClaimOptions& options, SessionStore& store)
    : options_(options), store_(store), arena_(decode_limits(options.table_seed)) {}

void Claims::finish(Open::iterator claim, ClaimEnd end) {
    leave_ahead(claim->first, claim->second);
    auto ended = open_.extract(claim);
    auto& found = ended.mapped().found;
    ended.mapped().done(end, found ? *std::move(found) : RestoredSession{});
}

void Claims::leave_ahead(uint64_t id, Claim& claim) {
    if (!std::exchange(claim.is_ahead, false)) return;
    auto& ahead = ahead_[claim.offset.stream];
    auto [at, end] = ahead.equal_range(claim.offset.id);
    while (at != end && at->second != id) ++at;
    if (at != end) ahead.erase(at);
}

void Claims::down() {
    up_ = false;
    while (!open_.empty()) finish(open_.begin(), ClaimEnd::away);
    for (auto& [stream, older] : older_) older.reading = false;
}

void Claims::claim(const SessionClaim& claim, uint64_t now_ms, Done done) {
    now_ms_ = now_ms;
    if (!up_) return done(ClaimEnd::away, {});
    const auto offset = parse_stream_id(claim.offset);
    const bool has_offset = !claim.offset.empty();
    if ((has_offset && !offset) || !is_pid(claim.pid) || open_.size() >= options_.open_max)
        return done(ClaimEnd::refused, {});
    const uint64_t id = ++last_;
    open_.emplace(id, Claim{claim,
                            {store_.stream_of(claim.nsp), offset.value_or(StreamId{})},
                            has_offset,
                            std::move(done)});
    deadlines_.emplace_back(now_ms + options_.timeout_ms, id);
    store_.take(claim.pid,
                [this, id](SessionStore::Taken taken) { on_taken(id, std::move(taken)); });
}

void Claims::on_taken(uint64_t id, SessionStore::Taken taken) {
    const auto claim = open_.find(id);
    if (claim == open_.end()) return;
    if (!taken.reached) return finish(claim, ClaimEnd::away);
    if (!taken.value) return finish(claim, ClaimEnd::unknown);
    claim->second.found = read(claim->second.what, *taken.value);
    if (!claim->second.found) return finish(claim, ClaimEnd::malformed);
    claim->second.found->had_by = std::move(taken.had_by);
    // An offset may be older than the session: the client has begun anew since, and got nothing.
    const auto& begin = claim->second.found->who.begin;
    StreamId& offset = claim->second.offset.id;
    if (!begin && !claim->second.has_offset) return finish(claim, ClaimEnd::refused);
    if (begin && offset < *begin) offset = *begin;
    advance(id);
}

std::optional<RestoredSession> Claims::read(const SessionClaim& claim, const std::string& value) {
    Limits limits;
    limits.message_bytes_max = options_.session_bytes_max;
    auto session = read_session(value, limits, arena_);
    arena_.clear();
    if (!session || (*session).pid != claim.pid) return std::nullopt;
    // Whoever may enter one namespace must not enter another one past its middleware.
    if ((*session).nsp.empty() ? !options_.foreign_sessions : (*session).nsp != claim.nsp)
        return std::nullopt;
    RestoredSession found;
    found.who = {.pid = std::move((*session).pid),
                 .nsp = claim.nsp,
                 .id = std::move((*session).sid),
                 .rooms = std::move((*session).rooms),
                 .data = std::move((*session).data),
                 .user = std::move((*session).user),
                 .begin = parse_stream_id((*session).begin)};
    return found;
}

// ---- what the client missed ---------------------------------------------------------------------

void Claims::on_read(StreamPlace place) {
    read_[place.stream] = place.id;
    const auto found = ahead_.find(place.stream);
    if (found == ahead_.end()) return;
    std::vector<uint64_t> ready;
    for (const auto& [offset, id] : found->second) {
        if (offset > place.id) break;
        ready.push_back(id);
    }
    for (const uint64_t id : ready) advance(id);
}

void Claims::advance(uint64_t id) {
    const auto at = open_.find(id);
    if (at == open_.end()) return;
    const auto& [stream, offset] = at->second.offset;
    const auto read = read_.find(stream);
    const auto covered = store_.covered_from(stream);
    if (!covered || read == read_.end() || read->second < offset) {
        // This node must have read what the client has got: the client must not get it twice.
        if (!std::exchange(at->second.is_ahead, true)) ahead_[stream].emplace(offset, id);
        return;
    }
    leave_ahead(id, at->second);
    if (!is_certain(at->second, *covered)) return finish(at, ClaimEnd::too_old);
    RestoredSession& found = *at->second.found;
    found.from = {stream, offset};
    if (offset >= *covered) return finish(at, ClaimEnd::restored);
    Older& older = older_of(stream, *covered);
    if (offset < older.from) {
        if (older.is_all) return finish(at, ClaimEnd::too_old);
        older.waiting.push_back(id);
        return read_back(stream, older);
    }
    found.from.id = *older.up_to;
    for (const auto& [entry, event] : older.rows) {
        if (entry <= offset) break;
        if (event && socketio::is_missed_by(*event, found.who)) found.older.push_back(event);
    }
    std::ranges::reverse(found.older);
    finish(at, ClaimEnd::restored);
}

void Claims::entries_lost(StreamPlace left, uint64_t now_ms) {
    const StreamId read = read_[left.stream];
    const auto [at, is_first] = losses_.try_emplace(left.stream, Loss{left.id, read});
    Loss& loss = at->second;
    if (!is_first && loss.until_ms <= now_ms) loss = {left.id, read};
    loss.left = std::min(loss.left, left.id);
    loss.read = read;
    // Later, each client was at a node that had read all that came again.
    loss.until_ms = now_ms + Repeats::may_come_ms + options_.session_ms_max;
}

void Claims::on_repeat(StreamPlace place) {
    const auto found = losses_.find(place.stream);
    if (found != losses_.end()) found->second.repeated = place.id;
}

bool Claims::is_certain(const Claim& claim, StreamId covered) const {
    const auto found = losses_.find(claim.offset.stream);
    if (found == losses_.end() || found->second.until_ms <= now_ms_) return true;
    const Loss& loss = found->second;
    const StreamId offset = claim.offset.id;
    // Its node had read all that came again, and what it missed is behind that.
    if (offset >= std::max(loss.read, loss.repeated) && !store_.repeats_may_come()) return true;
    // This node knows what the client had, or its node had read the stream as this one had.
    const bool is_known = claim.found->had_by.empty() || offset <= loss.first_read;
    // The window has what was lost, if the client missed any of it.
    return is_known && (offset >= covered || covered <= loss.left);
}

Claims::Older& Claims::older_of(uint32_t stream, StreamId covered) {
    Older& older = older_[stream];
    if (!older.up_to || *older.up_to < covered) {
        // The first time, or the window has moved on too far.
        std::vector<uint64_t> waiting = std::move(older.waiting);
        older = {.up_to = read_[stream], .from = next(covered).value_or(covered)};
        for (auto& row : store_.window(stream)) older.rows.push_back(std::move(row));
        older.waiting = std::move(waiting);
    }
    older.used_ms = now_ms_;
    return older;
}

void Claims::read_back(uint32_t stream, Older& older) {
    const auto last = previous(older.from);
    if (!last || std::exchange(older.reading, true)) return;
    store_.read_back(stream, *last,
                     [this, stream, from = older.from](std::optional<SessionStore::Page> page) {
                         on_page(stream, from, std::move(page));
                     });
}

void Claims::on_page(uint32_t stream, StreamId from, std::optional<SessionStore::Page> page) {
    const auto found = older_.find(stream);
    // Otherwise the page is one of those that the window has left behind.
    if (found == older_.end() || found->second.from != from || !found->second.reading) return;
    Older& older = found->second;
    older.reading = false;
    if (!page) return;  // The claims end at their deadline, or because Redis is away.
    for (auto& row : page->rows) {
        older.from = row.id;
        older.bytes += bytes_of(row);
        older.rows.push_back(std::move(row));
    }
    older.is_all = page->is_last || page->rows.empty() || older.bytes > options_.bytes_max;
    for (const uint64_t id : std::exchange(older.waiting, {})) advance(id);
}

// ---- time ---------------------------------------------------------------------------------------

std::optional<uint64_t> Claims::due_ms() const noexcept {
    std::optional<uint64_t> due;
    if (!deadlines_.empty()) due = deadlines_.front().first;
    for (const auto& [stream, older] : older_)
        due = std::min(due.value_or(UINT64_MAX), older.used_ms + options_.kept_ms);
    return due;
}

void Claims::on_time(uint64_t now_ms) {
    now_ms_ = now_ms;
    for (; !deadlines_.empty() && deadlines_.front().first <= now_ms; deadlines_.pop_front()) {
        const auto late = open_.find(deadlines_.front().second);
        if (late != open_.end()) finish(late, ClaimEnd::late);
    }
    std::erase_if(older_,
                  [&](const auto& one) { return one.second.used_ms + options_.kept_ms <= now_ms; });
}

size_t Claims::kept_bytes() const noexcept {
    size_t sum = 0;
    for (const auto& [stream, older] : older_) sum += older.bytes;
    return sum;
}

}  // namespace starling::cluster
