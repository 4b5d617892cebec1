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

const std::string_view Appends::full = "the queue is full";

std::string_view append_script() noexcept { return script; }

Appends::Items::iterator Appends::find(uint64_t number) {
    const auto found = std::ranges::lower_bound(items_, number, {}, &Item::number);
    return found != items_.end() && found->number == number ? found : items_.end();
}

void Appends::give(Item& item) {
    item.is_given = true;
    item.was_first = given_ == 0;
    ++given_;
    given_bytes_ += item.sending.bytes();
    give_(item.number, items_.front().number, item.sending);  // It may be answered within the call.
}

// An answer within the call of give() changes all of these.
void Appends::give_more() {
    while (!paused_ && !is_broken_ && given_ < items_.size() && given_ < window_ &&
           (given_ == 0 || given_bytes_ < window_bytes))
        give(items_[given_]);
}

void Appends::end(Items::iterator item, std::optional<socketio::StreamId> id,
                  std::string_view error) {
    const Done done = std::move(item->done);
    bytes_ -= item->sending.bytes();
    items_.erase(item);
    if (done) done(id, error);
}

void Appends::add(Sending sending, Done done) {
    bytes_ += sending.bytes();
    items_.push_back({++last_, std::move(sending), std::move(done)});
    give_more();
    trim();
}

void Appends::trim() {
    while (bytes_ > bytes_max_) {
        const auto waits = std::ranges::find(items_, false, &Item::is_given);
        if (waits == items_.end()) return;
        ++dropped_;
        end(waits, std::nullopt, full);
    }
}

void Appends::answered(uint64_t number, Answer answer, std::optional<socketio::StreamId> id,
                       std::string_view error) {
    const auto item = find(number);
    if (item == items_.end() || !item->is_given) return;
    --given_;
    given_bytes_ -= item->sending.bytes();
    item->is_given = false;
    switch (answer) {
        case Answer::stored:
            window_ = std::min(window_max, window_ * 2);
            end(item, id, error);
            break;
        case Answer::refused:
            window_ = 1;
            is_broken_ = true;
            end(item, id, error);
            break;
        case Answer::out_of_order:
            is_broken_ = true;
            paused_ = paused_ || item->was_first;  // Somebody has changed what Redis remembers.
            break;
        case Answer::lost:
            is_broken_ = true;
            paused_ = true;
            break;
    }
    if (given_ == 0) is_broken_ = false;
    give_more();
}

void Appends::again() {
    paused_ = false;
    give_more();
}

}  // namespace starling::cluster
