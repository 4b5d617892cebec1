#include "engineio/packet.h"

#include <array>

#include "base/base64.h"

namespace starling::engineio {
namespace {

constexpr std::string_view digits = "0123456";
constexpr std::string_view message_byte = "\x04";

Decoded fail(Fault fault) noexcept { return {fault, {}}; }

Decoded decode_base64(std::string_view text, Revision revision, std::string& scratch) {
    if (revision == Revision::eio3) {
        if (!text.starts_with('4')) return fail(Fault::unknown_type);
        text.remove_prefix(1);
    }
    if (!base::base64_decode(text, scratch)) return fail(Fault::invalid_base64);
    return {Fault::none, {Type::message, true, scratch}};
}

}  // namespace

std::string_view fault_text(Fault fault) noexcept {
    constexpr std::array<std::string_view, 9> texts = {
        "",
        "packet without a type",
        "unknown packet type",
        "invalid base64",
        "invalid UTF-8",
        "invalid packet length",
        "packet cut short",
        "too many packets",
        "binary payload",
    };
    return texts[static_cast<size_t>(fault)];
}

Decoded decode_text(std::string_view text, Revision revision, std::string& scratch) {
    if (text.empty()) return fail(Fault::empty_packet);
    if (text.front() == 'b') return decode_base64(text.substr(1), revision, scratch);
    const size_t type = digits.find(text.front());
    if (type == std::string_view::npos) return fail(Fault::unknown_type);
    return {Fault::none, {static_cast<Type>(type), false, text.substr(1)}};
}

Decoded decode_binary(std::string_view bytes, Revision revision) noexcept {
    if (revision == Revision::eio3) {
        if (bytes.empty()) return fail(Fault::empty_packet);
        if (!bytes.starts_with(message_byte)) return fail(Fault::unknown_type);
        bytes.remove_prefix(1);
    }
    return {Fault::none, {Type::message, true, bytes}};
}

Frame frame_of(const Packet& packet, Revision revision) noexcept {
    if (!packet.binary)
        return {false, digits.substr(static_cast<size_t>(packet.type), 1), packet.data};
    const bool typed = revision == Revision::eio3;
    return {true, typed ? message_byte : std::string_view(), packet.data};
}

void append_text(std::string& out, const Packet& packet, Revision revision) {
    if (!packet.binary) {
        out += digits[static_cast<size_t>(packet.type)];
        out += packet.data;
        return;
    }
    out += revision == Revision::eio3 ? "b4" : "b";
    base::base64_append(out, packet.data);
}

}  // namespace starling::engineio
