// tests/fetch/fixture.h: a Fetcher on a real loop, and applications with a script on the same loop.
#pragma once

#include <gtest/gtest.h>

#include <netinet/in.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "fetch/fetcher.h"
#include "net/acceptor.h"
#include "net/loop.h"
#include "net/stream.h"
#include "tests/fake/sockets.h"
#include "tests/net/tls_fixture.h"

namespace starling::fetch {

inline std::string ok(std::string_view body = {}, std::string_view fields = {}) {
    return "HTTP/1.1 200 OK\r\n" + std::string(fields) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// An application: answers each whole request as its script says.
class App {
public:
    struct Call {
        int connection;  // From 1.
        std::string head, body;
    };
    using Script = std::function<void(net::Stream&, const Call&)>;

    explicit App(net::Loop& loop, std::string_view where = "127.0.0.1:0",
                 std::shared_ptr<const net::TlsContext> tls = nullptr)
        : loop_(loop),
          tls_(std::move(tls)),
          script_([](net::Stream& stream, const Call&) { say(stream, ok()); }) {
        listen(where);
    }

    void listen(std::string_view where) {
        acceptor_.emplace(loop_, fake::listen_at(where),
                          [this](net::Descriptor fd) { accept(std::move(fd)); });
        port_ = net::local_address(acceptor_->fd()).value().port();
    }
    void stop_listening() { acceptor_.reset(); }

    void on_call(Script script) { script_ = std::move(script); }
    void answer(std::string text) {
        on_call([text = std::move(text)](net::Stream& stream, const Call&) { say(stream, text); });
    }
    // Called for each connection before anything is read.
    void on_connection(std::function<void(net::Stream&)> call) { connected_ = std::move(call); }
    // Called with what has come of a request, before it is whole.
    void on_part(std::function<void(net::Stream&, size_t)> call) { part_ = std::move(call); }

    static void say(net::Stream& stream, std::string_view text) {
        stream.write(base::bytes_of(text));
    }

    [[nodiscard]] uint16_t port() const { return port_; }
    [[nodiscard]] std::string url(std::string_view path = "/hook") const {
        return "http" + std::string(tls_ ? "s" : "") + "://127.0.0.1:" + std::to_string(port_) +
               std::string(path);
    }
    // Every connection that is open, by its number.
    [[nodiscard]] net::Stream* stream(int connection) {
        return loop_.find(keys_.at(size_t(connection) - 1));
    }

    std::vector<Call> calls;
    int connections = 0;

private:
    struct Handler final : net::StreamHandler {
        Handler(App& owner, int number) : app(owner), connection(number) {}
        void on_bytes(std::span<std::byte>& input) override {
            text += base::text_of(input);
            input = {};
            while (take_call()) {}
            if (!text.empty() && app.part_) app.part_(*stream_, text.size());
        }
        void on_closed(net::CloseReason) override {}
        bool take_call() {
            const size_t head = text.find("\r\n\r\n");
            if (head == text.npos || !stream_->is_open()) return false;
            constexpr std::string_view field = "Content-Length: ";
            const size_t at = text.find(field);
            const size_t size = at < head ? std::stoul(text.substr(at + field.size())) : 0;
            if (text.size() < head + 4 + size) return false;
            app.calls.push_back(
                {connection, text.substr(0, head + 2), text.substr(head + 4, size)});
            text.erase(0, head + 4 + size);
            const Call call = app.calls.back();
            app.script_(*stream_, call);
            return true;
        }
        App& app;
        const int connection;
        std::string text;
    };

    void accept(net::Descriptor fd) {
        auto filter =
            tls_ ? std::make_unique<net::TlsFilter>(std::make_unique<net::TlsSession>(tls_))
                 : nullptr;
        net::Stream& stream = loop_.open(
            std::move(fd), std::make_unique<Handler>(*this, ++connections), std::move(filter));
        keys_.push_back(stream.slot_key());
        if (connected_) connected_(stream);
    }

    net::Loop& loop_;
    std::shared_ptr<const net::TlsContext> tls_;
    std::optional<net::Acceptor> acceptor_;
    uint16_t port_ = 0;
    Script script_;
    std::function<void(net::Stream&)> connected_;
    std::function<void(net::Stream&, size_t)> part_;
    std::vector<base::SlotKey> keys_;
};

// Listens, but its queue is full: who connects waits.
class FullQueue {
public:
    explicit FullQueue(std::string_view where) {
        const net::Address address = fake::address(where);
        if (::bind(listening_.get(), address.data(), address.size()) != 0 ||
            ::listen(listening_.get(), 0) != 0)
            throw std::runtime_error(std::strerror(errno));
        only_ = fake::connect_to(listening_.get());
        address_ = net::local_address(listening_.get()).value();
    }
    // True: the kernel's table has a connection to this address in state 2, SYN_SENT.
    [[nodiscard]] bool is_asked() const {
        std::array<char, 32> wanted;
        const auto* const ip = reinterpret_cast<const sockaddr_in*>(address_.data());
        std::snprintf(wanted.data(), wanted.size(), "%08X:%04X 02", ip->sin_addr.s_addr,
                      unsigned(address_.port()));
        std::ifstream table("/proc/net/tcp");
        const std::string text(std::istreambuf_iterator<char>(table), {});
        return text.find(wanted.data()) != text.npos;
    }
    [[nodiscard]] std::string url() const { return "http://" + address_.to_string() + "/"; }

private:
    net::Descriptor listening_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}, only_;
    net::Address address_;
};

struct Result {
    uint64_t tag;
    int status;
    bool sent, cut;
    std::string body, content_type, retry_after, error;
};

class FetchBase : public ::testing::Test, public Receiver {
protected:
    explicit FetchBase(Senders senders = Senders::plain_and_libcurl)
        : fetcher_(std::make_unique<Fetcher>(loop_, *this, senders)) {}

