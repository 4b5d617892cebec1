// bench/client_beast.cpp: Boost.Beast as one of the clients of bench/clients.py, asynchronous on one
// thread, with the suggested timeouts of a client. The arguments are in client_run.h.
#ifndef NDEBUG
#define NDEBUG  // Without it, Beast and Asio check their own invariants.
#endif
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <functional>
#include <memory>

#include "client_run.h"

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using starling::bench::ClientRun;

// A socket with a known executor type needs no type erasure.
using Socket = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;

struct Bench {
    const ClientRun& run;
    asio::io_context context{1};
    starling::bench::ClientUsage usage = {};
    std::string host = "127.0.0.1:" + std::to_string(run.port);
    uint64_t done = 0;
    int status = 0;
    std::function<void()> next = {};

    void begin() {
        usage.begin(done);
        for (uint64_t i = 0; i < starling::bench::at_once_max; ++i) next();
    }
    void finish(uint64_t count = 0) {
        usage.print(done, count);
        context.stop();
    }
    bool failed(error_code error) {
        if (!error) return false;
        std::fprintf(stderr, "%s\n", error.message().c_str());
        status = 1;
        context.stop();
        return true;
    }
};

class Client : public std::enable_shared_from_this<Client> {
public:
    explicit Client(Bench& bench) : bench_(bench), stream_(bench.context.get_executor()) {}

    void start() {
        const tcp::endpoint to(asio::ip::address_v4::loopback(), bench_.run.port);
        stream_.next_layer().async_connect(to, [self = shared_from_this()](error_code error) {
            if (!self->bench_.failed(error)) self->shake_hands();
        });
    }

private:
    void shake_hands() {
        stream_.next_layer().set_option(tcp::no_delay(true));
        stream_.auto_fragment(false);
        stream_.text(true);
        stream_.set_option(websocket::stream_base::timeout::suggested(beast::role_type::client));
        stream_.async_handshake(bench_.host, "/", [self = shared_from_this()](error_code error) {
            if (!self->bench_.failed(error)) self->opened();
        });
    }
    void opened() {
        if (bench_.run.is("storm")) return close();
        owed_ = bench_.run.is("idle") ? 1 : bench_.run.in_flight;
        read();
        write();
    }
    void close() {
        stream_.async_close(
            websocket::close_code::normal, [self = shared_from_this()](error_code error) {
                if (self->bench_.failed(error)) return;
                if (++self->bench_.done == static_cast<uint64_t>(self->bench_.run.connections))
                    return self->bench_.finish();
                self->bench_.next();
            });
    }
    void read() {
        stream_.async_read(buffer_, [self = shared_from_this()](error_code error, size_t bytes) {
            if (!self->bench_.failed(error)) self->got(bytes);
        });
    }
    void got(size_t bytes) {
        buffer_.consume(bytes);
        ++bench_.done;
        read();  // Also while idle, so that pings are answered.
        if (bench_.run.is("echo")) {
            ++owed_;
            return write();
        }
        using starling::bench::at_once_max;
        using starling::bench::IdleStep;
        const IdleStep step = starling::bench::idle_step(bench_.run, bench_.done);
        if (step == IdleStep::begin) bench_.begin();
        if (step == IdleStep::next && bench_.done > at_once_max) bench_.next();
        if (step == IdleStep::end) bench_.finish(bench_.done - at_once_max);
    }
    // Beast allows only one write at a time.
    void write() {
        if (writing_ || owed_ == 0) return;
        writing_ = true;
        --owed_;
        stream_.async_write(asio::buffer(bench_.run.payload),
                            [self = shared_from_this()](error_code error, size_t) {
                                self->writing_ = false;
                                if (!self->bench_.failed(error)) self->write();
                            });
    }

    Bench& bench_;
    websocket::stream<Socket, false> stream_;
    beast::flat_buffer buffer_;
    int owed_ = 0;
    bool writing_ = false;
};

}  // namespace

int main(int count, char** arguments) {
    using namespace starling::bench;
    const ClientRun run = client_run(count, arguments);
    Bench bench{.run = run};
    int begun = 0;
    bench.next = [&] {
        if (begun++ < run.connections) std::make_shared<Client>(bench)->start();
    };
    bench.begin();
    const auto after = [](double seconds) {
        return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
    };
    asio::steady_timer warm(bench.context), over(bench.context);
    if (run.is("echo")) {
        warm.expires_after(after(warmup_seconds));
        warm.async_wait([&](error_code) { bench.usage.begin(bench.done); });
        over.expires_after(after(warmup_seconds + run.seconds));
        over.async_wait([&](error_code) { bench.finish(); });
    }
    bench.context.run();
    return bench.status;
}
