#include "app/connect/input.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace starling::app::connect {

Input::Input(ClientLoop& loop, int descriptor, std::function<void(std::string_view)> on_bytes)
    : loop_(loop), descriptor_(descriptor), on_bytes_(std::move(on_bytes)) {}

Input::~Input() {
    *alive_ = false;
    loop_.unwatch(watch_);
}

void Input::pause() {
    if (ended_ || std::exchange(paused_, true)) return;
    loop_.change(watch_, {});
}

void Input::resume() {
    if (ended_ || !std::exchange(paused_, false)) return;
    if (file_) return read_file_later();
    if (watch_ != 0) return loop_.change(watch_, {.readable = true});
    try {
        watch_ =
            loop_.watch(descriptor_, {.readable = true}, [this](ClientLoop::Readiness) { read(); });
    } catch (const std::system_error&) {
        file_ = true;
        read_file_later();
    }
}

void Input::stop() {
    ended_ = true;
    loop_.unwatch(std::exchange(watch_, 0));
}

void Input::read_file_later() {
    if (std::exchange(posted_, true)) return;
    loop_.post([this, alive = alive_] {
        if (!*alive) return;
        posted_ = false;
        if (paused_ || ended_) return;
        read();
        if (*alive && !paused_ && !ended_) read_file_later();
    });
}

void Input::read() {
    std::array<char, 65536> bytes;
    const ssize_t size = ::read(descriptor_, bytes.data(), bytes.size());
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size <= 0) return end();
    on_bytes_({bytes.data(), static_cast<size_t>(size)});
}

void Input::end() {
    stop();
    on_bytes_({});
}

}  // namespace starling::app::connect
