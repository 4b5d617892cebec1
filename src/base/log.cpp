// base/log.cpp: implements <starling/log.h> with spdlog's queue and thread. The only file that
// includes spdlog.
//
// If its queue is full, spdlog can block its callers or drop the oldest line. This sink drops the
// newest one, as the header promises: it counts the queued lines and never fills the queue.
#include <starling/log.h>

#include "base/log_format.h"
#include "base/log_output.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>

#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <stdexcept>

namespace starling::log {
namespace {

struct LevelRow {
    Level level;
    spdlog::level::level_enum spdlog_level;
    std::string_view name;
};

constexpr std::array<LevelRow, 5> levels{{
    {Level::debug, spdlog::level::debug, "debug"},
    {Level::info, spdlog::level::info, "info"},
    {Level::warn, spdlog::level::warn, "warn"},
    {Level::error, spdlog::level::err, "error"},
    {Level::off, spdlog::level::off, "off"},
}};

Level level_of(spdlog::level::level_enum wanted) noexcept {
    for (const LevelRow& row : levels)
        if (row.spdlog_level == wanted) return row.level;
    return Level::error;
}

struct Counters {
    std::atomic<uint64_t> dropped{0};
    std::atomic<size_t> queued_lines{0};
    std::atomic<bool> reopen_wanted{false};
};

// Runs on the writer's thread: completes each line and writes it, or counts it as dropped.
class Writer final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    Writer(Format format, std::shared_ptr<Counters> counters)
        : counters_(std::move(counters)), format_(format) {}

    [[nodiscard]] base::Result<void> open(const std::string& path) {
        if (auto opened = output_.open(path); !opened) return opened;
        const char* plain = std::getenv("NO_COLOR");  // https://no-color.org
        colour_ = output_.is_terminal() && !(plain && *plain);
        return {};
    }

    // Reports the count once the output takes lines again, and at the end.
    void report_dropped() noexcept {
        const uint64_t dropped = counters_->dropped.load(std::memory_order_relaxed);
        if (dropped == reported_) return;
        std::array fields{Field{"lines", static_cast<int64_t>(dropped - reported_)}};
        if (put(Level::warn, "log lines dropped", fields)) reported_ = dropped;
    }

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        counters_->queued_lines.fetch_sub(1, std::memory_order_relaxed);
        report_dropped();
        const std::string_view body(message.payload.data(), message.payload.size());
        if (!put(level_of(message.level), message.time, body))
            counters_->dropped.fetch_add(1, std::memory_order_relaxed);
    }

    void flush_() override {
        if (!counters_->reopen_wanted.exchange(false)) return;
        const auto reopened = output_.reopen();
        if (reopened) return;
        if (!put(Level::error, reopened.error(), {}))
            counters_->dropped.fetch_add(1, std::memory_order_relaxed);
    }

    // Writes a line of the writer itself. False if it was not written, also if memory ran out.
    bool put(Level level, std::string_view message, std::span<const Field> fields) noexcept {
        try {
            return put(level, std::chrono::system_clock::now(),
                       base::log_body(format_, message, fields));
        } catch (const std::exception&) {
            return false;
        }
    }

    bool put(Level level, std::chrono::system_clock::time_point now,
             std::string_view body) noexcept {
        try {
            std::string line = base::log_head(format_, level, now, colour_);
            line += body;
            line += base::log_tail(format_);
            return output_.write(line);
        } catch (const std::exception&) {  // Out of memory.
            return false;
        }
    }

    base::LogOutput output_;
    std::shared_ptr<Counters> counters_;
    uint64_t reported_ = 0;
    Format format_;
    bool colour_ = false;
};

// Blocks all signals for the calling thread, and for the threads that it starts, while it exists.
class AllSignalsBlocked {
public:
    AllSignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

private:
    sigset_t before_;
};

class AsyncSink final : public Sink {
public:
    AsyncSink(const Options& options, std::shared_ptr<Writer> writer,
              std::shared_ptr<Counters> counters)
        : counters_(std::move(counters)),
          queue_lines_max_(std::max<size_t>(options.queue_lines_max, 1)),
          level_(options.level),
          format_(options.format) {
        // The thread starts with all signals blocked, because signals are for the threads that wait
        // for them. So if the reader of the log goes away, write() fails with EPIPE and the program
        // goes on.
        const AllSignalsBlocked blocked;
        pool_ = std::make_shared<spdlog::details::thread_pool>(
            queue_lines_max_ + queue_spare, 1, [] {}, [writer] { writer->report_dropped(); });
        logger_ = std::make_shared<spdlog::async_logger>(
            "starling", writer, pool_, spdlog::async_overflow_policy::overrun_oldest);
        logger_->set_level(spdlog::level::debug);
        logger_->set_error_handler([counters = counters_](const std::string&) {
            counters->dropped.fetch_add(1, std::memory_order_relaxed);
        });
    }

    // Ends the thread after it has tried to write every queued line. Writing never waits for a
    // reader.
    ~AsyncSink() override {
        pool_.reset();
        logger_.reset();
    }

    [[nodiscard]] bool wants(Level level) const noexcept override {
        return level >= level_.load(std::memory_order_relaxed) && level != Level::off;
    }
    void set_level(Level level) noexcept override {
        level_.store(level, std::memory_order_relaxed);
    }

    void write(Level level, std::string_view message,
               std::span<const Field> fields) noexcept override {
        if (!wants(level)) return;
        if (counters_->queued_lines.fetch_add(1, std::memory_order_relaxed) >= queue_lines_max_) {
            drop();
            return;
        }
        try {
            const std::string body = base::log_body(format_, message, fields);
            logger_->log(levels[static_cast<size_t>(level)].spdlog_level,
                         spdlog::string_view_t(body));
        } catch (const std::exception&) {  // Out of memory: only the line is lost.
            drop();
        }
    }

    void reopen() noexcept override {
        if (!counters_->reopen_wanted.exchange(true)) logger_->flush();
    }

    [[nodiscard]] uint64_t dropped() const noexcept override {
        return counters_->dropped.load(std::memory_order_relaxed);
    }

private:
    static constexpr size_t queue_spare = 8;  // For reopen, and for the end of the thread.

    void drop() noexcept {
        counters_->queued_lines.fetch_sub(1, std::memory_order_relaxed);
        counters_->dropped.fetch_add(1, std::memory_order_relaxed);
    }

    std::shared_ptr<Counters> counters_;
    std::shared_ptr<spdlog::details::thread_pool> pool_;
    std::shared_ptr<spdlog::async_logger> logger_;
    size_t queue_lines_max_;
    std::atomic<Level> level_;
    Format format_;
};

}  // namespace

std::optional<Level> parse_level(std::string_view name) noexcept {
    for (const LevelRow& row : levels)
        if (row.name == name) return row.level;
    return std::nullopt;
}

std::string_view level_name(Level level) noexcept {
    for (const LevelRow& row : levels)
        if (row.level == level) return row.name;
    return "off";
}

std::shared_ptr<Sink> make_sink(const Options& options) {
    auto counters = std::make_shared<Counters>();
    auto writer = std::make_shared<Writer>(options.format, counters);
    if (const auto opened = writer->open(options.path); !opened)
        throw std::runtime_error(opened.error());
    try {
        return std::make_shared<AsyncSink>(options, std::move(writer), std::move(counters));
    } catch (const std::exception& failure) {  // No thread.
        throw std::runtime_error(std::string("cannot start the log: ") + failure.what());
    }
}

}  // namespace starling::log
