// app/waiting_calls.h: calls that wait until a channel is listened to, a bounded number in all.
//
// Pure. The owner locks.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::app {

class WaitingCalls {
public:
    using Call = std::function<void()>;

    explicit WaitingCalls(size_t max) noexcept : max_(max) {}

    // False: too many wait already, and `call` is as it was.
    [[nodiscard]] bool add(std::string_view channel, Call& call) {
        if (size_ >= max_) return false;
        calls_[std::string(channel)].push_back(std::move(call));
        ++size_;
        return true;
    }
    // Those of one channel, in order.
    [[nodiscard]] std::vector<Call> take(std::string_view channel) {
        const auto found = calls_.find(channel);
        if (found == calls_.end()) return {};
        std::vector<Call> taken = std::move(found->second);
        calls_.erase(found);
        size_ -= taken.size();
        return taken;
    }

private:
    const size_t max_;
    size_t size_ = 0;
    std::map<std::string, std::vector<Call>, std::less<>> calls_;
};

}  // namespace starling::app
