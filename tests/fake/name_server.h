// tests/fake/name_server.h: a DNS server on 127.0.0.1, UDP and TCP, on the test's loop. It answers
// from a table, late, wrongly or never.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "net/watch.h"
#include "tests/fake/sockets.h"

namespace starling::fake {

class NameServer {
public:
    enum class How : uint8_t {
        answer,
        hold,       // Not before release().
        never,      //
        truncated,  // Over UDP; TCP answers.
        garbage,    // Bytes that are no answer.
        servfail,
        refused,
    };
    struct Name {
        std::vector<std::string> v4 = {}, v6 = {};
        How a = How::answer, aaaa = How::answer;  // What the questions for the two families get.
    };
    // Names that are not here do not exist. Without a dot at the end, in small letters.
    std::map<std::string, Name> names;
    // "A name" and "AAAA name" for each question, in order; over TCP "tcp A name".
    std::vector<std::string> asked;

    explicit NameServer(net::Loop& loop) : loop_(loop) {
        tcp_ = listen_at("127.0.0.1:0");
        address_ = net::local_address(tcp_.get()).value();
        udp_ = net::Descriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (::bind(udp_.get(), address_.data(), address_.size()) != 0)
            throw std::runtime_error(std::strerror(errno));
        watch(udp_.get(), [this] { receive_udp(); });
        watch(tcp_.get(), [this] { accept(); });
    }
    NameServer(const NameServer&) = delete;
    NameServer& operator=(const NameServer&) = delete;

    [[nodiscard]] const net::Address& address() const { return address_; }
    // Sends what was held.
    void release() {
        for (const auto& send : std::exchange(held_, {})) send();
    }
    [[nodiscard]] size_t held() const { return held_.size(); }

private:
    struct OnReady final : net::Watcher {
        std::function<void()> call;
        void on_ready(bool, bool) override { call(); }
    };
    struct Watched {
        OnReady watcher;
        std::unique_ptr<net::Watch> watch;
    };
    using Send = std::function<void(const std::string&)>;

    void watch(int fd, std::function<void()> call) {
        auto& watched = *watches_.emplace_back(std::make_unique<Watched>());
        watched.watcher.call = std::move(call);
        watched.watch = std::make_unique<net::Watch>(loop_, fd, net::Interest{.readable = true},
                                                     watched.watcher);
    }

    void receive_udp() {
        char bytes[512];
        sockaddr_in from{};
        socklen_t from_size = sizeof from;
        const ssize_t size = ::recvfrom(udp_.get(), bytes, sizeof bytes, 0,
                                        reinterpret_cast<sockaddr*>(&from), &from_size);
        if (size <= 0) return;
        question({bytes, size_t(size)}, false, [this, from](const std::string& answer) {
            (void)::sendto(udp_.get(), answer.data(), answer.size(), 0,
                           reinterpret_cast<const sockaddr*>(&from), sizeof from);
        });
    }

    void accept() {
        auto& connection = connections_.emplace_back(std::make_unique<Connection>());
        connection->fd =
            net::Descriptor(::accept4(tcp_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        Connection* const c = connection.get();
        c->watched = std::make_unique<Watched>();
        c->watched->watcher.call = [this, c] { receive_tcp(*c); };
        c->watched->watch = std::make_unique<net::Watch>(
            loop_, c->fd.get(), net::Interest{.readable = true}, c->watched->watcher);
    }

    struct Connection {
        net::Descriptor fd;
        std::string input;
        std::unique_ptr<Watched> watched;
    };
    void receive_tcp(Connection& c) {
        c.input += receive_text(c.fd);
        if (c.input.ends_with("<end>")) return c.watched->watch.reset();
        while (c.input.size() >= 2) {
            const size_t size = size_t(uint8_t(c.input[0])) << 8 | uint8_t(c.input[1]);
            if (c.input.size() < 2 + size) return;
            question(c.input.substr(2, size), true, [&c](const std::string& answer) {
                send_text(c.fd, number(answer.size()) + answer);
            });
            c.input.erase(0, 2 + size);
        }
    }

    static std::string number(size_t value) { return {char(value >> 8), char(value)}; }

    // RFC 1035 section 4.1: header of 12 bytes, then the question.
    void question(std::string_view query, bool tcp, const Send& send) {
        std::string name;
        size_t at = 12;
        while (at < query.size() && query[at] != 0) {
            if (!name.empty()) name += '.';
            name += query.substr(at + 1, size_t(query[at]));
            at += 1 + size_t(query[at]);
        }
        for (char& c : name) c = base::lower(c);
        const bool v6 = query[at + 2] == 28;
        asked.push_back(std::string(tcp ? "tcp " : "") + (v6 ? "AAAA " : "A ") + name);
        const auto found = names.find(name);
        const std::string head(query.substr(0, 2)), tail(query.substr(12, at + 5 - 12));
        if (found == names.end()) return send(answer(head, tail, 3, {}, false));
        const auto& addresses = v6 ? found->second.v6 : found->second.v4;
        switch (v6 ? found->second.aaaa : found->second.a) {
            case How::answer: return send(answer(head, tail, 0, addresses, false));
            case How::hold:
                held_.emplace_back(
                    [send, text = answer(head, tail, 0, addresses, false)] { send(text); });
                return;
            case How::never: return;
            case How::truncated:
                return send(
                    answer(head, tail, 0, tcp ? addresses : std::vector<std::string>(), !tcp));
            case How::garbage: {
                std::string text = answer(head, tail, 0, addresses, false);
                text.resize(text.size() - 3);
                return send(text);
            }
            case How::servfail: return send(answer(head, tail, 2, {}, false));
            case How::refused: return send(answer(head, tail, 5, {}, false));
        }
    }

    static std::string answer(const std::string& id, const std::string& question, int code,
                              const std::vector<std::string>& addresses, bool truncated) {
        std::string text = id + char(truncated ? 0x83 : 0x81) + char(0x80 | code) + number(1) +
                           number(addresses.size()) + std::string(4, '\0') + question;
        for (const std::string& address : addresses) {
            const bool v6 = address.find(':') != std::string::npos;
            char bytes[16];
            ::inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), bytes);
            text += std::string("\xc0\x0c", 2) + number(v6 ? 28 : 1) + number(1) +
                    std::string("\0\0\0\x3c", 4) + number(v6 ? 16 : 4) +
                    std::string(bytes, v6 ? 16 : 4);
        }
        return text;
    }

    net::Loop& loop_;
    net::Descriptor tcp_, udp_;
    net::Address address_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<std::unique_ptr<Watched>> watches_;
    std::vector<std::function<void()>> held_;
};

}  // namespace starling::fake
