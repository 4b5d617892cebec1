// socketio/codec/reserved.h: event names that Socket.IO and Node's EventEmitter use themselves. An
// application does not emit them, and a client's event with such a name is refused. Pure; any
// thread.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace starling::socketio {

[[nodiscard]] constexpr bool is_reserved_event(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 6> names = {
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"};
    return std::ranges::find(names, name) != names.end();
}

}  // namespace starling::socketio
