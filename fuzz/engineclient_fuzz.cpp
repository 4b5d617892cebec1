// Fuzzes what a server sends to a client: the open packet, frames, answers to polls, and the ends of
// connections, in any order, with calls of the application between them. The first byte chooses the
// options; then each step is a byte for its kind, a byte for its length, and its data. Whatever
// comes, the client ends when it is told to, and then holds nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engineio/client_open.h"
#include "tests/fake/socketio_client.h"

namespace {

using namespace starling;
using fake::SioClient;

void require(bool condition) {
    if (!condition) std::abort();
}

constexpr std::string_view open_text =
    R"(0{"sid":"S","upgrades":["websocket"],"pingInterval":100,"pingTimeout":50,"maxPayload":40})";

socketio::client::ManagerOptions options_of(uint8_t bits) {
    using engineio::Transport;
    socketio::client::ManagerOptions options{.auto_connect = false};
    if (bits & 1) options.engine.transports = {Transport::websocket};
    options.engine.upgrade = (bits & 2) == 0;
    options.engine.try_all_transports = (bits & 4) != 0;
    if (bits & 8) options.engine.revision = engineio::Revision::eio3;
    if (bits & 16) options.codec = socketio::Codec::msgpack;
    options.reconnection_attempts = 3;
    return options;
}

void check_open(std::string_view data) {
    const auto open = engineio::read_open(data);
    if (!open) return;
    require(data.size() <= engineio::open_bytes_max);
    require(!open->sid.empty() && open->sid.size() <= engineio::open_sid_bytes_max);
    require(open->ping_interval_ms >= 1 && open->ping_interval_ms <= engineio::open_time_ms_max);
    require(open->ping_timeout_ms <= engineio::open_time_ms_max);
    for (const char c : open->sid) require(c > ' ' && c < '\x7f');
}

void application(SioClient& client, std::string_view data) {
    const auto which = data.empty() ? 0 : static_cast<unsigned char>(data[0]) % 7;
    const std::string nsp = data.size() % 2 ? "/" : "/b";
    switch (which) {
        case 0: return client.socket(nsp).connect();
        case 1: return client.socket(nsp).disconnect();
        case 2: return client.emit(nsp, "a", data.size());
        case 3:
            client.socket(nsp).emit("b", {}, {.timeout_ms = 20},
                                    [](fake::AckResult, fake::Arguments) {});
            return;
        case 4:
            for (const auto& reply : client.of(nsp).replies) reply({});
            return;
        case 5: return client.manager.close();
        default: return client.emit(nsp, "c", sio::Binary(std::string(data)));
    }
}

void step(SioClient& client, unsigned kind, std::string_view data) {
    using engineio::PayloadKind;
    const auto code = static_cast<uint32_t>(data.size());
    if (client.wires.empty() && kind < 9) return;
    auto* const wire = client.wires.empty() ? nullptr : client.wires.back();
    switch (kind) {
        case 0: return client.send(open_text);
        case 1: return client.answer_poll(std::string(open_text));
        case 2: check_open(data); return client.send("0" + std::string(data));
        case 3: return client.send(data);
        case 4: return client.send_bytes(data);
        case 5: return client.answer_poll(std::string(data), code % 4 ? 200 : 400);
        case 6: return client.answer_post(code % 2 ? 200 : 413);
        case 7: return client.end(code);
        case 8:
            if (wire->websocket) wire->later([wire] { wire->session.on_websocket_error(); });
            return;
        case 9: return client.advance(code * 10);
        case 10: client.refuses = code % 2 != 0; return;
        case 11: client.answers = code % 2 != 0; return;
        default: return application(client, data);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    SioClient client(options_of(data[0]),
                     {.retries = data[0] & 32U, .ack_timeout_ms = 50, .buffered_events_max = 20});
    client.socket().connect();
    client.settle();
    std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    for (int steps = 0; rest.size() >= 2 && steps < 200; ++steps) {
        const auto kind = static_cast<unsigned char>(rest[0]) % 14U;
        const size_t length =
            std::min<size_t>(static_cast<unsigned char>(rest[1]), rest.size() - 2);
        step(client, kind, rest.substr(2, length));
        rest.remove_prefix(2 + length);
        client.settle();
        require(client.manager.sessions() <= 100);
    }
    client.manager.close();
    client.settle();
    client.answers = true;
    for (auto* const wire : std::vector(client.wires)) {
        if (wire->posts) wire->answer(200);
    }
    client.settle();
    client.advance(10'000'000'000);
    require(client.manager.idle());
    require(client.wires.empty());
    require(client.socket().pending_acks() == 0 || !client.socket().connected());
    return 0;
}
