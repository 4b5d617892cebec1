#include "peer/forwarded.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "base/tokens.h"

namespace starling::peer {
namespace {

enum class Hop : uint8_t { address, hidden, malformed };

bool is_port(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, base::is_digit);
}

// RFC 7239 section 6.3: "_" and at least one of these characters. It also names a port.
bool is_obfuscated(std::string_view text) noexcept {
    return text.size() > 1 && text.front() == '_' &&
           std::ranges::all_of(text.substr(1), [](char c) {
               return base::is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
           });
}

// "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:80"; RFC 7239 section 6.
// `bare_v6`: "2001:db8::1" too, which X-Forwarded-For and X-Real-IP have.
Hop read_node(std::string_view text, bool bare_v6, IpAddress& address) noexcept {
    std::string_view name = text, port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const size_t end = text.find(']');
        if (end == std::string_view::npos) return Hop::malformed;
        name = text.substr(1, end - 1);
        port = text.substr(end + 1);
        has_port = !port.empty();
        if (has_port && port.front() != ':') return Hop::malformed;
        if (has_port) port.remove_prefix(1);
        if (name.find(':') == std::string_view::npos) return Hop::malformed;
    } else if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
        if (text.find(':', colon + 1) != std::string_view::npos) {
            if (!bare_v6) return Hop::malformed;
        } else {
            name = text.substr(0, colon);
            port = text.substr(colon + 1);
            has_port = true;
        }
    }
    if (has_port && !is_port(port) && !is_obfuscated(port)) return Hop::malformed;
    if (const auto parsed = IpAddress::parse(name)) {
        address = *parsed;
        return Hop::address;
    }
    return base::iequals(name, "unknown") || is_obfuscated(name) ? Hop::hidden : Hop::malformed;
}

struct Element {
    std::optional<std::string_view> node, proto;
};

// An element of Forwarded, RFC 7239 section 4: `for="[2001:db8::1]:80";by=x`. Nothing: it is
// malformed, or has `for` or `proto` twice.
std::optional<Element> read_pairs(std::string_view element) noexcept {
    Element found;
    while (!element.empty()) {
        const size_t equals = element.find('=');
        const std::string_view name = base::trim(element.substr(0, equals));
        if (equals == std::string_view::npos || !base::is_token(name)) return std::nullopt;
        element.remove_prefix(equals + 1);
        std::string_view value;
        if (element.starts_with('"')) {
            const size_t end = element.find('"', 1);
            if (end == std::string_view::npos) return std::nullopt;
            value = element.substr(1, end - 1);
            // No node needs an escape, and an escaped quote would hide where the value ends.
            if (value.find('\\') != std::string_view::npos) return std::nullopt;
            element = base::trim(element.substr(end + 1));
            if (!element.empty() && element.front() != ';') return std::nullopt;
        } else {
            const size_t end = std::min(element.find(';'), element.size());
            value = base::trim(element.substr(0, end));
            if (!base::is_token(value)) {
                // Some proxies forget the quotes that an address with a port needs.
                IpAddress unused;
                if (read_node(value, false, unused) == Hop::malformed) return std::nullopt;
            }
            element.remove_prefix(end);
        }
        if (!element.empty()) element = base::trim(element.substr(1));  // The ';'.
        auto* const known = base::iequals(name, "for")     ? &found.node
                            : base::iequals(name, "proto") ? &found.proto
                                                           : nullptr;
        if (!known) continue;
        if (*known) return std::nullopt;
        *known = value;
    }
    return found;
}

// Some proxies name the scheme of the WebSocket.
void read_scheme(std::string_view text, ForwardedClient& client) noexcept {
    client.secure.reset();
    const bool tls = base::iequals(text, "https") || base::iequals(text, "wss");
    client.scheme_malformed = !tls && !base::iequals(text, "http") && !base::iequals(text, "ws");
    if (!client.scheme_malformed) client.secure = tls;
}

