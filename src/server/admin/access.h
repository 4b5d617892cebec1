// server/admin/access.h: who may use the admin listener. The key is for people elsewhere; the
// checks of Host and Origin keep out pages of other sites in the browser of an operator: a name
// that was made to resolve to this machine (DNS rebinding), and requests across sites (CSRF).
//
// Pure. Thread: the owner's.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/api_key.h"
#include "auth/attempts.h"
#include "base/replaceable.h"

namespace starling::server {

class AdminAccess {
public:
    // Whether programs on this machine may read the metrics without the key.
    enum class Metrics : uint8_t { with_key, open };
    AdminAccess(const std::string& key, std::vector<std::string> hosts, Metrics metrics);

    enum class Why : uint8_t { peer_left, host, origin, type, no_key, wrong_key, waits };
    static constexpr size_t whys = 7;
    struct Refusal {
        Why why;
        int status;
        std::string_view reason;
        uint64_t retry_after_s = 0;
    };
    void change_key(const std::string& key);  // Any thread.
    // Nothing: the request may go on.
    [[nodiscard]] std::optional<Refusal> check(const http::Request& request, uint64_t now_ms);

private:
    [[nodiscard]] bool is_own_host(std::string_view host) const;
    [[nodiscard]] std::optional<Refusal> check_key(const http::Request& request, uint64_t now_ms);

    base::Replaceable<const auth::ApiKeys> key_;
    const std::vector<std::string> hosts_;
    const Metrics metrics_;
    auth::Attempts attempts_;
};

// The host of a Host field without its port.
[[nodiscard]] std::string_view host_without_port(std::string_view host) noexcept;
// Is an address of Listen loopback, or a Unix-domain socket?
[[nodiscard]] bool listens_locally(std::string_view address);

}  // namespace starling::server
