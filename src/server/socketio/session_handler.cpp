#include "server/socketio/session_handler.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/checked_cast.h"
#include "base/text.h"
#include "server/connection_facts.h"
#include "server/socketio/socketio.h"
#include "server/worker.h"
#include "socketio/namespace.h"
#include "socketio/observer.h"
#include "socketio/server.h"
#include "socketio/socket.h"

namespace starling::server {

SocketIoSessionHandler::SocketIoSessionHandler(EngineSession& session, socketio::ConnectInfo info)
    : session_(session), info_(std::move(info)) {}

socketio::Server& SocketIoSessionHandler::server() const noexcept {
    return base::checked_cast<SocketIoWorker>(session_.protocol_part()).server();
}

void SocketIoSessionHandler::on_open() {
    const std::string& initial = server().settings().initial_packet;
    if (!initial.empty()) session_.send_text("4" + initial);
    opened();
}

void SocketIoSessionHandler::send(std::string_view text, bool text_is_binary,
                                  std::span<const std::string> attachments, bool compress) {
    if (text_is_binary)
        session_.send_binary(base::bytes_of(text), compress);
    else
        session_.send_text(text, compress);
    for (size_t i = 0; i < attachments.size(); ++i) {
        // A full queue ends the session, and the disconnect handlers may then overwrite the encoder
        // that holds the attachments.
        if (!session_.is_open()) return;
        session_.send_binary(base::bytes_of(attachments[i]), compress);
    }
}

void SocketIoSessionHandler::on_upgrade() {
    socketio::Observer* const observer = server().observer();
    if (observer) each_socket([observer](socketio::Socket& socket) { observer->upgraded(socket); });
}

// Rooms of namespaces other than "/" are shown as "/admin:room".
void SocketIoSessionHandler::describe(ConnectionFacts& facts) const {
    const std::string head = info_.head();
    facts.path = head.substr(0, head.find_first_of("?\n"));
    facts.user = info_.user();
    each_socket([&](const socketio::Socket& socket) {
        if (facts.user.empty()) facts.user = socket.user();
        const std::string& nsp = socket.nsp().name();
        for (std::string& room : socket.rooms())
            facts.add_room(nsp == "/" ? std::move(room) : nsp + ":" + room);
    });
}

void SocketIoSessionHandler::end(End how) {
    switch (how) {
        case End::forced_close: return session_.close(EngineClose::forced_close);
        case End::forced_server_close: return session_.close(EngineClose::forced_server_close);
        case End::server_shutting_down: return session_.close(EngineClose::server_shutting_down);
    }
}

// ---- with a meter -------------------------------------------------------------------------------

void MeteredSessionHandler::on_open() {
    polling_ = !session_.on_websocket();
    meter_.opened(session_.worker(), polling_);
    SocketIoSessionHandler::on_open();
}

void MeteredSessionHandler::on_text(std::string_view text) {
    meter_.message_in(session_.worker(), text.size());
    SocketIoSessionHandler::on_text(text);
}

void MeteredSessionHandler::on_binary(std::span<const std::byte> bytes) {
    meter_.message_in(session_.worker(), bytes.size());
    SocketIoSessionHandler::on_binary(bytes);
}

void MeteredSessionHandler::on_upgrade() {
    if (!std::exchange(polling_, false)) return;
    meter_.upgraded(session_.worker());
    SocketIoSessionHandler::on_upgrade();
}

void MeteredSessionHandler::on_close(EngineClose reason) {
    meter_.closed(session_.worker(), polling_, engineio::reason_text(reason));
    SocketIoSessionHandler::on_close(reason);
}

void MeteredSessionHandler::send(std::string_view text, bool text_is_binary,
                                 std::span<const std::string> attachments, bool compress) {
    // A text begins with the packet type of Engine.IO, which is no part of the message.
    meter_.message_out(session_.worker(), text.size() - (text_is_binary ? 0 : 1));
    for (const auto& attachment : attachments)
        meter_.message_out(session_.worker(), attachment.size());
    SocketIoSessionHandler::send(text, text_is_binary, attachments, compress);
    count_for_pace();
}

void MeteredSessionHandler::deliver(hub::Publication& message) {
    meter_.message_out(session_.worker(),
                       message.message.bytes.size() - (message.message.binary ? 0 : 1));
    SocketIoSessionHandler::deliver(message);
    count_for_pace();
}

void MeteredSessionHandler::keep_pace() {
    // Revision 3 has no ping of the server that tells how far the client is.
    if (!pace_ && revision() == 4) pace_ = std::make_unique<Pace>();
}

bool MeteredSessionHandler::writable() const noexcept {
    // Between two polls a client that keeps pace takes packets as well.
    if (pace_) return pace_->may_send(session_.worker().loop().now_ms());
    return SocketIoSessionHandler::writable();
}

size_t MeteredSessionHandler::packets_wanted() const noexcept {
    return pace_ ? std::max<size_t>(pace_->left(), 1) : SIZE_MAX;
}

void MeteredSessionHandler::count_for_pace() {
    if (pace_ && pace_->sent(session_.worker().loop().now_ms())) session_.ping();
}

void MeteredSessionHandler::on_pong() {
    if (pace_ && pace_->answered(session_.worker().loop().now_ms())) session_.ping();
}

socketio::ConnectInfo connect_info(const http::Request& request, int64_t unix_ms,
                                   std::string_view user, const socketio::ConnectInfo::Login& login,
                                   base::Slabs* slabs) {
    std::string head(request.target());
    head += '\n';
    for (const auto& field : request.headers()) {
        std::string name(field.name);
        std::ranges::transform(name, name.begin(), base::lower);
        // These fields describe the connection, not the client.
        if (name == "connection" || name == "upgrade" || name.starts_with("sec-websocket-"))
            continue;
        head.append(name).append(": ").append(field.value).append("\n");
    }
    return {request.remote_address(),
            user,
            head,
            {.issued_ms = unix_ms,
             .secure = request.secure(),
             .xdomain = request.has_header("origin"),
             .from_trusted_proxy = request.from_trusted_proxy()},
            login,
            slabs};
}

}  // namespace starling::server
