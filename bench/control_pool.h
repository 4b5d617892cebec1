// bench/control_pool.h: what the loads on a gateway's control API share: its requests, and the ids of the
// connections that it lists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pool.h"

namespace starling::bench {

class ControlPool : public Pool {
protected:
    using Pool::Pool;

    [[nodiscard]] std::string list_request() const { return request("GET", "conn/list", ""); }
    [[nodiscard]] std::string send_request(const std::string& selector) const {
        const std::string body = R"({"payload":)" + message_text(options()) + "," + selector + "}";
        return request("POST", "conn/send",
                       "Content-Type: application/json\r\nContent-Length: " +
                           std::to_string(body.size()) + "\r\n") +
               body;
    }
    [[nodiscard]] static std::vector<std::string> ids_of(std::string_view list) {
        constexpr std::string_view mark = R"("id":")";
        std::vector<std::string> ids;
        for (size_t at = 0; (at = list.find(mark, at)) != std::string_view::npos;) {
            at += mark.size();
            ids.emplace_back(list.substr(at, list.find('"', at) - at));
        }
        return ids;
    }

private:
    // The key is that of bench/gateway_peers.py.
    [[nodiscard]] std::string request(std::string_view method, const std::string& path,
                                      const std::string& fields) const {
        const Upgrade to{.host = upgrade().host, .target = "/tapr/ws/" + path};
        return request_head(method, to, "X-Api-Key: bench\r\n" + fields);
    }
};

}  // namespace starling::bench
