// server/socketio/login.h: identifies a Socket.IO client by `auth: {token}`, or by the credentials
// of its first request. Shared by all workers; any thread.
#pragma once

#include <starling/auth.h>

#include "socketio/settings.h"

namespace starling::server {

class SocketIoLogin {
public:
    SocketIoLogin(const auth::Options& options, bool required)
        : authenticator_(options), required_(required) {}

    // Reads the credentials of the request that opened the session.
    [[nodiscard]] auth::Verdict read(const http::Request& request, int64_t now_s) const {
        return authenticator_.identify(request, now_s);
    }
    // What decide() needs as long as the session lives.
    [[nodiscard]] static socketio::ConnectInfo::Login kept(const auth::Verdict& verdict);
    [[nodiscard]] socketio::Login decide(const sio::Json& auth, const socketio::ConnectInfo& info,
                                         int64_t now_s) const;

private:
    const auth::Authenticator authenticator_;
    const bool required_;
};

}  // namespace starling::server
