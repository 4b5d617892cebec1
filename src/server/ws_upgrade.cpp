#include "server/ws_upgrade.h"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/tokens.h"
#include "server/worker.h"
#include "ws/handshake.h"

namespace starling::ws {

bool Upgrade::subprotocol(std::string_view name) {
    if (!name.empty() && std::ranges::find(offered_, name) == offered_.end()) return false;
    subprotocol_ = name;
    return true;
}

Upgrade& Upgrade::header(std::string_view name, std::string_view value) {
    if (!base::is_token(name) || !std::ranges::all_of(value, base::is_field_char))
        throw std::invalid_argument("not a header field");
    header_lines_.append(name).append(": ").append(value).append("\r\n");
    return *this;
}

}  // namespace starling::ws

namespace starling::server {

// The friend of ws::Upgrade: makes one, runs the application's hook, reads the result.
class WsUpgrade {
public:
    WsUpgrade(const WsContext& context, const http::Request& request, std::string_view protocols)
        : context_(context), request_(request), protocols_(protocols) {}

    UpgradeOutcome decide(const ws::HandshakeRequest& handshake);

private:
    [[nodiscard]] bool ask_gate(ws::Upgrade& upgrade, UpgradeOutcome& outcome) const;
    [[nodiscard]] bool run_hook(ws::Upgrade& upgrade, UpgradeOutcome& outcome) const;
    [[nodiscard]] std::vector<std::string_view> offered() const;

    const WsContext& context_;
    const http::Request& request_;
    const std::string_view protocols_;
};

namespace {

// Repeated lines of a field mean one list (RFC 9110 section 5.3). `storage` is used where there are
// several.
std::string_view joined(const http::Request& request, std::string_view name, std::string& storage) {
    std::string_view only;
    size_t count = 0;
    for (const auto& field : request.headers()) {
        if (!base::iequals(field.name, name)) continue;
        if (count++ == 0) {
            only = field.value;
            continue;
        }
        if (count == 2) storage = only;
        storage.append(", ").append(field.value);
    }
    return count > 1 ? std::string_view(storage) : only;
}

UpgradeOutcome refusal(int status, std::string_view reason, std::string_view field_lines = {}) {
    UpgradeOutcome outcome;
    outcome.status = status;
    outcome.reason = reason;
    outcome.field_lines = field_lines;
    return outcome;
}

}  // namespace

std::vector<std::string_view> WsUpgrade::offered() const {
    std::vector<std::string_view> names;
    std::string_view rest = protocols_, name;
    while (base::next_element(rest, name)) names.push_back(name);
    return names;
}

bool WsUpgrade::ask_gate(ws::Upgrade& upgrade, UpgradeOutcome& outcome) const {
    http::Response response;
    try {
        upgrade.data_ = context_.site.admission(context_.worker, request_, response);
    } catch (const std::exception& error) {
        context_.worker.log_exception("upgrade", error.what());
        response = http::Response();
        response.status(500).text("Internal Server Error\n");
    } catch (...) {
        context_.worker.log_exception("upgrade", "an exception of unknown type");
        response = http::Response();
        response.status(500).text("Internal Server Error\n");
    }
    upgrade.header_lines_ = response.field_lines();
    if (upgrade.data_) return true;
    outcome.status = response.status();
    outcome.refusal = std::move(response);
    return false;
}

bool WsUpgrade::run_hook(ws::Upgrade& upgrade, UpgradeOutcome& outcome) const {
    if (context_.site.admission) return ask_gate(upgrade, outcome);
    const auto& hook = context_.route().upgrade;
    if (!hook) return true;
    try {
        hook(upgrade);
        if (upgrade.refused_status_ == 0) return true;
        if (upgrade.refused_status_ < 200 || upgrade.refused_status_ > 599)
            throw std::invalid_argument("refused with a status outside 200 to 599");
        outcome = refusal(upgrade.refused_status_, upgrade.refused_reason_, upgrade.header_lines_);
        if (outcome.reason.empty()) outcome.reason = "refused";
    } catch (const std::exception& error) {
        context_.worker.log_exception("upgrade", error.what());
        outcome = refusal(500, "Internal Server Error");
    } catch (...) {
        context_.worker.log_exception("upgrade", "an exception of unknown type");
        outcome = refusal(500, "Internal Server Error");
    }
    return false;
}

UpgradeOutcome WsUpgrade::decide(const ws::HandshakeRequest& handshake) {
    const auto verdict = ws::check_handshake(handshake);
    if (verdict.status == 426)
        return refusal(426, verdict.reason, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    if (verdict.status == 405) return refusal(405, verdict.reason, "Allow: GET\r\n");
    if (verdict.status != 101) return refusal(verdict.status, verdict.reason);
    if (!ws::origin_allowed(context_.site.origins, handshake.origin, handshake.host,
                            handshake.secure)) {
        context_.worker.log_refused_origin(request_);
        return refusal(403, "this origin is not allowed");
    }

    const auto names = offered();
    ws::Upgrade upgrade(request_, names);
    UpgradeOutcome outcome;
    if (!run_hook(upgrade, outcome)) return outcome;

    std::string_view subprotocol =
        ws::select_subprotocol(protocols_, context_.route().subprotocols);
    if (upgrade.subprotocol_) subprotocol = *upgrade.subprotocol_;
    if (context_.site.echo_subprotocol && context_.route().subprotocols.empty() && !names.empty() &&
        base::is_token(names.front()))
        subprotocol = names.front();
    const auto deflate = ws::negotiate_deflate(handshake.extensions, context_.site.deflate);
    const auto accept = ws::accept_key(handshake.key);
    ws::append_response(outcome.response, {accept.data(), accept.size()}, subprotocol,
                        deflate.response);
    if (!upgrade.header_lines_.empty())  // Before the blank line.
        outcome.response.insert(outcome.response.size() - 2, upgrade.header_lines_);
    // What is above an admitted socket does not ask for it.
    if (context_.site.admission) subprotocol = {};
    outcome.connection = std::make_unique<WsConnection>(context_, subprotocol, deflate.params,
                                                        std::move(upgrade.data_));
    return outcome;
}

UpgradeOutcome decide_upgrade(const WsContext& context, const http::RequestParser& parser,
                              const http::Request& request) {
    std::string upgrades, connections, keys, versions, origins, protocols, extensions;
    const ws::HandshakeRequest handshake{
        .method = request.method(),
        .upgrade = joined(request, "upgrade", upgrades),
        .connection = joined(request, "connection", connections),
        .key = joined(request, "sec-websocket-key", keys),
        .version = joined(request, "sec-websocket-version", versions),
        .origin = joined(request, "origin", origins),
        .host = request.host(),
        .protocols = joined(request, "sec-websocket-protocol", protocols),
        .extensions = joined(request, "sec-websocket-extensions", extensions),
        .http11 = parser.head().version_minor >= 1,
        .secure = request.secure(),
        .has_body = parser.head().has_body(),
    };
    return WsUpgrade(context, request, handshake.protocols).decide(handshake);
}

}  // namespace starling::server
