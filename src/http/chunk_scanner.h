// http/chunk_scanner.h: the strict lexical check of one chunk line, RFC 9112 section 7.1, with the
// CRLF that ends the data of the chunk before it.
//
// Owner:  http::RequestParser, http::ResponseReader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/head_scanner.h"

namespace starling::http {

class ChunkScanner {
public:
    struct Limits {
        uint32_t line_bytes_max;       // The extensions of one chunk.
        uint32_t extension_bytes_max;  // All chunk extensions of a body.
        bool padding = false;          // Spaces behind the size are read: some servers send them.
    };

    explicit ChunkScanner(const Limits& limits) noexcept : limits_(limits) {}

    // Call before each chunk line. `after_data`: a chunk came before, so the CRLF that ends the
    // data of that chunk is expected first.
    void begin(bool after_data) noexcept {
        state_ = after_data ? State::data_cr : State::size;
        line_bytes_ = digits_ = 0;
        if (!after_data) {
            extension_bytes_ = 0;
            fault_ = {};
        }
        size_ = 0;
    }

    // Checks the front of `bytes`. Returns how many bytes belong to the line.
    [[nodiscard]] size_t scan(std::string_view bytes) noexcept {
        size_t i = 0;
        while (i < bytes.size() && !done() && step(bytes[i])) ++i;
        return i;
    }

    [[nodiscard]] bool done() const noexcept { return state_ == State::done; }
    // Bytes of data in the chunk; 0: this is the last chunk. Valid once done.
    [[nodiscard]] uint64_t size() const noexcept { return size_; }
    [[nodiscard]] bool last() const noexcept { return size_ == 0; }
    [[nodiscard]] const Fault& fault() const noexcept { return fault_; }

private:
    enum class State : uint8_t { data_cr, data_lf, size, padding, name, extension, line_lf, done };

    bool step(char c) noexcept;
    bool step_extension(char c) noexcept;
    bool fail(std::string_view reason) noexcept {
        fault_ = {400, reason};
        return false;
    }

    Limits limits_;
    Fault fault_;
    uint64_t size_ = 0;
    uint32_t line_bytes_ = 0;
    uint32_t extension_bytes_ = 0;  // Sum over the whole body.
    uint32_t digits_ = 0;
    State state_ = State::size;
};

}  // namespace starling::http
