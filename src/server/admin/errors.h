// server/admin/errors.h: keeps the newest warnings and errors of the log, which go on to the log.
//
// Thread: any. Only lines at warn and above take the lock.
#pragma once

#include <starling/log.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace starling::server {

struct ErrorLine {
    int64_t unix_ms;
    log::Level level;
    std::string message;
    std::vector<std::pair<std::string, std::string>> fields;
};

class ErrorKeeper final : public log::Sink {
public:
    static constexpr size_t lines_max = 200, text_bytes_max = 512;

    explicit ErrorKeeper(std::shared_ptr<log::Sink> inner)
        : inner_(std::move(inner)) {}  // Or null.

    [[nodiscard]] bool wants(log::Level level) const noexcept override {
        return level >= log::Level::warn || (inner_ && inner_->wants(level));
    }
    void write(log::Level level, std::string_view message,
               std::span<const log::Field> fields) noexcept override;
    void set_level(log::Level level) noexcept override {
        if (inner_) inner_->set_level(level);
    }
    void reopen() noexcept override {
        if (inner_) inner_->reopen();
    }
    [[nodiscard]] uint64_t dropped() const noexcept override {
        return inner_ ? inner_->dropped() : 0;
    }
    // The newest first.
    [[nodiscard]] std::vector<ErrorLine> lines() const;

private:
    const std::shared_ptr<log::Sink> inner_;
    mutable std::mutex mutex_;
    std::deque<ErrorLine> lines_;
};

}  // namespace starling::server
