// ws/deflate.h: permessage-deflate, RFC 7692 section 7.2, the two transformations over zlib.
//
// Owner: with context takeover one object belongs to one connection; without it one object belongs
// to a worker and serves all of its connections, so that 10,000 of them have no window of their
// own.
// Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace starling::ws {

// What the handshake agreed on (RFC 7692 section 7.1). "server" and "client" name the side that compresses.
struct DeflateParams {
    bool server_no_context_takeover = false;
    bool client_no_context_takeover = false;
    uint8_t server_max_window_bits = 15;
    uint8_t client_max_window_bits = 15;

    friend bool operator==(const DeflateParams&, const DeflateParams&) = default;
};

// zlib cannot produce raw deflate data for a window of 2^8 bytes; it can read it.
inline constexpr uint8_t deflate_window_bits_min = 9;
inline constexpr uint8_t inflate_window_bits_min = 8;
inline constexpr uint8_t window_bits_max = 15;

class Inflater {
public:
    enum class Context : uint8_t {
        takeover,  // One connection's: a message may refer to the messages before it.
        shared,    // Anybody's, for the time of one call: every message starts afresh.
    };

    // `window_bits`: 8 to 15, at least what the sender uses; a shared one takes 15.
    explicit Inflater(Context context, uint8_t window_bits = window_bits_max);
    ~Inflater();
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    [[nodiscard]] Context context() const noexcept { return context_; }

    // Forgets everything before, as a shared inflater must at the beginning of a message.
    void reset() noexcept;

    struct Step {
        size_t consumed;
        size_t produced;
        bool fault;  // The data is not deflate data. What was produced before is in `out`.
    };
    // Inflates until `in` is used up or `out` is full; more may come out after a full `out`.
    [[nodiscard]] Step step(std::span<const std::byte> in, std::span<std::byte> out) noexcept;

    // The four octets that the sender removed (7.2.2), to be fed behind the payload of a message,
    // except where the payload ended in a block with BFINAL set: then nothing is missing.
    [[nodiscard]] std::span<const std::byte> trailer() const noexcept;

    // Has everything so far, the trailer included, been whole blocks?
    [[nodiscard]] bool at_block_boundary() const noexcept;

    // What an inflater whose window is in use holds; zlib's own figure is 7 KiB and the window.
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
    // `window_bits`: 9 to 15, at most what was negotiated. `level`: 1 to 9. `memory_level`: 1 to 9;
    // 8 costs 256 KiB at window 15, 5 costs 160 KiB less and some compression.
    explicit Deflater(uint8_t window_bits = window_bits_max, int level = 6, int memory_level = 8);
    ~Deflater();
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;

    // The payload of a compressed message, without the trailing 00 00 ff ff (7.2.1). Valid until
    // the next call. `reset`: refer to nothing before this message; always true without context
    // takeover and for a publication, whose bytes then serve every connection with a server window
    // of 15.
    [[nodiscard]] std::span<const std::byte> compress(std::span<const std::byte> message,
                                                      bool reset);

    // To be called when bytes that this deflater did not produce (a shared publication) went out
    // compressed on its connection. The peer's window then holds that message as well, at distances
    // this deflater does not know; so its next message must refer to nothing before itself.
    void forget_context() noexcept { forget_ = true; }

private:
    struct Stream;
    std::unique_ptr<Stream> stream_;
    std::vector<std::byte> output_;
    bool forget_ = false;
};

}  // namespace starling::ws
