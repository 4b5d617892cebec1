// ws/deflate.h: permessage-deflate, RFC 7692 section 7.2, the two transformations over zlib.
//
// Owner: with context takeover, one connection owns an object. Without it, a worker owns one object
//        for all its connections, so that 10,000 connections need no windows of their own.
// Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace starling::ws {

// The result of the negotiation (RFC 7692 section 7.1). "server" and "client" name the side that
// compresses.
struct DeflateParams {
    bool server_no_context_takeover = false;
    bool client_no_context_takeover = false;
    uint8_t server_max_window_bits = 15;
    uint8_t client_max_window_bits = 15;

    friend bool operator==(const DeflateParams&, const DeflateParams&) = default;
};

// zlib cannot produce raw deflate data for a window of 2^8 bytes, but can read such data.
inline constexpr uint8_t deflate_window_bits_min = 9;
inline constexpr uint8_t inflate_window_bits_min = 8;
inline constexpr uint8_t window_bits_max = 15;

class Inflater {
public:
    enum class Context : uint8_t {
        takeover,  // For one connection: a message may refer to earlier messages.
        shared,    // For any connection, one call at a time: a message refers only to itself.
    };

    // `window_bits`: 8 to 15, at least the sender's value; 15 for a shared inflater.
    explicit Inflater(Context context, uint8_t window_bits = window_bits_max);
    ~Inflater();
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    [[nodiscard]] Context context() const noexcept { return context_; }

    // Drops the window. A shared inflater needs this at the beginning of each message.
    void reset() noexcept;

    struct Step {
        size_t consumed;
        size_t produced;
        bool fault;  // The input is no deflate data. `out` holds the output before the fault.
    };
    // Inflates until `in` is consumed or `out` is full. If `out` is full, call again: more output
    // may follow.
    [[nodiscard]] Step step(std::span<const std::byte> in, std::span<std::byte> out) noexcept;

    // The four octets that the sender removed (7.2.2), to be inflated after the payload of a
    // message. Empty if the payload ended in a block with BFINAL set: then no octets were removed.
    [[nodiscard]] std::span<const std::byte> trailer() const noexcept;

    // True: all input so far, the trailer included, forms whole blocks.
    [[nodiscard]] bool at_block_boundary() const noexcept;

    // Memory of an inflater whose window is in use: 7 KiB, by zlib's documentation, and the window.
    [[nodiscard]] static constexpr size_t memory_bytes(
        uint8_t window_bits = window_bits_max) noexcept {
        return 10'240 + (size_t{1} << window_bits);
    }

private:
    struct Stream;
    std::unique_ptr<Stream> stream_;
    Context context_;
    bool after_final_block_ = false;
};

class Deflater {
public:
    // `window_bits`: 9 to 15, at most the negotiated value. `level`: 1 to 9. By zlib's
    // documentation a deflater of 15 window bits takes 262 KiB, one of 12 bits 38 KiB.
    explicit Deflater(uint8_t window_bits = window_bits_max, int level = 6);
    ~Deflater();
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;

    // Compresses a message; the result lacks the trailing 00 00 ff ff (7.2.1) and is valid until
    // the next call. `reset`: the message refers to no earlier message. That is always so without
    // context takeover, and for a publication, whose bytes then suit every connection with a server
    // window of 15.
    [[nodiscard]] std::span<const std::byte> compress(std::span<const std::byte> message,
                                                      bool reset);

    // Call after bytes of another deflater (a shared publication) were sent on this deflater's
    // connection. The peer's window then also holds that message, at distances that this deflater
    // does not know; so the next message here refers to no earlier message.
    void forget_context() noexcept { forget_ = true; }

private:
    struct Stream;
    std::unique_ptr<Stream> stream_;
    std::vector<std::byte> output_;
    bool forget_ = false;
};

}  // namespace starling::ws
