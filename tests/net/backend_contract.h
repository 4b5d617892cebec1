// tests/net/backend_contract.h: a stream and its peer on each kind of backend and of socket, for the tests of
// the contract of net/backend.h.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/loop.h"
#include "tests/fake/backends.h"
#include "tests/fake/counting_backend.h"
#include "tests/fake/sockets.h"
#include "tests/fake/stream_script.h"

namespace starling::net::contract {

using fake::BackendCounts;
using fake::CountingBackend;
using fake::run_ticks;
using fake::run_until;
using fake::StreamScript;

enum class Kind { unix_domain, tcp_v4, tcp_v6 };

struct Param {
    std::string name;
    fake::BackendKind backend;
    Kind kind;
};

// IPv6 only where the machine has it.
inline std::vector<Param> params() {
    const bool has_v6{listen_on(fake::address("[::1]:0"), false)};
    std::vector<Param> all;
    for (const auto& backend : fake::backend_kinds) {
        all.push_back({std::string(backend.name) + "_unix", backend, Kind::unix_domain});
        all.push_back({std::string(backend.name) + "_tcp4", backend, Kind::tcp_v4});
        if (has_v6) all.push_back({std::string(backend.name) + "_tcp6", backend, Kind::tcp_v6});
    }
    return all;
}

inline std::string pattern(size_t size) {
    std::string text(size, ' ');
    for (size_t i = 0; i < size; ++i) text[i] = char('a' + i % 26);
    return text;
}

class BackendContract : public ::testing::TestWithParam<Param> {
protected:
    BackendContract()
        : loop_(std::make_unique<CountingBackend>(counts_, GetParam().backend.make(late_))) {}

    void SetUp() override {
        auto pair = make_pair();
        peer_ = std::move(pair.peer);
        auto handler = std::make_unique<StreamScript>(log_);
        script_ = handler.get();
        script_->ended = [](Stream&) {};  // Stays open, to see a second report.
        stream_ = &loop_.open(std::move(pair.ours), std::move(handler));
    }

    static fake::Pair make_pair() {
        switch (GetParam().kind) {
            case Kind::unix_domain: return fake::unix_pair();
            case Kind::tcp_v4: return fake::tcp_pair("127.0.0.1:0");
            case Kind::tcp_v6: break;
        }
        return fake::tcp_pair("[::1]:0");
    }
    [[nodiscard]] bool log_reaches(const std::string& text) {
        return run_until(loop_, [&] { return log_.find(text) != std::string::npos; });
    }
    // Resets a TCP connection. A Unix-domain socket that is closed with unread bytes behaves the
    // same.
    void break_connection() {
        std::string unread = "unread";
        const iovec part{unread.data(), unread.size()};
        stream_->write_now({&part, 1});
        run_ticks(loop_, 2);  // A late backend sends it then.
        fake::reset(std::move(peer_));
    }
    // Records the bytes without a transcript line for each piece.
    void collect(std::string& into) {
        script_->bytes = [&into](Stream&, StreamScript::Input& input) {
            into += base::text_of(input);
            input = {};
        };
    }

    void write_shared(const std::string& text) {
        stream_->write(base::SharedBytes::copy(base::bytes_of(text)));
    }
    [[nodiscard]] std::string receive(size_t bytes) {
        std::string got;
        EXPECT_TRUE(run_until(loop_, [&] {
            got += fake::receive_text(peer_);
            return got.size() >= bytes;
        }));
        return got;
    }

    BackendCounts counts_;
    fake::LateControl late_;
    std::string log_;
    Loop loop_;
    StreamScript* script_ = nullptr;
    Stream* stream_ = nullptr;
    Descriptor peer_;
};

}  // namespace starling::net::contract
