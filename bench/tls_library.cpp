// bench/tls_library.cpp: what the server's side of an idle TLS connection holds after a message in each
// direction. `tls_library METHOD VERSION CONNECTIONS CHAIN.PEM KEY.PEM` prints one line of JSON: the
// growth of the allocator's bytes and of the proportional memory (Pss), for each connection.
//
// METHOD: openssl, a SSL object with the defaults of its library; released, one with
// SSL_MODE_RELEASE_BUFFERS and without sessions in memory; starling, a net::TlsSession.
// VERSION: 1.2 or 1.3.
//
// The clients are in the same process. A client is freed before the next one begins, and the first
// connections do not count.
#include <fcntl.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <starling/server.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/text.h"
#include "net/tls.h"

namespace {

using namespace starling;

[[noreturn]] void fail(const char* why) {
    std::fprintf(stderr, "tls_library: %s\n", why);
    std::exit(1);
}

constexpr int warm = 64;
constexpr int turns = 4;  // Flights of a handshake, and one more.

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Session = std::unique_ptr<SSL, decltype(&SSL_free)>;

struct Options {
    std::string_view method;
    int version;
    int connections;
    const char *chain, *key;
};

// One side: continues its handshake, or exchanges a message.
class Side {
public:
    virtual ~Side() = default;
    virtual void shake_hands() = 0;
    virtual void write(std::string_view text) = 0;
    virtual bool reads(std::string_view text) = 0;
};

class OpensslSide final : public Side {
public:
    OpensslSide(SSL_CTX* context, int fd, bool server) : ssl_(SSL_new(context), &SSL_free) {
        SSL_set_fd(ssl_.get(), fd);
        server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
    }
    void shake_hands() override { (void)SSL_do_handshake(ssl_.get()); }
    void write(std::string_view text) override {
        if (SSL_write(ssl_.get(), text.data(), int(text.size())) != int(text.size()))
            fail("a write has failed");
    }
    bool reads(std::string_view text) override {
        std::array<char, 256> got;
        const int size = SSL_read(ssl_.get(), got.data(), int(got.size()));
        return size > 0 && std::string_view(got.data(), size_t(size)) == text;
    }

private:
    const Session ssl_;
};

class StarlingSide final : public Side {
public:
    StarlingSide(std::shared_ptr<const net::TlsContext> context, int fd)
        : session_(std::make_unique<net::TlsSession>(std::move(context))), fd_(fd) {}
    void shake_hands() override {
        receive();
        (void)session_->shake_hands();
        (void)take();
        send();
    }
    void write(std::string_view text) override {
        if (!session_->write(base::bytes_of(text))) fail("a write has failed");
        send();
        session_->rest();  // As the loop does it for an idle connection.
    }
    bool reads(std::string_view text) override {
        receive();
        return take() == text;
    }

private:
    void receive() {
        const ssize_t size = ::read(fd_, input_.data(), input_.size());
        session_->feed(std::span(input_).first(size > 0 ? size_t(size) : 0));
    }
    std::string take() {
        std::string all;
        auto status = net::TlsSession::Status::ok;
        while (const size_t size = session_->read(plaintext_, status))
            all += base::text_of(std::span(plaintext_).first(size));
        return all;
    }
    void send() {
        const std::string output = std::exchange(session_->output(), {});
        if (::write(fd_, output.data(), output.size()) != ssize_t(output.size()))
            fail("a socket is full");
    }

    // Of all sessions, as those of a loop.
    static inline std::array<std::byte, 32 * 1024> input_;
    static inline std::array<std::byte, net::TlsSession::read_bytes_min> plaintext_;
    const std::unique_ptr<net::TlsSession> session_;
    const int fd_;
};

Context server_context(const Options& options) {
    Context context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    if (SSL_CTX_use_certificate_chain_file(context.get(), options.chain) != 1 ||
        SSL_CTX_use_PrivateKey_file(context.get(), options.key, SSL_FILETYPE_PEM) != 1)
        fail("the certificate cannot be used");
    if (options.method == "released") {
        SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
        SSL_CTX_set_num_tickets(context.get(), 1);
    }
    return context;
}

Context client_context(int version) {
    Context context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    return context;
}

struct Memory {
    double heap, pss;
};
Memory memory() {
    const auto info = mallinfo2();
    std::ifstream file("/proc/self/smaps_rollup");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("Pss:"))
            return {double(info.uordblks + info.hblkhd),
                    1024.0 * std::strtod(line.c_str() + 4, nullptr)};
    fail("no /proc/self/smaps_rollup");
}

class Measurement {
public:
    explicit Measurement(const Options& options)
        : options_(options),
          server_(server_context(options)),
          client_(client_context(options.version)) {
        if (options.method != "starling") return;
        auto loaded =
            net::TlsContext::load({{options.chain, options.key}}, ServerOptions().tls_ciphers);
        if (!loaded) fail(loaded.error().c_str());
        ours_ = loaded->context;
        held_.reserve(size_t(options.connections + warm));
    }
    void run() {
        for (int i = 0; i < warm; ++i) open();
        const Memory before = memory();
        for (int i = 0; i < options_.connections; ++i) open();
        const Memory after = memory();
        std::printf("{\"heap_bytes\": %.0f, \"pss_bytes\": %.0f}\n",
                    (after.heap - before.heap) / options_.connections,
                    (after.pss - before.pss) / options_.connections);
    }

private:
    struct Held {
        base::Descriptor fd;
        std::unique_ptr<Side> side;
    };
    void open() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
            fail("too few descriptors");
        Held held{base::Descriptor(ends[0]), nullptr};
        const base::Descriptor peer(ends[1]);
        if (ours_)
            held.side = std::make_unique<StarlingSide>(ours_, ends[0]);
        else
            held.side = std::make_unique<OpensslSide>(server_.get(), ends[0], true);
        OpensslSide client(client_.get(), ends[1], false);
        for (int i = 0; i < turns; ++i) {
            client.shake_hands();
            held.side->shake_hands();
        }
        constexpr std::string_view question = "a question of about 64 bytes, as a WebSocket's ...";
        client.write(question);
        if (!held.side->reads(question)) fail("the server has not got the message");
        held.side->write(question);
        if (!client.reads(question)) fail("the client has not got the message");
        held_.push_back(std::move(held));
    }

    const Options& options_;
    const Context server_, client_;
    std::shared_ptr<const net::TlsContext> ours_;
    std::vector<Held> held_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) fail("usage: tls_library METHOD VERSION CONNECTIONS CHAIN KEY");
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    const Options options{argv[1],
                          std::string_view(argv[2]) == "1.2" ? TLS1_2_VERSION : TLS1_3_VERSION,
                          std::atoi(argv[3]), argv[4], argv[5]};
    Measurement(options).run();
    return 0;
}
