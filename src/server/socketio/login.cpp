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

socketio::ConnectInfo::Login SocketIoLogin::kept(const auth::Verdict& verdict) {
    socketio::ConnectInfo::Login login;
    if (verdict.identity)
        login.expires_s = verdict.identity->expires_at_s.value_or(login.expires_s);
    else if (verdict.failure != auth::Failure::no_credentials)
        login.failure = code_of(verdict.failure);
    return login;
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
        const int64_t expires_s = info.login().expires_s;
        login.user = info.user();
        if (expires_s != socketio::ConnectInfo::never_s) login.expires_s = expires_s;
        if (expires_s <= now_s) refuse(code_of(auth::Failure::expired));
    } else if (const char* const failure = info.login().failure) {
        refuse(failure);
    } else if (required_) {
        refuse(code_of(auth::Failure::no_credentials));
    }
    return login;
}

}  // namespace starling::server
