#include "load/measure/upgrade.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace starling::load {
namespace {

constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view accept_value = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr size_t head_bytes_max = 16 * 1024;

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

std::optional<Fault> fault_of(std::string_view head, const Upgrade& offered,
                              std::optional<ws::DeflateParams>& deflate) {
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
    const std::string_view extensions = field(head, "sec-websocket-extensions:");
    const ws::DeflateVerdict verdict = ws::check_deflate_response(extensions, offered.deflate);
    if (!verdict.error.empty())
        return Fault{Kind::bad_answer, 0,
                     "Sec-WebSocket-Extensions: " + std::string(verdict.error)};
    deflate = verdict.params;
    const std::string_view protocol = field(head, "sec-websocket-protocol:");
    if (!protocol.empty() &&
        std::ranges::find(offered.protocols, protocol) == offered.protocols.end())
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
    if (const std::string offer = ws::deflate_offer(upgrade.deflate); !offer.empty())
        fields += "Sec-WebSocket-Extensions: " + offer + "\r\n";
    return request_head("GET", upgrade, fields);
}

std::string request_head(std::string_view method, const Upgrade& upgrade, std::string_view fields) {
    std::string text(method);
    text += " " + upgrade.target + " HTTP/1.1\r\nHost: " + upgrade.host + "\r\n";
    text.append(fields);
    if (!upgrade.origin.empty()) text += "Origin: " + upgrade.origin + "\r\n";
    if (!upgrade.authorization.empty()) text += "Authorization: " + upgrade.authorization + "\r\n";
    for (const std::string& header : upgrade.headers) text += header + "\r\n";
    return text + "\r\n";
}

UpgradeAnswer check_upgrade(std::string_view bytes, const Upgrade& offered) {
    const size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos && bytes.size() <= head_bytes_max) return {};
    UpgradeAnswer answer{.bytes = std::min(end, bytes.size())};
    if (answer.bytes > head_bytes_max) {
        answer.fault = {Fault::Kind::bad_answer, 0, "the answer to the handshake does not end"};
        return answer;
    }
    answer.fault = fault_of(bytes.substr(0, end), offered, answer.deflate);
    answer.bytes = end + 4;
    return answer;
}

std::string engine_target(std::string target, std::string_view transport) {
    if (target.find("transport=") != std::string::npos) return target;
    if (target == "/") target = "/socket.io/";
    target += target.find('?') == std::string::npos ? '?' : '&';
    return target.append("EIO=4&transport=").append(transport);
}

}  // namespace starling::load
