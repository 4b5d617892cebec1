#include "ws/client_opening.h"

#include <algorithm>
#include <initializer_list>

#include "base/text.h"
#include "base/tokens.h"

namespace starling::ws {
namespace {

// The handshake sets these itself.
constexpr std::string_view reserved_fields[] = {
    "host",    "connection", "upgrade", "content-length", "transfer-encoding",
    "trailer", "te",         "expect",
};

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
    return std::ranges::any_of(names, [&](auto other) { return base::iequals(name, other); });
}

bool is_credential(std::string_view name) {
    constexpr std::string_view names[] = {"authorization", "cookie", "proxy-authorization"};
    return is_one_of(name, names);
}

bool is_redirect(uint16_t status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// RFC 9110 section 5.3: the values of fields of one name, in order, joined by a comma.
std::string joined(std::span<const http::Field> fields, std::string_view name) {
    std::string out;
    bool found = false;
    for (const http::Field& field : fields) {
        if (!base::iequals(field.name, name)) continue;
        if (std::exchange(found, true)) out += ", ";
        out += field.value;
    }
    return out;
}

}  // namespace

std::string check_headers(std::span<const std::pair<std::string, std::string>> headers) {
    for (const auto& [name, value] : headers) {
        if (!base::is_token(name)) return "no name of a header field: '" + name + "'";
        const bool own = name.size() > 14 &&
                         base::iequals(std::string_view(name).substr(0, 14), "sec-websocket-");
        if (own || is_one_of(name, reserved_fields))
            return "the handshake itself sets the header field " + name;
        if (!std::ranges::all_of(value, base::is_field_char))
            return "a control character in the value of the header field " + name;
    }
    return {};
}

ClientOpening::ClientOpening(const OpeningOptions& options, const ClientUrl& url,
                             std::span<const std::byte, 16> random, bool credentials)
    : options_(options),
      key_(client_key(random)),
      reader_(http::ResponseLimits{.body_bytes_max = UINT64_MAX}) {
    std::vector<HeaderField> extra;
    bool authorized = false;
    for (const auto& [name, value] : options.headers) {
        if (!credentials && is_credential(name)) continue;
        authorized = authorized || base::iequals(name, "authorization");
        extra.emplace_back(name, value);
    }
    // An application's own field says more than the URL.
    if (credentials && !authorized && !url.authorization.empty())
        extra.emplace_back("Authorization", url.authorization);
    const std::string host = url.host_field();
    append_request(request_,
                   {.host = host,
                    .target = url.target,
                    .origin = options.origin,
                    .subprotocols = options.subprotocols,
                    .deflate = options.deflate,
                    .extra = extra},
                   base::text_of(std::as_bytes(std::span(key_))));
    reader_.begin();
}

ClientOpening::Step ClientOpening::on_bytes(std::span<const std::byte>& input) {
    while (step_ == Step::more || step_ == Step::body) {
        const http::ResponseEvent event = reader_.next(input);
        if (event.kind == http::ResponseEvent::Kind::need_more) break;
        step_ = on_event(event);
    }
    return step_;
}

ClientOpening::Step ClientOpening::on_event(const http::ResponseEvent& event) {
    using Kind = http::ResponseEvent::Kind;
    if (event.kind == Kind::head) return on_head();
    if (event.kind == Kind::error && step_ == Step::more) {
        status_ = reader_.status();
        return fail("the server's answer is no HTTP: " + std::string(reader_.reason()));
    }
    if (event.kind != Kind::body_chunk)
        return refuse();  // The whole body, or what can be read of it.
    body_ +=
        base::text_of(event.body.first(std::min(event.body.size(), body_bytes_max - body_.size())));
    return body_.size() == body_bytes_max ? refuse() : Step::body;
}

ClientOpening::Step ClientOpening::on_head() {
    const http::ResponseHead& head = reader_.head();
    status_ = head.status;
    if (is_redirect(status_)) {
        location_ = reader_.field("location");
        if (!location_.empty()) return Step::redirect;
    }
    if (status_ != 101) return Step::body;
    if (head.version_minor < 1) return fail("the server's answer is not HTTP/1.1");
    const std::string upgrade = joined(head.fields, "upgrade");
    const std::string connection = joined(head.fields, "connection");
    const std::string accept = joined(head.fields, "sec-websocket-accept");
    const std::string protocol = joined(head.fields, "sec-websocket-protocol");
    extensions_ = joined(head.fields, "sec-websocket-extensions");
    ClientHandshake asked;
    asked.subprotocols = options_.subprotocols;
    asked.deflate = options_.deflate;
    const ClientVerdict verdict =
        check_response({status_, upgrade, connection, accept, protocol, extensions_}, asked,
                       base::text_of(std::as_bytes(std::span(key_))));
    if (!verdict.error.empty()) return fail("the handshake failed: " + std::string(verdict.error));
    subprotocol_ = verdict.subprotocol;
    deflate_ = verdict.deflate;
    return Step::open;
}

ClientOpening::Step ClientOpening::refuse() {
    std::string text = "the server answered " + std::to_string(status_);
    if (const std::string_view reason = reader_.head().reason; !reason.empty())
        text.append(" ").append(reason);
    return fail(std::move(text));
}

ClientOpening::Step ClientOpening::fail(std::string error) {
    error_ = std::move(error);
    step_ = Step::failed;
    return step_;
}

ClientOpening::Step ClientOpening::on_ended() {
    if (step_ == Step::body) return refuse();
    if (step_ != Step::more) return step_;
    status_ = reader_.status();
    return fail(reader_.started() ? "the connection ended within the server's answer"
                                  : "the connection ended before the server answered");
}

ClientOpening::Step ClientOpening::on_waited() { return step_ == Step::body ? refuse() : step_; }

}  // namespace starling::ws
