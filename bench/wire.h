// bench/wire.h: RFC 6455 section 5.2 for a client that sends frames of one size, which are built
// once. The masking key is zero, so the payload needs no masking; the server cannot know that, and
// unmasks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::bench {

inline size_t header_bytes(size_t payload_bytes) noexcept {
    return payload_bytes < 126 ? 2 : payload_bytes < 65536 ? 4 : 10;
}

inline char first_byte(bool binary) noexcept { return static_cast<char>(binary ? 0x82 : 0x81); }

// A server sends final, unmasked frames.
inline size_t server_frame_bytes(size_t payload_bytes) noexcept {
    return header_bytes(payload_bytes) + payload_bytes;
}

inline std::string client_frame(bool binary, std::string_view payload) {
    std::string frame(1, first_byte(binary));
    const size_t header = header_bytes(payload.size());
    const unsigned marker = header == 2   ? static_cast<unsigned>(payload.size())
                            : header == 4 ? 126U
                                          : 127U;
    frame += static_cast<char>(0x80U | marker);
    for (size_t left = header - 2; left-- > 0;)
        frame += static_cast<char>(payload.size() >> (8 * left));
    frame.append(4, '\0');
    return frame.append(payload);
}

// Counts frames of one known size in a stream, and looks only at their first bytes.
class FrameCounter {
public:
    // Returns the number of frames that ended in these bytes. -1: a frame begins with another byte
    // than `first`, so the server sent something unexpected.
    int take(const char* bytes, size_t count, size_t frame_bytes, char first) noexcept {
        size_t at = have_ == 0 ? 0 : frame_bytes - have_;
        int ended = have_ != 0 && at <= count ? 1 : 0;
        for (; at < count; at += frame_bytes) {
            if (bytes[at] != first) return -1;
            if (at + frame_bytes <= count) ++ended;
        }
        have_ = (have_ + count) % frame_bytes;
        return ended;
    }

    // The bytes of the unfinished frame that have arrived.
    size_t have() const noexcept { return have_; }

private:
    size_t have_ = 0;
};

// The frame at the beginning of `bytes`. `bytes` is 0 if the frame is not complete yet.
struct Frame {
    char first = 0;
    std::string_view payload;
    size_t bytes = 0;
};

inline Frame frame_at(const char* at, size_t count) noexcept {
    if (count < 2) return {};
    const auto byte = [at](size_t i) { return static_cast<unsigned char>(at[i]); };
    size_t length = byte(1);  // A server does not mask, so the highest bit is clear.
    const size_t header = length < 126 ? 2 : length == 126 ? 4 : 10;
    if (count < header) return {};
    if (header > 2) length = 0;
    for (size_t i = 2; i < header; ++i) length = length << 8 | byte(i);
    if (count - header < length) return {};
    return {at[0], {at + header, length}, header + length};
}

// A time as ten printable bytes of five bits each: 50 bits of nanoseconds are thirteen days. Text
// messages and JSON strings can carry the bytes without escapes, through any server.
constexpr size_t stamp_bytes = 10;

inline void write_stamp(char* to, uint64_t nanoseconds) noexcept {
    for (size_t i = 0; i < stamp_bytes; ++i)
        to[i] = static_cast<char>('0' + ((nanoseconds >> (5 * i)) & 31U));
}

inline uint64_t read_stamp(const char* from) noexcept {
    uint64_t value = 0;
    for (size_t i = 0; i < stamp_bytes; ++i)
        value |= static_cast<uint64_t>(static_cast<unsigned char>(from[i] - '0') & 31U) << (5 * i);
    return value;
}

}  // namespace starling::bench
