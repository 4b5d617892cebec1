// peer/forwarded.h: the client in the fields that proxies add to a request: its address in
// X-Forwarded-For, Forwarded (RFC 7239) or X-Real-IP, its scheme in X-Forwarded-Proto or Forwarded.
//
// A list of hops is read from its end, because each proxy appends the address of its own peer. A
// hop counts only if a trusted proxy has added it, so the first hop that is no trusted proxy is the
// client; what stands before it comes from the client and is not even parsed. Pure, any thread.
#pragma once

#include <starling/http.h>
#include <starling/server.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "peer/address_set.h"
#include "peer/ip_address.h"

namespace starling::peer {

struct ForwardedClient {
    // Nothing: the fields name no address, and the client is the peer itself.
    std::optional<IpAddress> address;
    // A hop that a trusted proxy should have written is no address, or there are too many trusted
    // hops. `address` is then the last hop before it.
    bool malformed = false;
    // True: the client speaks TLS with its proxy. Nothing: no trusted proxy names a known scheme.
    // `scheme_malformed`: it names another one.
    std::optional<bool> secure;
    bool scheme_malformed = false;
};

inline constexpr unsigned hops_max = 32;  // Trusted proxies in a row.

// Call it for a request whose peer is in `trusted`. Only the field `field` is read, and beside
// X-Forwarded-For and X-Real-IP the field X-Forwarded-Proto. Some proxies append to that field,
// others replace it: one scheme alone is the client's; of several, the one at the client's hop.
[[nodiscard]] ForwardedClient forwarded_client(std::span<const http::Field> fields,
                                               ClientAddressField field,
                                               const AddressSet& trusted) noexcept;

}  // namespace starling::peer
