#include "client/watches.h"

#include <system_error>
#include <utility>

#include "net/loop.h"
#include "net/watch.h"

namespace starling::client {

class Watches::One final : public net::Watcher {
public:
    using Call = std::function<void(ClientLoop::Readiness)>;

    One(net::Loop& loop, int descriptor, net::Interest interest, Call call)
        : call_(std::make_shared<Call>(std::move(call))),
          watch_(loop, descriptor, interest, *this) {}

    void on_ready(bool readable, bool writable) override {
        const std::shared_ptr<Call> call = call_;  // The call may remove this object.
        (*call)({readable, writable});
    }
    [[nodiscard]] net::Watch& watch() noexcept { return watch_; }

private:
    std::shared_ptr<Call> call_;
    net::Watch watch_;
};

Watches::Watches(net::Loop& loop) noexcept : loop_(loop) {}
Watches::~Watches() = default;

ClientLoop::Watch Watches::add(int descriptor, ClientLoop::Readiness interest,
                               std::function<void(ClientLoop::Readiness)> call) {
    auto one = std::make_unique<One>(
        loop_, descriptor, net::Interest{interest.readable, interest.writable}, std::move(call));
    watches_.emplace(++last_, std::move(one));
    return last_;
}

void Watches::change(ClientLoop::Watch watch, ClientLoop::Readiness interest) {
    const auto found = watches_.find(watch);
    if (found == watches_.end()) return;
    const std::error_code error =
        found->second->watch().change({interest.readable, interest.writable});
    if (error) throw std::system_error(error, "ClientLoop::change()");
}

// The map is whole before the destructor of the application's call runs.
void Watches::remove(ClientLoop::Watch watch) { (void)watches_.extract(watch); }

}  // namespace starling::client
