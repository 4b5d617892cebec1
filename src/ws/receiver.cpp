#include "ws/receiver.h"

#include <cstring>

#include "base/utf8.h"
#include "ws/assembly.h"
#include "ws/decoder.h"

namespace starling::ws {

namespace {

// Checks a close payload by RFC 6455 5.5.1 and 7.4, as far as its bytes have arrived. Does not
// unmask in place: an unfinished control frame stays in the caller's input, and is read again.
Fault judge_close(const FrameHeader& header, std::span<const std::byte> present) noexcept {
    std::byte payload[control_payload_bytes_max];
    const auto length = std::min<size_t>(present.size(), static_cast<size_t>(header.payload_bytes));
    if (length < 2) return Fault::none;
    std::memcpy(payload, present.data(), length);
    mask({payload, length}, header.masking_key);
    const unsigned code =
        std::to_integer<unsigned>(payload[0]) << 8 | std::to_integer<unsigned>(payload[1]);
    if (!close_code_is_valid(static_cast<uint16_t>(code))) return Fault::invalid_close_code;
    base::Utf8Validator utf8;
    const bool valid = utf8.feed({payload + 2, length - 2});
    const bool cut = length == header.payload_bytes && !utf8.complete();
    return valid && !cut ? Fault::none : Fault::invalid_close_reason;
}

// Unmasks; true: the result is valid UTF-8.
bool unmask_text(std::span<std::byte> payload, uint32_t key) noexcept {
    if (payload.size() < mask_bulk_bytes_min) {
        return !(mask_and_collect(payload, key) & not_ascii) || base::utf8_is_valid(payload);
    }
    mask(payload, key);
    return base::utf8_is_valid(payload);
}

}  // namespace

Receiver::Receiver(Role role, const ReceiverLimits& limits, Inflater* inflater) noexcept
    : limits_(&limits),
      inflater_(inflater),
      mask_bit_(role == Role::server ? 0x80 : 0),
      short_header_bytes_(role == Role::server ? 6 : 2) {}

Receiver::~Receiver() = default;
Receiver::Receiver(Receiver&&) noexcept = default;
Receiver& Receiver::operator=(Receiver&&) noexcept = default;

size_t Receiver::memory_bytes() const noexcept { return assembly_ ? assembly_->memory_bytes() : 0; }

// The fast path for the most common frame: a whole message in one short, uncompressed frame that
// has arrived completely. All other frames, and faults, go through next_slow().
Event Receiver::next(std::span<std::byte>& input) {
    std::byte* const at = input.data();
    const size_t available = input.size();
    const size_t header_bytes = short_header_bytes_;
    if (state_ == State::idle && available >= header_bytes) [[likely]] {
        const unsigned first = std::to_integer<unsigned>(at[0]);
        // A result of 126 or more means a long form or a wrong mask bit.
        const size_t length = std::to_integer<size_t>(at[1]) ^ mask_bit_;
        const bool whole_data_frame = first == 0x81 || first == 0x82;
        if (whole_data_frame && length < 126 && length <= available - header_bytes &&
            length <= limits_->message_bytes_max) [[likely]] {
            const std::span<std::byte> payload(at + header_bytes, length);
            input =
                std::span<std::byte>(at + header_bytes + length, available - header_bytes - length);
            uint32_t key = 0;
            if (mask_bit_) std::memcpy(&key, at + 2, sizeof key);
            if (first == 0x82) {
                mask(payload, key);
            } else if ((mask_and_collect(payload, key) & not_ascii) &&
                       !base::utf8_is_valid(payload)) {
                return fail(Fault::invalid_utf8, input);
            }
            return deliver(static_cast<Opcode>(first & 15), payload);
        }
    }
    return next_slow(input);
}

Event Receiver::deliver(Opcode opcode, std::span<std::byte> payload) noexcept {
    return {Event::Kind::message, opcode, 0, payload, {}};
}

Event Receiver::fail(Fault fault, std::span<std::byte>& input) noexcept {
    fault_ = fault;
    state_ = State::failed;
    assembly_.reset();
    input = {};
    return {Event::Kind::violation,
            Opcode::close,
            fault_text(fault).code,
            {},
            fault_text(fault).reason};
}

void Receiver::release() noexcept {
    if (state_ != State::delivered) return;
    assembly_.reset();
    state_ = State::idle;
}

Event Receiver::next_slow(std::span<std::byte>& input) {
    release();
    if (state_ == State::failed) return fail(fault_, input);
    if (state_ == State::closed) {
        input = {};  // 5.5.1: bytes after a close frame are ignored.
        return {};
    }
    for (;;) {
        bool again = false;
        const bool in_frame = assembly_ && assembly_->in_frame;
        const Event event = in_frame ? take_payload(input, again) : begin_frame(input, again);
        if (!again) return event;
    }
}

Event Receiver::begin_frame(std::span<std::byte>& input, bool& again) {
    HeaderRules rules;
    rules.masked = mask_bit_ != 0;
    rules.deflate = inflater_ != nullptr;
    rules.in_message = assembly_ != nullptr;
    rules.message_bytes_left = limits_->message_bytes_max;
    if (assembly_) {
        rules.message_compressed = assembly_->compressed;
        rules.fragments_left = assembly_->fragments < limits_->fragments_max;
        rules.message_bytes_left = assembly_->message_bytes_left();
    }
    const FrameHeader header = decode_frame_header(input, rules);
    if (header.fault != Fault::none) return fail(header.fault, input);
    if (header.header_bytes == 0) return {};
    if (header.control()) return take_control(header, input);

    input = input.subspan(header.header_bytes);
    const bool whole = header.fin && header.payload_bytes <= input.size();
    if (!assembly_ && whole && !header.compressed) {
        const auto payload = input.first(static_cast<size_t>(header.payload_bytes));
        input = input.subspan(payload.size());
        if (header.opcode != Opcode::text) {
            mask(payload, header.masking_key);
        } else if (!unmask_text(payload, header.masking_key)) {
            return fail(Fault::invalid_utf8, input);
        }
        return deliver(header.opcode, payload);
    }
    if (!assembly_) {
        assembly_ = std::make_unique<Assembly>(header, limits_->message_bytes_max);
        state_ = State::assembling;
    }
    assembly_->begin_frame(header);
    return take_payload(input, again);
}

Event Receiver::take_payload(std::span<std::byte>& input, bool& again) {
    Assembly& assembly = *assembly_;
    Fault fault = assembly.take(input, inflater_);
    if (fault != Fault::none) return fail(fault, input);
    if (assembly.in_frame) return {};
    if (!assembly.fin) {
        again = true;
        return {};
    }
    fault = assembly.finish();
    if (fault != Fault::none) return fail(fault, input);
    state_ = State::delivered;
    return deliver(assembly.opcode, assembly.message.bytes());
}

Event Receiver::take_control(const FrameHeader& header, std::span<std::byte>& input) {
    const size_t frame_bytes = header.header_bytes + static_cast<size_t>(header.payload_bytes);
    const bool whole = frame_bytes <= input.size();
    if (header.opcode == Opcode::close) {
        const Fault fault = judge_close(header, input.subspan(header.header_bytes));
        if (fault != Fault::none) return fail(fault, input);
    }
    if (!whole) return {};
    const auto payload =
        input.subspan(header.header_bytes, static_cast<size_t>(header.payload_bytes));
    input = input.subspan(frame_bytes);
    mask(payload, header.masking_key);
    if (header.opcode == Opcode::close) return take_close(payload);
    const auto kind = header.opcode == Opcode::ping ? Event::Kind::ping : Event::Kind::pong;
    return {kind, header.opcode, 0, payload, {}};
}

// judge_close() has checked the payload.
Event Receiver::take_close(std::span<std::byte> payload) {
    state_ = State::closed;
    assembly_.reset();
    uint16_t code = close_code::none_received;
    std::string_view reason;
    if (payload.size() >= 2) {
        code = static_cast<uint16_t>(std::to_integer<unsigned>(payload[0]) << 8 |
                                     std::to_integer<unsigned>(payload[1]));
        reason = {reinterpret_cast<const char*>(payload.data()) + 2, payload.size() - 2};
    }
    return {Event::Kind::close, Opcode::close, code, payload, reason};
}

}  // namespace starling::ws
