// load/measure/replies.h: counts the replies of a server that echoes one known message, and checks
// each of them: RFC 6455 section 5, client side, without copying what arrives.
//
// A reply in the usual form (one final frame) costs a comparison of its header. Other forms are read
// as well: fragments, lengths in more bytes than needed, control frames between. Opcode and length
// of each reply must be those of the message; of the first reply on a connection, all bytes.
//
// Owner: one connection. Thread: that connection's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "load/measure/faults.h"

namespace starling::load {

// The reply that is due, shared by all connections.
struct ReplyForm {
    ReplyForm(bool binary, std::string_view payload);
    // A server that returns the bytes that it gets: `bytes` are one message.
    [[nodiscard]] static ReplyForm raw(std::string_view bytes);

    std::string frame;  // A whole reply in its usual form.
    size_t header = 0;  // The bytes before the payload.
    // How the frame begins: the header as far as it fits into a word. `mask` 0: it does not.
    uint64_t begin = 0, mask = 0;
    uint8_t op = 0;
    bool is_raw = false;

    // `bytes` begin with a whole reply, as far as its header says. At least a frame is there.
    [[nodiscard]] bool begins(const char* bytes) const noexcept {
        if (mask == 0) return std::memcmp(bytes, frame.data(), header) == 0;
        uint64_t word = 0;
        std::memcpy(&word, bytes, sizeof word);
        return (word & mask) == begin;
    }
    [[nodiscard]] size_t payload_bytes() const noexcept { return frame.size() - header; }

private:
    ReplyForm() = default;
};

class ReplyCounter {
public:
    struct Taken {
        uint32_t replies = 0;    // That ended in these bytes, before the fault if there is one.
        const char* wrong = "";  // Not "": a fault of the server, in words.
        bool closed = false;     // A close frame arrived; nothing after it counts.
        uint16_t close_code = 0;
    };
    [[nodiscard]] Taken take(const ReplyForm& form, std::string_view bytes);

    // Pong frames that answer the pings of the bytes taken so far; the caller sends them.
    [[nodiscard]] bool owes_pongs() const noexcept { return !pongs_.empty(); }
    [[nodiscard]] std::string take_pongs();

private:
    static constexpr size_t pongs_bytes_max = 64 * 1024;

    Taken take_raw(const ReplyForm& form, std::string_view bytes);
    // Each consumes bytes from the front. "": all is well.
    const char* take_header(const ReplyForm& form, std::string_view& bytes);
    const char* take_payload(const ReplyForm& form, std::string_view& bytes);
    const char* begin_frame(const ReplyForm& form);
    const char* end_frame(const ReplyForm& form, Taken& taken);
    [[nodiscard]] size_t wanted_header() const noexcept;

    uint64_t left_ = 0;     // Bytes of the payload of the current frame that are to come.
    uint64_t message_ = 0;  // Bytes of the current message that have arrived.
    unsigned char header_[10]{};
    uint8_t header_have_ = 0;
    bool in_frame_ = false, in_message_ = false, control_ = false;
    bool compared_ = false;        // The first reply was right.
    std::string control_payload_;  // Of the current control frame.
    std::string pongs_;
};

}  // namespace starling::load
