#include "ws/handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <cstring>

#include "base/assert.h"
#include "base/tokens.h"

namespace starling::ws {

namespace {

constexpr std::string_view accept_guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr size_t key_characters = 24, sha1_bytes = 20;

bool is_base64_char(char c) noexcept {
    return base::is_digit(c) || (base::lower(c) >= 'a' && base::lower(c) <= 'z') || c == '+' ||
           c == '/';
}

// Section 4.1: 16 bytes in base64: 22 characters and "==". The last character has four unused bits,
// which are ignored, as most decoders do (RFC 4648 section 3.5).
bool key_is_valid(std::string_view key) noexcept {
    if (key.size() != key_characters || !key.ends_with("==")) return false;
    for (const char c : key.substr(0, 22)) {
        if (!is_base64_char(c)) return false;
    }
    return true;
}

}  // namespace

bool wants_websocket(std::string_view upgrade) noexcept {
    return base::list_has(upgrade, "websocket");
}

HandshakeVerdict check_handshake(const HandshakeRequest& request) {
    if (request.method != "GET") return {405, "method is not GET"};
    if (!request.http11) return {400, "HTTP/1.1 is needed"};
    if (request.has_body) return {400, "upgrade request with a body"};
    if (request.host.empty()) return {400, "no Host"};
    if (!wants_websocket(request.upgrade)) return {426, "this is a WebSocket endpoint"};
    if (!base::list_has(request.connection, "upgrade"))
        return {400, "Connection does not say Upgrade"};
    // Checked before the key: protocol versions before 13 had other keys, and their clients should
    // learn the supported version (4.4).
    if (request.version != "13") return {426, "Sec-WebSocket-Version is not 13"};
    if (!key_is_valid(request.key)) return {400, "Sec-WebSocket-Key is not 16 bytes of base64"};
    if (!subprotocols_are_valid(request.protocols))
        return {400, "malformed Sec-WebSocket-Protocol"};
    if (!request.extensions.empty() && !parse_extensions(request.extensions)) {
        return {400, "malformed Sec-WebSocket-Extensions"};
    }
    return {101, "Switching Protocols"};
}

// OpenSSL 3 advises EVP in place of SHA1_Update(). But EVP allocates for each digest, and costs more
// than the digest. Both use the processor's instructions for SHA-1.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
std::array<char, 28> accept_key(std::string_view key) {
    SHA_CTX context;
    unsigned char hash[sha1_bytes];
    SHA1_Init(&context);
    SHA1_Update(&context, key.data(), key.size());
    SHA1_Update(&context, accept_guid.data(), accept_guid.size());
    SHA1_Final(hash, &context);
    unsigned char base64[29];  // EVP_EncodeBlock() adds a NUL.
    EVP_EncodeBlock(base64, hash, sha1_bytes);
    std::array<char, 28> accept;
    std::memcpy(accept.data(), base64, accept.size());
    return accept;
}
#pragma GCC diagnostic pop

bool subprotocols_are_valid(std::string_view offered) noexcept {
    if (offered.empty()) return true;
    size_t names = 0;
    std::string_view name, later;
    while (base::next_element(offered, name)) {
        if (!base::is_token(name) || ++names > subprotocols_max) return false;
        // 4.1: each subprotocol occurs once. Names are compared with case.
        for (std::string_view rest = offered; base::next_element(rest, later);)
            if (later == name) return false;
    }
    return names > 0;
}

std::string_view select_subprotocol(std::string_view offered,
                                    std::span<const std::string> supported) noexcept {
    for (const std::string& candidate : supported) {
        std::string_view name;
        for (std::string_view rest = offered; base::next_element(rest, name);)
            if (name == candidate) return candidate;
    }
    return {};
}

void append_response(std::string& out, std::string_view accept, std::string_view subprotocol,
                     std::string_view extensions, std::span<const HeaderField> extra) {
    constexpr size_t usual_bytes = 256;  // With the fields that middleware may add.
    out.reserve(usual_bytes);
    out +=
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: ";
    out += accept;
    const auto append_field = [&out](std::string_view name, std::string_view value) {
        STARLING_ASSERT(base::is_token(name) &&
                        value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos);
        out.append("\r\n").append(name).append(": ").append(value);
    };
    if (!subprotocol.empty()) append_field("Sec-WebSocket-Protocol", subprotocol);
    if (!extensions.empty()) append_field("Sec-WebSocket-Extensions", extensions);
    for (const auto& [name, value] : extra) append_field(name, value);
    out += "\r\n\r\n";
}

}  // namespace starling::ws
