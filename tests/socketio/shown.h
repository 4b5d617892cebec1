// tests/socketio/shown.h: prints a decoder's outcome in one line: `event /admin #7 ["a",<bytes>]`.
#pragma once

#include <string>
#include <string_view>

#include "socketio/codec/decoder.h"
#include "socketio/codec/encoder.h"

namespace starling::socketio::test {

inline std::string shown(const Json& json) {
    Encoder encoder;
    encoder.begin(Type::ack, "/");
    encoder.value(json);
    if (!encoder.finish()) return "(not to be sent)";
    std::string text(encoder.text());
    text = text.substr(text.find('[') + 1);
    text.pop_back();
    for (size_t i = 0; i < encoder.attachments().size(); ++i) {
        const std::string mark = R"({"_placeholder":true,"num":)" + std::to_string(i) + "}";
        text.replace(text.find(mark), mark.size(), "<" + encoder.attachments()[i] + ">");
    }
    return text;
}

inline std::string shown(const Outcome& outcome) {
    constexpr std::string_view names[] = {"connect", "disconnect", "event", "ack", "connect_error"};
    if (outcome.kind == Outcome::Kind::pending) return "pending";
    if (outcome.kind == Outcome::Kind::fault) return std::string(outcome.reason);
    const Packet& packet = outcome.packet;
    std::string text(names[static_cast<size_t>(packet.type)]);
    text.append(1, ' ').append(packet.nsp);
    if (!packet.query.empty()) text.append(1, '?').append(packet.query);
    if (packet.id) text += " #" + std::to_string(*packet.id);
    if (!packet.data.is_null()) text += " " + shown(packet.data);
    return text;
}

}  // namespace starling::socketio::test