// Takes the last element off `list`. A comma in quotes does not separate: counted from the end, so
// that a quote of the client at the beginning changes nothing behind it.
std::string_view last_element(std::string_view& list, bool quotes) noexcept {
    size_t at = list.size();
    bool quoted = false;
    while (at > 0 && (quoted || list[at - 1] != ',')) {
        --at;
        if (quotes && list[at] == '"') quoted = !quoted;
    }
    const std::string_view element = base::trim(list.substr(at));
    list = list.substr(0, at > 0 ? at - 1 : 0);
    return element;
}

Hop read_element(std::string_view element, ClientAddressField field, IpAddress& address,
                 ForwardedClient& client) noexcept {
    if (field != ClientAddressField::forwarded) return read_node(element, true, address);
    const auto pairs = read_pairs(element);
    if (!pairs) return Hop::malformed;
    client.secure.reset();
    if (pairs->proto) read_scheme(*pairs->proto, client);
    return pairs->node ? read_node(*pairs->node, false, address) : Hop::malformed;
}

// Reads X-Forwarded-Proto. `hop`: the client's place in the list of hops, counted from the end.
void read_forwarded_proto(std::span<const http::Field> fields, unsigned hop,
                          ForwardedClient& client) noexcept {
    std::optional<std::string_view> only, wanted;
    unsigned count = 0;
    for (size_t i = fields.size(); i-- > 0;) {
        if (!base::iequals(fields[i].name, "x-forwarded-proto")) continue;
        std::string_view list = fields[i].value;
        while (!list.empty() && count <= hop + 1) {
            const auto element = last_element(list, false);
            if (element.empty()) continue;
            only = element;
            if (count++ == hop) wanted = element;
        }
    }
    if (count == 1) wanted = only;
    if (wanted) return read_scheme(*wanted, client);
    client.scheme_malformed = count > 1;
}

std::string_view name_of(ClientAddressField field) noexcept {
    switch (field) {
        case ClientAddressField::forwarded: return "forwarded";
        case ClientAddressField::x_real_ip: return "x-real-ip";
        case ClientAddressField::x_forwarded_for:
        case ClientAddressField::none: break;
    }
    return "x-forwarded-for";
}

ForwardedClient only_address(std::span<const http::Field> fields) noexcept {
    ForwardedClient client;
    size_t count = 0;
    for (const http::Field& field : fields) {
        if (!base::iequals(field.name, name_of(ClientAddressField::x_real_ip))) continue;
        IpAddress address;
        const Hop hop = read_node(base::trim(field.value), true, address);
        if (hop == Hop::address) client.address = address;
        // Two of them: the proxy has added its field to the client's instead of replacing it.
        client.malformed |= hop == Hop::malformed || ++count > 1;
    }
    if (client.malformed) client.address.reset();
    return client;
}

// Reads the list of hops. `hops`: the client's place in it, counted from the end.
ForwardedClient last_untrusted(std::span<const http::Field> fields, ClientAddressField field,
                               const AddressSet& trusted, unsigned& hops) noexcept {
    ForwardedClient client;
    // Several lines of a field are one list (RFC 9110 section 5.3).
    for (size_t i = fields.size(); i-- > 0;) {
        if (!base::iequals(fields[i].name, name_of(field))) continue;
        std::string_view list = fields[i].value;
        while (!list.empty()) {
            const auto element = last_element(list, field == ClientAddressField::forwarded);
            if (element.empty()) continue;  // RFC 9110 section 5.6.1.2.
            IpAddress address;
            const Hop hop = read_element(element, field, address, client);
            client.malformed = hop == Hop::malformed || hops == hops_max;
            if (hop != Hop::address || client.malformed) return client;
            client.address = address;
            if (!trusted.contains(address)) return client;
            ++hops;
        }
    }
    if (hops > 0) --hops;  // The client is the first hop of the list, and trusted too.
    return client;
}

}  // namespace

ForwardedClient forwarded_client(std::span<const http::Field> fields, ClientAddressField field,
                                 const AddressSet& trusted) noexcept {
    if (field == ClientAddressField::none) return {};
    unsigned hops = 0;
    ForwardedClient client = field == ClientAddressField::x_real_ip
                                 ? only_address(fields)
                                 : last_untrusted(fields, field, trusted, hops);
    if (field != ClientAddressField::forwarded) read_forwarded_proto(fields, hops, client);
    return client;
}

}  // namespace starling::peer
