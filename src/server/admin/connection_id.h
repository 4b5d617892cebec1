// server/admin/connection_id.h: names a connection for operators: "WORKER-SLOT-GENERATION". The
// name finds nothing once its connection is gone.
//
// Pure.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/slot_table.h"

namespace starling::server {

struct ConnectionId {
    uint32_t worker = 0;
    base::SlotKey key;

    friend bool operator==(const ConnectionId&, const ConnectionId&) = default;

    [[nodiscard]] std::string text() const {
        return std::to_string(worker) + "-" + std::to_string(key.slot) + "-" +
               std::to_string(key.generation);
    }
    [[nodiscard]] static std::optional<ConnectionId> parse(std::string_view text) noexcept {
        ConnectionId id;
        if (!take(text, id.worker, '-') || !take(text, id.key.slot, '-') ||
            !take(text, id.key.generation, '\0') || !text.empty())
            return std::nullopt;
        return id;
    }

private:
    // `end` '\0': the number is the last one.
    static bool take(std::string_view& text, uint32_t& number, char end) noexcept {
        const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
        if (read.ec != std::errc()) return false;
        text.remove_prefix(static_cast<size_t>(read.ptr - text.data()));
        if (end == '\0') return true;
        if (!text.starts_with(end)) return false;
        text.remove_prefix(1);
        return true;
    }
};

}  // namespace starling::server
