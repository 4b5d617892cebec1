// tests/client/fixture.h: a server that plays a script on raw sockets, and a socket whose events are
// written down.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <starling/client.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/text.h"
#include "tests/fake/sockets.h"
#include "tests/server/client.h"
#include "tests/ws/wire.h"
#include "ws/handshake.h"

namespace starling::client::test {

using namespace std::chrono_literals;

// One connection on the side of the script. Every wait ends after wait_s_max.
class Peer {
public:
    explicit Peer(net::Descriptor fd) : fd_(std::move(fd)) {
        const timeval limit{server::test::wait_s_max, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }

    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = server::test::uninterrupted(
                [&] { return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); });
            if (sent <= 0) return;
            bytes.remove_prefix(static_cast<size_t>(sent));
        }
    }
    void write_hex(std::string_view hex) { write(ws::test::to_text(ws::test::unhex(hex))); }

    // The request up to its empty line; "" if the connection ended before.
    std::string read_head() {
        size_t at = 0;
        while ((at = in_.find("\r\n\r\n")) == std::string::npos)
            if (!more()) return {};
        const std::string head = in_.substr(0, at + 4);
        in_.erase(0, at + 4);
        return head;
    }
    [[nodiscard]] static std::string field(const std::string& head, const std::string& name) {
        const size_t at = head.find("\r\n" + name + ": ");
        if (at == std::string::npos) return {};
        const size_t from = at + name.size() + 4;
        return head.substr(from, head.find("\r\n", from) - from);
    }
    [[nodiscard]] static std::string accept_of(const std::string& head) {
        const auto accept = ws::accept_key(field(head, "Sec-WebSocket-Key"));
        return {accept.data(), accept.size()};
    }
    // Answers the handshake with 101, and returns the request. `fields`: lines that end in CR LF.
    std::string accept(std::string_view fields = "") {
        const std::string head = read_head();
        write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: " +
            accept_of(head) + "\r\n" + std::string(fields) + "\r\n");
        return head;
    }
    // The next frames of the client, in the words of tests/ws/wire.h; at the end of the connection "end"
    // or "reset".
    std::string next() {
        for (;;) {
            auto input = std::span(reinterpret_cast<std::byte*>(in_.data()), in_.size());
            const ws::Event event = receiver_.next(input);
            const std::string shown = ws::test::describe(event);
            in_.erase(0, in_.size() - input.size());
            if (event.kind != ws::Event::Kind::need_more)
                return shown.substr(0, shown.find_last_not_of(' ') + 1);
            if (!more()) return end_;
        }
    }
    // Waits until the client ends; what it sends before does not matter.
    void wait_for_end() {
        while (more()) in_.clear();
    }
    void end() { ::shutdown(fd_.get(), SHUT_WR); }
    void reset() { net::close_with_reset(std::move(fd_)); }

private:
    bool more() {
        char buffer[65536];
        const ssize_t size = server::test::uninterrupted(
            [&] { return ::recv(fd_.get(), buffer, sizeof buffer, 0); });
        if (size > 0) return in_.append(buffer, static_cast<size_t>(size)), true;
        end_ = size == 0 ? "end" : errno == EAGAIN ? "timeout" : "reset";
        return false;
    }

    net::Descriptor fd_;
    std::string in_, end_;
    ws::ReceiverLimits limits_{.message_bytes_max = 100'000'000};
    ws::Receiver receiver_{ws::Role::server, limits_};
};

// Plays `script` for each connection, one after the other, on a thread of its own.
class ScriptServer {
public:
    explicit ScriptServer(std::function<void(Peer&)> script)
        : listening_(fake::listen_at("127.0.0.1:0")),
          script_(std::move(script)),
          thread_([this] { run(); }) {}
    ~ScriptServer() { stop(); }
    // Waits until the script has ended, so that its variables may be read.
    void stop() {
        if (!thread_.joinable()) return;
        ending_ = true;
        ::shutdown(listening_.get(), SHUT_RDWR);
        thread_.join();
    }
    [[nodiscard]] uint16_t port() const { return net::local_address(listening_.get())->port(); }
    [[nodiscard]] std::string url(std::string_view path = "/") const {
        return "ws://127.0.0.1:" + std::to_string(port()) + std::string(path);
    }
    [[nodiscard]] int connections() const { return connections_; }

private:
    void run() {
        while (!ending_) {
            pollfd entry{listening_.get(), POLLIN, 0};
            ::poll(&entry, 1, -1);
            net::Descriptor fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (fd.get() < 0) continue;
            ++connections_;
            Peer peer(std::move(fd));
            script_(peer);
        }
    }

    net::Descriptor listening_;
    std::function<void(Peer&)> script_;
    std::atomic<bool> ending_{false};
    std::atomic<int> connections_{0};
    std::thread thread_;
};

// Writes the events of a socket down: "open message(hi) close(1000 done clean)".
struct Log {
    explicit Log(WebSocket& socket) {
        socket.add_event_listener("open", [this] { add("open"); });
        socket.add_event_listener("message", [this](const MessageEvent& event) {
            add((event.is_binary() ? "binary(" : "message(") + ws::test::brief(event.bytes()) +
                ")");
        });
        socket.add_event_listener("error", [this](const ErrorEvent& event) {
            add("error");
            error = event.message;
            status = event.status;
            body = event.body;
        });
        socket.add_event_listener("close", [this](const CloseEvent& event) {
            add("close(" + std::to_string(event.code) + (event.reason.empty() ? "" : " ") +
                std::string(event.reason) + (event.was_clean ? " clean" : "") + ")");
        });
    }
    void add(std::string_view line) { text.append(text.empty() ? "" : " ").append(line); }

    std::string text, error, body;
    int status = 0;
};

}  // namespace starling::client::test
