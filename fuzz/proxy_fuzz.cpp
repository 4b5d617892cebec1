// What proxies say about clients: the PROXY header in pieces, and the fields of a request. The first
// byte chooses the size of the pieces or the field.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "base/text.h"
#include "peer/forwarded.h"
#include "peer/proxy_header.h"

namespace {

using starling::ClientAddressField;
using starling::peer::IpAddress;
using starling::peer::ProxyHeader;

void check_address(const std::string& text) {
    const auto parsed = IpAddress::parse(text);
    STARLING_ASSERT(parsed && parsed->to_string() == text);
}

std::string read_header(std::string_view bytes, size_t piece) {
    ProxyHeader header;
    size_t used = 0, seen = 0;
    while (header.state() == ProxyHeader::State::need_more && seen < bytes.size()) {
        seen = std::min(seen + piece, bytes.size());
        const size_t taken = header.take(starling::base::bytes_of(bytes.substr(used, seen - used)));
        STARLING_ASSERT(taken <= seen - used);
        used += taken;
        // A socket would report the same bytes again and again.
        STARLING_ASSERT(header.state() != ProxyHeader::State::need_more || used == seen);
    }
    if (header.state() != ProxyHeader::State::complete)
        return header.state() == ProxyHeader::State::malformed ? "malformed" : "more";
    if (header.is_relayed() && header.address() != "unknown") check_address(header.address());
    return header.address() + std::to_string(used) + (header.is_relayed() ? "r" : "l");
}

void read_field(std::string_view value, ClientAddressField field) {
    const auto trusted = starling::peer::AddressSet::read("", {"10.0.0.0/8", "2001:db8::/32"});
    const std::string_view name = field == ClientAddressField::forwarded         ? "forwarded"
                                  : field == ClientAddressField::x_forwarded_for ? "x-forwarded-for"
                                                                                 : "x-real-ip";
    const starling::http::Field one{name, value};
    const auto found = starling::peer::forwarded_client({&one, 1}, field, trusted);
    if (found.address) check_address(found.address->to_string());
    if (field == ClientAddressField::x_real_ip) return;
    // Whatever the client has sent, the hop that the proxy appends is the client.
    const std::string appended =
        std::string(value) +
        (field == ClientAddressField::forwarded ? ", for=203.0.113.9" : ", 203.0.113.9");
    const starling::http::Field two{name, appended};
    const auto behind = starling::peer::forwarded_client({&two, 1}, field, trusted);
    STARLING_ASSERT(behind.address && behind.address->to_string() == "203.0.113.9");
    STARLING_ASSERT(!behind.malformed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0]) {
        case 'F': read_field(rest, ClientAddressField::forwarded); return 0;
        case 'X': read_field(rest, ClientAddressField::x_forwarded_for); return 0;
        case 'R': read_field(rest, ClientAddressField::x_real_ip); return 0;
        default: break;
    }
    const size_t piece = data[0] % 64 + 1u;
    STARLING_ASSERT(read_header(rest, piece) == read_header(rest, rest.size() + 1));
    return 0;
}
