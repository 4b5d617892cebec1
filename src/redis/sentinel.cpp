#include "redis/sentinel.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "redis/command.h"

namespace starling::redis {
namespace {

std::optional<Endpoint> endpoint_of(std::string_view host, std::string_view port_text) {
    uint16_t port = 0;
    const auto [end, error] =
        std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
    if (host.empty() || port == 0 || error != std::errc() ||
        end != port_text.data() + port_text.size())
        return std::nullopt;
    return Endpoint{std::string(host), port};
}

std::string_view word(std::string_view& text) {
    const size_t space = std::min(text.find(' '), text.size());
    const std::string_view first = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    return first;
}

}  // namespace

SentinelList::SentinelList(std::vector<Endpoint> endpoints, std::string master_name)
    : endpoints_(std::move(endpoints)), master_name_(std::move(master_name)) {}

bool SentinelList::next() noexcept {
    at_ = (at_ + 1) % endpoints_.size();
    return at_ == 0;
}

void SentinelList::answered() {
    const auto begin = endpoints_.begin();
    std::rotate(begin, begin + static_cast<ptrdiff_t>(at_),
                begin + static_cast<ptrdiff_t>(at_) + 1);
    at_ = 0;
}

std::string SentinelList::master_command() const {
    return command({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master_name_});
}

std::string SentinelList::sentinels_command() const {
    return command({"SENTINEL", "SENTINELS", master_name_});
}

std::optional<Endpoint> SentinelList::read_master(const Value& reply) {
    if (!reply.is_array() || reply.size() != 2) return std::nullopt;
    return endpoint_of(reply[0].text(), reply[1].text());
}

// An array of maps (RESP3) or of arrays of names and values (RESP2).
void SentinelList::learn(const Value& reply) {
    if (!reply.is_array()) return;
    for (const Value sentinel : reply) {
        std::string_view host, port, name;
        bool is_name = true;
        for (const Value part : sentinel) {
            if (is_name)
                name = part.text();
            else if (name == "ip")
                host = part.text();
            else if (name == "port")
                port = part.text();
            is_name = !is_name;
        }
        const auto found = endpoint_of(host, port);
        if (!found || endpoints_.size() >= sentinels_max) continue;
        if (std::ranges::find(endpoints_, *found) == endpoints_.end()) endpoints_.push_back(*found);
    }
}

// "mymaster 127.0.0.1 6379 127.0.0.1 6380"
std::optional<Endpoint> SentinelList::read_switch(std::string_view payload) const {
    if (word(payload) != master_name_) return std::nullopt;
    word(payload);
    word(payload);
    const std::string_view host = word(payload);
    return endpoint_of(host, payload);
}

}  // namespace starling::redis
