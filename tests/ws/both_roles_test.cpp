// Both roles of ws/ against each other: random messages, fragmented at random, compressed with every
// outcome of the negotiation, with control frames between the fragments, read at random sizes.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "tests/ws/wire.h"
#include "ws/client_opening.h"
#include "ws/deflate.h"
#include "ws/frame.h"
#include "ws/handshake.h"
#include "ws/receiver.h"

namespace starling::ws::test {
namespace {

using Random = std::mt19937;

size_t below(Random& random, size_t limit) { return random() % limit; }

// Text that compresses a little; every fourth message is empty or large.
std::string message(Random& random) {
    constexpr std::array<std::string_view, 6> words = {"chat",  "\xe6\xb0\xb4",    " ", "{\"n\":1}",
                                                       "hello", "\xf0\x9f\x98\x80"};
    std::string out;
    const size_t count = below(random, 4) ? below(random, 40) : below(random, 2) * 3000;
    for (size_t i = 0; i < count; ++i) out += words[below(random, words.size())];
    return out;
}

// One direction: what the side `from` writes, and what its peer must read.
class Writer {
public:
    Writer(Role from, const std::optional<DeflateParams>& deflate) : from_(from) {
        if (!deflate) return;
        const bool client = from == Role::client;
        takeover_ =
            client ? !deflate->client_no_context_takeover : !deflate->server_no_context_takeover;
        deflater_ = std::make_unique<Deflater>(client ? deflate->client_max_window_bits
                                                      : deflate->server_max_window_bits);
    }

    void write_message(Random& random) {
        const std::string text = message(random);
        const bool binary = below(random, 3) == 0;
        const Opcode opcode = binary ? Opcode::binary : Opcode::text;
        const bool compressed = deflater_ && below(random, 4) != 0;
        const Bytes plain = to_bytes(text);
        const auto payload =
            compressed ? deflater_->compress(plain, !takeover_) : std::span<const std::byte>(plain);
        Fragmenter fragments(opcode, payload, 1 + below(random, payload.size() + 1), compressed);
        while (!fragments.done()) {
            const auto fragment = fragments.next();
            add(random, fragment.opcode, fragment.fin, fragment.rsv1, fragment.payload);
            // Pings between the fragments come before the message.
            if (fragments.done()) expected += (binary ? "binary(" : "text(") + brief(plain) + ") ";
            if (below(random, 3) == 0) {
                add(random, Opcode::ping, true, false, to_bytes("p"));
                expected += "ping(p) ";
            }
        }
    }
    void write_close(Random& random) {
        std::array<std::byte, control_payload_bytes_max> payload;
        const size_t size = write_close_payload(payload.data(), 3000, "done");
        add(random, Opcode::close, true, false, std::span(payload).first(size));
        expected += "close(3000 done) ";
    }

    Bytes wire;
    std::string expected;

private:
    void add(Random& random, Opcode opcode, bool fin, bool rsv1,
             std::span<const std::byte> payload) {
        // frame() takes the reader's role, and masks for a server.
        const Role reader = from_ == Role::client ? Role::server : Role::client;
        const Bytes bytes =
            frame(reader, opcode, fin, rsv1, payload, static_cast<uint32_t>(random()));
        wire.insert(wire.end(), bytes.begin(), bytes.end());
    }

