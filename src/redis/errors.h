// redis/errors.h: what the errors of a Redis server mean, and what a client does about them. An error
// begins with a code in capitals, which programs compare, and goes on with a text for people.
// Pure. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::redis {

enum class ErrorKind : uint8_t {
    other,
    unknown_command,  // Also a version of the protocol that the server does not know.
    credentials,      // NOAUTH, WRONGPASS: none, or wrong ones.
    no_permission,    // NOPERM: an access control list denies the command, key or channel.
    loading,          // LOADING: the server reads its data from disk.
    master_down,      // MASTERDOWN: a replica without its master.
    busy,             // BUSY: a script runs.
    out_of_memory,    // OOM.
    read_only,        // READONLY: a replica; the master is elsewhere.
    cannot_write,     // MISCONF, NOREPLICAS.
    clients_max,      // The server has no room for another connection.
    moved,            // MOVED: the slot belongs to another node, from now on.
    ask,              // ASK: the slot is on its way to another node; ask there, this time.
    try_again,        // TRYAGAIN: the keys are on both nodes.
    cluster_down,     // CLUSTERDOWN: nobody serves the slot.
    cross_slot,       // CROSSSLOT: keys of different slots.
};

inline constexpr size_t error_kinds = static_cast<size_t>(ErrorKind::cross_slot) + 1;

enum class Reaction : uint8_t {
    tell,       // The code that sent the command gets the error.
    wait,       // The server is not ready: the same again after a pause.
    reconnect,  // This is not the server that is wanted: look for it again.
    redirect,   // To the node that the error names.
    stop,       // Trying again does not help: credentials.
};

[[nodiscard]] ErrorKind error_kind(std::string_view text) noexcept;
[[nodiscard]] Reaction reaction(ErrorKind kind) noexcept;
// True: the server has not executed the command, and another attempt can succeed: once the server is
// ready, or at the right server.
[[nodiscard]] bool may_be_sent_again(std::string_view error) noexcept;
// For logs: "the server loads its data" for "LOADING ..."; "" for `other`.
[[nodiscard]] std::string_view in_words(std::string_view text) noexcept;

// For metrics: "loading". Several kinds may share one.
[[nodiscard]] std::string_view label_of(ErrorKind kind) noexcept;

struct Endpoint {
    std::string host;  // IPv6 without brackets.
    uint16_t port = 6379;
    std::string unix_path = {};  // If not empty, host and port are not used.
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};
[[nodiscard]] std::string show(const Endpoint& endpoint);  // "[::1]:6379", "unix:/run/redis.sock"

inline constexpr uint16_t slots_max = 16384;

struct Redirect {
    bool ask = false;  // ASK, not MOVED.
    uint16_t slot = 0;
    Endpoint to;  // An empty host: that of the node which answered.
};
// "MOVED 3999 127.0.0.1:6381"; nothing for any other text.
[[nodiscard]] std::optional<Redirect> parse_redirect(std::string_view text);

}  // namespace starling::redis
