#include "app/config/site_paths.h"

namespace starling::app {

SitePaths::SitePaths(const Settings& settings) {
    for (size_t i = 0; i < settings.sites.size(); ++i)
        for (const std::string& host : settings.sites[i].hosts) sites_.emplace(host, i);
}

size_t SitePaths::site_of(std::string_view host) const {
    const auto found = sites_.find(host);
    return found == sites_.end() ? no_site : found->second;
}

std::optional<size_t> SitePaths::add(std::string_view path, std::string_view host, size_t index) {
    const Where where = host.empty() ? Where() : Where(site_of(host));
    const auto [element, added] = elements_.try_emplace(std::pair(where, std::string(path)), index);
    return added ? std::nullopt : std::optional(element->second);
}

}  // namespace starling::app
