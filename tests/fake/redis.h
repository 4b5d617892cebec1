// tests/fake/redis.h: a server that speaks the protocol of Redis on a socket of 127.0.0.1, on the test's
// loop. A script may answer a command in place of the server: with any bytes, late, or never.
#pragma once

#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "net/watch.h"
#include "tests/fake/sockets.h"

namespace starling::fake {

class Redis {
public:
    using Words = std::vector<std::string>;
    // The bytes of the answer; nothing: the server's own answer.
    using Script = std::function<std::optional<std::string>(const Words& command)>;
    Script script;
    bool resp2 = false;  // Does not know HELLO, as before Redis 6.
    std::vector<std::string>
        done;                // Commands that got the server's own answer, without the opening.
    size_t connections = 0;  // So far.

    explicit Redis(net::Loop& loop) : loop_(loop) {
        listener_ = listen_at("127.0.0.1:0");
        port_ = net::local_address(listener_.get()).value().port();
        listen();
    }
    Redis(const Redis&) = delete;
    Redis& operator=(const Redis&) = delete;

    [[nodiscard]] uint16_t port() const { return port_; }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    // Ends all connections.
    void cut() { peers_.clear(); }
    // Ends all connections, and refuses new ones.
    void end() {
        watch_.reset();
        listener_ = {};
        cut();
    }
    // To all connections that have asked for a subscription.
    void push(std::string_view bytes) {
        for (const auto& peer : peers_)
            if (peer->subscribes) send_text(peer->fd, bytes);
    }
    [[nodiscard]] static std::string bulk(std::string_view text) {
        return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
    }
    // The answer to CLUSTER SLOTS: half of the slots for each of the two.
    [[nodiscard]] static std::string slots(const Redis& low, const Redis& high) {
        const auto range = [](int first, int last, const Redis& node) {
            return "*3\r\n:" + std::to_string(first) + "\r\n:" + std::to_string(last) +
                   "\r\n*2\r\n" + bulk("127.0.0.1") + ":" + std::to_string(node.port()) + "\r\n";
        };
        return "*2\r\n" + range(0, 8191, low) + range(8192, 16383, high);
    }

private:
    struct Peer final : net::Watcher {
        Peer(Redis& owner, net::Descriptor descriptor)
            : redis(owner),
              fd(std::move(descriptor)),
              watch(owner.loop_, fd.get(), net::Interest{.readable = true}, *this) {}
        void on_ready(bool, bool) override { redis.receive(*this); }
        Redis& redis;
        net::Descriptor fd;
        net::Watch watch;
        std::string input;
        bool subscribes = false;
    };
    struct Accepts final : net::Watcher {
        explicit Accepts(Redis& owner) : redis(owner) {}
        void on_ready(bool, bool) override {
            net::Descriptor fd(
                ::accept4(redis.listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            if (fd.get() < 0) return;
            ++redis.connections;
            redis.peers_.push_back(std::make_unique<Peer>(redis, std::move(fd)));
        }
        Redis& redis;
    };

    void listen() {
        watch_ = std::make_unique<net::Watch>(loop_, listener_.get(),
                                              net::Interest{.readable = true}, accepts_);
    }

    void receive(Peer& peer) {
        peer.input += receive_text(peer.fd);
        const bool ended = peer.input.ends_with("<end>") || peer.input.ends_with("<reset>");
        std::string out;
        const size_t before = peers_.size();
        while (auto command = take(peer.input)) {
            peer.subscribes |= command->front().ends_with("SUBSCRIBE");
            out += answer(*command);
            if (peers_.size() != before) return;  // The script has ended the connection.
        }
        send_text(peer.fd, out);
        if (ended) std::erase_if(peers_, [&](const auto& one) { return one.get() == &peer; });
    }

    // Takes one array of bulk strings off the front.
    static std::optional<Words> take(std::string& input) {
        std::string_view rest = input;
        const auto number = [&rest](char type) -> std::optional<size_t> {
            const size_t end = rest.find("\r\n");
            if (end == std::string_view::npos || rest.front() != type) return std::nullopt;
            size_t value = 0;
            std::from_chars(rest.data() + 1, rest.data() + end, value);
            rest.remove_prefix(end + 2);
            return value;
        };
        const auto count = number('*');
        if (!count) return std::nullopt;
        Words words;
        for (size_t i = 0; i < *count; ++i) {
            const auto size = number('$');
            if (!size || rest.size() < *size + 2) return std::nullopt;
            words.emplace_back(rest.substr(0, *size));
            rest.remove_prefix(*size + 2);
        }
        input.erase(0, input.size() - rest.size());
        return words;
    }

    std::string answer(const Words& words) {
        if (script)
            if (auto scripted = script(words)) return *std::move(scripted);
        const std::string& verb = words.front();
        if (verb == "HELLO")
            return resp2 ? "-ERR unknown command 'HELLO'\r\n" : "%1\r\n$5\r\nproto\r\n:3\r\n";
        if (verb == "PING") return "+PONG\r\n";
        if (verb == "ROLE") return "*1\r\n$6\r\nmaster\r\n";
        std::string text;
        for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
        done.push_back(text);
        if (!verb.ends_with("SUBSCRIBE")) return verb.ends_with("PUBLISH") ? ":1\r\n" : "+OK\r\n";
        std::string confirmed, kind = verb;
        for (char& c : kind) c = base::lower(c);
        for (size_t i = 1; i < words.size(); ++i)
            confirmed += (resp2 ? "*3\r\n" : ">3\r\n") + bulk(kind) + bulk(words[i]) + ":1\r\n";
        return confirmed;
    }

    net::Loop& loop_;
    net::Descriptor listener_;
    uint16_t port_ = 0;
    Accepts accepts_{*this};
    std::unique_ptr<net::Watch> watch_;
    std::vector<std::unique_ptr<Peer>> peers_;
};

}  // namespace starling::fake
