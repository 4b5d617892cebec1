// server/connection_facts.h: what an operator wants to know about one connection.
//
// Owner: the code that asks. Thread: the worker's of the connection, while it is filled in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::server {

struct ConnectionFacts {
    static constexpr size_t rooms_max = 100;  // More are counted, and not named.

    std::string_view kind = "http";  // "websocket", "socketio", "gateway", "sse"; lives for ever.
    std::string path;
    std::string user;  // "": unknown.
    std::string address;
    std::string subprotocol;
    std::vector<std::string> rooms;  // Topics, rooms or channels.
    size_t room_count = 0;
    size_t queued_bytes = 0;
    bool secure = false;
    std::optional<uint32_t> round_trip_ms;

    void add_room(std::string name) {
        ++room_count;
        if (rooms.size() < rooms_max) rooms.push_back(std::move(name));
    }
};

}  // namespace starling::server
