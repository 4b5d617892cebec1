// client/dialing.h: the options of a WebSocket as a request to the dialer: proxy, TLS, fixed addresses.
//
// Owner: none. Thread: the loop's; reads the environment's variables for proxies.
#pragma once

#include <starling/client.h>

#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "base/result.h"
#include "net/dialer.h"
#include "ws/client_url.h"

namespace starling::client {

// TLS contexts by their files, so that the sockets of a loop resume each other's sessions.
class TlsContexts {
public:
    [[nodiscard]] base::Result<std::shared_ptr<const net::TlsClientContext>> of(
        const ClientTls& options);

private:
    using Key = std::tuple<bool, std::string, std::string, std::string>;
    std::map<Key, std::shared_ptr<const net::TlsClientContext>> contexts_;
};

// Without the timeout. The error names the option.
[[nodiscard]] base::Result<net::DialRequest> dial_request(const ws::ClientUrl& url,
                                                          const WebSocketOptions& options,
                                                          TlsContexts& contexts);

}  // namespace starling::client
