// load/endpoint.h: where a load test connects to: an address that has answered, and what the
// handshake needs. A name is looked up once, at the start, and not for each connection.
//
// Owner: the caller. Thread: any; find_endpoint() blocks. Afterwards an Endpoint does not change, so
// that threads share it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "load/measure/faults.h"
#include "load/measure/upgrade.h"
#include "load/plan.h"
#include "net/address.h"
#include "net/tls_client.h"
#include "net/tunnel.h"

namespace starling::load {

struct Endpoint {
    net::Address address;               // With a proxy, that of the proxy.
    std::vector<net::Address> sources;  // Of connections, in turn. Empty: the system's choice.
    std::shared_ptr<const net::TlsClientContext> tls;  // Null: without TLS.
    std::string tls_host;                              // The name that the certificate must bear.
    // What is said to the proxy, for one connection; null: there is no proxy.
    std::function<std::unique_ptr<net::Tunnel>()> tunnel;
    Upgrade upgrade;  // For the handshake.
};

struct EndpointError {
    bool usage = false;  // The URL or an option is wrong; else the server cannot be reached.
    Fault fault;
};

// A numeric address and a Unix-domain socket are taken as they are. A name is looked up, and its
// addresses are tried as RFC 8305 says; the one that answers is the server's for the whole test. A
// proxy is asked for the name of the server, for each connection.
[[nodiscard]] base::Result<Endpoint, EndpointError> find_endpoint(const Plan& plan,
                                                                  std::string_view url);

// Why it is no URL of a server; "": it is one.
[[nodiscard]] std::string wrong_url(std::string_view url);

// "10.0.0.1", "10.0.0.1-10.0.0.64" or several of them between commas. At most 10,000.
[[nodiscard]] base::Result<std::vector<std::string>> parse_sources(std::string_view text);

}  // namespace starling::load
