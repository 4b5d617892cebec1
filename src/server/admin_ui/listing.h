// server/admin_ui/listing.h: the list of sockets that a page of the Admin UI begins with.
//
// The page replaces its whole list by each `all_sockets`, so that event comes once, with as many
// sockets as 768 KiB or three quarters of a client's queue hold; the first 100 whole, the others brief:
// without header fields and query. Those follow in a `socket_updated` of each socket. Sockets that
// found no place follow as `socket_connected`: for each of them the page adds a line to its list of
// events. What follows comes while the client takes it, 100 sockets at a time at most, and as many
// are in memory.
//
// What a worker sends after it has listed a socket reaches the page after that list. `all_sockets` may
// hold sockets of several workers. Therefore it is sent only if no other worker has seen a change since
// it gave its part; after three attempts it holds the sockets of the page's own worker alone.
//
// Owner: the posted call that works on it. Thread: one after the other.
#pragma once

#include <starling/socketio_socket.h>

#include <boost/json/array.hpp>

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace starling::server {

struct AdminUiListing {
    static constexpr size_t page_sockets_max = 100, page_bytes_max = 192 * 1024,
                            first_bytes_max = 768 * 1024;
    static constexpr uint32_t slots_per_step_max = 10'000;
    static constexpr unsigned attempts_max = 3;
    // How long a page of another node gets for the sockets that were sent last: nothing tells here
    // whether it reads. At most 160 KiB a second.
    [[nodiscard]] static constexpr uint64_t pause_ms(size_t sent_bytes) noexcept {
        constexpr size_t bytes_per_100_ms = 16 * 1024;
        return 100 + sent_bytes * 100 / bytes_per_100_ms;
    }

    struct Place {
        uint32_t visited = 0, slot = 0;
        friend auto operator<=>(const Place&, const Place&) = default;
    };
    [[nodiscard]] Place place() const noexcept { return {visited, slot}; }

    std::string page;    // The id of the page's socket.
    sio::Socket socket;  // Null: the page is on another node.
    uint32_t home = 0;   // The worker of the page; of a page elsewhere the first one.
    size_t left = 0;     // Sockets that may still be listed.
    size_t step_max = page_sockets_max;  // Sockets of the next step.
    bool is_elsewhere = false;

    uint32_t visited = 0;  // Workers that are done. The one at work: (home + visited) % workers.
    uint32_t slot = 0;     // Where that worker goes on.
    bool all_sockets_sent = false;
    bool has_brief = false;
    Place brief_from, listed_to;  // Of `all_sockets`: its first brief socket, and its end.
    unsigned attempts = 0;
    boost::json::array sockets;     // Taken and not sent yet.
    size_t bytes = 0;               // Of `sockets`.
    size_t sent_bytes = 0;          // Of the page of sockets that was sent last.
    std::vector<uint64_t> changes;  // Of each visited worker, when it gave its part.
};

}  // namespace starling::server
