#include "server/engineio/engine_worker.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "server/engineio/polling.h"
#include "server/engineio/relay_part.h"
#include "server/engineio/websocket.h"

namespace starling::server {

EngineWorker::EngineWorker(Engine& e, Worker& w)
    : engine(e), worker(w), deadlines_(w.loop().now_ms()) {
    Inflows::change(inflows_, w.site().options.limits);
}

// The loop and all transports are gone, so the sessions are freed without calling their handlers.
EngineWorker::~EngineWorker() {
    for (uint32_t slot = 0; slot < sessions_.slots(); ++slot) {
        EngineSession* const session = sessions_.object_at(slot);
        if (!session) continue;
        const bool ended = has_ended(*session);
        sessions_.remove(*session);
        if (!ended) count_end();
    }
}

bool EngineWorker::has_ended(const EngineSession& session) noexcept {
    return session.core_.state() == engineio::Session::State::closed;
}

// A session that has a transport ends with its connection; connections end spread over a moment. No
// further request can reach the other sessions.
void EngineWorker::server_stops() {
    for (uint32_t slot = 0; slot < sessions_.slots(); ++slot) {
        EngineSession* const session = sessions_.object_at(slot);
        if (session && !session->poll() && !session->websocket_)
            session->drop(EngineClose::server_shutting_down);
    }
    // As connections: 1,000 per second, or as many as needed within half of the drain timeout.
    const auto drain_ms = static_cast<uint64_t>(worker.site().ending->timeout.count());
    if (relay_) end_relayed_over(std::min<uint64_t>(sessions_.slots(), drain_ms / 2));
}

bool EngineWorker::is_busy() const noexcept { return worker.stopping() && relayed_end_.timer != 0; }

void EngineWorker::end_relayed_over(uint64_t over_ms) {
    constexpr uint64_t round_ms = 10;
    auto& ending = relayed_end_;
    if (ending.timer) worker.loop().cancel_timer(std::exchange(ending.timer, 0));
    ending = {.began_ms = worker.loop().now_ms(),
              .over_ms = std::max<uint64_t>(over_ms, 1),
              .slots = sessions_.slots()};
    ending.timer = worker.loop().every(round_ms, [this] { end_relayed(); });
    end_relayed();
}

void EngineWorker::end_relayed() {
    auto& ending = relayed_end_;
    const uint64_t passed_ms = worker.loop().now_ms() - ending.began_ms;
    const auto due = static_cast<uint32_t>(
        std::min<uint64_t>(ending.slots * passed_ms / ending.over_ms + 1, ending.slots));
    for (; ending.slot < due; ++ending.slot)
        if (EngineSession* const session = sessions_.object_at(ending.slot))
            session->end_if_relayed();
    if (ending.slot == ending.slots) worker.loop().cancel_timer(std::exchange(ending.timer, 0));
}

// A session without a pending poll ends with the next one, if that still comes here.
void EngineWorker::successor_serves() {
    // The successor asks this node for the sessions that it does not know.
    if (nodes_ || foreign_) return;
    for (uint32_t slot = 0; slot < sessions_.slots(); ++slot) {
        EngineSession* const session = sessions_.object_at(slot);
        if (session && !session->on_websocket()) session->close(EngineClose::server_shutting_down);
    }
}

void EngineWorker::connections_ended() {
    for (uint32_t slot = 0; slot < sessions_.slots(); ++slot)
        if (EngineSession* const session = sessions_.object_at(slot))
            session->drop(EngineClose::server_shutting_down);
}

// Also destroys `entry`.
void EngineWorker::end_unjoined(const UnjoinedSessions::Entry& entry) const {
    EngineSession& session = *sessions_.find(entry.session);
    // end() destroys the entry, so a closed session with an entry has not come to its end.
    if (has_ended(session)) return session.end();
    session.drop(EngineClose::forced_server_close);
}

bool EngineWorker::make_room() {
    const auto* const oldest = unjoined_.oldest();
    if (oldest) end_unjoined(*oldest);
    return oldest != nullptr;
}

// In a cluster the secret is longer, since another node can ask for a session as well.
engineio::SidSecret EngineWorker::draw_secret(engineio::Revision revision) {
    const bool is_shared = foreign_ && revision == engineio::Revision::eio4;
    if (!nodes_ || is_shared) {
        std::array<std::byte, 11> random;
        random_.take(random);
        return engineio::SidSecret(random);
    }
    std::array<std::byte, 17> random;
    random_.take(random);
    return engineio::SidSecret(random);
}

uint64_t node_mask(const Nodes& nodes, std::string_view local) noexcept {
    // No room of the cluster begins with this letter, so this is no room's hash.
    std::array<char, 1 + engineio::cluster_sid_length> text{'s'};
    std::ranges::copy(local, text.begin() + 1);
    return nodes.keyed_hash({text.data(), 1 + local.size()});
}

void EngineWorker::use_nodes(Nodes& nodes) {
    nodes_ = &nodes;
    relay_ = worker.find_part<RelayPart>();
}

engineio::Sid EngineWorker::sid_of(uint32_t slot,
                                   const engineio::SidSecret& secret) const noexcept {
    const engineio::SidSecret::Text text = secret.text();
    engineio::Sid sid(worker.index(), slot, text.view());
    if (nodes_ && text.view().size() == engineio::cluster_sid_secret_length)
        sid.add_node(nodes_->self(), node_mask(*nodes_, sid.view()));
    return sid;
}

std::optional<Exchange> EngineWorker::find_exchange(base::SlotKey request) const noexcept {
    if (is_relayed(request)) {
        RelayedRequest* relayed = nullptr;
        if (is_foreign(request))
            relayed = foreign_ ? foreign_->find(request) : nullptr;
        else if (relay_)
            relayed = relay_->find(request);
        return relayed ? std::optional(Exchange(*relayed)) : std::nullopt;
    }
    HttpConnection* const connection = worker.replies().find(request);
    return connection ? std::optional(Exchange(*connection)) : std::nullopt;
}

void EngineWorker::drop_soon(base::SlotKey session) {
    worker.loop().post([this, session] {
        if (EngineSession* const found = find(session)) found->drop(EngineClose::transport_error);
    });
}

EngineSession& EngineWorker::make(const engineio::Query& query, engineio::Transport transport,
                                  std::string_view address) {
    const auto network = peer::ClientNetwork::of(address);
    if (unjoined_.size_of(network) >= engine.options_.unjoined_per_address_max)
        end_unjoined(*unjoined_.oldest_of(network));
    if (unjoined_.size() >= engine.unjoined_max_) make_room();
    const engineio::Revision revision = engineio::revision_of(query);
    EngineSession& made = sessions_.emplace(*this, draw_secret(revision), revision, transport,
                                            engineio::supports_binary(query));
    try {
        const base::SlotKey key = made.slot_key();
        deadlines_.make_room(key.slot);
        if (engine.join_timeout_ms_)
            made.extras().unjoined = unjoined_.add(key, network, worker.loop().now_ms());
        if (!timer_) timer_ = worker.loop().every(net::SlotTimers::tick_ms, [this] { advance(); });
        if (inflows_) inflows_->begin(key.slot);
    } catch (...) {  // Out of memory.
        sessions_.remove(made);
        throw;
    }
    ++open_;
    engine.sessions_.fetch_add(1, std::memory_order_relaxed);
    made.schedule();
    return made;
}

EngineSession* EngineWorker::find(std::string_view sid) const noexcept {
    const auto parts = engineio::parse_sid(sid);
    if (!parts || parts->worker != worker.index() || parts->slot >= sessions_.slots())
        return nullptr;
    EngineSession* const session = sessions_.object_at(parts->slot);
    if (!session || has_ended(*session) ||
        !engineio::same_secret(session->secret_.text().view(), parts->secret))
        return nullptr;
    return session;
}

void EngineWorker::set_deadline(const EngineSession& session, uint64_t due_ms) noexcept {
    const uint64_t now_ms = worker.loop().now_ms();
    deadlines_.set(session.slot_key().slot, now_ms, due_ms > now_ms ? due_ms - now_ms : 0);
}

void EngineWorker::call_exactly(EngineSession& session, uint64_t due_ms) {
    const uint64_t now_ms = worker.loop().now_ms();
    worker.loop().after(due_ms > now_ms ? due_ms - now_ms : 0, [this, key = session.slot_key()] {
        if (EngineSession* found = find(key)) found->on_due();
    });
}

void EngineWorker::advance() {
    free_dead();
    sessions_.trim();
    const WorkerGroup& group = worker.group();
    if (relay_ && !is_draining_ && group.drain.load() == DrainPhase::closing) {
        is_draining_ = true;
        const uint64_t now_ms = steady_ms(), ends_ms = group.drain_ends_ms;
        if (!worker.stopping()) end_relayed_over(ends_ms - std::min(ends_ms, now_ms));
    }
    deadlines_.advance(worker.loop().now_ms(), [this](uint32_t slot) {
        EngineSession& session = *sessions_.object_at(slot);
        has_ended(session) ? free(session) : session.on_due();
    });
    // One tick later than the handlers' own timers, so that a handler can first tell its client
    // why.
    const uint64_t kept_ms =
        static_cast<uint64_t>(engine.join_timeout_ms_) + net::SlotTimers::tick_ms;
    while (const auto* oldest = unjoined_.oldest()) {
        if (worker.loop().now_ms() < oldest->since_ms + kept_ms) break;
        end_unjoined(*oldest);
    }
    if (sessions_.size() == 0) worker.loop().cancel_timer(std::exchange(timer_, 0));
}

void EngineWorker::log_fault(std::string_view what, std::string_view reason,
                             std::string_view address) {
    const uint64_t now_ms = worker.loop().now_ms();
    ++faults_;
    std::array<log::Field, 3> fields{{{"reason", reason}, {"address", address}, {}}};
    worker.log(log::Level::debug, what, std::span(fields).first(2));
    if (warned_ms_ && now_ms - warned_ms_ < 1000) return;
    warned_ms_ = now_ms;
    fields[2] = {"count", static_cast<int64_t>(std::exchange(faults_, 0))};
    worker.log(log::Level::warn, what, fields);
}

// Collects what one tick sends to a poll into one payload.
void EngineWorker::flush_soon(EngineSession& session) {
    if (session.flush_due_) return;
    flushes_.add(session.slot_key());
    // Each flag is set last: if an allocation fails, the next call tries again.
    if (!flush_posted_) worker.loop().post([this] { flush_all(); });
    flush_posted_ = true;
    session.flush_due_ = true;
}

void EngineWorker::flush_all() {
    flush_posted_ = false;
    flushes_.take([this](base::SlotKey key) { flush(key); });
}

void EngineWorker::flush(base::SlotKey key) {
    EngineSession* const session = find(key);
    if (!session) return;
    try {
        session->flush();
    } catch (const std::exception& error) {  // Out of memory: the other sessions go on.
        worker.log_exception("session", error.what());
        session->drop(EngineClose::transport_error);
    }
}

void EngineWorker::count_end() noexcept {
    engine.sessions_.fetch_sub(1, std::memory_order_relaxed);
}

void EngineWorker::ended(EngineSession& session) noexcept {
    --open_;
    count_end();
    set_deadline(session, 0);
    try {
        if (dead_.empty()) worker.loop().post([this] { free_dead(); });
        dead_.add(session.slot_key());
    } catch (const std::bad_alloc& error) {  // The next advance() frees the session.
        worker.log_exception("session", error.what());
    }
}

// The session's handler may end another session while it is freed.
void EngineWorker::free(EngineSession& session) noexcept {
    cancel_deadline(session);
    sessions_.remove(session);
}

void EngineWorker::free_dead() noexcept {
    dead_.take([this](base::SlotKey key) {
        if (EngineSession* const session = sessions_.find(key)) free(*session);
    });
}

}  // namespace starling::server
