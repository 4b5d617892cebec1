// bench/control_client.h: what the loads on a gateway's control API share: its requests, and many
// connections whose ids they ask for.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "http_stream.h"
#include "options.h"
#include "sockets.h"

namespace starling::bench {

// The key is that of bench/gateway_peers.py.
inline std::string control_request(const Options& options, std::string_view method,
                                   std::string_view path) {
    return std::string(method) + " /tapr/ws/" + std::string(path) +
           " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(options.port) +
           "\r\nX-Api-Key: bench\r\n";
}

inline std::string list_request(const Options& options) {
    return control_request(options, "GET", "conn/list") + "\r\n";
}

inline std::string send_request(const Options& options, const std::string& selector) {
    const std::string body = R"({"payload":)" + message_text(options) + "," + selector + "}";
    return control_request(options, "POST", "conn/send") +
           "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

// In steps over a batch, so that server and client work at the same time.
inline std::vector<Fd> open_websockets(const Options& options, uint32_t count) {
    std::vector<Fd> sockets;
    while (sockets.size() < count) {
        const size_t from = sockets.size();
        const size_t to = std::min<size_t>(count, from + options.connect_batch);
        for (size_t i = from; i < to; ++i) {
            const auto index = static_cast<uint32_t>(i);
            sockets.push_back(connect_to_server(options, index));
            send_all(sockets.back(), upgrade_request(options, options.path, index));
        }
        for (size_t i = from; i < to; ++i) expect_upgrade(sockets[i]);
    }
    return sockets;
}

// The list of all connections, as the body of one answer.
inline std::string ask_for_list(const Options& options) {
    const Fd fd = connect_to_server(options, 0);
    send_all(fd, list_request(options));
    HttpStream stream;
    std::string body;
    const auto append = [&](std::string_view part) { body += part; };
    while (!stream.take(receive(fd, 65536), append)) continue;
    return body;
}

inline std::vector<std::string> ids_of(std::string_view list) {
    constexpr std::string_view mark = R"("id":")";
    std::vector<std::string> ids;
    for (size_t at = 0; (at = list.find(mark, at)) != std::string_view::npos;) {
        at += mark.size();
        ids.emplace_back(list.substr(at, list.find('"', at) - at));
    }
    return ids;
}

}  // namespace starling::bench
