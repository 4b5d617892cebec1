#include "server/history/replies.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "hub/position.h"

namespace starling::server {
namespace {

std::optional<uint64_t> number_of(std::string_view text) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// Clients get epochs as a part of offsets, and texts as they are.
bool is_epoch(std::string_view text) {
    return hub::parse_position(hub::position_text(text, 1)).has_value();
}

}  // namespace

bool read_appended(const redis::Value& value, size_t items,
                   hub::RemoteHistory::Appended& appended) {
    if (!value.is_array() || value.size() != items + 1) return false;
    bool first = true;
    for (const redis::Value one : value) {
        if (std::exchange(first, false)) {
            appended.epoch = one.text();
            continue;
        }
        const auto offset = number_of(one.text());
        if (!offset) return false;
        appended.offsets.push_back(*offset);
    }
    return is_epoch(appended.epoch);
}

bool read_page(const redis::Value& value, std::string_view channel, bool since,
               hub::HistoryPage& page) {
    constexpr uint32_t head = 4;
    if (!value.is_array() || value.size() < head || value.size() % 2 != 0) return false;
    auto at = value.begin();
    page.top.epoch = (*at).text();
    if (!is_epoch(page.top.epoch)) return false;
    const std::array<uint64_t*, 3> numbers{&page.top.offset, &page.begun, &page.first};
    for (uint64_t* const number : numbers) {
        const auto read = number_of((*++at).text());
        if (!read) return false;
        *number = *read;
    }
    for (++at; at != value.end(); ++at) {
        const auto offset = number_of((*at).text());
        if (!offset) return false;
        ++at;
        if (!base::utf8_is_valid((*at).text())) return false;
        auto kept = std::make_shared<hub::Kept>();
        kept->channel = channel;
        kept->epoch = page.top.epoch;
        kept->offset = *offset;
        kept->text = (*at).text();
        page.messages.push_back(std::move(kept));
    }
    page.more = since && !page.messages.empty() && page.messages.back()->offset < page.top.offset;
    return true;
}

}  // namespace starling::server
