#include "cluster/native/streams.h"

#include <algorithm>
#include <utility>

namespace starling::cluster::native {
namespace {

// A hole that is shown twice within this time is one loss.
constexpr Millis hole_ms = 30;

}  // namespace

std::string Pool::take() {
    if (free.empty()) return {};
    std::string bytes = std::move(free.back());
    free.pop_back();
    return bytes;
}

void Pool::give(std::string&& bytes) {
    if (free.size() >= free_max || bytes.capacity() > free_bytes_max) {
        std::string().swap(bytes);
        return;
    }
    bytes.clear();
    free.push_back(std::move(bytes));
}

// ---- Out ------------------------------------------------------------------------------------------

OutStream::~OutStream() { pool_.queued_bytes -= bytes_; }

size_t OutStream::append(std::string_view item, bool is_publication, size_t share_bytes) {
    if (!open_.empty() && open_.size() + item.size() > options_.batch_bytes_max) close();
    size_t added = item.size();
    if (open_.empty()) {
        open_ = pool_.take();
        open_.resize(batch_head_bytes);
        added += batch_head_bytes;
    }
    open_.append(item);
    open_publications_ += is_publication ? 1 : 0;
    bytes_ += added;
    pool_.queued_bytes += added;
    size_t dropped = 0;
    while (!window_.empty() &&
           (bytes_ > options_.node_queue_bytes_max ||
            (pool_.queued_bytes > options_.queue_bytes_max && bytes_ > share_bytes))) {
        dropped += window_.front().publications;
        drop_oldest(1);
    }
    return dropped;
}

size_t OutStream::publications() const noexcept {
    size_t sum = open_publications_;
    for (const Batch& batch : window_)
        if (!batch.is_ahead) sum += batch.publications;
    return sum;
}

void OutStream::close() {
    if (open_.empty()) return;
    Batch& batch = window_.emplace_back();
    batch.bytes = std::exchange(open_, {});
    batch.seq = next_seq_++;
    batch.before = publications_;
    batch.publications = std::exchange(open_publications_, 0);
    publications_ += batch.publications;
}

void OutStream::drop_oldest(size_t batches) {
    for (size_t i = 0; i < batches; ++i) {
        bytes_ -= window_[i].bytes.size();
        pool_.queued_bytes -= window_[i].bytes.size();
        pool_.give(std::move(window_[i].bytes));
    }
    window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(batches));
    unsent_ -= std::min(unsent_, batches);
}

size_t OutStream::first_due(Millis now) const noexcept {
    if (window_.empty()) return 0;
    return look_again_ || is_due(window_.front(), now) ? 0 : std::min(unsent_, window_.size());
}

void OutStream::acked(uint64_t next, uint32_t ahead, Millis now) {
    if (next > next_seq_) return;  // Of no batch of this stream.
    if (next > oldest()) drop_oldest(std::min<size_t>(window_.size(), next - oldest()));
    if (window_.empty() || window_.front().seq != next) return;
    bool is_hole = false;
    for (size_t i = std::min<size_t>(window_.size(), 33); i-- > 0;) {
        Batch& batch = window_[i];
        batch.is_ahead = i > 0 && (ahead >> (i - 1) & 1) != 0;
        if (batch.is_ahead) {
            is_hole = true;
        } else if (is_hole && batch.is_sent && batch.sent_at + hole_ms <= now) {
            batch.is_sent = false;
            look_again_ = true;
        }
    }
}

void OutStream::send_again() noexcept {
    for (auto& batch : window_) batch.is_sent = false;
    look_again_ = true;
}

void OutStream::begin_again(uint32_t epoch) noexcept {
    epoch_ = epoch;
    for (auto& batch : window_) batch.is_ahead = false;
    send_again();
}

void OutStream::send_again(Millis time) noexcept {
    for (auto& batch : window_)
        if (!batch.is_ahead && batch.sent_at < time) batch.is_sent = false;
    look_again_ = true;
}

// ---- In -------------------------------------------------------------------------------------------

InStream::~InStream() { drop_held(); }

void InStream::drop_held() noexcept {
    for (const auto& held : held_) pool_.held_bytes -= held.items.size();
    held_.clear();
}

void InStream::begin(const BatchHead& head) {
    drop_held();
    next_ = skip_to_ = head.seq - head.back;
    began_again_ = epoch_ != 0 || next_ > 1;
    counts_ = false;
    epoch_ = head.epoch;
}

InStream::Arrival InStream::arrived(const BatchHead& head, std::string_view items) {
    if (begins(head.epoch)) begin(head);
    if (head.epoch != epoch_) return Arrival::stale;
    skip_to_ = std::max(skip_to_, head.seq - head.back);
    if (head.seq < next_) return Arrival::duplicate;
    if (std::ranges::any_of(held_, [&](const Held& held) { return held.seq == head.seq; }))
        return Arrival::duplicate;
    current_ = items;
    current_seq_ = head.seq;
    current_before_ = head.before;
    return Arrival::fresh;
}

std::optional<InStream::Ready> InStream::next() {
    const bool has_none = held_.empty() && current_seq_ == 0;
    const uint64_t held_seq = held_.empty() ? UINT64_MAX : held_.front().seq;
    const uint64_t lowest = std::min(held_seq, current_seq_ == 0 ? UINT64_MAX : current_seq_);
    // What is below skip_to_ and not here will never come.
    if (lowest > next_ && skip_to_ > next_) next_ = std::min(lowest, skip_to_);
    if (has_none || lowest != next_) {
        if (current_seq_ != 0) hold_current();
        return std::nullopt;
    }
    ++next_;
    if (lowest == current_seq_) {
        current_seq_ = 0;
        return take(current_before_, current_);
    }
    const uint64_t before = held_.front().before;
    pool_.held_bytes -= held_.front().items.size();
    given_ = std::move(held_.front().items);
    held_.erase(held_.begin());
    return take(before, given_);
}

InStream::Ready InStream::take(uint64_t before, std::string_view items) {
    Ready ready{items, 0, std::exchange(began_again_, false)};
    if (!std::exchange(counts_, true)) received_ = before;
    if (before > received_) ready.lost = before - received_;
    received_ = std::max(received_, before);
    return ready;
}

// Without room, the batch is forgotten, and the sender sends it again.
void InStream::hold_current() {
    const uint64_t seq = std::exchange(current_seq_, 0);
    if (seq - next_ > ahead_max || pool_.held_bytes + current_.size() > options_.held_bytes_max)
        return;
    const auto place =
        std::ranges::find_if(held_, [&](const Held& held) { return held.seq > seq; });
    held_.insert(place, {seq, current_before_, std::string(current_)});
    pool_.held_bytes += current_.size();
}

uint32_t InStream::ahead() const noexcept {
    uint32_t bits = 0;
    for (const auto& held : held_)
        if (held.seq > next_ && held.seq - next_ <= ahead_max) bits |= 1u << (held.seq - next_ - 1);
    return bits;
}

}  // namespace starling::cluster::native
