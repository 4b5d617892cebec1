#include "server/gateway/outgoing.h"

#include "base/json_text.h"
#include "base/text.h"
#include "socketio/codec/packet.h"

namespace starling::server {
namespace {

// The front of a packet, as socketio::JsonWriter writes it: `4` is the message packet of Engine.IO.
std::string packet_head(socketio::Type type, socketio::Type binary_type, size_t attachments,
                        std::string_view nsp) {
    std::string text = "4";
    text += static_cast<char>('0' + static_cast<int>(attachments == 0 ? type : binary_type));
    if (attachments != 0) text.append(std::to_string(attachments)).append("-");
    if (nsp != "/") text.append(nsp).append(",");
    return text;
}

}  // namespace

Outgoing::Outgoing(const webhook::Payload& payload)
    : bytes_(payload.bytes),
      form_(payload.binary ? Form::binary
            : payload.json ? Form::json
                           : Form::text) {}

Outgoing::Outgoing(const hub::Message& message)
    : bytes_(base::text_of(message.bytes)), form_(message.binary ? Form::binary : Form::text) {}

Outgoing::Piece& Outgoing::websocket() {
    if (websocket_) return *websocket_;
    if (event_) text_ = webhook::event_text(*event_);
    return websocket_.emplace(base::bytes_of(event_ ? std::string_view(text_) : bytes_),
                              !event_ && form_ == Form::binary);
}

Outgoing::Pieces& Outgoing::socketio(std::string_view nsp) {
    const auto found = packets_.find(nsp);
    if (found != packets_.end()) return found->second.pieces;
    Packet& packet = packets_[std::string(nsp)];
    packet.text = packet_text(nsp);
    packet.pieces.emplace_back(base::bytes_of(packet.text), false);
    if (event_)
        for (const std::string& bytes : event_->args.attachments)
            packet.pieces.emplace_back(base::bytes_of(bytes), true);
    else if (form_ == Form::binary)
        packet.pieces.emplace_back(base::bytes_of(bytes_), true);
    return packet.pieces;
}

std::string Outgoing::packet_text(std::string_view nsp) const {
    using socketio::Type;
    const size_t attachments = event_ ? event_->args.attachments.size() : form_ == Form::binary;
    std::string text = packet_head(Type::event, Type::binary_event, attachments, nsp);
    if (ack_id_) text += std::to_string(*ack_id_);
    if (event_) {
        const std::string_view items = webhook::items_of(event_->args.packet_json());
        text += '[';
        base::append_json_string(text, event_->name);
        return text.append(items.empty() ? "" : ",").append(items).append("]");
    }
    text += "[\"message\",";
    switch (form_) {
        case Form::json: text += bytes_; break;
        case Form::text: base::append_json_string(text, bytes_); break;
        case Form::binary: text += R"({"_placeholder":true,"num":0})"; break;
    }
    return text += ']';
}

size_t Outgoing::taken() const noexcept {
    size_t taken = websocket_ ? websocket_->publication.taken : 0;
    for (const auto& [nsp, packet] : packets_) taken += packet.pieces.front().publication.taken;
    return taken;
}

std::string ack_packet(std::string_view nsp, uint64_t id, const webhook::Arguments& args) {
    using socketio::Type;
    return packet_head(Type::ack, Type::binary_ack, args.attachments.size(), nsp) +
           std::to_string(id) + args.packet_json();
}

}  // namespace starling::server
