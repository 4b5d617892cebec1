#include "server/socketio/login.h"

namespace starling::server {
namespace {

// Codes that a client can act upon; they reveal no more than that.
const char* code_of(auth::Failure failure) noexcept {
    switch (failure) {
        case auth::Failure::no_credentials: return "no_credentials";
        case auth::Failure::expired: return "token_expired";
        case auth::Failure::not_yet_valid: return "token_not_yet_valid";
        default: return "token_invalid";
    }
}

std::string_view token_of(const sio::Json& auth) {
    const auto* members = auth.if_object();
    const sio::Json* token = members ? members->if_contains("token") : nullptr;
    const auto* text = token ? token->if_string() : nullptr;
    return text ? std::string_view(text->data(), text->size()) : std::string_view();
}

}  // namespace

void SocketIoLogin::keep(const auth::Verdict& verdict, socketio::ConnectInfo& info) {
    if (verdict.identity)
        info.login_expires_s =
            verdict.identity->expires_at_s.value_or(socketio::ConnectInfo::never_s);
    else if (verdict.failure != auth::Failure::no_credentials)
        info.login_failure = code_of(verdict.failure);
}

socketio::Login SocketIoLogin::decide(const sio::Json& auth, const socketio::ConnectInfo& info,
                                      int64_t now_s) const {
    socketio::Login login;
    const auto refuse = [&](std::string_view code) {
        login.allowed = false;
        login.code = code;
    };
    if (const auto token = token_of(auth); !token.empty()) {
        const auto verdict = authenticator_.verify(token, now_s);
        if (verdict.identity) {
            login.user = verdict.identity->user;
            login.expires_s = verdict.identity->expires_at_s;
        } else {
            refuse(code_of(verdict.failure));
        }
    } else if (!info.user().empty()) {
        login.user = info.user();
        if (info.login_expires_s != socketio::ConnectInfo::never_s)
            login.expires_s = info.login_expires_s;
        if (info.login_expires_s <= now_s) refuse(code_of(auth::Failure::expired));
    } else if (info.login_failure) {
        refuse(info.login_failure);
    } else if (required_) {
        refuse(code_of(auth::Failure::no_credentials));
    }
    return login;
}

}  // namespace starling::server
