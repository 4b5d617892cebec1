#include "server/socketio_user.h"

#include <string>
#include <utility>

#include "base/text.h"

namespace starling::server {

SocketIoUser::SocketIoUser(EngineSession& session, socketio::Core& core, socketio::ConnectInfo info,
                           std::string_view initial_packet)
    : session_(session),
      info_(std::move(info)),
      initial_packet_(initial_packet),
      client_(core, *this) {}

void SocketIoUser::on_open() {
    if (!initial_packet_.empty()) session_.send_text(std::string("4").append(initial_packet_));
    client_.opened();
}

void SocketIoUser::send(std::string_view text, bool text_is_binary,
                        std::span<const std::string> attachments, bool compress) {
    if (text_is_binary)
        session_.send_binary(base::bytes_of(text), compress);
    else
        session_.send_text(text, compress);
    for (const auto& attachment : attachments)
        session_.send_binary(base::bytes_of(attachment), compress);
}

void SocketIoUser::end(End how) {
    switch (how) {
        case End::forced_close: return session_.close(EngineClose::forced_close);
        case End::forced_server_close: return session_.close(EngineClose::forced_server_close);
        case End::server_shutting_down: return session_.close(EngineClose::server_shutting_down);
    }
}

socketio::ConnectInfo connect_info(const http::Request& request, int64_t unix_ms) {
    socketio::ConnectInfo info;
    size_t bytes = request.target().size() + 1;
    for (const auto& field : request.headers()) bytes += field.name.size() + field.value.size() + 3;
    info.head.reserve(bytes);  // Exactly: it stays for as long as the client does.
    info.head.append(request.target()).append("\n");
    for (const auto& field : request.headers()) {
        for (const char c : field.name) info.head += base::lower(c);
        info.head.append(": ").append(field.value).append("\n");
    }
    info.address = request.remote_address();
    info.issued_ms = unix_ms;
    info.secure = request.secure();
    info.xdomain = request.has_header("origin");
    return info;
}

}  // namespace starling::server
