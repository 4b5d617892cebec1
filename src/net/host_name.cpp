#include "net/host_name.h"

#include <algorithm>

#include "base/text.h"

namespace starling::net {
namespace {

constexpr size_t name_bytes_max = 253, label_bytes_max = 63;

std::string_view without_dot(std::string_view host) noexcept {
    if (host.ends_with('.')) host.remove_suffix(1);
    return host;
}

}  // namespace

bool is_host_name(std::string_view host) noexcept {
    host = without_dot(host);
    if (host.empty() || host.size() > name_bytes_max) return false;
    size_t label_bytes = 0;
    for (const char c : host) {
        if (c == '.') {
            if (label_bytes == 0) return false;
            label_bytes = 0;
        } else if (!(base::is_alphanumeric(c) || c == '-' || c == '_') ||
                   ++label_bytes > label_bytes_max) {
            return false;
        }
    }
    return label_bytes != 0;
}

bool is_localhost(std::string_view host) noexcept {
    constexpr std::string_view name = "localhost";
    host = without_dot(host);
    if (host.size() < name.size()) return false;
    const size_t before = host.size() - name.size();
    return base::iequals(host.substr(before), name) && (before == 0 || host[before - 1] == '.');
}

std::vector<std::string> names_to_ask(std::string_view host,
                                      std::span<const std::string> search_domains, size_t ndots) {
    std::vector<std::string> names;
    if (host.ends_with('.')) return {std::string(without_dot(host))};
    const auto dots = static_cast<size_t>(std::ranges::count(host, '.'));
    if (dots >= ndots) names.emplace_back(host);
    for (const std::string& domain : search_domains) {
        std::string name = std::string(host) + "." + domain;
        if (is_host_name(name)) names.push_back(std::move(name));
    }
    if (dots < ndots) names.emplace_back(host);
    return names;
}

}  // namespace starling::net
