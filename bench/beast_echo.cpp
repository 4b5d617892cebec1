// bench/beast_echo.cpp: Boost.Beast's WebSocket, asynchronous on one thread, as fast as its
// documentation allows: no compression, no automatic fragments, TCP_NODELAY, and the suggested
// timeouts of a server. `beast_echo PORT` returns each message. `beast_echo PORT broadcast` sends
// each message from /publish to all clients at other paths.
#ifndef NDEBUG
#define NDEBUG  // Without it, Beast and Asio check their own invariants.
#endif
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// A socket with a known executor type needs no type erasure.
using Socket = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;
using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;
using Stream = websocket::stream<Socket, false>;

void configure(Stream& stream) {
    stream.auto_fragment(false);
    stream.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
}

class EchoSession : public std::enable_shared_from_this<EchoSession> {
public:
    explicit EchoSession(Socket socket) : stream_(std::move(socket)) {}

    void start() {
        configure(stream_);
        stream_.async_accept([self = shared_from_this()](error_code error) {
            if (!error) self->read();
        });
    }

private:
    void read() {
        stream_.async_read(buffer_, [self = shared_from_this()](error_code error, size_t) {
            if (!error) self->write();
        });
    }

    void write() {
        stream_.text(stream_.got_text());
        stream_.async_write(buffer_.data(),
                            [self = shared_from_this()](error_code error, size_t bytes) {
                                self->buffer_.consume(bytes);
                                if (!error) self->read();
                            });
    }

    Stream stream_;
    beast::flat_buffer buffer_;
};

class BroadcastSession;
using Subscribers = std::unordered_set<BroadcastSession*>;

class BroadcastSession : public std::enable_shared_from_this<BroadcastSession> {
public:
    BroadcastSession(Socket socket, Subscribers& subscribers)
        : stream_(std::move(socket)), subscribers_(subscribers) {}
    ~BroadcastSession() { subscribers_.erase(this); }

    void start() {
        configure(stream_);
        http::async_read(stream_.next_layer(), buffer_, request_,
                         [self = shared_from_this()](error_code error, size_t) {
                             if (!error) self->accept();
                         });
    }

private:
    using Message = std::shared_ptr<const std::string>;

    void accept() {
        if (request_.target() != "/publish") subscribers_.insert(this);
        stream_.async_accept(request_, [self = shared_from_this()](error_code error) {
            if (!error) self->read();
        });
    }

    void read() {
        stream_.async_read(buffer_, [self = shared_from_this()](error_code error, size_t) {
            if (error) return;
            const auto message =
                std::make_shared<const std::string>(beast::buffers_to_string(self->buffer_.data()));
            self->buffer_.consume(message->size());
            for (BroadcastSession* subscriber : self->subscribers_) subscriber->send(message);
            self->read();
        });
    }

    // Beast allows only one write at a time.
    void send(const Message& message) {
        queue_.push_back(message);
        if (queue_.size() == 1) write();
    }

    void write() {
        stream_.async_write(asio::buffer(*queue_.front()),
                            [self = shared_from_this()](error_code error, size_t) {
                                self->queue_.pop_front();
                                if (!error && !self->queue_.empty()) self->write();
                            });
    }

    Stream stream_;
    Subscribers& subscribers_;
    beast::flat_buffer buffer_;
    http::request<http::empty_body> request_;
    std::deque<Message> queue_;
};

void accept(Acceptor& acceptor, bool broadcast, Subscribers& subscribers) {
    acceptor.async_accept([&acceptor, broadcast, &subscribers](error_code error, Socket peer) {
        if (!error) {
            peer.set_option(tcp::no_delay(true));
            if (broadcast)
                std::make_shared<BroadcastSession>(std::move(peer), subscribers)->start();
            else
                std::make_shared<EchoSession>(std::move(peer))->start();
        }
        accept(acceptor, broadcast, subscribers);
    });
}

}  // namespace

int main(int argc, char** argv) {
    const auto port = static_cast<uint16_t>(argc > 1 ? std::atoi(argv[1]) : 9002);
    const bool broadcast = argc > 2 && std::string_view(argv[2]) == "broadcast";
    Subscribers subscribers;  // Lives longer than the sessions, which the context's handlers hold.
    asio::io_context context(1);
    Acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
    acceptor.listen(4096);
    accept(acceptor, broadcast, subscribers);
    context.run();
}
