// client/watches.h: the descriptors that an application watches on its ClientLoop.
//
// Owner: the LoopCore. Thread: the loop's.
#pragma once

#include <starling/client.h>

#include <functional>
#include <memory>
#include <unordered_map>

namespace starling::net {
class Loop;
}

namespace starling::client {

class Watches {
public:
    explicit Watches(net::Loop& loop) noexcept;
    ~Watches();
    Watches(const Watches&) = delete;
    Watches& operator=(const Watches&) = delete;

    ClientLoop::Watch add(int descriptor, ClientLoop::Readiness interest,
                          std::function<void(ClientLoop::Readiness)> call);
    void change(ClientLoop::Watch watch, ClientLoop::Readiness interest);
    void remove(ClientLoop::Watch watch);
    [[nodiscard]] bool empty() const noexcept { return watches_.empty(); }

private:
    class One;

    net::Loop& loop_;
    ClientLoop::Watch last_ = 0;
    std::unordered_map<ClientLoop::Watch, std::unique_ptr<One>> watches_;
};

}  // namespace starling::client
