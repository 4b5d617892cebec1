#include "hub/remote_history.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace starling::hub {
namespace {

// What an item takes beside its texts, about.
constexpr size_t item_overhead_bytes = 256;

HistoryPage failed_page() {
    HistoryPage page;
    page.failed = true;
    return page;
}

}  // namespace

RemoteHistory::RemoteHistory(Store& store, const Limits& limits) : store_(store), limits_(limits) {}

RemoteHistory::~RemoteHistory() = default;

size_t RemoteHistory::bytes_of(std::string_view channel, std::string_view text) noexcept {
    return item_overhead_bytes + channel.size() + text.size();
}

// ---- publications -------------------------------------------------------------------------------

void RemoteHistory::append(std::string_view channel, const HistoryRule& rule, std::string_view text,
                           uint64_t now_ms, const std::function<void(KeptPtr)>& done) {
    STARLING_ASSERT(rule);
    const size_t bytes = bytes_of(channel, text);
    if (ended_ || stats_.waiting_bytes + bytes > limits_.bytes_max) {
        ++(ended_ ? stats_.appends.late : stats_.appends.full);
        return done(nullptr);
    }
    auto found = channels_.find(channel);
    if (found == channels_.end()) {
        found = channels_.emplace(std::string(channel), std::make_unique<Channel>()).first;
        found->second->batch.channel = channel;
    }
    ++stats_.waiting;
    stats_.waiting_bytes += bytes;
    found->second->waiting.push_back(
        {{std::string(text), ++numbers_}, rule, now_ms + limits_.append_wait_ms, done});
    send(*found->second);
}

void RemoteHistory::send(Channel& channel) {
    if (!ready_ || !channel.sent.empty() || channel.waiting.empty()) return;
    Batch& batch = channel.batch;
    batch.items.clear();
    batch.until_ms = channel.waiting.front().until_ms;  // The oldest one.
    size_t bytes = 0;
    do {
        Pending& next = channel.waiting.front();
        // The newest rule of the batch holds for all of it.
        batch.rule = next.rule;
        bytes += bytes_of(batch.channel, next.item.text);
        batch.items.push_back(next.item);
        channel.sent.push_back(std::move(next));
        channel.waiting.pop_front();
    } while (!channel.waiting.empty() && batch.items.size() < limits_.batch_items_max &&
             bytes < limits_.batch_bytes_max);
    store_.append(batch, [this, alive = std::weak_ptr(alive_), &channel](const Appended& answer) {
        if (!alive.expired()) appended(channel, answer);
    });
}

void RemoteHistory::appended(Channel& channel, const Appended& answer) {
    const std::string name = channel.batch.channel;
    auto sent = std::exchange(channel.sent, {});
    if (answer.outcome == Outcome::unknown) {
        ++stats_.unanswered;
        for (; !sent.empty(); sent.pop_back()) channel.waiting.push_front(std::move(sent.back()));
        return;  // Until run() or set_ready().
    }
    STARLING_ASSERT(answer.outcome == Outcome::refused || answer.offsets.size() == sent.size());
    send(channel);  // The callbacks may add more.
    for (size_t i = 0; i < sent.size(); ++i) {
        std::shared_ptr<Kept> kept;
        const bool is_kept = answer.outcome == Outcome::done;
        ++(is_kept ? stats_.appends.done : stats_.appends.refused);
        if (is_kept) {
            kept = std::make_shared<Kept>();
            kept->channel = name;
            kept->epoch = answer.epoch;
            kept->offset = answer.offsets[i];
            kept->text = sent[i].item.text;
        }
        finish(channel, std::move(sent[i]), std::move(kept));
    }
    forget_if_idle(name);
}

void RemoteHistory::finish(const Channel& channel, Pending pending, KeptPtr kept) {
    --stats_.waiting;
    stats_.waiting_bytes -= bytes_of(channel.batch.channel, pending.item.text);
    pending.done(std::move(kept));
}

void RemoteHistory::forget_if_idle(const std::string& name) {
    const auto found = channels_.find(name);
    if (found != channels_.end() && found->second->sent.empty() && found->second->waiting.empty())
        channels_.erase(found);
}

// ---- questions ----------------------------------------------------------------------------------

void RemoteHistory::read(const HistoryQuery& query, uint64_t now_ms,
                         const std::function<void(HistoryPage)>& done) {
    if (ended_ || reads_.size() >= limits_.reads_max) {
        ++(ended_ ? stats_.reads.late : stats_.reads.full);
        return done(failed_page());
    }
    auto read = std::make_shared<Read>(Read{{std::string(query.channel), query.since, query.limit,
                                             query.bytes_max, now_ms + limits_.read_wait_ms},
                                            done});
    reads_.push_back(read);
    if (ready_) ask(read);
}

void RemoteHistory::ask(const std::shared_ptr<Read>& read) {
    read->under_way = true;
    store_.read(read->question, [this, alive = std::weak_ptr(alive_), read](
                                    Outcome outcome, const HistoryPage& page) {
        if (alive.expired() || read->is_over) return;
        read->under_way = false;
        if (outcome == Outcome::unknown) {  // Until run() or set_ready().
            ++stats_.unanswered;
            return;
        }
        forget(read);
        const bool is_refused = outcome == Outcome::refused;
        ++(is_refused ? stats_.reads.refused : stats_.reads.done);
        read->done(is_refused ? failed_page() : page);
    });
}

void RemoteHistory::forget(const std::shared_ptr<Read>& read) {
    read->is_over = true;
    reads_.erase(std::ranges::find(reads_, read));
}

// ---- the store goes and comes -------------------------------------------------------------------

void RemoteHistory::set_ready(bool ready, uint64_t now_ms) {
    ready_ = ready;
    if (ready) run(now_ms);
}

void RemoteHistory::end_late(Channel& channel, uint64_t now_ms) {
    while (!channel.waiting.empty() && channel.waiting.front().until_ms <= now_ms) {
        Pending late = std::move(channel.waiting.front());
        channel.waiting.pop_front();
        ++stats_.appends.late;
        finish(channel, std::move(late), nullptr);
    }
}

void RemoteHistory::run(uint64_t now_ms) {
    std::vector<std::string> names;  // A callback may add channels.
    names.reserve(channels_.size());
    for (const auto& [name, channel] : channels_) names.push_back(name);
    for (const auto& name : names) {
        const auto found = channels_.find(name);
        if (found == channels_.end()) continue;
        Channel& channel = *found->second;
        end_late(channel, now_ms);
        send(channel);
        forget_if_idle(name);
    }
    const std::vector<std::shared_ptr<Read>> all(reads_.begin(), reads_.end());
    for (const auto& read : all) {
        if (read->is_over) continue;
        if (read->question.until_ms <= now_ms) {
            forget(read);
            ++stats_.reads.late;
            read->done(failed_page());
        } else if (ready_ && !read->under_way) {
            ask(read);
        }
    }
}

// Answers that come now are too late. A callback may publish or ask: that fails at once.
void RemoteHistory::end() {
    if (std::exchange(ended_, true)) return;
    ready_ = false;
    alive_.reset();
    const auto channels = std::exchange(channels_, {});
    for (const auto& [name, channel] : channels)
        for (auto* const pending : {&channel->sent, &channel->waiting})
            for (Pending& one : *pending) {
                ++stats_.appends.late;
                finish(*channel, std::move(one), nullptr);
            }
    for (const auto& read : std::exchange(reads_, {})) {
        ++stats_.reads.late;
        read->done(failed_page());
    }
}

}  // namespace starling::hub
