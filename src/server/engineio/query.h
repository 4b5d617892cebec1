// server/engineio/query.h: parses the query string of an Engine.IO request in one pass. Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "engineio/request.h"

namespace starling::server {

// The first `sid` of a query, decoded: a view into the query or into `decoded`; "" if there is
// none. Used to find the request's worker before anything else is parsed.
[[nodiscard]] std::string_view sid_of(std::string_view raw, std::string& decoded);

// Its views point into the request's query, or, for percent-encoded values, into this object.
class EngineQuery {
public:
    explicit EngineQuery(std::string_view raw);
    EngineQuery(const EngineQuery&) = delete;
    EngineQuery& operator=(const EngineQuery&) = delete;

    [[nodiscard]] const engineio::Query& operator*() const noexcept { return query_; }
    [[nodiscard]] const engineio::Query* operator->() const noexcept { return &query_; }

private:
    void take(size_t field, std::string_view value);

    engineio::Query query_;
    std::array<std::string, 5> decoded_;
};

}  // namespace starling::server
