// server/gateway/conn_id.h: ids of connections that say where the connection is: a UUID of version
// 4 (RFC 9562 section 5.4) in which the worker and the slot are hidden under a secret mask. A
// request of the control API that names a connection goes to one worker, and no worker keeps an
// index of ids.
//
// Of the 122 free bits, 80 are random; without the secret the other 42 look random as well. In a
// cluster, 16 of the random bits are replaced by a mark of the node, under a mask that everybody can
// compute: the other nodes send a request about the connection only to the nodes with that mark.
//
// Owner: the gateway. Thread: immutable once the workers run; then any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/keyed_hash.h"
#include "webhook/client.h"

namespace starling::server {

class ConnIds {
public:
    struct Place {
        uint32_t worker = 0, slot = 0;
        friend bool operator==(const Place&, const Place&) = default;
    };
    static constexpr uint32_t workers_max = 1024;
    using NodeMark = uint16_t;  // Two nodes may have the same.

    // `secret`: 16 random bytes.
    explicit ConnIds(std::span<const std::byte, 16> secret) noexcept;

    // Before the workers run: the ids of this node have this mark from now on.
    void use_node(NodeMark mark) noexcept { node_ = mark; }
    [[nodiscard]] std::optional<NodeMark> node() const noexcept { return node_; }
    // The mark that the id of a connection of a cluster has. Nothing: the text is no UUID in lower
    // case.
    [[nodiscard]] static std::optional<NodeMark> node_of(std::string_view id) noexcept;

    // `random` comes from a cryptographic source.
    [[nodiscard]] std::array<char, webhook::uuid_length> make(
        Place place, std::span<const std::byte, 16> random) const noexcept;
    // The place of the connection with this id, if such a connection exists: the caller compares
    // the whole id. Nothing: the text is no UUID in lower case.
    [[nodiscard]] std::optional<Place> place_of(std::string_view id) const noexcept;

private:
    [[nodiscard]] uint64_t mask(std::span<const std::byte, 16> uuid) const noexcept;

    base::HashKey key_{};
    std::optional<NodeMark> node_;  // Nothing: no cluster.
};

}  // namespace starling::server
