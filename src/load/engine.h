// load/engine.h: the connections of one thread of a load generator, on an epoll set of their own:
// connect, TLS, opening handshake, bytes in and out. It is cheaper than net::Loop where a load
// generator can be: no timers per connection, no queue of sends, all reads into one buffer.
//
// Owner: a worker of the load test. It outlives its Links. Thread: the one that calls poll().
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "load/endpoint.h"
#include "load/measure/faults.h"
#include "net/tls.h"
#include "net/tunnel.h"

namespace starling::load {

// Where links connect to, and what they ask for.
struct Target {
    const Endpoint* endpoint = nullptr;
    // Sent as soon as a link is connected, and answered by 101. "": the link is then open.
    std::string request = {};
};

// A connection. Its address does not change: the epoll set holds it. A scenario derives from it.
struct Link {
    enum class State : uint8_t {
        closed,
        connecting,
        tunnelling,  // The proxy has not opened the way yet.
        securing,
        asking,
        open,
    };

    virtual ~Link() = default;
    [[nodiscard]] bool is_open() const noexcept { return state == State::open; }

    base::Descriptor fd = {};
    State state = State::closed;
    bool waits_for_out = false;
    bool ready = false;  // The scenario can use it; see load/worker.h.
    // Of permessage-deflate, the bits of this side's window; 0: it was not negotiated.
    uint8_t deflate_bits = 0;
    uint32_t index = 0;  // Number of the connection in the whole test.
    uint64_t attempt = 0;
    const Target* target = nullptr;
    std::string own_request = {};  // In place of the target's, for one handshake.
    uint64_t started_ns = 0;       // When connect() was called.
    std::string unsent = {};  // Bytes that could not be sent yet, of all TLS bytes the plaintext.
    std::string answer = {};  // The beginning of the answer to the handshake.
    std::unique_ptr<net::TlsSession> tls = {};
    std::unique_ptr<net::Tunnel> tunnel = {};
};

// What a scenario does with its connections. The calls come from poll() alone.
class LinkHandler {
public:
    // The handshake is over, or without one the connection stands.
    virtual void on_open(Link& link) = 0;
    // Bytes after the handshake; the view is valid during the call.
    virtual void on_bytes(Link& link, std::span<std::byte> bytes) = 0;
    // Nothing of what was sent is left in this process.
    virtual void on_writable(Link& /*link*/) {}
    // The link is closed. It may be opened again.
    virtual void on_failed(Link& link, const Fault& fault) = 0;

protected:
    ~LinkHandler() = default;
};

class Engine {
public:
    Engine(const Plan& plan, LinkHandler& handler);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Begins to open a closed link. The target outlives the link.
    void open(Link& link, const Target& target);
    // Sends now what the kernel takes, and the rest when it takes more. Errors come from poll().
    void send(Link& link, std::string_view bytes);
    // Nothing is waiting to be sent.
    [[nodiscard]] static bool drained(const Link& link) noexcept {
        return link.unsent.empty() && (!link.tls || link.tls->output().empty());
    }
    void close(Link& link, bool reset = false) noexcept;
    // Closes the link and tells the handler from the next poll().
    void fail(Link& link, Fault fault);

    // Waits for events and handles a few of them. Returns how many there were.
    int poll(uint64_t timeout_ns);
    // When the bytes of the current call were read; between calls, of the last read.
    [[nodiscard]] uint64_t now() const noexcept { return read_at_; }
    [[nodiscard]] uint32_t opening() const noexcept { return opening_count_; }

private:
    static constexpr size_t buffer_bytes = 256 * 1024;
    static constexpr int events_max = 64;  // Few, so that messages that are due do not wait long.

    struct Failed {
        Link* link;
        uint64_t attempt;
        Fault fault;
    };

    void connect(Link& link);
    void connected(Link& link);
    void reached(Link& link);
    void secured(Link& link);
    void opened(Link& link);
    void watch(Link& link, bool out, int operation) const;
    void want_out(Link& link, bool out);
    void flush(Link& link);
    // The bytes that the kernel took. An error makes the link fail.
    [[nodiscard]] size_t offer(Link& link, std::string_view bytes);
    void handle(Link& link, uint32_t events);
    void read(Link& link);
    void take_tunnel(Link& link, std::span<std::byte> bytes);
    void take_tls(Link& link, std::span<const std::byte> ciphertext);
    void take(Link& link, std::span<std::byte> bytes);
    void tell_failed();
    void end_late();
    void finish_opening(Link& link) noexcept;

    const Plan& plan_;
    LinkHandler& handler_;
    const base::Descriptor epoll_;
    std::vector<std::byte> buffer_, plain_;
    std::vector<Failed> failed_;
    std::deque<std::pair<Link*, uint64_t>> started_;  // With the attempt, in the order of time.
    uint64_t attempts_ = 0;
    uint64_t read_at_ = 0, late_checked_ = 0;
    uint32_t opening_count_ = 0;
};

}  // namespace starling::load
