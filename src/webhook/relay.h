// webhook/relay.h: what the gateways of a cluster send to each other: requests of the control API, and
// questions for a part of the list of connections, with their answers.
//
// A message begins with a byte that says what it is; relay_kind_first is the smallest. Numbers are
// little-endian, texts have 4 bytes of length before them. A message that is malformed, has a value
// that the control API refuses, or has bytes left over is refused whole.
//
// Pure functions, any thread; the results own their memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "webhook/control.h"
#include "webhook/list.h"

namespace starling::webhook {

inline constexpr uint8_t relay_kind_first = 2;
// The answer of a node that has not done what it was asked, since it could not read the request or did
// not reach all its workers. It is neither a Page nor a Share.
inline constexpr std::string_view relay_refusal = "\xff";

inline constexpr uint16_t page_entries_max = 256;

// A connection's place in the list.
struct PagePlace {
    std::string user;
    bool is_public = false;
    std::string conn_id;
    [[nodiscard]] ListKey key() const noexcept { return {user, is_public, conn_id}; }
};

// The next connections of a node, in the order of ListKey, after a place.
struct PageRequest {
    std::vector<std::string> users{};  // Sorted. Empty: all.
    std::optional<PagePlace> after{};
    uint16_t entries_max = 256;  // From 1 to page_entries_max.
    bool with_tokens = false;
};

// One connection in the answer.
struct PageEntry {
    std::string user{}, conn_id{}, token{}, user_agent{};
    bool is_public = false;
    [[nodiscard]] ListKey key() const noexcept { return {user, is_public, conn_id}; }
};
struct Page {
    std::vector<PageEntry> entries{};
    bool more = false;  // The node has others behind these.
};

// What a node has done for a request.
struct Share {
    uint64_t connections = 0;
    bool complete = true;  // Every worker of the node has done its part.
};

using Relayed = std::variant<ControlRequest, PageRequest>;

[[nodiscard]] std::string encode(const ControlRequest& request);
[[nodiscard]] std::string encode(const PageRequest& request);
[[nodiscard]] std::string encode(const Page& page);
[[nodiscard]] std::string encode(const Share& share);

// Nothing: malformed.
[[nodiscard]] std::optional<Relayed> decode_relayed(std::string_view bytes);
[[nodiscard]] std::optional<Page> decode_page(std::string_view bytes);
[[nodiscard]] std::optional<Share> decode_share(std::string_view bytes);

}  // namespace starling::webhook
