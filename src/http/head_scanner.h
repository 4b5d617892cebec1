// http/head_scanner.h: the strict lexical check of a request head, byte by byte (RFC 9112 sections
// 2 to 5). It refuses forms that lenient parsers accept and request smuggling uses: bare CR or LF,
// folded fields, a space before the colon, control characters. It also enforces every limit.
//
// Owner:  http::RequestParser. The state between bytes is a few words, so each byte is checked
//         once, however TCP splits the head.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/parser.h"

namespace starling::http {

struct Fault {
    int status = 0;  // 0: no fault.
    std::string_view reason = {};
};

class HeadScanner {
public:
    enum class Part : uint8_t { request_head, trailers };

    HeadScanner(Part part, const ParserLimits& limits) noexcept;

    // Checks the front of `bytes`. Returns how many bytes belong to the head: all, unless done() or
    // fault() is set afterwards.
    [[nodiscard]] size_t scan(std::string_view bytes) noexcept;

    [[nodiscard]] bool done() const noexcept { return state_ == State::done; }
    [[nodiscard]] const Fault& fault() const noexcept { return fault_; }
    // True while blank lines are skipped before the request line (RFC 9112 section 2.2). Such lines
    // are not part of the head's text.
    [[nodiscard]] bool in_blank_lines() const noexcept {
        return state_ == State::start || state_ == State::blank_lf;
    }

private:
    enum class State : uint8_t {
        start,
        blank_lf,
        method,
        target,
        version,
        request_lf,
        line,
        name,
        value,
        value_lf,
        end_lf,
        done,
    };

    bool step(char c) noexcept;  // False after fail().
    bool step_request_line(char c) noexcept;
    bool step_field(char c) noexcept;
    bool step_version(char c) noexcept;
    bool fail(int status, std::string_view reason) noexcept;

    const ParserLimits& limits_;
    Fault fault_;
    uint32_t bytes_left_;      // The rest of the head's limit.
    uint32_t part_bytes_ = 0;  // Length so far of the method, target or version.
    uint32_t fields_ = 0;
    State state_;
    Part part_;
    uint8_t blank_lines_ = 0;
    char version_major_ = 0;
};

}  // namespace starling::http
