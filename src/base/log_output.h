// base/log_output.h: writes log lines to a descriptor without ever waiting for its reader.
//
// A pipe, terminal or socket with a slow reader takes only what fits; a full disk takes nothing.
// The caller counts what was not taken. If only a part of a line was taken, the rest is written
// first once the output works again, so that lines stay whole.
//
// Owner: the log sink. Thread: the sink's writer only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace starling::base {

class LogOutput {
public:
    LogOutput() = default;
    ~LogOutput();
    LogOutput(const LogOutput&) = delete;
    LogOutput& operator=(const LogOutput&) = delete;

    // Errors are messages for users that name the file.
    // Appends to the file `path`; "" is standard error.
    [[nodiscard]] Result<void> open(const std::string& path);
    // Writes to a duplicate of `descriptor`.
    [[nodiscard]] Result<void> adopt(int descriptor);
    // Opens the path again; keeps the old file on failure. Does nothing for standard error.
    [[nodiscard]] Result<void> reopen();

    // False: no byte of `line` was written, or will be.
    [[nodiscard]] bool write(std::string_view line) noexcept;
    [[nodiscard]] bool is_terminal() const noexcept { return terminal_; }

private:
    enum class Way : unsigned char {
        plain,   // A file, or an own open file with O_NONBLOCK: write() does not wait.
        socket,  // A socket: each call gets MSG_DONTWAIT.
        polled,  // Other processes share the output and need it to block: poll() before each piece.
    };

    void use(int descriptor) noexcept;
    // Returns how many bytes were taken; fewer than given if the output takes no more now.
    [[nodiscard]] size_t push(std::string_view bytes) noexcept;
    [[nodiscard]] long push_once(std::string_view bytes) noexcept;

    std::string path_;
    std::string rest_;  // The rest of a line that was partly written.
    int descriptor_ = -1;
    size_t piece_bytes_max_ = 0;
    Way way_ = Way::plain;
    bool terminal_ = false;
};

}  // namespace starling::base
