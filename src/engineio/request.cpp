#include "engineio/request.h"

#include <array>

#include "base/json_text.h"

namespace starling::engineio {
namespace {

std::optional<Transport> transport_of(std::string_view name, const Policy& policy) noexcept {
    if (name == "polling" && policy.polling) return Transport::polling;
    if (name == "websocket" && policy.websocket) return Transport::websocket;
    return std::nullopt;
}

std::optional<Error> verify_handshake(const Query& query, Transport transport, Method method,
                                      bool upgrade, const Policy& policy) noexcept {
    if (method != Method::get) return Error::bad_handshake_method;
    if (upgrade != (transport == Transport::websocket)) return Error::bad_request;
    if (revision_of(query) == Revision::eio3 && !policy.allow_eio3)
        return Error::unsupported_version;
    return std::nullopt;
}

std::optional<Error> verify_known(const Query& query, Transport transport, Method method,
                                  bool upgrade, const Policy& policy,
                                  const SessionFacts& session) noexcept {
    if (upgrade) {
        // A second WebSocket of a session passes here: it is opened, and the session then closes
        // it.
        if (transport != Transport::websocket || !policy.allow_upgrades) return Error::bad_request;
    } else {
        if (transport != session.transport || transport == Transport::websocket)
            return Error::bad_request;
        if (method == Method::other) return Error::bad_handshake_method;
    }
    if (revision_of(query) != session.revision) return Error::bad_request;
    return std::nullopt;
}

}  // namespace

Revision revision_of(const Query& query) noexcept {
    return query.eio == "4" ? Revision::eio4 : Revision::eio3;
}

bool supports_binary(const Query& query) noexcept { return query.b64.empty() && !query.j; }

std::optional<Error> verify(const Query& query, Method method, bool upgrade, const Policy& policy,
                            const SessionFacts* session) noexcept {
    const auto transport = transport_of(query.transport, policy);
    if (!transport) return Error::unknown_transport;
    if (query.sid.empty()) return verify_handshake(query, *transport, method, upgrade, policy);
    if (!session) return Error::unknown_sid;
    return verify_known(query, *transport, method, upgrade, policy, *session);
}

std::string_view error_message(Error error) noexcept {
    constexpr std::array<std::string_view, 6> messages = {
        "Transport unknown", "Session ID unknown", "Bad handshake method",
        "Bad request",       "Forbidden",          "Unsupported protocol version",
    };
    return messages[static_cast<size_t>(error)];
}

uint16_t error_status(Error error) noexcept { return error == Error::forbidden ? 403 : 400; }

std::string error_body(Error error, std::string_view message) {
    std::string out = "{\"code\":";
    out += static_cast<char>('0' + static_cast<int>(error));
    out += ",\"message\":";
    base::append_json_string(out, message.empty() ? error_message(error) : message);
    out += '}';
    return out;
}

std::string open_data(const OpenPacket& open) {
    constexpr size_t usual_bytes = 160;
    std::string out;
    out.reserve(usual_bytes);
    out += "{\"sid\":\"";
    out += open.sid;
    out += open.upgrade_to_websocket ? "\",\"upgrades\":[\"websocket\"]" : "\",\"upgrades\":[]";
    out += ",\"pingInterval\":" + std::to_string(open.ping_interval_ms);
    out += ",\"pingTimeout\":" + std::to_string(open.ping_timeout_ms);
    out += ",\"maxPayload\":" + std::to_string(open.max_payload_bytes);
    out += '}';
    return out;
}

}  // namespace starling::engineio
