#include "load/measure/upgrade.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace starling::load {
namespace {

constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view accept_value = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr size_t head_bytes_max = 16 * 1024;

std::string request(const Upgrade& upgrade, std::string_view fields) {
    std::string text = "GET " + upgrade.target + " HTTP/1.1\r\nHost: " + upgrade.host + "\r\n";
    text.append(fields);
    if (!upgrade.origin.empty()) text += "Origin: " + upgrade.origin + "\r\n";
    if (!upgrade.authorization.empty()) text += "Authorization: " + upgrade.authorization + "\r\n";
    for (const std::string& header : upgrade.headers) text += header + "\r\n";
    return text + "\r\n";
}

// The value of a field, "" without it. `name`: lower case with its colon.
std::string_view field(std::string_view head, std::string_view name) {
    for (size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
        at += 2;
        if (!base::iequals(head.substr(at, name.size()), name)) continue;
        std::string_view value = head.substr(at + name.size());
        value = value.substr(0, value.find("\r\n"));
        while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
        while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
        return value;
    }
    return {};
}

std::optional<Fault> fault_of(std::string_view head, const std::vector<std::string>& protocols) {
    using Kind = Fault::Kind;
    if (!head.starts_with("HTTP/1.") || head.size() < 12 || head[8] != ' ')
        return Fault{Kind::bad_answer, 0, "the answer to the handshake is not HTTP/1"};
    uint16_t status = 0;
    const auto parsed = std::from_chars(head.data() + 9, head.data() + 12, status);
    if (parsed.ec != std::errc() || parsed.ptr != head.data() + 12 || status < 100)
        return Fault{Kind::bad_answer, 0, "the answer to the handshake has no status"};
    if (status != 101) return Fault{Kind::status, status};
    if (!base::iequals(field(head, "upgrade:"), "websocket"))
        return Fault{Kind::bad_answer, 0, "the handshake's answer lacks Upgrade: websocket"};
    if (field(head, "sec-websocket-accept:") != accept_value)
        return Fault{Kind::bad_answer, 0, "Sec-WebSocket-Accept is wrong"};
    if (!field(head, "sec-websocket-extensions:").empty())
        return Fault{Kind::bad_answer, 0, "the server uses an extension that was not offered"};
    const std::string_view protocol = field(head, "sec-websocket-protocol:");
    if (!protocol.empty() && std::ranges::find(protocols, protocol) == protocols.end())
        return Fault{Kind::bad_answer, 0, "the server chose a subprotocol that was not offered"};
    return {};
}

}  // namespace

std::string upgrade_request(const Upgrade& upgrade) {
    std::string fields = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ";
    fields.append(key).append("\r\nSec-WebSocket-Version: 13\r\n");
    for (const std::string& protocol : upgrade.protocols)
        fields +=
            (&protocol == upgrade.protocols.data() ? "Sec-WebSocket-Protocol: " : ", ") + protocol;
    if (!upgrade.protocols.empty()) fields += "\r\n";
    return request(upgrade, fields);
}

std::string get_request(const Upgrade& upgrade, std::string_view accept) {
    return request(upgrade, "Accept: " + std::string(accept) + "\r\n");
}

UpgradeAnswer check_upgrade(std::string_view bytes, const std::vector<std::string>& protocols) {
    const size_t end = bytes.find("\r\n\r\n");
    if (end != std::string_view::npos) return {end + 4, fault_of(bytes.substr(0, end), protocols)};
    if (bytes.size() > head_bytes_max)
        return {bytes.size(),
                Fault{Fault::Kind::bad_answer, 0, "the answer to the handshake does not end"}};
    return {};
}

}  // namespace starling::load
