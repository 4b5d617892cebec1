#include "server/gateway/identity.h"

#include "base/text.h"
#include "base/utf8.h"
#include "http/cookie.h"
#include "peer/ip_address.h"
#include "server/gateway/gateway.h"
#include "webhook/fields.h"

namespace starling::server {
namespace {

// Appends the fields of that name as one line; nothing if the request has none, unless `always`.
// Several lines of Cookie are joined as RFC 9113 section 8.2.3 says, those of other fields as lists
// (RFC 9110 section 5.3).
void append_lines(std::string& out, const ClientRequest& request, std::string_view name,
                  std::string_view separator, bool always) {
    bool found = false;
    for (const http::Field& field : request.fields) {
        if (!base::iequals(field.name, name)) continue;
        if (found)
            out.append(separator);
        else
            out.append(name).append(": ");
        out.append(field.value);
        found = true;
    }
    if (!found && always) out.append(name).append(":");
    if (found || always) out += '\n';
}

// Without a proxy that the whole server trusts, the client's address is that of the peer.
bool is_trusted(const ClientRequest& request, const GatewayRoute& route) {
    return request.from_trusted_proxy || route.proxies->contains(request.address);
}

// The user that a trusted proxy names; "" if no trusted proxy names a user.
base::Result<std::string_view> read_user(const ClientRequest& request, const GatewayRoute& route) {
    std::string_view user;
    size_t count = 0;
    for (const http::Field& field : request.fields) {
        if (!base::iequals(field.name, route.options.user_header)) continue;
        user = field.value;
        ++count;
    }
    if (count == 0 || !is_trusted(request, route)) return std::string_view();
    const std::string& name = route.options.user_header;
    if (count > 1) return base::Failure(name + " stands twice");
    if (user.size() > webhook::name_bytes_max) return base::Failure(name + ": over 255 bytes");
    if (!base::utf8_is_valid(user)) return base::Failure(name + ": not UTF-8");
    return user;
}

// The value of the cookie; "" if the request does not have it.
std::string_view cookie(const ClientRequest& request, std::string_view name) {
    for (const http::Field& field : request.fields) {
        if (!base::iequals(field.name, "cookie")) continue;
        if (const auto value = http::find_cookie(field.value, name)) return *value;
    }
    return {};
}

}  // namespace

std::string_view ClientRequest::field(std::string_view name) const noexcept {
    for (const http::Field& field : fields)
        if (base::iequals(field.name, name)) return field.value;
    return {};
}

base::Result<ClientIdentity> read_identity(const ClientRequest& request, const GatewayRoute& route,
                                           std::string_view conn_id, std::string_view token) {
    const auto user = read_user(request, route);
    if (!user) return base::Failure(user.error());
    ClientIdentity identity;
    identity.conn_id = conn_id;
    identity.user = *user;
    identity.user_agent = request.field("user-agent");
    identity.token = cookie(request, route.options.token_cookie);
    identity.is_public = identity.token.empty();
    if (identity.is_public) identity.token = token;
    // A peer on a Unix-domain socket has no address, nor has one that reset its connection.
    if (peer::IpAddress::parse(request.address)) identity.address = request.address;
    append_lines(identity.headers, request, "Cookie", "; ", route.always_cookie);
    for (const std::string& name : route.options.forward_headers) {
        // The application would take the name of a user for one that a trusted proxy has set.
        if (base::iequals(name, route.options.user_header) && !is_trusted(request, route)) continue;
        append_lines(identity.headers, request, name, ", ", false);
    }
    return identity;
}

}  // namespace starling::server