    const Role from_;
    std::unique_ptr<Deflater> deflater_;
    bool takeover_ = false;
};

std::string read_all(Role reader, const std::optional<DeflateParams>& deflate, const Writer& writer,
                     size_t step) {
    std::unique_ptr<Inflater> inflater;
    if (deflate) {
        const bool client = reader == Role::client;
        const bool alone =
            client ? deflate->server_no_context_takeover : deflate->client_no_context_takeover;
        inflater = std::make_unique<Inflater>(
            alone ? Inflater::Context::shared : Inflater::Context::takeover,
            alone    ? window_bits_max
            : client ? deflate->server_max_window_bits
                     : deflate->client_max_window_bits);
    }
    return transcript({reader, {.fragments_max = 1'000'000}, inflater.get()}, writer.wire, step);
}

// The client's request and the server's answer, each read by the other side.
std::optional<DeflateParams> shake_hands(const DeflateOptions& client, const DeflateOptions& server,
                                         size_t step) {
    const OpeningOptions options{.subprotocols = {"a", "b"}, .deflate = client};
    const auto url = parse_client_url("ws://example.com/chat");
    ClientOpening opening(options, *url, std::array<std::byte, 16>{});
    const std::string& request = opening.request();
    const auto value = [&](const std::string& name) {
        const size_t at = request.find("\r\n" + name + ": ");
        if (at == std::string::npos) return std::string();
        const size_t from = at + name.size() + 4;
        return request.substr(from, request.find("\r\n", from) - from);
    };
    const std::string upgrade = value("Upgrade"), connection = value("Connection");
    const std::string key = value("Sec-WebSocket-Key"), version = value("Sec-WebSocket-Version");
    const std::string protocols = value("Sec-WebSocket-Protocol");
    const std::string offers = value("Sec-WebSocket-Extensions"), host = value("Host");
    const HandshakeVerdict verdict =
        check_handshake({"GET", upgrade, connection, key, version, "", host, protocols, offers});
    EXPECT_EQ(verdict.status, 101) << verdict.reason;
    const DeflateAnswer agreed = negotiate_deflate(offers, server);
    const auto accept = accept_key(key);
    std::string answer;
    append_response(answer, {accept.data(), accept.size()}, "b", agreed.response);
    answer += "frames";
    auto step_result = ClientOpening::Step::more;
    std::string rest;
    for (size_t at = 0; at < answer.size() && step_result == ClientOpening::Step::more;
         at += step) {
        auto input =
            std::as_bytes(std::span(answer).subspan(at, std::min(step, answer.size() - at)));
        step_result = opening.on_bytes(input);
        rest = to_text(input) + answer.substr(std::min(answer.size(), at + step));
    }
    EXPECT_EQ(step_result, ClientOpening::Step::open) << opening.error();
    EXPECT_EQ(rest, "frames");
    EXPECT_EQ(opening.subprotocol(), "b");
    EXPECT_EQ(opening.extensions(), agreed.response);
    EXPECT_EQ(opening.deflate().has_value(), agreed.params.has_value());
    if (agreed.params && opening.deflate()) {
        // Each side may use less than the other allows, never more.
        EXPECT_LE(opening.deflate()->client_max_window_bits, agreed.params->client_max_window_bits);
        EXPECT_EQ(opening.deflate()->server_max_window_bits, agreed.params->server_max_window_bits);
    }
    return opening.deflate();
}

DeflateOptions some_options(Random& random) {
    return {.enabled = below(random, 4) != 0,
            .allow_server_context_takeover = below(random, 2) == 0,
            .allow_client_context_takeover = below(random, 2) == 0,
            .server_max_window_bits = static_cast<uint8_t>(9 + below(random, 7)),
            .client_max_window_bits = static_cast<uint8_t>(9 + below(random, 7))};
}

TEST(WsBothRoles, random_conversations_at_every_read_size) {
    size_t compressed = 0;
    for (unsigned seed = 0; seed < 40; ++seed) {
        Random random(seed);
        const size_t step = 1 + below(random, 40);
        const auto deflate = shake_hands(some_options(random), some_options(random), step);
        compressed += deflate.has_value();
        for (const Role from : {Role::client, Role::server}) {
            Writer writer(from, deflate);
            for (size_t i = 0; i < 6; ++i) writer.write_message(random);
            writer.write_close(random);
            writer.expected.pop_back();
            const Role reader = from == Role::client ? Role::server : Role::client;
            for (const size_t size : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, step, size_t{64},
                                      size_t{1000}, writer.wire.size()})
                ASSERT_EQ(read_all(reader, deflate, writer, size), writer.expected)
                    << "seed " << seed << ", reads of " << size;
        }
    }
    EXPECT_GT(compressed, 10U);
    EXPECT_LT(compressed, 40U);
}

// One conversation for each outcome of the negotiation, at each size.
TEST(WsBothRoles, conversations_at_every_read_size_up_to_300) {
    const DeflateParams takeover{}, alone{.server_no_context_takeover = true,
                                          .client_no_context_takeover = true,
                                          .server_max_window_bits = 10,
                                          .client_max_window_bits = 9};
    Random random(1000);
    for (const auto& deflate : {std::optional<DeflateParams>(), {takeover}, {alone}}) {
        for (const Role from : {Role::client, Role::server}) {
            Writer writer(from, deflate);
            for (size_t i = 0; i < 5; ++i) writer.write_message(random);
            writer.write_close(random);
            writer.expected.pop_back();
            const Role reader = from == Role::client ? Role::server : Role::client;
            for (size_t size = 1; size <= 300; ++size)
                ASSERT_EQ(read_all(reader, deflate, writer, size), writer.expected)
                    << "reads of " << size;
        }
    }
}

TEST(WsBothRoles, handshakes_at_every_read_size) {
    const DeflateOptions deflate{.enabled = true};
    for (size_t step = 1; step < 300; ++step) EXPECT_TRUE(shake_hands(deflate, deflate, step));
}

}  // namespace
}  // namespace starling::ws::test
