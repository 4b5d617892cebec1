// redis/reader.h: reads replies of a Redis server: RESP2 and RESP3
// (https://redis.io/docs/reference/protocol-spec/).
//
//     redis::Reader reader;
//     while (reader.next(input) == Reader::Step::reply) use(reader.reply());
//
// The reader keeps no bytes. `input` begins with the unfinished reply, again and followed by new
// bytes, and the reader goes on where it stopped: each byte is looked at once, at every read size.
// Memory follows the bytes that arrived, never a length that was announced. A peer cannot drive a
// recursion, since there is none.
//
// A published message whose payload is above the limit is no fault of the server: its payload is passed
// over and is null in the reply.
//
// Attributes ("|1") are read and dropped: a Redis server sends none unless it is asked to.
//
// Owner: the connection. Pure. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "redis/value.h"

namespace starling::redis {

struct ReaderLimits {
    uint32_t bulk_bytes_max = 64u << 20;    // Of one string, streamed or not.
    uint64_t reply_bytes_max = 256u << 20;  // Of a whole reply.
    uint32_t elements_max = 1u << 20;       // Values in one reply, at all depths.
    uint32_t line_bytes_max = 64u << 10;    // Of a simple string, an error or a big number.
    uint32_t depth_max = 32;
};

class Reader {
public:
    enum class Step : uint8_t {
        need_more,
        reply,      // reply() is valid until the next call of next(), or until the bytes change.
        violation,  // fault() says why; each further call gives the same.
    };

    explicit Reader(ReaderLimits limits = {}) noexcept : limits_(limits) {}

    // Takes a whole reply off the front of `input`. If none is whole, `input` stays as it is.
    [[nodiscard]] Step next(std::span<const std::byte>& input);
    [[nodiscard]] Value reply() const noexcept { return {nodes_, 0}; }
    [[nodiscard]] std::string_view fault() const noexcept { return fault_; }

private:
    enum class State : uint8_t { type, body, chunk_head, chunk, failed };
    enum class Outcome : uint8_t { more, go_on, done, bad };
    // An aggregate whose children are not complete, or an attribute.
    struct Frame {
        uint32_t node;
        uint32_t left;   // Children to come. Unused if streamed.
        bool streamed;   // Ended by ".\r\n".
        bool attribute;  // Dropped when complete.
    };

    Outcome step(std::string_view input);
    Outcome on_line(char type, std::string_view line, size_t begin);
    Outcome on_length(char type, std::string_view line);
    Outcome on_aggregate(char type, std::string_view line);
    Outcome on_stream_end();
    Outcome on_body(std::string_view input);
    Outcome on_chunk_head(std::string_view line);
    Outcome on_chunk(std::string_view input);
    Outcome scalar(const Node& node);
    Outcome complete();
    Outcome bad(std::string_view why) noexcept;
    // The line at at_, without CRLF. Outcome::done: there is one, and at_ is behind it.
    Outcome take_line(std::string_view input, std::string_view& line);
    [[nodiscard]] bool is_last_of_push() const noexcept;
    [[nodiscard]] bool may_add() const noexcept { return added_ < limits_.elements_max; }

    const ReaderLimits limits_;
    Nodes nodes_;
    std::vector<Frame> frames_;
    State state_ = State::type;
    char type_ = 0;         // Of the string whose body follows.
    bool whole_ = false;    // The reply in nodes_ was handed out.
    uint32_t added_ = 0;    // Values of this reply, dropped ones too.
    uint32_t length_ = 0;   // Of the body or the chunk.
    uint64_t at_ = 0;       // From the beginning of the reply: the first byte that was not read.
    uint64_t scanned_ = 0;  // Up to here there is no CR in the line at at_.
    uint64_t joined_at_ = 0;
    uint64_t skip_ = 0;  // Bytes of a payload that was too long, before the next reply.
    std::string_view fault_;
};

}  // namespace starling::redis
