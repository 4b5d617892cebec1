// socketio/runtime.h: what a socketio::Server needs from its worker: clock, random bytes, posted
// calls. The real server implements it on its workers, the tests on a simulated worker.
#pragma once

#include <starling/log.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "base/lifetime.h"

namespace starling::socketio {

class Runtime {
public:
    virtual ~Runtime() = default;

    // Any thread.
    // The value of base::running on the worker's thread.
    [[nodiscard]] virtual const void* runs_on() const noexcept = 0;
    [[nodiscard]] bool here() const noexcept { return base::running == runs_on(); }
    // Runs the call on the worker's thread, in order. False: too many posted bytes wait there, or
    // the worker has ended; the call is then dropped and counted.
    virtual bool post(std::function<void()> call, size_t bytes) = 0;

    // The worker's thread.
    [[nodiscard]] virtual uint64_t now_ms() const noexcept = 0;  // Never goes back.
    [[nodiscard]] virtual int64_t unix_s() const noexcept = 0;
    virtual void random(std::span<std::byte> to) = 0;  // Cryptographic random bytes.
    // Asks for a call of Server::run() at that time; replaces an earlier request.
    virtual void wake_at(uint64_t when_ms) = 0;
    virtual void log(log::Level level, std::string_view message,
                     std::span<const log::Field> fields) = 0;
    // A CONNECT to a namespace was refused.
    enum class Refusal : uint8_t { unknown, login, middleware, too_many };
    virtual void refused(Refusal why) { (void)why; }
    virtual void log_exception(std::string_view where, std::string_view what) = 0;
};

}  // namespace starling::socketio
