#include "server/engineio/query.h"

#include <algorithm>

#include "http/url.h"

namespace starling::server {
namespace {

constexpr std::array<std::string_view, 5> names = {"EIO", "transport", "sid", "b64", "j"};

}  // namespace

// The first of each name.
EngineQuery::EngineQuery(std::string_view raw) {
    std::array<bool, names.size()> seen{};
    while (!raw.empty()) {
        const std::string_view pair = raw.substr(0, raw.find('&'));
        raw.remove_prefix(std::min(pair.size() + 1, raw.size()));
        const size_t equals = std::min(pair.find('='), pair.size());
        const auto found = std::find(names.begin(), names.end(), pair.substr(0, equals));
        const auto field = size_t(found - names.begin());
        if (found == names.end() || seen[field]) continue;
        seen[field] = true;
        take(field, pair.substr(std::min(equals + 1, pair.size())));
    }
}

void EngineQuery::take(size_t field, std::string_view value) {
    if (value.find_first_of("%+") != std::string_view::npos) {
        decoded_[field] = http::percent_decode_leniently(value, http::Plus::space);
        value = decoded_[field];
    }
    switch (field) {
        case 0: query_.eio = value; return;
        case 1: query_.transport = value; return;
        case 2: query_.sid = value; return;
        case 3: query_.b64 = value; return;
        default: query_.j = value; return;
    }
}

}  // namespace starling::server
