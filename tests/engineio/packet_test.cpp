#include "engineio/packet.h"

#include <gtest/gtest.h>

namespace starling::engineio::test {
namespace {

using namespace std::string_view_literals;
constexpr auto eio3 = Revision::eio3;
constexpr auto eio4 = Revision::eio4;

TEST(EngineioPacket, frames_both_ways) {
    struct Case {
        const char* name;
        Packet packet;
        bool binary;
        std::string_view frame3, frame4;
    };
    constexpr Case cases[] = {
        {"open", {Type::open, false, "{}"}, false, "0{}", "0{}"},
        {"close", {Type::close, false, ""}, false, "1", "1"},
        {"ping", {Type::ping, false, "probe"}, false, "2probe", "2probe"},
        {"pong", {Type::pong, false, "probe"}, false, "3probe", "3probe"},
        {"message", {Type::message, false, "h\u00e9"}, false, "4h\u00e9", "4h\u00e9"},
        {"empty message", {Type::message, false, ""}, false, "4", "4"},
        {"upgrade", {Type::upgrade, false, ""}, false, "5", "5"},
        {"noop", {Type::noop, false, ""}, false, "6", "6"},
        {"binary", {Type::message, true, "\x01\x02"}, true, "\x04\x01\x02", "\x01\x02"},
        {"empty binary", {Type::message, true, ""}, true, "\x04", ""},
    };
    for (const Case& c : cases) {
        for (const auto revision : {eio3, eio4}) {
            const Frame frame = frame_of(c.packet, revision);
            const std::string bytes = std::string(frame.head) + std::string(frame.data);
            EXPECT_EQ(bytes, revision == eio3 ? c.frame3 : c.frame4) << c.name;
            EXPECT_EQ(frame.binary, c.binary) << c.name;
            std::string scratch;
            const Decoded decoded = frame.binary ? decode_binary(bytes, revision)
                                                 : decode_text(bytes, revision, scratch);
            EXPECT_EQ(decoded.fault, Fault::none) << c.name;
            EXPECT_EQ(decoded.packet, c.packet) << c.name;
        }
    }
}

TEST(EngineioPacket, base64) {
    struct Case {
        std::string_view bytes, text3, text4;
    };
    constexpr Case cases[] = {
        {"\x00\x01\x02\xff"sv, "b4AAEC/w==", "bAAEC/w=="},
        {"\xfb\xff"sv, "b4+/8=", "b+/8="},
        {"", "b4", "b"},
    };
    for (const auto& [bytes, text3, text4] : cases) {
        const Packet packet{Type::message, true, bytes};
        for (const auto revision : {eio3, eio4}) {
            std::string out = "before ", scratch;
            append_text(out, packet, revision);
            EXPECT_EQ(out, "before " + std::string(revision == eio3 ? text3 : text4));
            const Decoded decoded = decode_text(out.substr(7), revision, scratch);
            EXPECT_EQ(decoded.packet, packet);
        }
    }
}

TEST(EngineioPacket, faults) {
    struct Case {
        std::string_view text;
        Fault fault3, fault4;
    };
    constexpr Case cases[] = {
        {"", Fault::empty_packet, Fault::empty_packet},
        {"7", Fault::unknown_type, Fault::unknown_type},
        {"abc", Fault::unknown_type, Fault::unknown_type},
        {" 4", Fault::unknown_type, Fault::unknown_type},
        {"\xff", Fault::unknown_type, Fault::unknown_type},
        {"b4A", Fault::invalid_base64, Fault::none},  // EIO4: the base64 "4A".
        {"bAA", Fault::unknown_type, Fault::none},
        {"b2AA", Fault::unknown_type, Fault::none},
        {"b4-_8.", Fault::invalid_base64, Fault::invalid_base64},
    };
    for (const auto& [text, fault3, fault4] : cases) {
        std::string scratch;
        EXPECT_EQ(decode_text(text, eio3, scratch).fault, fault3) << text;
        EXPECT_EQ(decode_text(text, eio4, scratch).fault, fault4) << text;
    }
    EXPECT_EQ(decode_binary("", eio3).fault, Fault::empty_packet);
    EXPECT_EQ(decode_binary("4abc", eio3).fault, Fault::unknown_type);
    EXPECT_EQ(decode_binary("\x02probe", eio3).fault, Fault::unknown_type);
    EXPECT_EQ(decode_binary("", eio4).fault, Fault::none);
    for (int fault = 1; fault <= static_cast<int>(Fault::binary_payload); ++fault)
        EXPECT_FALSE(fault_text(static_cast<Fault>(fault)).empty());
}

}  // namespace
}  // namespace starling::engineio::test
