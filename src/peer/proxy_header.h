// peer/proxy_header.h: the header of the PROXY protocol, versions 1 and 2, with which a proxy names
// the client of a connection (https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt). Pure:
// bytes in, one result out. No byte after the header is consumed.
//
// Owner: the code that reads the connection. Thread: any one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace starling::peer {

class ProxyHeader {
public:
    static constexpr size_t v1_bytes_max = 107;  // With its CR LF; section 2.1.
    // Of version 2, behind its first 16 bytes: the addresses and the TLVs, which are skipped. The
    // largest address block has 216 bytes.
    static constexpr size_t v2_body_bytes_max = 4096;

    enum class State : uint8_t { need_more, complete, malformed };

    // Takes the next bytes of the connection: all bytes that it has not consumed yet.
    // `bytes` may end anywhere. Returns how many bytes belong to the header; after
    // State::malformed the number means nothing. Call it no more once state() is not need_more.
    size_t take(std::span<const std::byte> bytes) noexcept;

    [[nodiscard]] State state() const noexcept { return state_; }
    // In State::complete. False: the connection is the proxy's own (LOCAL), for a health check.
    [[nodiscard]] bool is_relayed() const noexcept { return relayed_; }
    // Of a relayed connection: "192.0.2.1", "2001:db8::1". "unknown": the header says UNKNOWN, or
    // names no IP address. Section 2 would use the proxy's address then; but other code trusts
    // headers for the address they come from, and these come from the client.
    [[nodiscard]] const std::string& address() const noexcept { return address_; }

private:
    // Each appends to kept_, and returns the number of bytes it used.
    size_t take_line(std::string_view bytes);
    size_t take_binary(std::string_view bytes);
    bool read_line(std::string_view line);
    bool read_addresses();
    void fail() noexcept { state_ = State::malformed; }

    State state_ = State::need_more;
    bool relayed_ = true;
    uint32_t skip_ = 0;  // Of version 2: bytes of the body that are not kept.
    std::string kept_;   // The header so far; of version 2 no more than the address block.
    std::string address_ = "unknown";
};

}  // namespace starling::peer
