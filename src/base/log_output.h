// base/log_output.h: a descriptor that log lines are written to, never waiting for its reader.
//
// A pipe, terminal or socket whose reader is slow takes what fits and no more; a full disk takes
// nothing. What was not taken is the caller's to count. The rest of a line that was taken by half
// comes first when the output works again, so that lines stay whole.
//
// Owner: the log sink. Thread: the sink's writer alone.
#pragma once

#include <string>
#include <string_view>

namespace starling::base {

class LogOutput {
public:
    LogOutput() = default;
    ~LogOutput();
    LogOutput(const LogOutput&) = delete;
    LogOutput& operator=(const LogOutput&) = delete;

    // Appends to the file `path`; "" is standard error. False with a line for people in `error`.
    [[nodiscard]] bool open(const std::string& path, std::string& error);
    // Writes to a copy of `descriptor`.
    [[nodiscard]] bool adopt(int descriptor, std::string& error);
    // Opens the path anew. Keeps the old file on failure. Nothing to do for standard error.
    [[nodiscard]] bool reopen(std::string& error);

    // False: not a byte of `line` was written, and none will be.
    [[nodiscard]] bool write(std::string_view line) noexcept;
    [[nodiscard]] bool is_terminal() const noexcept { return terminal_; }

private:
    enum class Way : unsigned char {
        plain,   // A file, or an open file of our own with O_NONBLOCK: write() does not wait.
        socket,  // MSG_DONTWAIT says so for each call.
        polled,  // Shared with other processes, for which it must stay blocking: poll() before each piece.
    };

    void use(int descriptor) noexcept;
    // Bytes taken: fewer than asked for where the output takes no more now.
    [[nodiscard]] size_t push(std::string_view bytes) noexcept;
    [[nodiscard]] long push_once(std::string_view bytes) noexcept;

    std::string path_;
    std::string rest_;  // Of a line that was begun; at most one line.
    int descriptor_ = -1;
    size_t piece_bytes_max_ = 0;
    Way way_ = Way::plain;
    bool terminal_ = false;
};

}  // namespace starling::base
