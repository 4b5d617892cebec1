// socketio/connect_info.h: what is kept of the request that opened a session, in one block of
// memory, because it lives as long as the client.
//
// Owner: the owner of the session. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/slab.h"

namespace starling::socketio {

struct ConnectFacts {
    int64_t issued_ms = 0;  // Unix time.
    bool secure = false;
    bool xdomain = false;             // The request had an Origin.
    bool from_trusted_proxy = false;  // As http::Request::from_trusted_proxy().
};
struct ConnectLogin {
    static constexpr int64_t never_s = INT64_MAX;

    int64_t expires_s = never_s;  // Unix time.
    const char* failure =
        nullptr;  // Why the credentials were refused; null: no failure. Static text.
};

class ConnectInfo {
public:
    static constexpr int64_t never_s = ConnectLogin::never_s;
    using Facts = ConnectFacts;
    using Login = ConnectLogin;

    ConnectInfo() = default;
    // `user`: the user that the request logged in, "" for none. `head`: "/socket.io/?EIO=4&...\n",
    // then "name: value\n" for each field. `slabs` live longer; null: the memory is from the heap.
    ConnectInfo(std::string_view address, std::string_view user, std::string_view head,
                const Facts& facts, const Login& login = {}, base::Slabs* slabs = nullptr);

    [[nodiscard]] std::string_view address() const noexcept;  // At most 255 bytes, like user().
    [[nodiscard]] std::string_view user() const noexcept;
    [[nodiscard]] std::string head() const;  // Unpacked for the caller.
    [[nodiscard]] Facts facts() const noexcept;
    [[nodiscard]] Login login() const noexcept;

private:
    struct Block;  // The packed head follows it, with the texts and, if there is one, the Login.
    struct Free {
        void operator()(Block* block) const noexcept;
    };
    std::unique_ptr<Block, Free> block_;  // Null: everything is empty.
};
static_assert(sizeof(ConnectInfo) == 8, "part of what an idle Socket.IO client costs");

}  // namespace starling::socketio
