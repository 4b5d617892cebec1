#include "server/admin/errors.h"

#include <chrono>
#include <exception>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/utf8.h"

namespace starling::server {
namespace {

// UTF-8, since the API shows it as JSON.
std::string shown(std::string_view text) {
    constexpr size_t max = ErrorKeeper::text_bytes_max;
    // The repair makes broken text longer.
    return std::string(base::utf8_cut(base::utf8_repaired(base::utf8_cut(text, max)), max));
}

std::string shown(const log::Field& field) {
    return std::visit(
        [](const auto& value) -> std::string {
            using Value = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<Value, std::string_view>)
                return shown(value);
            else if constexpr (std::is_same_v<Value, bool>)
                return value ? "true" : "false";
            else
                return std::to_string(value);
        },
        field.value);
}

}  // namespace

void ErrorKeeper::write(log::Level level, std::string_view message,
                        std::span<const log::Field> fields) noexcept {
    if (inner_ && inner_->wants(level)) inner_->write(level, message, fields);
    if (level < log::Level::warn) return;
    try {
        using namespace std::chrono;
        const auto now = duration_cast<milliseconds>(system_clock::now().time_since_epoch());
        ErrorLine line{now.count(), level, shown(message), {}};
        for (const log::Field& field : fields)
            line.fields.emplace_back(std::string(field.key), shown(field));
        const std::lock_guard lock(mutex_);
        if (lines_.size() >= lines_max) lines_.pop_front();
        lines_.push_back(std::move(line));
    } catch (const std::exception&) {  // Out of memory: the log has the line.
    }
}

std::vector<ErrorLine> ErrorKeeper::lines() const {
    const std::lock_guard lock(mutex_);
    return {lines_.rbegin(), lines_.rend()};
}

}  // namespace starling::server
