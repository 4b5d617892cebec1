// Fuzzes permessage-deflate. The input as the payload of a compressed message: the result is
// bounded, and the same however it is cut. The input as a message: compressed with any window, it
// is inflated to the same bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "ws/deflate.h"
#include "ws/frame.h"
#include "ws/receiver.h"

namespace {

using namespace starling::ws;
using Bytes = std::vector<std::byte>;

constexpr ReceiverLimits limits{.message_bytes_max = 200'000};

void require(bool condition) {
    if (!condition) std::abort();
}

// The frames of one compressed message, as a server sends them.
Bytes frames(std::span<const std::byte> payload, size_t frame_payload_bytes_max, Opcode opcode) {
    Bytes wire;
    Fragmenter fragmenter(opcode, payload, frame_payload_bytes_max, true);
    while (!fragmenter.done()) {
        const auto part = fragmenter.next();
        std::byte header[frame_header_bytes_max];
        const size_t bytes =
            write_frame_header(header, part.opcode, part.fin, part.rsv1, part.payload.size());
        wire.insert(wire.end(), header, header + bytes);
        wire.insert(wire.end(), part.payload.begin(), part.payload.end());
    }
    return wire;
}

std::string receive(Receiver& receiver, Bytes wire, size_t step) {
    std::string out;
    Bytes kept;
    for (size_t at = 0; at < wire.size(); at += step) {
        Bytes block(kept);
        const size_t end = std::min(at + step, wire.size());
        block.insert(block.end(), wire.begin() + static_cast<long>(at),
                     wire.begin() + static_cast<long>(end));
        std::span<std::byte> input(block);
        for (;;) {
            const Event event = receiver.next(input);
            require(receiver.memory_bytes() <= limits.message_bytes_max + 65'536);
            if (event.kind == Event::Kind::need_more) break;
            if (event.kind == Event::Kind::violation) return std::to_string(event.code);
            out.append(reinterpret_cast<const char*>(event.bytes.data()), event.bytes.size());
        }
        kept.assign(input.begin(), input.end());
    }
    return out;
}

void as_payload(std::span<const std::byte> payload, size_t cut, Opcode opcode) {
    for (const auto context : {Inflater::Context::takeover, Inflater::Context::shared}) {
        std::string first;
        for (const size_t step : {size_t{1} << 30, cut}) {
            Inflater inflater(context);
            Receiver receiver(Role::client, limits, &inflater);
            const size_t most =
                std::max<size_t>(payload.size() / 100, step);  // Stays below 1,024 fragments.
            const std::string got = receive(receiver, frames(payload, most, opcode), step);
            if (first.empty()) first = got;
            require(first == got);
        }
    }
}

void as_message(std::span<const std::byte> message, uint8_t choice) {
    const auto bits = static_cast<uint8_t>(deflate_window_bits_min + choice % 7);
    Deflater deflater(bits, 1 + choice / 7 % 9);
    Inflater inflater(Inflater::Context::takeover, bits);
    Receiver receiver(Role::client, limits, &inflater);
    const std::string want(reinterpret_cast<const char*>(message.data()), message.size());
    for (int i = 0; i < 3; ++i) {
        const auto payload = deflater.compress(message, i == 2 && (choice & 1));
        require(receive(receiver, frames(payload, size_t{1} << 30, Opcode::binary),
                        size_t{1} << 30) == want);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 1 || size > 150'000) return 0;
    const Bytes rest(reinterpret_cast<const std::byte*>(data) + 1,
                     reinterpret_cast<const std::byte*>(data) + size);
    as_payload(rest, size_t{1} + data[0], data[0] & 1 ? Opcode::text : Opcode::binary);
    as_message(rest, data[0]);
    return 0;
}
