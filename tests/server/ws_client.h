// tests/server/ws_client.h: a WebSocket peer on a blocking socket. Tests write frames by hand and
// receive frame by frame, so that they see fragments and compression as sent.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/text.h"
#include "tests/server/client.h"
#include "ws/deflate.h"
#include "ws/frame.h"

namespace starling::server::test {

inline std::string upgrade_request(std::string_view path, std::string_view fields = "") {
    return "GET " + std::string(path) +
           " HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
           std::string(fields) + "\r\n";
}

inline std::string masked_frame(ws::Opcode opcode, std::string_view payload, bool fin = true,
                                bool rsv1 = false) {
    std::array<std::byte, ws::frame_header_bytes_max> header;
    const uint32_t key = 0x9f3b21d7;
    const size_t size =
        ws::write_frame_header(header.data(), opcode, fin, rsv1, payload.size(), &key);
    std::string bytes(base::text_of(std::span(header).first(size)));
    std::string body(payload);
    ws::mask(std::as_writable_bytes(std::span(body)), key);
    return bytes + body;
}

inline std::string close_payload(uint16_t code, std::string_view reason = "") {
    return std::string{char(code >> 8), char(code & 255)} + std::string(reason);
}

struct Frame {
    ws::Opcode opcode = ws::Opcode::continuation;
    bool fin = false, rsv1 = false;
    std::string payload;
    std::string end;  // Not empty: the connection ended instead.
};

class WsClient : public Client {
public:
    explicit WsClient(uint16_t port, std::string_view path = "/", std::string_view fields = "",
                      int receive_buffer_bytes = 0)
        : Client(port, receive_buffer_bytes), answer_(request(upgrade_request(path, fields))) {}

    // The answer to the handshake.
    [[nodiscard]] const Answer& handshake() const noexcept { return answer_; }

    bool send_text(std::string_view text) { return send(masked_frame(ws::Opcode::text, text)); }
    bool send_close(uint16_t code, std::string_view reason = "") {
        return send(masked_frame(ws::Opcode::close, close_payload(code, reason)));
    }

    Frame frame() {
        Frame frame;
        const std::string start = read(2);
        if (start.size() != 2) return frame.end = start, frame;
        const auto first = uint8_t(start[0]);
        uint64_t size = uint8_t(start[1]);  // A server does not mask.
        if (size == 126 || size == 127) {
            uint64_t length = 0;
            for (const char c : read(size == 126 ? 2 : 8)) length = length << 8 | uint8_t(c);
            size = length;
        }
        frame.opcode = ws::Opcode(first & 15);
        frame.fin = first & 0x80;
        frame.rsv1 = first & 0x40;
        frame.payload = read(size);
        return frame;
    }

    // "text(hello)", "close(1001 bye)", "<end>". After the kind '-' means not the last fragment,
    // '*' RSV1.
    std::string next() {
        const Frame got = frame();
        if (!got.end.empty()) return got.end;
        constexpr std::array<std::string_view, 11> names{
            "more", "text", "binary", "3", "4", "5", "6", "7", "close", "ping", "pong"};
        const auto kind = size_t(got.opcode);
        std::string text(kind < names.size() ? names[kind] : "?");
        text += std::string(got.fin ? "" : "-") + (got.rsv1 ? "*" : "");
        if (got.opcode != ws::Opcode::close || got.payload.size() < 2)
            return text + "(" + got.payload + ")";
        const int code = uint8_t(got.payload[0]) << 8 | uint8_t(got.payload[1]);
        const std::string reason = got.payload.substr(2);
        return text + "(" + std::to_string(code) + (reason.empty() ? "" : " ") + reason + ")";
    }

    // A whole message, inflated if it was compressed. Without takeover each message is independent.
    std::string message(ws::Inflater* inflater = nullptr, bool takeover = false) {
        std::string bytes;
        bool compressed = false;
        for (Frame got = frame();; got = frame()) {
            if (!got.end.empty()) return got.end;
            if (bytes.empty()) compressed = got.rsv1;
            bytes += got.payload;
            if (got.fin) break;
        }
        if (!compressed) return bytes;
        if (!inflater) return "<compressed>";
        if (!takeover) inflater->reset();
        return inflated(*inflater, bytes + std::string("\0\0\xff\xff", 4));
    }

private:
    static std::string inflated(ws::Inflater& inflater, std::string_view bytes) {
        std::string out, piece(65536, '\0');
        auto in = base::bytes_of(bytes);
        for (;;) {
            const auto step = inflater.step(in, std::as_writable_bytes(std::span(piece)));
            if (step.fault) return "<not deflate data>";
            out.append(piece, 0, step.produced);
            in = in.subspan(step.consumed);
            if (in.empty() && step.produced < piece.size()) return out;
        }
    }

    Answer answer_;
};

}  // namespace starling::server::test
