// socketio/connection.h: one connection of Engine.IO, and the namespaces that it joined.
//
// Owner: whoever owns the Transport. Thread: the worker's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "socketio/codec/decoder.h"
#include "socketio/socket.h"
#include "socketio/transport.h"

namespace starling::socketio {

class Connection {
public:
    Connection(Server& server, Transport& transport);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // From the connection. A handler that throws ends it.
    void opened();
    void on_text(std::string_view text);  // Without the packet type of Engine.IO.
    void on_bytes(std::span<const std::byte> bytes);
    void closed(std::string_view reason);

    [[nodiscard]] Transport& transport() const noexcept { return transport_; }
    [[nodiscard]] Server& server() const noexcept { return server_; }
    [[nodiscard]] bool is_open() const noexcept { return open_; }

    // A socket of that namespace, in whatever state.
    [[nodiscard]] Socket* find(std::string_view nsp) const noexcept;
    Socket& add(std::unique_ptr<Socket> socket);
    // To be freed later; the socket has left.
    [[nodiscard]] std::unique_ptr<Socket> release(Socket& socket);

    // All its sockets leave; then the connection ends.
    void disconnect();
    void timed_out();      // The timer that it set.
    void handler_threw();  // It is logged already.
    void send_packet(Type type, std::string_view nsp, const Json* data);

    // A handler did: of an event, say, whose name it has. Costs this client its connection.
    void threw(std::string_view handler, std::string_view what);

private:
    [[nodiscard]] std::vector<base::SlotKey> socket_keys() const;
    void handle(const Outcome& outcome);
    void on_packet(const Packet& packet);
    void on_connect(const Packet& packet);
    template <class F>
    void guarded(F&& call);
    void end(Transport::End how, std::string_view why);

    Server& server_;
    Transport& transport_;
    Decoder decoder_;
    std::unique_ptr<Socket> first_;  // Most have one; more_ has the others.
    std::unique_ptr<std::vector<std::unique_ptr<Socket>>> more_;
    void set_timer();

    bool open_ = true;
    bool joined_ = false;          // Some namespace, at some time.
    uint32_t packet_due_ms_ = 0;   // Of Runtime::now_ms(), cut; 0: no packet waits for attachments.
    uint32_t connect_due_ms_ = 0;  // Likewise; until it has joined.
};

}  // namespace starling::socketio
