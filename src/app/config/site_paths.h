// app/config/site_paths.h: finds elements of the configuration that have the same path on the same
// site, in a time that does not grow with their number.
//
// Owner: a function that checks the configuration, whose sites it must not change. Thread: any.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "app/config/settings.h"

namespace starling::app {

class SitePaths {
public:
    explicit SitePaths(const Settings& settings);

    // As site_of() of settings.h.
    [[nodiscard]] size_t site_of(std::string_view host) const;

    // Keeps `index` as the element with this path and site, see meet() of settings.h. If there is one,
    // it stays, and its index is returned.
    [[nodiscard]] std::optional<size_t> add(std::string_view path, std::string_view host,
                                            size_t index);

private:
    // All sites; a site by its index, or no_site for a host of none.
    using Where = std::optional<size_t>;

    std::unordered_map<std::string_view, size_t> sites_;
    std::map<std::pair<Where, std::string>, size_t> elements_;
};

}  // namespace starling::app
