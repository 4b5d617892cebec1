#include "http/host_table.h"

#include <algorithm>
#include <stdexcept>

#include "base/text.h"
#include "http/target.h"

namespace starling::http {

std::optional<HostName> HostName::of(std::string_view host) noexcept {
    // The colon of a port is behind the bracket of an IPv6 address.
    const size_t bracket = host.starts_with('[') ? host.find(']') : 0;
    if (bracket == std::string_view::npos) return std::nullopt;
    host = host.substr(0, host.find(':', bracket));
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host.empty() || host.size() > host_bytes_max) return std::nullopt;
    HostName name;
    std::ranges::transform(host, name.bytes_.begin(), base::lower);
    name.size_ = host.size();
    return name;
}

std::optional<std::string> fault_of_host(std::string_view text) {
    constexpr const char* form = "must be a host like example.com, *.example.com or [2001:db8::1]";
    if (text.starts_with("*.")) text.remove_prefix(2);
    const bool literal = text.starts_with('[') && text.ends_with(']');
    const bool has_port = !literal && text.find(':') != std::string_view::npos;
    const auto is_odd = [](char c) { return c == '*' || c == '%'; };
    if (has_port || !is_valid_host(text, false) || std::ranges::any_of(text, is_odd) ||
        text.starts_with('.') || text.find("..") != std::string_view::npos || !HostName::of(text))
        return form;
    return std::nullopt;
}

void HostTable::add(std::string_view host, int site) {
    if (const auto fault = fault_of_host(host))
        throw std::invalid_argument("'" + std::string(host) + "' " + *fault);
    std::string_view text = host;
    Names& names = names_of(text);
    if (!names.emplace(HostName::of(text)->text(), site).second)
        throw std::invalid_argument("'" + std::string(host) + "' is named twice");
}

void HostTable::add_all(std::span<const std::string> hosts, int site) {
    size_t added = 0;
    try {
        for (; added < hosts.size(); ++added) add(hosts[added], site);
    } catch (...) {
        for (const std::string& host : hosts.first(added)) remove(host);
        throw;
    }
}

HostTable::Names& HostTable::names_of(std::string_view& host) noexcept {
    if (!host.starts_with("*.")) return exact_;
    host.remove_prefix(2);
    return beneath_;
}

void HostTable::remove(std::string_view host) noexcept {
    Names& names = names_of(host);
    const auto name = HostName::of(host);
    const auto found = name ? names.find(name->text()) : names.end();
    if (found != names.end()) names.erase(found);
}

std::optional<int> HostTable::find(std::string_view host) const noexcept {
    const auto name = HostName::of(host);
    if (!name) return std::nullopt;
    std::string_view text = name->text();
    if (const auto found = exact_.find(text); found != exact_.end()) return found->second;
    if (beneath_.empty() || text.starts_with('[')) return std::nullopt;
    // One label less each time: the longest wildcard is found first.
    for (size_t dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
        text.remove_prefix(dot + 1);
        if (const auto found = beneath_.find(text); found != beneath_.end()) return found->second;
    }
    return std::nullopt;
}

}  // namespace starling::http
