// <starling/log.h>: where a server's log lines go.
//
// Thread: any. A sink never blocks its caller: what cannot be written is dropped and counted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace starling::log {

enum class Level : uint8_t { debug, info, warn, error, off };
enum class Format : uint8_t { text, json };

[[nodiscard]] std::optional<Level> parse_level(std::string_view name) noexcept;
[[nodiscard]] std::string_view level_name(Level level) noexcept;

// Beside the message: {"peer", "192.0.2.7"}, {"status", 404}.
struct Field {
    std::string_view key;
    std::variant<std::string_view, int64_t, double, bool> value;
};

class Sink {
public:
    virtual ~Sink() = default;
    [[nodiscard]] virtual bool wants(Level level) const noexcept = 0;
    virtual void write(Level level, std::string_view message,
                       std::span<const Field> fields = {}) noexcept = 0;
    // Opens a log file anew, after somebody has moved it away (SIGHUP).
    virtual void reopen() noexcept {}
    [[nodiscard]] virtual uint64_t dropped() const noexcept { return 0; }
};

struct Options {
    Level level = Level::info;
    Format format = Format::text;
    std::string path = {};          // Empty: standard error.
    size_t queue_lines_max = 8192;  // Lines waiting for the writer; the newest beyond are dropped.
};

// Lines are written by a thread of the sink. Null on failure, with a line for people in `error`.
[[nodiscard]] std::shared_ptr<Sink> make_sink(const Options& options, std::string& error);

}  // namespace starling::log
