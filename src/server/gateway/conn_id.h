// server/gateway/conn_id.h: ids of connections that say where the connection is: a UUID of version
// 4 (RFC 9562 section 5.4) in which the worker and the slot are hidden under a secret mask. A
// request of the control API that names a connection goes to one worker, and no worker keeps an
// index of ids.
//
// Of the 122 free bits, 80 are random; without the secret the other 42 look random as well.
//
// Owner: the gateway. Thread: immutable; any thread.
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

    // `secret`: 16 random bytes.
    explicit ConnIds(std::span<const std::byte, 16> secret) noexcept;

    // `random` comes from a cryptographic source.
    [[nodiscard]] std::array<char, webhook::uuid_length> make(
        Place place, std::span<const std::byte, 16> random) const noexcept;
    // The place of the connection with this id, if such a connection exists: the caller compares
    // the whole id. Nothing: the text is no UUID in lower case.
    [[nodiscard]] std::optional<Place> place_of(std::string_view id) const noexcept;

private:
    [[nodiscard]] uint64_t mask(std::span<const std::byte, 16> uuid) const noexcept;

    base::HashKey key_{};
};

}  // namespace starling::server
