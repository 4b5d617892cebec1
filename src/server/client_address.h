// server/client_address.h: who the client of an HTTP connection is: its peer, the client that the
// PROXY header names, or for one request the client that a trusted proxy names in a field. The
// trusted proxy also says whether this client speaks TLS.
//
// Owner: the HttpConnection. Thread: the worker's.
#pragma once

#include <starling/http.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/request_parts.h"

namespace starling::net {
class Stream;
}

namespace starling::peer {
class AddressSet;
}

namespace starling::server {

class Worker;
struct WorkerGroup;

class ClientAddress {
public:
    // `address`: of the PROXY header; "": the connection has none, or is the proxy's own.
    void relay(std::string address) { relayed_ = std::move(address); }
    [[nodiscard]] const std::string& relayed() const noexcept { return relayed_; }

    // Call it for each head. False: the proxy's fields are malformed where they should name the
    // client.
    [[nodiscard]] bool read_head(std::span<const http::Field> fields, const WorkerGroup& group,
                                 const net::Stream& stream);
    // Call it when the request has been answered.
    void forget_head() noexcept {
        client_.clear();
        secure_.reset();
    }

    // "unix" for a Unix-domain socket, "unknown" for a peer that has reset the connection.
    [[nodiscard]] const std::string& text(const net::Stream& stream);
    void add_to(http::RequestParts& parts, const net::Stream& stream);
    // True: the address differs from that of the stream's peer.
    [[nodiscard]] bool is_named() const noexcept { return !relayed_.empty() || !client_.empty(); }
    [[nodiscard]] bool from_trusted_proxy() const noexcept { return trusted_; }
    // True: a trusted proxy names another client than at the last call.
    [[nodiscard]] bool is_another() {
        if (client_.empty() || client_ == last_) return false;
        last_ = client_;
        return true;
    }

private:
    [[nodiscard]] const std::string& peer(const net::Stream& stream);

    std::string relayed_, peer_, client_, last_;
    // The proxies by which trusted_ was decided; null: none yet.
    const peer::AddressSet* decided_by_ = nullptr;
    bool trusted_ = false;
    std::optional<bool> secure_;  // What the trusted proxy says of its client.
};

}  // namespace starling::server
