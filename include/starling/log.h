// <starling/log.h>: the sink that a server writes its log lines to.
//
// Thread: any. A sink never blocks its caller: it drops and counts the lines that it cannot write.
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
// `raw`: the message alone, without time and level.
enum class Format : uint8_t { text, json, raw };

[[nodiscard]] std::optional<Level> parse_level(std::string_view name) noexcept;
[[nodiscard]] std::string_view level_name(Level level) noexcept;

// A named value beside the message: {"peer", "192.0.2.7"}, {"status", 404}.
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
    // Another level from now on, where the sink has one. Any thread.
    virtual void set_level(Level level) noexcept { (void)level; }
    // Opens the log file again after it was moved away (SIGHUP).
    virtual void reopen() noexcept {}
    [[nodiscard]] virtual uint64_t dropped() const noexcept { return 0; }
};

struct Options {
    Level level = Level::info;
    Format format = Format::text;
    std::string path = {};          // "": standard error.
    size_t queue_lines_max = 8192;  // Lines that wait for the writer; newer lines are dropped.
};

// A thread of the sink writes the lines. Throws std::runtime_error, whose text is one line that
// says why.
[[nodiscard]] std::shared_ptr<Sink> make_sink(const Options& options);

}  // namespace starling::log
