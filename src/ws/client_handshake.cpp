#include "ws/client_handshake.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/tokens.h"

namespace starling::ws {

std::array<char, 24> client_key(std::span<const std::byte, 16> random) {
    unsigned char base64[25];  // EVP_EncodeBlock() adds a NUL.
    EVP_EncodeBlock(base64, reinterpret_cast<const unsigned char*>(random.data()), 16);
    std::array<char, 24> key;
    std::memcpy(key.data(), base64, key.size());
    return key;
}

void append_request(std::string& out, const ClientHandshake& handshake, std::string_view key) {
    const auto append_field = [&out](std::string_view name, std::string_view value) {
        STARLING_ASSERT(base::is_token(name) &&
                        value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos);
        out.append("\r\n").append(name).append(": ").append(value);
    };
    out.append("GET ").append(handshake.target).append(" HTTP/1.1");
    append_field("Host", handshake.host);
    append_field("Upgrade", "websocket");
    append_field("Connection", "Upgrade");
    append_field("Sec-WebSocket-Key", key);
    append_field("Sec-WebSocket-Version", "13");
    if (!handshake.origin.empty()) append_field("Origin", handshake.origin);
    std::string subprotocols;
    for (const std::string& name : handshake.subprotocols) {
        if (!subprotocols.empty()) subprotocols += ", ";
        subprotocols += name;
    }
    if (!subprotocols.empty()) append_field("Sec-WebSocket-Protocol", subprotocols);
    const std::string offer = deflate_offer(handshake.deflate);
    if (!offer.empty()) append_field("Sec-WebSocket-Extensions", offer);
    for (const auto& [name, value] : handshake.extra) append_field(name, value);
    out += "\r\n\r\n";
}

ClientVerdict check_response(const HandshakeResponse& response, const ClientHandshake& handshake,
                             std::string_view key) {
    if (response.status != 101) return {"status is not 101", {}, {}};
    if (!base::iequals(base::trim(response.upgrade), "websocket")) {
        return {"Upgrade is not websocket", {}, {}};
    }
    if (!base::list_has(response.connection, "upgrade")) {
        return {"Connection does not say Upgrade", {}, {}};
    }
    const auto accept = accept_key(key);
    if (base::trim(response.accept) != std::string_view(accept.data(), accept.size())) {
        return {"wrong Sec-WebSocket-Accept", {}, {}};
    }
    const std::string_view subprotocol = base::trim(response.protocol);
    const auto offered = handshake.subprotocols;
    if (!subprotocol.empty() && std::ranges::find(offered, subprotocol) == offered.end()) {
        return {"subprotocol that was not offered", {}, {}};
    }
    // Stricter than section 4.1, but the rule of browsers (WHATWG WebSockets section 2.1).
    if (subprotocol.empty() && !offered.empty()) {
        return {"none of the offered subprotocols was chosen", {}, {}};
    }
    const DeflateVerdict deflate = check_deflate_response(response.extensions, handshake.deflate);
    if (!deflate.error.empty()) return {deflate.error, {}, {}};
    return {{}, subprotocol, deflate.params};
}

}  // namespace starling::ws
