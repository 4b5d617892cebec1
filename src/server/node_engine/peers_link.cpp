#include "server/node_engine/peers_link.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "engineio/ids.h"
#include "server/engineio/engine.h"
#include "server/engineio/engine_worker.h"

namespace starling::server {
namespace {

using namespace cluster::engine;

constexpr bool is_answer(Type type) noexcept {
    return type == Type::lock_answer || type == Type::upgrade_answer;
}

}  // namespace

PeersLink::PeersLink(PeerSettings settings, uint64_t table_seed)
    : settings_(std::move(settings)),
      all_(channel_of_all(settings_.prefix)),
      own_(channel_of(settings_.prefix, settings_.self)),
      arena_(cluster::decode_limits(table_seed)) {}

void PeersLink::attach(WorkerGroup& group, Engine& engine) {
    group_ = &group;
    parts_.clear();
    for (const auto& worker : group.workers) {
        auto part = std::make_unique<PeersPart>(*this, engine, *worker,
                                                static_cast<uint32_t>(group.workers.size()));
        parts_.push_back(part.get());
        engine.host(*worker).use_foreign(*part);
        worker->add_part(std::move(part));
    }
}

void PeersLink::begin(redis::client::Client& client) {
    client_ = &client;
    client.subscribe(redis::Topic::channel, all_);
    client.subscribe(redis::Topic::channel, own_);
}

void PeersLink::end() noexcept {
    client_ = nullptr;
    connected_.store(false);
}

void PeersLink::up(bool is_deaf) { connected_.store(!is_deaf); }

void PeersLink::down() {
    if (!connected_.exchange(false)) return;
    for (uint32_t i = 0; i < parts_.size(); ++i)
        on_part(i, [](PeersPart& part) { part.connection_lost(); });
}

template <class F>
void PeersLink::on_part(uint32_t worker, F&& call) {
    PeersPart* const part = parts_[worker];
    if (worker == 0) return call(*part);
    if (group_)
        group_->workers[worker]->post([part, call = std::forward<F>(call)] { call(*part); });
}

// ---- to other nodes -----------------------------------------------------------------------------

bool PeersLink::publish(uint32_t from, std::string channel, std::string message,
                        PeerReceipt receipt) {
    if (!group_ || !is_connected()) return false;
    const size_t bytes = message.size();
    if (bytes_.load(std::memory_order_relaxed) + bytes > settings_.bytes_max) return false;
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (from == 0) {
        publish_now(from, channel, message, receipt);
        return true;
    }
    try {
        group_->workers.front()->post([this, from, channel = std::move(channel),
                                       message = std::move(message),
                                       receipt] { publish_now(from, channel, message, receipt); });
    } catch (...) {
        bytes_.fetch_sub(bytes, std::memory_order_relaxed);
        throw;
    }
    return true;
}

void PeersLink::publish_now(uint32_t from, const std::string& channel, const std::string& message,
                            const PeerReceipt& receipt) {
    if (!client_ || !is_connected()) return confirm(from, receipt, PeerReach::lost);
    ++under_way_;
    // This node hears the questions as well.
    const int64_t own = channel == all_ ? 1 : 0;
    try {
        client_->publish(channel, message, [this, from, receipt, own](const redis::Answer& answer) {
            --under_way_;
            const bool is_sent = answer.error.empty() && answer.value;
            const bool is_heard =
                is_sent && (!settings_.counts_receivers || answer.value->integer() > own);
            confirm(from, receipt,
                    is_heard  ? PeerReach::reached
                    : is_sent ? PeerReach::nobody
                              : PeerReach::lost);
        });
    } catch (const std::bad_alloc&) {  // The client has not taken it.
        --under_way_;
        confirm(from, receipt, PeerReach::lost);
    }
}

// Not within the call that has sent the message.
void PeersLink::confirm(uint32_t from, const PeerReceipt& receipt, PeerReach reach) noexcept {
    bytes_.fetch_sub(receipt.bytes, std::memory_order_relaxed);
    if (!group_ || (receipt.of == PeerReceipt::Of::nothing)) return;
    try {
        group_->workers[from]->post(
            [part = parts_[from], receipt, reach] { part->published(receipt, reach); });
    } catch (const std::bad_alloc&) {  // A request that waits for it ends at its time.
    }
}

// ---- from other nodes ---------------------------------------------------------------------------

void PeersLink::refuse() {
    refusals_.add(*group_->workers.front(),
                  "cluster: a message about a session of Engine.IO is malformed");
}

bool PeersLink::take(const redis::Message& message) {
    if (message.topic != redis::Topic::channel ||
        (message.channel != all_ && message.channel != own_))
        return false;
    if (!group_) return true;
    auto decoded = decode(message.payload, limits_, arena_);
    if (!decoded) return refuse(), true;
    const bool is_own = decoded->sender == settings_.self;
    const bool is_question = decoded->type == Type::acquire_lock;
    // Own questions come back; nothing else that names this node as its sender is from this node.
    if (is_own && !is_question) return refuse(), true;
    // Of another node that sends everything to all, which a bridge between processes may do.
    const bool is_for_others = !decoded->recipient.empty() && decoded->recipient != settings_.self;
    if (!is_own && !is_for_others) route(*std::move(decoded), message.payload.size());
    return true;
}

void PeersLink::route(Message message, size_t bytes) {
    uint32_t worker = 0;
    if (is_answer(message.type)) {
        worker = static_cast<uint32_t>(message.request % parts_.size());
    } else {
        // As Engine's route chooses the worker of a request.
        const auto parts =
            message.sid.size() == sid_bytes ? engineio::parse_sid(message.sid) : std::nullopt;
        if (!parts) return;  // A node asks for ids of others as well.
        worker = static_cast<uint32_t>(parts->worker % parts_.size());
    }
    if (worker == 0) return parts_.front()->on_message(message);
    PeersPart* const part = parts_[worker];
    const bool carries_packets = message.type == Type::drain || message.type == Type::packet;
    std::string sid = message.sid, sender = message.sender;
    const bool is_taken = group_->workers[worker]->post_bounded(
        bytes + 256, [part, message = std::move(message)] { part->on_message(message); });
    // Too much waits for the worker. What waits for an answer ends at its time.
    if (!is_taken && carries_packets)
        group_->workers[worker]->post([part, sid = std::move(sid), sender = std::move(sender)] {
            part->packets_lost(sid, sender);
        });
}

}  // namespace starling::server
