// server/engineio/query.h: the query of a request to Engine.IO, taken apart in one pass. Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "engineio/request.h"

namespace starling::server {

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
