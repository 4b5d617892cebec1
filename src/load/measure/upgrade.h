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

namespace starling::load {

struct Upgrade {
    std::string host;    // The field Host.
    std::string target;  // Path and query.
    std::string origin = {};
    std::vector<std::string> protocols = {};  // Preferred first.
    std::string authorization = {};           // "Basic ..."; "": none.
    std::vector<std::string> headers = {};    // "Name: value" each.
};

// With the empty line at its end. The caller guarantees that no value holds CR or LF.
[[nodiscard]] std::string upgrade_request(const Upgrade& upgrade);
[[nodiscard]] std::string get_request(const Upgrade& upgrade, std::string_view accept);

struct UpgradeAnswer {
    size_t bytes = 0;  // Of the head; 0: it has not arrived whole.
    std::optional<Fault> fault = {};
};
// `bytes`: all that has arrived. A subprotocol must be one of those offered.
[[nodiscard]] UpgradeAnswer check_upgrade(std::string_view bytes,
                                          const std::vector<std::string>& protocols);

}  // namespace starling::load
