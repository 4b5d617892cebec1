#include "server/engineio/query.h"

#include <algorithm>

#include "http/url.h"

namespace starling::server {
namespace {

constexpr std::array<std::string_view, 5> names = {"EIO", "transport", "sid", "b64", "j"};

struct Pair {
    std::string_view name, value;  // Not decoded.
};

Pair next_pair(std::string_view& raw) noexcept {
    const std::string_view pair = raw.substr(0, raw.find('&'));
    raw.remove_prefix(std::min(pair.size() + 1, raw.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    return {pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size()))};
}

// Returns a view of `value`, or of `decoded` if `value` had to be decoded.
std::string_view decode(std::string_view value, std::string& decoded) {
    if (!http::has_escapes(value)) return value;
    decoded = http::percent_decode_leniently(value, http::Plus::space);
    return decoded;
}

}  // namespace

std::string_view sid_of(std::string_view raw, std::string& decoded) {
    while (!raw.empty()) {
        const Pair pair = next_pair(raw);
        if (pair.name == "sid") return decode(pair.value, decoded);
    }
    return {};
}

// Keeps the first value of each name.
EngineQuery::EngineQuery(std::string_view raw) {
    std::array<bool, names.size()> seen{};
    while (!raw.empty()) {
        const Pair pair = next_pair(raw);
        const auto found = std::ranges::find(names, pair.name);
        const auto field = static_cast<size_t>(found - names.begin());
        if (found == names.end() || seen[field]) continue;
        seen[field] = true;
        take(field, pair.value);
    }
}

void EngineQuery::take(size_t field, std::string_view value) {
    value = decode(value, decoded_[field]);
    switch (field) {
        case 0: query_.eio = value; return;
        case 1: query_.transport = value; return;
        case 2: query_.sid = value; return;
        case 3: query_.b64 = value; return;
        default: query_.j = value; return;
    }
}

}  // namespace starling::server
