// engineio/ids.h: session ids. An id is 20 characters of base64url: 2 for the worker, 4 for the
// slot on that worker, 14 for a secret of 84 bits. The id says where a session lives, so a worker
// can hand a request over to another worker without a shared table; the secret proves that the
// client got the id from the server.
//
// In a cluster an id has 39 characters: the secret has 22, which are 132 bits, and 11 follow that
// name the node. They are the node's number, masked by a keyed hash of what precedes them. So every
// node of the cluster finds the owner, and two ids do not tell a client whether they are of the
// same node.
// Pure functions, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace starling::engineio {

inline constexpr size_t sid_length = 20, cluster_sid_length = 39;
inline constexpr size_t sid_secret_length = 14, cluster_sid_secret_length = 22;
inline constexpr uint32_t sid_workers_max = 1U << 12;
inline constexpr uint32_t sid_slots_max = 1U << 24;

// The secret of an id: what a session keeps of its id.
class SidSecret {
public:
    class Text {
    public:
        [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), length_}; }

    private:
        friend class SidSecret;
        std::array<char, cluster_sid_secret_length> text_{};
        size_t length_ = 0;
    };

    // `random` comes from a cryptographic source. 11 bytes make a secret of 84 bits, 17 one of 132.
    explicit SidSecret(std::span<const std::byte, 11> random) noexcept;
    explicit SidSecret(std::span<const std::byte, 17> random) noexcept;
    [[nodiscard]] Text text() const noexcept;

private:
    // The last four bits are no part of a secret. They are 1 if it is the longer one.
    std::array<std::byte, 17> bits_{};
};

class Sid {
public:
    // `worker` and `slot` must be below their maxima.
    Sid(uint32_t worker, uint32_t slot, std::string_view secret) noexcept;
    // `mask`: a keyed hash of view(). Only for an id with the longer secret.
    void add_node(uint64_t node, uint64_t mask) noexcept;
    [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), length_}; }

private:
    std::array<char, cluster_sid_length> text_{};
    uint8_t length_;
};

struct SidParts {
    uint32_t worker = 0;
    uint32_t slot = 0;
    std::string_view secret;  // Borrowed from the parsed text. Compare it with same_secret().
    // What the mask is a hash of, and the masked number of the node. Only in a cluster.
    std::string_view local;
    std::optional<uint64_t> masked_node;
};

// Returns nothing for a text that is no id of either length.
[[nodiscard]] std::optional<SidParts> parse_sid(std::string_view text) noexcept;

// Compares in constant time.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b) noexcept;

}  // namespace starling::engineio
