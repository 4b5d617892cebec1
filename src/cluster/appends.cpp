#include "cluster/appends.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace starling::cluster {
namespace {

// After a restart without its data, or an hour, Redis knows no number: the first entry that may not be
// stored is next then.
constexpr std::string_view script = R"lua(
local sent, last, id = redis.call('GET', KEYS[2]), 0, ''
if sent then
  local space = string.find(sent, ' ')
  last, id = tonumber(string.sub(sent, 1, space - 1)), string.sub(sent, space + 1)
end
local number = tonumber(ARGV[1])
if number <= last then return id end
if number ~= last + 1 and ARGV[1] ~= ARGV[2] then return '' end
id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, 4))
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. id, 'PX', 3600000)
return id
)lua";

}  // namespace

std::string_view append_script() noexcept { return script; }

Appends::Items::iterator Appends::find(uint64_t number) {
    const auto found = std::ranges::lower_bound(items_, number, {}, &Item::number);
    return found != items_.end() && found->number == number ? found : items_.end();
}

void Appends::give(Item& item) {
    item.is_given = true;
    ++given_;
    give_(item.number, items_.front().number, item.sending);  // It may be answered within the call.
}

void Appends::give_all() {
    std::vector<uint64_t> numbers;
    for (const Item& item : items_)
        if (!item.is_given) numbers.push_back(item.number);
    for (const uint64_t number : numbers)
        if (const auto item = find(number); item != items_.end() && !item->is_given) give(*item);
}

void Appends::end(Items::iterator item, std::optional<socketio::StreamId> id,
                  std::string_view error) {
    const Done done = std::move(item->done);
    bytes_ -= item->sending.bytes();
    items_.erase(item);
    if (done) done(id, error);
}

void Appends::add(Sending sending, Done done) {
    const bool is_turn = given_ == items_.size();  // Nothing waits before it.
    bytes_ += sending.bytes();
    items_.push_back({++last_, std::move(sending), std::move(done)});
    is_turn ? give(items_.back()) : trim();
}

void Appends::trim() {
    while (bytes_ > bytes_max_) {
        const auto waits = std::ranges::find(items_, false, &Item::is_given);
        if (waits == items_.end()) return;
        ++dropped_;
        end(waits, std::nullopt, "the queue is full");
    }
}

void Appends::answered(uint64_t number, Answer answer, std::optional<socketio::StreamId> id,
                       std::string_view error) {
    const auto item = find(number);
    if (item == items_.end() || !item->is_given) return;
    --given_;
    if (answer == Answer::stored || answer == Answer::refused) {
        end(item, id, error);
    } else {
        item->is_given = false;
        paused_ = paused_ || answer == Answer::lost;
    }
    if (given_ == 0 && !paused_) give_all();
}

void Appends::again() {
    paused_ = false;
    if (given_ == 0) give_all();
}

}  // namespace starling::cluster
