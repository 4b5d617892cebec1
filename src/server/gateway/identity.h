// server/gateway/identity.h: what a client's request says about it: its user, its token, its
// address, the header fields that the application gets with each webhook.
//
// Owner: the function that admits a client. Thread: its worker's.
#pragma once

#include <starling/http.h>

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "webhook/client.h"

namespace starling::server {

struct GatewayRoute;

struct ClientIdentity {
    std::string_view conn_id, user, token, user_agent, address;
    std::string headers;
    bool is_public = false;

    [[nodiscard]] webhook::ClientFields fields() const noexcept {
        return {.conn_id = conn_id,
                .user = user,
                .token = token,
                .user_agent = user_agent,
                .headers = headers,
                .address = address,
                .is_public = is_public};
    }
};

// The facts about the request with which a client connects.
struct ClientRequest {
    std::span<const http::Field> fields;
    std::string_view address;
    bool from_trusted_proxy = false;  // As http::Request::from_trusted_proxy().

    [[nodiscard]] std::string_view field(std::string_view name) const noexcept;
};

// `token` is used for a client without a token. The views point into the request and the arguments.
// A failure is the reason of a 400.
[[nodiscard]] base::Result<ClientIdentity> read_identity(const ClientRequest& request,
                                                         const GatewayRoute& route,
                                                         std::string_view conn_id,
                                                         std::string_view token);

}  // namespace starling::server
