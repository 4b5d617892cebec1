#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "server/socketio/socketio.h"
#include "server/worker.h"

namespace starling::server {

SocketIoWorker::SocketIoWorker(Worker& worker, socketio::Adapter& adapter)
    : worker_(worker), runs_on_(&worker.loop()), server_(adapter, *this, worker.index()) {}

SocketIoWorker::~SocketIoWorker() = default;

bool SocketIoWorker::post(std::function<void()> call, size_t bytes) {
    return worker_.post_bounded(bytes, std::move(call));
}

uint64_t SocketIoWorker::now_ms() const noexcept { return worker_.loop().now_ms(); }
int64_t SocketIoWorker::unix_s() const noexcept { return worker_.now_s(); }
void SocketIoWorker::random(std::span<std::byte> to) { random_.take(to); }

void SocketIoWorker::wake_at(uint64_t when_ms) {
    net::Loop& loop = worker_.loop();
    if (timer_) loop.cancel_timer(timer_);
    timer_ = loop.after(when_ms - std::min(loop.now_ms(), when_ms), [this] {
        timer_ = 0;
        server_.run(worker_.loop().now_ms());
    });
}

void SocketIoWorker::log(log::Level level, std::string_view message,
                         std::span<const log::Field> fields) {
    worker_.log(level, message, fields);
}

void SocketIoWorker::refused(Refusal why) {
    constexpr std::array<UpgradeRefusal, 4> counted = {UpgradeRefusal::other, UpgradeRefusal::login,
                                                       UpgradeRefusal::forbidden,
                                                       UpgradeRefusal::busy};
    refused_.add(counted[static_cast<size_t>(why)]);
}

void SocketIoWorker::log_exception(std::string_view where, std::string_view what) {
    worker_.log_exception(where, what);
}

}  // namespace starling::server
