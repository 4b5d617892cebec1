// socketio/connection.h: one client's Engine.IO connection, and the namespaces that the client
// joined.
//
// A server derives from it and implements the Transport, so that a client needs no pointer between
// the two.
// Owner: the server. Thread: the worker's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "limits/bucket.h"
#include "socketio/codec/decoder.h"
#include "socketio/socket.h"
#include "socketio/transport.h"

namespace starling::socketio {

class Quota;

class Connection : public Transport {
public:
    Connection() noexcept;
    // The Transport is gone already: the derived class calls closed() before.
    ~Connection() override;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Called by the transport. A throwing handler ends the connection.
    void opened();
    void on_text(std::string_view text);  // `text` comes without the packet type of Engine.IO.
    void on_bytes(std::span<const std::byte> bytes);
    void closed(std::string_view reason);

    [[nodiscard]] Transport& transport() noexcept { return *this; }
    [[nodiscard]] const Transport& transport() const noexcept { return *this; }
    // That of the worker. The derived class knows it without a member.
    [[nodiscard]] virtual Server& server() const noexcept = 0;
    [[nodiscard]] bool is_open() const noexcept { return open_; }

    // The client's socket in the namespace, in any state; null: none.
    [[nodiscard]] Socket* find(std::string_view nsp) const noexcept;
    Socket& add(Socket::Owned socket);
    // Gives up a socket that has left; the caller frees the socket later.
    [[nodiscard]] Socket::Owned release(Socket& socket);

    [[nodiscard]] size_t sockets() const noexcept;
    template <class F>
    void each_socket(F&& call) const {
        if (first_) call(*first_);
        if (extras_)
            for (const auto& socket : extras_->more)
                if (socket) call(*socket);
    }

    // Backpressure: the client is not read while there were more calls of pause() than of resume().
    void pause();
    void resume();

    // The bucket of NamespaceLimits::messages. All namespaces of the quota share it, and it stays
    // when their sockets leave: joining again brings no full bucket. Valid until the next call.
    [[nodiscard]] limits::Bucket& messages_of(const Quota& quota);

    // Makes all sockets of the client leave, then ends the connection.
    void disconnect();
    void drop();           // Ends the connection without a word.
    void timed_out();      // The timer of Transport::set_timer() has expired.
    void handler_threw();  // Call it after the exception was logged.
    void send_packet(Type type, std::string_view nsp, const Json* data);

    // Logs the exception of a handler, for example with the event's name, and ends this connection.
    void threw(std::string_view handler, std::string_view what);

private:
    [[nodiscard]] std::vector<base::SlotKey> socket_keys() const;
    // `packet_bytes`: of the packet, if it is whole, with its attachments.
    // Calls add(decoder), and takes the outcome as handle() does.
    template <class F>
    void decode(const Server& server, F&& add, size_t packet_bytes);
    template <class F>
    void decode_with(Decoder& decoder, F& add, size_t packet_bytes);
    [[nodiscard]] bool has_pending() const noexcept { return extras_ && extras_->decoder; }
    void handle(const Outcome& outcome, size_t packet_bytes);
    void on_packet(const Packet& packet, size_t packet_bytes);
    void on_connect(const Packet& packet);
    template <class F>
    void guarded(F&& call);
    void end_for(End how, std::string_view why);
    void set_deadline(uint64_t delay_ms);

    bool open_ : 1 = true;
    bool joined_ : 1 = false;  // The client was in a namespace at least once.
    uint16_t pauses_ = 0;
    // now_ms() modulo 2^32; 0: none. Until a namespace is joined the end of the connect timeout,
    // then the deadline of missing attachments.
    uint32_t due_ms_ = 0;
    Socket::Owned first_;  // Most clients have one socket.
    // What most clients do not have.
    struct Extras {
        std::optional<Decoder> decoder;   // Has a packet whose attachments are missing.
        std::vector<Socket::Owned> more;  // Sockets beside the first.
        std::vector<std::pair<const Quota*, limits::Bucket>> buckets;  // See messages_of().
    };
    [[nodiscard]] Extras& extras();
    std::unique_ptr<Extras> extras_;
};
static_assert(sizeof(Connection) <= 32, "part of what an idle Socket.IO client costs");

}  // namespace starling::socketio
