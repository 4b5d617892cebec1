#include "peer/client_network.h"

#include <span>

namespace starling::peer {
namespace {

uint64_t number(std::span<const uint8_t> bytes) noexcept {
    uint64_t value = 0;
    for (const uint8_t byte : bytes) value = value << 8 | byte;
    return value;
}

}  // namespace

ClientNetwork ClientNetwork::of(std::string_view address) noexcept {
    const auto parsed = IpAddress::parse(address);
    return parsed ? of(*parsed) : ClientNetwork();
}

ClientNetwork ClientNetwork::of(const IpAddress& address) noexcept {
    const std::span bytes(address.bytes);
    return {number(address.v4 ? bytes.last(4) : bytes.first(8)), !address.v4};
}

}  // namespace starling::peer
