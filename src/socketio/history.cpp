#include "socketio/history.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace starling::socketio {
namespace {

constexpr uint64_t unread_bytes_max = 64 * 1024 * 1024;

bool in_any(const std::vector<std::string>& rooms, const std::vector<std::string>& of) {
    return std::ranges::any_of(
        rooms, [&](const auto& room) { return std::ranges::find(of, room) != of.end(); });
}

bool meant(const Command& command, const SavedSession& who) {
    if (command.nsp != who.nsp) return false;
    if (in_any(command.target.except, who.rooms)) return false;
    return command.target.rooms.empty() || in_any(command.target.rooms, who.rooms);
}

}  // namespace

bool is_missed_by(const Command& command, const SavedSession& who) {
    return command.kind == Command::Kind::emit && !command.target.flags.volatile_packet &&
           meant(command, who);
}

std::string offset_text(uint64_t offset) {
    std::array<char, 16> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), offset, 36).ptr;
    return {text.data(), end};
}

std::optional<uint64_t> parse_offset(std::string_view text) noexcept {
    uint64_t offset = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset, 36);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return offset;
}

void History::append(std::shared_ptr<const Command> command) {
    const size_t bytes = command->bytes();
    packets_.push_back({std::move(command), bytes});
    bytes_ += bytes;
    trim();
}

void History::has_read(size_t reader, uint64_t up_to) {
    if (reader < read_.size()) read_[reader] = up_to;
    trim();
}

// Packets are removed by number and size, never by age: a client may be connected for a long time
// without getting a packet, and then name the last packet that it got.
void History::trim() {
    const uint64_t slowest = read_.empty() ? next() : *std::ranges::min_element(read_);
    while (!packets_.empty() &&
           (packets_.size() > limits_.packets_max || bytes_ > limits_.bytes_max)) {
        // A slow worker keeps packets in the log until it has delivered them, up to a limit of
        // memory.
        if (first_ >= slowest && bytes_ <= limits_.bytes_max + unread_bytes_max) return;
        if (const auto& place = packets_.front().command->place)
            if (const auto covered = covered_from(place->stream))
                covered_[place->stream] = std::max(*covered, place->id);
        bytes_ -= packets_.front().bytes;
        packets_.pop_front();
        ++first_;
    }
}

void History::stream_begins(StreamPlace at) {
    if (covered_.size() <= at.stream) covered_.resize(at.stream + 1);
    covered_[at.stream] = at.id;
}

std::optional<StreamId> History::covered_from(uint32_t stream) const noexcept {
    return stream < covered_.size() ? covered_[stream] : std::nullopt;
}

std::vector<std::shared_ptr<const Command>> History::missed_by(const SavedSession& who,
                                                               StreamPlace from,
                                                               uint64_t below) const {
    std::vector<std::shared_ptr<const Command>> found;
    for (auto kept = packets_.rbegin(); kept != packets_.rend(); ++kept) {
        const Command& command = *kept->command;
        if (command.offset >= below || !command.place || command.place->stream != from.stream)
            continue;
        if (command.place->id <= from.id) break;
        if (is_missed_by(command, who)) found.push_back(kept->command);
    }
    std::ranges::reverse(found);
    return found;
}

std::vector<std::shared_ptr<const Command>> History::since(uint64_t from) const {
    std::vector<std::shared_ptr<const Command>> found;
    for (uint64_t at = std::max(from, first_); at < next(); ++at)
        found.push_back(packets_[static_cast<size_t>(at - first_)].command);
    return found;
}

void History::leave(SavedSession who) {
    forget(who.since_ms);
    if (order_.size() >= limits_.sessions_max && !order_.empty()) {
        absent_.erase(order_.front().pid);
        order_.pop_front();
    }
    order_.push_back(std::move(who));
    absent_.emplace(order_.back().pid, std::prev(order_.end()));
}

std::optional<History::Return> History::come_back(std::string_view pid, std::string_view nsp,
                                                  std::string_view offset, uint64_t now_ms) {
    forget(now_ms);
    const auto found = absent_.find(pid);
    if (found == absent_.end()) return std::nullopt;
    const auto place = found->second;
    absent_.erase(found);
    Return back{std::move(*place), {}};
    order_.erase(place);
    const auto last = parse_offset(offset);
    // The last packet that the client got must still be in the log, else the packets after it are
    // unknown.
    if (back.who.nsp != nsp || !last || *last < first_ || *last >= next()) return std::nullopt;
    for (auto& command : since(*last + 1))
        if (meant(*command, back.who)) back.missed.push_back(std::move(command));
    return back;
}

void History::forget(uint64_t now_ms) {
    const auto kept_ms = static_cast<uint64_t>(limits_.max_disconnection_duration.count());
    while (!order_.empty() && order_.front().since_ms + kept_ms < now_ms) {
        absent_.erase(order_.front().pid);
        order_.pop_front();
    }
}

}  // namespace starling::socketio
