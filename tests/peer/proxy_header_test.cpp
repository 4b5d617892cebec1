#include "peer/proxy_header.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace starling::peer {
namespace {

using namespace std::string_literals;

constexpr std::string_view rest = "GET / HTTP/1.1\r\n";

// What the header says: the address, "local", "malformed" or "more", and how many bytes it has if
// it is complete. The bytes come in pieces of `piece`; as in a socket, what was not consumed comes
// again.
std::string read(std::string_view bytes, size_t piece) {
    ProxyHeader header;
    size_t used = 0, seen = 0;
    while (header.state() == ProxyHeader::State::need_more && seen < bytes.size()) {
        seen = std::min(seen + piece, bytes.size());
        used += header.take(base::bytes_of(bytes.substr(used, seen - used)));
    }
    if (header.state() == ProxyHeader::State::need_more) return used == seen ? "more" : "kept";
    if (header.state() == ProxyHeader::State::malformed) return "malformed";
    return (header.is_relayed() ? header.address() : "local") + " " + std::to_string(used);
}

void expect_at_every_size(const std::string& bytes, const std::string& want) {
    for (size_t piece = 1; piece <= bytes.size() + 1; ++piece)
        ASSERT_EQ(read(bytes, piece), want) << bytes << " in pieces of " << piece;
}

// A header of version 2: command and version, family and transport, the body.
std::string v2(int command, int family, const std::string& body) {
    std::string out = "\r\n\r\n\0\r\nQUIT\n"s;
    out += static_cast<char>(command);
    out += static_cast<char>(family);
    out += static_cast<char>(body.size() >> 8);
    out += static_cast<char>(body.size() & 0xff);
    return out + body;
}

const std::string v4_block = "\xcb\x00\x71\x09\x0a\x00\x00\x01\x12\x34\x01\xbb"s;
const std::string v6_block =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"s + std::string(16, '\x01') + "\x12\x34\x01\xbb";

TEST(PeerProxyHeader, ReadsVersionOne) {
    const struct {
        std::string header, want;
    } cases[] = {
        {"PROXY TCP4 203.0.113.9 10.0.0.1 56324 443\r\n", "203.0.113.9"},
        {"PROXY TCP4 203.0.113.9 10.0.0.1 0 65535\r\n", "203.0.113.9"},
        {"PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n", "2001:db8::7"},
        {"PROXY TCP6 ::ffff:203.0.113.9 ::1 56324 443\r\n", "203.0.113.9"},
        {"PROXY UNKNOWN\r\n", "unknown"},
        {"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "unknown"},
        {"PROXY UNKNOWN " + std::string(ProxyHeader::v1_bytes_max - 16, 'x') + "\r\n", "unknown"},
    };
    for (const auto& c : cases) {
        const std::string want = c.want + " " + std::to_string(c.header.size());
        expect_at_every_size(c.header, want);
        expect_at_every_size(c.header + std::string(rest), want);
        expect_at_every_size(c.header.substr(0, c.header.size() - 1), "more");
    }
}

TEST(PeerProxyHeader, RefusesVersionOneAtTheFirstWrongByte) {
    for (const std::string header : {
             "G",
             "PROXY\r",
             "proxy TCP4",
             "POST / HTTP/1.1",
             "PROXI",
             "\x16\x03\x01",
             "PROXY \r\n",
             "PROXY TCP5 203.0.113.9 10.0.0.1 1 2\r\n",
             "PROXY TCP4 203.0.113.9 10.0.0.1 1 2\n",
             "PROXY TCP4 203.0.113.9 10.0.0.1 1\r\n",
             "PROXY TCP4 203.0.113.9 10.0.0.1 1 2 3\r\n",
             "PROXY TCP4 203.0.113.9 10.0.0.1  1 2\r\n",
             "PROXY TCP4 203.0.113.9 10.0.0.1 1 65536\r\n",
             "PROXY TCP4 203.0.113.9 10.0.0.1 01 2\r\n",
             "PROXY TCP4 203.0.113.9 10.0.0.1 -1 2\r\n",
             "PROXY TCP4 203.0.113.256 10.0.0.1 1 2\r\n",
             "PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
             "PROXY TCP4 localhost 10.0.0.1 1 2\r\n",
             "PROXY UNKNOWN2\r\n",
             "PROXY UNKNOWN\n",
         }) {
        for (size_t piece = 1; piece <= header.size(); ++piece)
            EXPECT_EQ(read(header, piece), "malformed") << header << " in pieces of " << piece;
    }
    expect_at_every_size("PROXY UNKNOWN " + std::string(ProxyHeader::v1_bytes_max, 'x'),
                         "malformed");
    EXPECT_EQ(read("PROX", 1), "more");
}

TEST(PeerProxyHeader, ReadsVersionTwo) {
    const std::string tlv = "\x04\x00\x03"s + "abc";
    const std::string paths(216, '/');
    const struct {
        std::string header, want;
    } cases[] = {
        {v2(0x21, 0x11, v4_block), "203.0.113.9"},
        {v2(0x21, 0x11, v4_block + tlv), "203.0.113.9"},
        {v2(0x21, 0x21, v6_block), "2001:db8::7"},
        {v2(0x21, 0x21, v6_block + tlv), "2001:db8::7"},
        {v2(0x21, 0x11, v4_block + std::string(ProxyHeader::v2_body_bytes_max - 12, 'x')),
         "203.0.113.9"},
        {v2(0x21, 0x31, paths), "unknown"},
        {v2(0x21, 0x31, paths + tlv), "unknown"},
        {v2(0x21, 0x00, ""), "unknown"},
        {v2(0x21, 0x00, tlv), "unknown"},
        {v2(0x20, 0x00, ""), "local"},
        {v2(0x20, 0x00, tlv), "local"},
        {v2(0x20, 0x11, v4_block), "local"},
        {v2(0x20, 0x7f, ""), "local"},
    };
    for (const auto& c : cases) {
        const std::string want = c.want + " " + std::to_string(c.header.size());
        for (const size_t piece : {1, 2, 3, 7, 11, 12, 13, 15, 16, 17, 28, 52, 53, 512, 5000}) {
            EXPECT_EQ(read(c.header, piece), want) << piece;
            EXPECT_EQ(read(c.header + std::string(rest), piece), want) << piece;
            EXPECT_EQ(read(c.header.substr(0, c.header.size() - 1), piece), "more") << piece;
        }
    }
}

TEST(PeerProxyHeader, RefusesVersionTwo) {
    const std::string wrong[] = {
        "\r\n\r\n\0\r\nQUIX"s,
        "\r\n\r\n\r"s,
        "\r\n\r\n\0\r\nQUIT\n\x11"s,  // Version 1.
        "\r\n\r\n\0\r\nQUIT\n\x22"s,  // No such command.
        v2(0x21, 0x11, v4_block.substr(1)),
        v2(0x21, 0x21, v4_block),
        v2(0x21, 0x31, std::string(215, '/')),
        v2(0x21, 0x12, v4_block),  // Datagrams.
        v2(0x21, 0x41, v4_block),
        v2(0x21, 0x13, v4_block),
        v2(0x21, 0x11, v4_block + std::string(ProxyHeader::v2_body_bytes_max - 11, 'x')),
    };
    for (const std::string& header : wrong)
        for (const size_t piece : {1, 5, 12, 16, 512, 5000})
            EXPECT_EQ(read(header, piece), "malformed") << header.size() << " " << piece;
}

}  // namespace
}  // namespace starling::peer
