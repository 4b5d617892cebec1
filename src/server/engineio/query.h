// server/engineio/query.h: the query of a request to Engine.IO, taken apart in one pass. Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "engineio/request.h"

namespace starling::server {

// The first `sid` of a query, decoded: a view into the query or into `decoded`. "" without one. For the
// question which worker a request belongs to, which comes before all others.
[[nodiscard]] std::string_view sid_of(std::string_view raw, std::string& decoded);

// Views into the request's query, or, where a value is percent-encoded, into itself.
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
