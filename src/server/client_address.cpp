#include "server/client_address.h"

#include <utility>

#include "net/stream.h"
#include "peer/forwarded.h"
#include "server/site.h"
#include "server/worker_group.h"

namespace starling::server {

const std::string& ClientAddress::peer(const net::Stream& stream) {
    if (!relayed_.empty()) return relayed_;
    if (peer_.empty()) peer_ = stream.peer_ip();
    return peer_;
}

bool ClientAddress::read_head(std::span<const http::Field> fields, const WorkerGroup& group,
                              const net::Stream& stream) {
    forget_head();
    const peer::AddressSet& proxies = *group.trusted_proxies;
    if (std::exchange(decided_by_, &proxies) != &proxies)
        trusted_ = !proxies.empty() && proxies.contains(peer(stream));
    if (!trusted_) return true;
    const auto found =
        peer::forwarded_client(fields, group.site.options.client_address_field, proxies);
    if (found.address) client_ = found.address->to_string();
    secure_ = found.secure;
    return !found.malformed && !found.scheme_malformed;
}

const std::string& ClientAddress::text(const net::Stream& stream) {
    return client_.empty() ? peer(stream) : client_;
}

void ClientAddress::add_to(http::RequestParts& parts, const net::Stream& stream) {
    const std::string& address = text(stream);
    parts.remote_address = address == "unix" ? std::string_view() : address;
    parts.secure = secure_.value_or(parts.secure);
    parts.from_trusted_proxy = from_trusted_proxy();
    parts.proxied = from_trusted_proxy() || !relayed_.empty();
}

}  // namespace starling::server
