// events/table.h: the declared channels, and the access rules of each.
//
// Owner: server::Events. Immutable once the server runs; any thread.
#pragma once

#include <starling/events.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/pattern.h"
#include "hub/history.h"

namespace starling::events {

// One declaration, shared by the rooms of its channels. The address of a Rule does not change.
struct Rule {
    Channel channel;
    Pattern pattern;
    uint32_t interval_ms;
    hub::HistoryRule history;
};

struct Match {
    const Rule* rule = nullptr;  // Null: no channel has that name.
    std::string_view owner;      // The first parameter: a view into the name.
};

enum class Decision : uint8_t { allowed, needs_login, forbidden };

class Table {
public:
    static constexpr size_t rules_max = 1024;

    void declare(Channel channel);  // Throws std::invalid_argument.
    [[nodiscard]] Match find(std::string_view name) const;
    [[nodiscard]] const std::vector<std::unique_ptr<const Rule>>& rules() const noexcept {
        return rules_;
    }

private:
    std::vector<std::unique_ptr<const Rule>> rules_;
};

// `user`: the logged-in user of the request; nothing without a login.
[[nodiscard]] Decision decide(const Match& match, std::optional<std::string_view> user) noexcept;

// May the user publish over a connection of a client?
[[nodiscard]] Decision decide_publish(const Match& match,
                                      std::optional<std::string_view> user) noexcept;

[[nodiscard]] std::string_view access_text(Access access) noexcept;
[[nodiscard]] std::string_view excess_text(Excess excess) noexcept;

}  // namespace starling::events
