// The sending side: headers, masks at every offset and alignment, close payloads, fragments.
#include "ws/frame.h"

#include <gtest/gtest.h>

#include "tests/ws/wire.h"

namespace starling::ws::test {
namespace {

TEST(WsFrame, headers) {
    struct Case {
        Opcode opcode;
        bool fin, rsv1, masked;
        uint64_t length;
        std::string_view want;
    };
    constexpr Case cases[] = {
        {Opcode::text, true, false, false, 0, "8100"},
        {Opcode::text, true, false, false, 125, "817d"},
        {Opcode::binary, true, false, false, 126, "827e007e"},
        {Opcode::binary, false, false, false, 65535, "027effff"},
        {Opcode::binary, true, true, false, 65536, "c27f0000000000010000"},
        {Opcode::continuation, true, false, false, 0x0102030405060708, "807f0102030405060708"},
        {Opcode::ping, true, false, true, 5, "898537fa213d"},
        {Opcode::text, true, false, true, 300, "81fe012c37fa213d"},
        {Opcode::text, true, false, true, 70000, "81ff000000000001117037fa213d"},
    };
    const Bytes key_bytes = unhex("37fa213d");
    uint32_t key;
    std::memcpy(&key, key_bytes.data(), sizeof key);
    for (const Case& c : cases) {
        Bytes out(frame_header_bytes_max);
        out.resize(write_frame_header(out.data(), c.opcode, c.fin, c.rsv1, c.length,
                                      c.masked ? &key : nullptr));
        EXPECT_EQ(to_hex(out), c.want);
        EXPECT_EQ(out.size(), frame_header_bytes(c.length, c.masked));
    }
}

TEST(WsFrame, mask_at_every_offset_and_alignment) {
    const uint32_t key = 0xa1b2c3d4;
    std::byte key_bytes[4];
    std::memcpy(key_bytes, &key, sizeof key);
    Bytes text(700);
    for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<std::byte>(i * 31 + (i >> 3));
    const auto check = [&](size_t at, size_t length, size_t offset) {
        Bytes got = text, want = text;
        mask(std::span(got).subspan(at, length), key, offset);
        for (size_t i = 0; i < length; ++i) want[at + i] ^= key_bytes[(offset + i) % 4];
        ASSERT_EQ(got, want) << at << " " << length << " " << offset;
    };
    for (size_t at = 0; at < 17; ++at) {
        for (size_t length = 0; length < 70; ++length) {
            for (size_t offset = 0; offset < 9; ++offset) check(at, length, offset);
        }
        for (size_t length = 240; length < 680; length += 7) check(at, length, at);
    }
    Bytes same = text;
    mask(same, 0, 3);
    EXPECT_EQ(same, text);
}

TEST(WsFrame, mask_tells_ascii) {
    for (size_t length = 1; length < 70; ++length) {
        for (size_t at = 0; at < length; ++at) {
            Bytes bytes(length, std::byte{0x7f});
            EXPECT_FALSE(mask_and_collect(bytes, 0) & not_ascii);
            bytes[at] = std::byte{0x80};
            EXPECT_TRUE(mask_and_collect(bytes, 0) & not_ascii) << length << " " << at;
            mask(bytes, 0x11223384);
            EXPECT_TRUE(mask_and_collect(bytes, 0x11223384) & not_ascii);
        }
    }
}

TEST(WsFrame, close_payloads) {
    const auto payload = [](uint16_t code, std::string_view reason) {
        Bytes out(control_payload_bytes_max);
        out.resize(write_close_payload(out.data(), code, reason));
        return out;
    };
    EXPECT_EQ(to_hex(payload(1000, "")), "03e8");
    EXPECT_EQ(to_hex(payload(1001, "bye")), "03e9627965");
    EXPECT_EQ(payload(1005, "never sent").size(), 0u);
    EXPECT_EQ(payload(1000, std::string(123, 'a')).size(), 125u);
    EXPECT_EQ(payload(1000, std::string(500, 'a')).size(), 125u);
    const std::string wide =
        std::string(122, 'a') + "\xc3\xa4" + "bc";  // Cut before the character.
    EXPECT_EQ(payload(1000, wide).size(), 124u);
    const std::string wider = std::string(120, 'a') + "\xf0\x9f\x98\x80";
    EXPECT_EQ(payload(1000, wider).size(), 122u);
    for (const Role role : {Role::server, Role::client}) {
        const Bytes wire = frame(role, Opcode::close, true, false, payload(4321, wide));
        EXPECT_EQ(transcript({role, {}, nullptr}, wire, wire.size()),
                  "close(4321 " + wide.substr(0, 122) + ")");
    }
}

TEST(WsFrame, fragmenter) {
    const Bytes message = to_bytes("abcdefghij");
    struct Case {
        size_t length, most;
        bool compressed;
        std::string_view want;
    };
    constexpr Case cases[] = {
        {10, 4, false, "t:abcd c:efgh C:ij "},
        {10, 5, false, "t:abcde C:fghij "},
        {10, 10, false, "T:abcdefghij "},
        {10, 99, false, "T:abcdefghij "},
        {0, 4, false, "T: "},
        {2, 1, false, "t:a C:b "},
        {10, 6, true, "tz:abcdef C:ghij "},
        {3, 3, true, "Tz:abc "},
    };
    for (const Case& c : cases) {
        std::string got;
        Fragmenter fragmenter(Opcode::text, std::span(message).first(c.length), c.most,
                              c.compressed);
        while (!fragmenter.done()) {
            const auto fragment = fragmenter.next();
            const bool first = fragment.opcode == Opcode::text;
            got += fragment.fin ? (first ? "T" : "C") : (first ? "t" : "c");
            got += (fragment.rsv1 ? "z:" : ":") + to_text(fragment.payload) + " ";
        }
        EXPECT_EQ(got, c.want);
    }
}

TEST(WsFrame, what_is_written_is_read_back) {
    for (const Role role : {Role::server, Role::client}) {
        for (const size_t length : {0, 1, 125, 126, 127, 255, 256, 257, 65535, 65536, 70000}) {
            const std::string text(length, 'q');
            for (const size_t most : {size_t{1000}, size_t{65536}, size_t{1} << 20}) {
                const Bytes message = to_bytes(text);
                Fragmenter fragmenter(Opcode::binary, message, most);
                Bytes wire;
                while (!fragmenter.done()) {
                    const auto part = fragmenter.next();
                    const Bytes bytes = frame(role, part.opcode, part.fin, part.rsv1, part.payload);
                    wire.insert(wire.end(), bytes.begin(), bytes.end());
                }
                for (const size_t step : {wire.size(), size_t{777}}) {
                    EXPECT_EQ(transcript({role, {}, nullptr}, wire, step),
                              "binary(" + brief(message) + ")");
                }
            }
        }
    }
}

}  // namespace
}  // namespace starling::ws::test
