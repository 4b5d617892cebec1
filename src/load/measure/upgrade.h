// load/measure/upgrade.h: the opening handshake of a load generator, RFC 6455 section 4.1: one
// request that all connections send, and a check of the answers.
//
// The key is the example of section 1.3 on every connection. A key keeps caches from answering, not
// attackers out; with one key the request is made once, and the accept value needs no hash.
//
// Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/measure/faults.h"
#include "ws/extensions.h"

namespace starling::load {

struct Upgrade {
    std::string host;    // The field Host.
    std::string target;  // Path and query.
    std::string origin = {};
    std::vector<std::string> protocols = {};  // Preferred first.
    std::string authorization = {};           // "Basic ..."; "": none.
    std::vector<std::string> headers = {};    // "Name: value" each.
    ws::DeflateOptions deflate = {};          // Offered if enabled.
};

// With the empty line at its end. The caller guarantees that no value holds CR or LF.
[[nodiscard]] std::string upgrade_request(const Upgrade& upgrade);
// The head of another request. `fields`: lines with CRLF.
[[nodiscard]] std::string request_head(std::string_view method, const Upgrade& upgrade,
                                       std::string_view fields);

struct UpgradeAnswer {
    size_t bytes = 0;  // Of the head; 0: it has not arrived whole.
    std::optional<Fault> fault = {};
    std::optional<ws::DeflateParams> deflate = {};  // Of permessage-deflate, if it is used.
};
// `bytes`: all that has arrived. A subprotocol and an extension must be among those offered.
[[nodiscard]] UpgradeAnswer check_upgrade(std::string_view bytes, const Upgrade& offered);

// The target of an Engine.IO 4 handshake: "/" becomes "/socket.io/", and the query names the
// transport, "websocket" or "polling", unless the target does.
[[nodiscard]] std::string engine_target(std::string target, std::string_view transport);

}  // namespace starling::load
