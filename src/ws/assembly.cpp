#include "ws/assembly.h"

#include "base/assert.h"

namespace starling::ws {

namespace {

// Without context takeover, compressed payload of up to this size waits until its message is
// complete, and then goes through the inflater that all connections share. A longer message gets an
// inflater of its own (42 KiB). So 10,000 peers that each begin a message do not allocate 10,000
// windows, and a message holds less than 64 KiB besides its output.
constexpr size_t packed_bytes_max = 16 * 1024;

// Bounds the CPU time by the output: compressed input may be at most 4 KiB plus 16 times the output
// so far. The least efficient valid sender, one stored block and flush per byte, needs 11 times.
// The bound is checked at multiples of 4 KiB of input, so that the result does not depend on how
// reads split the input.
constexpr uint64_t idle_input_bytes_max = 4096;
constexpr uint64_t input_per_output_max = 16;

}  // namespace

void Assembly::begin_frame(const FrameHeader& header) noexcept {
    ++fragments;
    in_frame = true;
    fin = header.fin;
    masking_key_ = header.masking_key;
    frame_bytes_left = header.payload_bytes;
    if (!compressed) promised_bytes_ += header.payload_bytes;
}

Fault Assembly::take(std::span<std::byte>& input, Inflater* inflater) {
    const auto chunk =
        input.first(static_cast<size_t>(std::min<uint64_t>(input.size(), frame_bytes_left)));
    input = input.subspan(chunk.size());
    frame_bytes_left -= chunk.size();
    in_frame = frame_bytes_left > 0;
    mask(chunk, masking_key_);
    masking_key_ = rotate_masking_key(masking_key_, chunk.size());
    if (compressed) return take_compressed(chunk, inflater, !in_frame && fin);
    if (opcode == Opcode::text && !utf8_.feed(chunk)) return Fault::invalid_utf8;
    // The last frame's header gives the size of the message. Until then only the limit is known.
    message.append(chunk, fin ? promised_bytes_ : message_bytes_max_);
    return Fault::none;
}

Fault Assembly::take_compressed(std::span<const std::byte> chunk, Inflater* inflater, bool last) {
    if (!stream_) {
        if (inflater->context() == Inflater::Context::takeover) {
            stream_ = inflater;
        } else if (last) {
            // No other message uses the shared inflater before this call returns.
            stream_ = inflater;
            stream_->reset();
        } else if (packed_.size() + chunk.size() <= packed_bytes_max) {
            packed_.append(chunk, packed_bytes_max);
            return Fault::none;
        } else {
            own_ = std::make_unique<Inflater>(Inflater::Context::shared);
            stream_ = own_.get();
        }
    }
    if (packed_.size() > 0) {
        const Fault fault = inflate_all(packed_.bytes());
        packed_.clear();
        if (fault != Fault::none) return fault;
    }
    return inflate_all(chunk);
}

Fault Assembly::finish() {
    if (compressed && compressed_bytes_ > 0) {
        const auto trailer = stream_->trailer();
        if (!trailer.empty()) {
            const Fault fault = inflate_piece(trailer);
            if (fault != Fault::none) return fault;
        }
        if (!stream_->at_block_boundary()) return Fault::invalid_deflate_data;
    }
    if (opcode == Opcode::text && !utf8_.complete()) return Fault::invalid_utf8;
    return Fault::none;
}

Fault Assembly::inflate_all(std::span<const std::byte> in) {
    while (!in.empty()) {
        const uint64_t to_checkpoint =
            idle_input_bytes_max - compressed_bytes_ % idle_input_bytes_max;
        const auto piece =
            in.first(static_cast<size_t>(std::min<uint64_t>(in.size(), to_checkpoint)));
        in = in.subspan(piece.size());
        compressed_bytes_ += piece.size();
        const Fault fault = inflate_piece(piece);
        if (fault != Fault::none) return fault;
        if (compressed_bytes_ % idle_input_bytes_max == 0 &&
            compressed_bytes_ > idle_input_bytes_max + input_per_output_max * message.size()) {
            return Fault::idle_deflate_data;
        }
    }
    return Fault::none;
}

Fault Assembly::inflate_piece(std::span<const std::byte> in) {
    for (;;) {
        STARLING_ASSERT(message.size() <= message_bytes_max_);
        const uint64_t left = message_bytes_max_ - message.size();
        const uint64_t guess = std::max<uint64_t>(in.size() * uint64_t{3}, 128);
        if (message.spare().empty()) {
            message.reserve_more(static_cast<size_t>(std::min(guess, left)), message_bytes_max_);
        }
        // At the limit any further output is a fault; one byte of room is enough to detect it. The
        // memory may be a kept block, which is larger than the limit.
        std::byte beyond_limit[1];
        const std::span<std::byte> spare = message.spare();
        const std::span<std::byte> room =
            left > 0 ? spare.first(static_cast<size_t>(std::min<uint64_t>(left, spare.size())))
                     : std::span<std::byte>(beyond_limit);
        const Inflater::Step step = stream_->step(in, room);
        in = in.subspan(step.consumed);
        if (left == 0 && step.produced > 0) return Fault::message_too_big;
        const Fault fault = accept_output(room.first(step.produced));
        if (fault != Fault::none) return fault;
        if (step.fault) return Fault::invalid_deflate_data;
        if (in.empty() && step.produced < room.size()) return Fault::none;
    }
}

Fault Assembly::accept_output(std::span<const std::byte> bytes) noexcept {
    message.commit(bytes.size());
    return opcode == Opcode::text && !utf8_.feed(bytes) ? Fault::invalid_utf8 : Fault::none;
}

size_t Assembly::memory_bytes() const noexcept {
    return sizeof *this + message.capacity() + packed_.capacity() +
           (own_ ? Inflater::memory_bytes() : 0);
}

}  // namespace starling::ws
