#include "app/connect/close_words.h"

namespace starling::app::connect {

std::string_view close_words(uint16_t code) noexcept {
    switch (code) {
        case 1000: return "normal closure";
        case 1001: return "going away";
        case 1002: return "protocol error";
        case 1003: return "unsupported data";
        case 1004: return "reserved";
        case 1005: return "no code";
        case 1006: return "connection lost";
        case 1007: return "invalid data";
        case 1008: return "policy violation";
        case 1009: return "message too large";
        case 1010: return "extension required";
        case 1011: return "internal error";
        case 1012: return "service restart";
        case 1013: return "try again later";
        case 1014: return "bad gateway";
        case 1015: return "TLS handshake failed";
        default: break;
    }
    if (code < 1000) return "not a close code";
    if (code < 3000) return "reserved for later versions";
    if (code < 4000) return "registered by a library";
    if (code < 5000) return "of the application";
    return "not a close code";
}

std::string describe_close(uint16_t code, std::string_view reason) {
    std::string text = std::to_string(code) + ", ";
    text += close_words(code);
    if (!reason.empty()) text.append(": ").append(reason);
    return text;
}

}  // namespace starling::app::connect