    void fetched(uint64_t tag, const Answer& answer) final {
        results_.push_back({tag, answer.status, answer.sent, answer.cut, std::string(answer.body),
                            std::string(answer.content_type), std::string(answer.retry_after),
                            std::string(answer.error)});
        if (then_) then_(results_.back());
    }

    [[nodiscard]] bool run_until_results(size_t count) {
        return fake::run_until(
            loop_, [&] { return results_.size() >= count; }, 20'000);
    }
    // One request, and its result.
    Result fetch(Target& target, std::string body = "{}", std::string_view headers = {}) {
        const size_t before = results_.size();
        fetcher_->post(target, before + 1, headers, std::move(body));
        EXPECT_EQ(results_.size(), before);
        EXPECT_TRUE(run_until_results(before + 1));
        if (results_.size() <= before) return {};
        EXPECT_EQ(results_.back().tag, before + 1);
        return results_.back();
    }
    // Where the default times do not matter, a busy machine has more.
    Result fetch(TargetOptions options, std::string body = "{}") {
        constexpr uint32_t patience_ms = 60'000;
        if (options.timeout_ms == TargetOptions{}.timeout_ms) options.timeout_ms = patience_ms;
        if (options.connect_timeout_ms == TargetOptions{}.connect_timeout_ms)
            options.connect_timeout_ms = options.timeout_ms;
        return fetch(fetcher_->add(options), std::move(body));
    }

    // Added to the loop's clock. libcurl has a clock of its own.
    uint64_t ahead_ms_ = 0;
    net::Loop loop_{net::make_epoll_backend(), {}, [this, steady = net::Loop::steady_clock()] {
                        return steady() + ahead_ms_;
                    }};
    std::unique_ptr<Fetcher> fetcher_;
    std::vector<Result> results_;
    std::function<void(const Result&)> then_;
};

// For tests that both senders must pass, with INSTANTIATE_BOTH_SENDERS.
class FetchTest : public FetchBase, public ::testing::WithParamInterface<Senders> {
protected:
    FetchTest() : FetchBase(GetParam()) {}
    void TearDown() override {
        if (fetcher_ && GetParam() == Senders::libcurl) {
            EXPECT_EQ(fetcher_->sent_plainly(), 0u);
        }
    }
};

#define INSTANTIATE_BOTH_SENDERS(Fixture)                                                  \
    INSTANTIATE_TEST_SUITE_P(                                                              \
        Senders, Fixture, ::testing::Values(Senders::plain_and_libcurl, Senders::libcurl), \
        [](const auto& of) { return of.param == Senders::libcurl ? "Libcurl" : "Plain"; })

}  // namespace starling::fetch
