// http/head_scanner.h: the strict lexical check of the head of a request or a response, byte by byte
// (RFC 9112 sections 2 to 5). It refuses forms that lenient parsers accept and request smuggling
// uses: bare CR or LF, folded fields, a space before the colon, control characters. It also
// enforces every limit.
//
// Owner:  http::RequestParser, http::ResponseReader. The state between bytes is a few words, so
//         each byte is checked once, however TCP splits the head.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace starling::http {

struct Fault {
    int status = 0;  // 0: no fault.
    std::string_view reason = {};
};

class HeadScanner {
public:
    enum class Part : uint8_t { request_head, response_head, trailers };
    struct Limits {
        uint32_t bytes_max;             // The whole part; 431 beyond.
        uint32_t fields_max;            // 431 beyond.
        uint32_t target_bytes_max = 0;  // 414 beyond. Only for requests.
    };

    HeadScanner(Part part, const Limits& limits) noexcept;

    // Checks the front of `bytes`. Returns how many bytes belong to the head: all, unless done() or
    // fault() is set afterwards.
    [[nodiscard]] size_t scan(std::string_view bytes) noexcept;

    [[nodiscard]] bool done() const noexcept { return state_ == State::done; }
    // Its status is the one that a server answers to a request. To a client, 431 says that a limit
    // was exceeded, and any other status that the head is malformed.
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
        code,
        reason,
        first_lf,
        line,
        name,
        value,
        value_lf,
        end_lf,
        done,
    };

    // Skips the front of `bytes` that changes nothing but lengths; returns its size.
    size_t skip_run(std::string_view bytes) noexcept;
    // The same for a whole "HTTP/1.1" line end of a request.
    size_t skip_version(std::string_view bytes) noexcept;
    bool step(char c) noexcept;  // False after fail().
    bool step_request_line(char c) noexcept;
    bool step_status_line(char c) noexcept;
    bool step_version(char c) noexcept;
    bool step_field(char c) noexcept;
    bool fail(int status, std::string_view reason) noexcept;

    Fault fault_;
    uint32_t bytes_left_;  // The rest of the head's limit.
    uint32_t fields_left_;
    uint32_t target_bytes_max_;
    uint32_t part_bytes_ = 0;  // Length so far of the method, target, version or status code.
    State state_;
    Part part_;
    uint8_t blank_lines_ = 0;
    char version_major_ = 0;
};

}  // namespace starling::http
