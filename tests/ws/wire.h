// tests/ws/wire.h: bytes written as hexadecimal digits, and a receiver's events as one line of
// text.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ws/deflate.h"
#include "ws/frame.h"
#include "ws/receiver.h"

namespace starling::ws::test {

using Bytes = std::vector<std::byte>;

inline Bytes to_bytes(std::string_view text) {
    const auto* first = reinterpret_cast<const std::byte*>(text.data());
    return {first, first + text.size()};
}

inline std::string to_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "81 05 48656c6c6f"; "aa*300" repeats a byte.
inline Bytes unhex(std::string_view hex) {
    Bytes out;
    unsigned value = 0;
    int digits = 0;
    for (size_t i = 0; i < hex.size(); ++i) {
        const char c = hex[i];
        if (c == ' ') continue;
        if (c == '*') {
            size_t count = 0;
            while (i + 1 < hex.size() && hex[i + 1] >= '0' && hex[i + 1] <= '9') {
                count = count * 10 + static_cast<size_t>(hex[++i] - '0');
            }
            const std::byte last = out.back();
            out.insert(out.end(), count - 1, last);
            continue;
        }
        value = value << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
        if (++digits % 2 == 0) out.push_back(static_cast<std::byte>(value & 255));
    }
    return out;
}

inline std::string to_hex(std::span<const std::byte> bytes) {
    std::string out;
    for (const std::byte b : bytes) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", std::to_integer<unsigned>(b));
        out += two;
    }
    return out;
}

inline Bytes join(std::initializer_list<Bytes> parts) {
    Bytes out;
    for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
}

inline Bytes frame(Role reader, Opcode opcode, bool fin, bool rsv1,
                   std::span<const std::byte> payload, uint32_t key = 0x9f3b21d7) {
    Bytes out(frame_header_bytes_max);
    const uint32_t* used = reader == Role::server ? &key : nullptr;
    out.resize(write_frame_header(out.data(), opcode, fin, rsv1, payload.size(), used));
    const size_t header_bytes = out.size();
    out.insert(out.end(), payload.begin(), payload.end());
    if (used) mask(std::span(out).subspan(header_bytes), key);
    return out;
}

inline Bytes frame(Role reader, Opcode opcode, bool fin, std::string_view payload) {
    return frame(reader, opcode, fin, false, to_bytes(payload));
}

struct Reader {
    Role role = Role::client;
    ReceiverLimits limits{};
    Inflater* inflater = nullptr;
};

// Writes a long payload as its length and a checksum.
inline std::string brief(std::span<const std::byte> bytes) {
    if (bytes.size() <= 40) return to_text(bytes);
    uint32_t sum = 2166136261;
    for (const std::byte b : bytes) sum = (sum ^ std::to_integer<uint32_t>(b)) * 16777619;
    return std::to_string(bytes.size()) + " bytes #" + std::to_string(sum);
}

inline std::string describe(const Event& event) {
    switch (event.kind) {
        case Event::Kind::need_more: return "";
        case Event::Kind::message:
            return (event.opcode == Opcode::text ? "text(" : "binary(") + brief(event.bytes) + ") ";
        case Event::Kind::ping: return "ping(" + brief(event.bytes) + ") ";
        case Event::Kind::pong: return "pong(" + brief(event.bytes) + ") ";
        case Event::Kind::close:
            return "close(" + std::to_string(event.code) + (event.reason.empty() ? "" : " ") +
                   std::string(event.reason) + ") ";
        case Event::Kind::violation:
            return "violation(" + std::to_string(event.code) + " " + std::string(event.reason) +
                   ")";
    }
    return "?";
}

struct Transcript {
    std::string text;
    size_t memory_bytes_max = 0;  // The most memory that the receiver held.
    size_t kept_bytes_max = 0;    // The most bytes that the receiver left to its caller.
};

// Feeds `wire` in reads of `step` bytes and records every event. Bytes that the receiver leaves are
// put in front of the next read, in a block of exactly that size, so that a sanitizer detects any
// access beyond.
inline Transcript run(const Reader& reader, std::span<const std::byte> wire, size_t step) {
    Receiver receiver(reader.role, reader.limits, reader.inflater);
    Transcript out;
    Bytes kept;
    for (size_t at = 0; at < wire.size(); at += step) {
        const auto read = wire.subspan(at, std::min(step, wire.size() - at));
        Bytes block(kept.size() + read.size());
        std::copy(kept.begin(), kept.end(), block.begin());
        std::copy(read.begin(), read.end(), block.begin() + static_cast<long>(kept.size()));
        std::span<std::byte> input(block);
        for (;;) {
            const Event event = receiver.next(input);
            out.memory_bytes_max = std::max(out.memory_bytes_max, receiver.memory_bytes());
            if (event.kind == Event::Kind::need_more) break;
            out.text += describe(event);
            if (event.kind != Event::Kind::violation) continue;
            // A violation is final: a valid frame afterwards changes nothing.
            Bytes good = frame(reader.role, Opcode::text, true, "good");
            std::span<std::byte> more(good);
            if (describe(receiver.next(more)) != describe(event)) out.text += " UNSTUCK";
            return out;
        }
        kept.assign(input.begin(), input.end());
        out.kept_bytes_max = std::max(out.kept_bytes_max, kept.size());
    }
    if (!out.text.empty() && out.text.back() == ' ') out.text.pop_back();
    return out;
}

inline std::string transcript(const Reader& reader, std::span<const std::byte> wire, size_t step) {
    return run(reader, wire, step).text;
}

}  // namespace starling::ws::test
