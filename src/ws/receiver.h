// ws/receiver.h: the receiving side of a WebSocket connection, RFC 6455 sections 5 to 8 and RFC
// 7692 section 7.2.2: frames, UTF-8, decompression, whole messages. Bytes in, events out.
//
// Owner:  the connection. It does not own the limits and a shared inflater, which outlive it.
// Thread: the connection's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "ws/fault.h"
#include "ws/frame.h"

namespace starling::ws {

class Assembly;
class Inflater;
struct FrameHeader;

// The limits of a route, shared by its connections.
struct ReceiverLimits {
    uint64_t message_bytes_max = 1'000'000;  // Size of a decompressed message; 1009 beyond.
    uint32_t fragments_max = 1024;  // Frames in a message, empty ones included; 1008 beyond.

    friend bool operator==(const ReceiverLimits&, const ReceiverLimits&) = default;
};

// Spans and views are valid until the next call of Receiver::next().
struct Event {
    enum class Kind : uint8_t {
        need_more,  // Keep the rest of the input, append to it, and call again.
        message,    // `opcode` is text or binary; text is valid UTF-8.
        ping,       // Answer with a pong of the same `bytes`.
        pong,
        close,      // `code` (1005: none) and `reason` are valid. Later input is ignored.
        violation,  // Fail the connection with `code` and `reason`. Final: repeats for ever.
    };

    Kind kind = Kind::need_more;
    Opcode opcode = Opcode::continuation;
    uint16_t code = 0;
    std::span<std::byte> bytes;
    std::string_view reason;
};

class Receiver {
public:
    // `inflater`: null without permessage-deflate.
    Receiver(Role role, const ReceiverLimits& limits, Inflater* inflater = nullptr) noexcept;
    ~Receiver();
    Receiver(Receiver&&) noexcept;
    Receiver& operator=(Receiver&&) noexcept;

    // Consumes bytes from the front of `input`, unmasking in place. An uncompressed message of one
    // frame that is complete in `input` is returned as a view into `input`. Any other message is
    // assembled in a buffer, which grows with the bytes received and is freed by the call after its
    // delivery. An incomplete header or control frame (139 bytes at most) stays in `input`.
    [[nodiscard]] Event next(std::span<std::byte>& input);

    // Frees the message that next() returned last; its bytes are not valid any more.
    void release() noexcept;

    // Is no message half received and no connection half closed? Cheap, for deadlines and metrics.
    [[nodiscard]] bool idle() const noexcept { return state_ == State::idle; }

    // Bytes of heap held for an unfinished or just delivered message.
    [[nodiscard]] size_t memory_bytes() const noexcept;

private:
    enum class State : uint8_t { idle, assembling, delivered, closed, failed };

    Event next_slow(std::span<std::byte>& input);
    Event begin_frame(std::span<std::byte>& input, bool& again);
    Event take_payload(std::span<std::byte>& input, bool& again);
    Event take_control(const FrameHeader& header, std::span<std::byte>& input);
    Event take_close(std::span<std::byte> payload);
    Event deliver(Opcode opcode, std::span<std::byte> payload) noexcept;
    Event fail(Fault fault, std::span<std::byte>& input) noexcept;

    const ReceiverLimits* limits_;
    Inflater* inflater_;
    std::unique_ptr<Assembly> assembly_;  // Null: no message is unfinished.
    State state_ = State::idle;
    Fault fault_ = Fault::none;
    uint8_t mask_bit_;            // 0x80 if frames must be masked, otherwise 0.
    uint8_t short_header_bytes_;  // Size of a header with a 7-bit length: 6 or 2.
};
static_assert(sizeof(Receiver) <= 32, "part of the 250 bytes that an idle connection may cost");

}  // namespace starling::ws
