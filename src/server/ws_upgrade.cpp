#include "server/ws_upgrade.h"

#include <exception>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/tokens.h"
#include "server/site_origins.h"
#include "server/worker.h"
#include "server/ws_handler.h"
#include "ws/handshake.h"

namespace starling::server {

namespace {

// The value of a field of the handshake. Several lines form one list (RFC 9110 section 5.3).
class FieldValue {
public:
    void add(std::string_view line) {
        if (count_++ == 0)
            only_ = line;
        else
            list_.append(count_ == 2 ? only_ : std::string_view()).append(", ").append(line);
    }
    [[nodiscard]] std::string_view text() const noexcept { return count_ > 1 ? list_ : only_; }

private:
    std::string_view only_;
    std::string list_;
    size_t count_ = 0;
};

struct HandshakeFields {
    explicit HandshakeFields(const http::Request& request) {
        for (const http::Field& field : request.headers())
            if (FieldValue* const value = named(field.name)) value->add(field.value);
    }

    FieldValue upgrade, connection, key, version, origin, protocols, extensions;

private:
    // All lengths differ: a field that the handshake does not know costs no comparison.
    FieldValue* named(std::string_view name) noexcept {
        const auto if_is = [name](std::string_view wanted, FieldValue& value) {
            return base::iequals(name, wanted) ? &value : nullptr;
        };
        switch (name.size()) {
            case 6: return if_is("origin", origin);
            case 7: return if_is("upgrade", upgrade);
            case 10: return if_is("connection", connection);
            case 17: return if_is("sec-websocket-key", key);
            case 21: return if_is("sec-websocket-version", version);
            case 22: return if_is("sec-websocket-protocol", protocols);
            case 24: return if_is("sec-websocket-extensions", extensions);
            default: return nullptr;
        }
    }
};

UpgradeOutcome refusal(int status, std::string_view reason, std::string_view field_lines = {}) {
    UpgradeOutcome outcome;
    outcome.status = status;
    outcome.reason = reason;
    outcome.field_lines = field_lines;
    return outcome;
}

std::vector<std::string_view> offered(std::string_view protocols) {
    std::vector<std::string_view> names;
    std::string_view rest = protocols, name;
    while (base::next_element(rest, name)) names.push_back(name);
    return names;
}

// Asks the handler. False: `outcome` is the refusal.
bool admitted(const WsContext& context, WsAdmission& admission, UpgradeOutcome& outcome) {
    try {
        context.handler().admit(admission);
    } catch (...) {
        context.worker.log_exception("upgrade", detail::describe(std::current_exception()));
        outcome = refusal(500, "Internal Server Error");
        return false;
    }
    if (admission.later) {
        outcome.later = true;
        return false;
    }
    if (admission.refusal) {
        outcome.status = admission.refusal->status();
        outcome.refusal = std::move(admission.refusal);
        return false;
    }
    if (admission.status == 101) return true;
    outcome = refusal(admission.status, admission.reason, admission.field_lines);
    return false;
}

// Applies the rules of RFC 6455 section 4.2 and of the endpoint. Nothing: the request passes.
std::optional<UpgradeOutcome> judge(const WsContext& context, const http::Request& request,
                                    const ws::HandshakeRequest& handshake) {
    const auto verdict = ws::check_handshake(handshake);
    if (verdict.status == 426)
        return refusal(426, verdict.reason, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    if (verdict.status == 405) return refusal(405, verdict.reason, "Allow: GET\r\n");
    if (verdict.status != 101) return refusal(verdict.status, verdict.reason);
    if (origin_allowed_on_site(*context.site.origins, request, handshake.origin))
        return std::nullopt;
    context.worker.log_refused_origin(request);
    auto refused = refusal(403, "this origin is not allowed");
    refused.foreign_origin = true;
    return refused;
}

std::string_view chosen_subprotocol(const WsContext& context, std::string_view protocols,
                                    const WsAdmission& admission) {
    if (admission.subprotocol) return *admission.subprotocol;
    const auto& supported = context.route().subprotocols;
    if (context.site.echo_subprotocol && supported.empty() && !admission.offered.empty() &&
        base::is_token(admission.offered.front()))
        return admission.offered.front();
    return ws::select_subprotocol(protocols, supported);
}

UpgradeOutcome decide(const WsContext& context, const http::Request& request,
                      const ws::HandshakeRequest& handshake, HttpConnection& connection) {
    if (auto refused = judge(context, request, handshake)) return std::move(*refused);
    const auto names = offered(handshake.protocols);
    WsAdmission admission{
        .worker = context.worker, .connection = connection, .request = request, .offered = names};
    UpgradeOutcome outcome;
    if (!admitted(context, admission, outcome)) return outcome;

    const auto subprotocol = chosen_subprotocol(context, handshake.protocols, admission);
    const auto deflate = ws::negotiate_deflate(handshake.extensions, context.site.deflate);
    outcome.accept = ws::accept_key(handshake.key);
    outcome.subprotocol = subprotocol;
    outcome.extensions = deflate.response;
    outcome.field_lines = std::move(admission.field_lines);
    const bool kept = context.handler().remembers().subprotocol;
    outcome.connection.reset(new (context.worker.slabs())
                                 WsConnection(context, kept ? subprotocol : std::string_view(),
                                              deflate.params, std::move(admission.data)));
    return outcome;
}

}  // namespace

UpgradeOutcome decide_upgrade(const WsContext& context, const http::RequestParser& parser,
                              const http::Request& request, HttpConnection& connection) {
    const HandshakeFields fields(request);
    const ws::HandshakeRequest handshake{
        .method = request.method(),
        .upgrade = fields.upgrade.text(),
        .connection = fields.connection.text(),
        .key = fields.key.text(),
        .version = fields.version.text(),
        .origin = fields.origin.text(),
        .host = request.host(),
        .protocols = fields.protocols.text(),
        .extensions = fields.extensions.text(),
        .http11 = parser.head().version_minor >= 1,
        .secure = request.secure(),
        .has_body = parser.head().has_body(),
    };
    return decide(context, request, handshake, connection);
}

}  // namespace starling::server
