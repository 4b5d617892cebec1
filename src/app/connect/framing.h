// app/connect/framing.h: messages on a pipe: one on each line, or each behind its length. Bytes in at any
// size, messages out.
//
// Owner: the code that reads the pipe. Thread: the owner's.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace starling::app::connect {

class Splitter {
public:
    enum class Form : unsigned char {
        lines,  // A message ends at a line feed; a carriage return before it does not belong to it.
        lengths,  // Four bytes of length, the highest first, then the message.
    };
    Splitter(Form form, size_t message_bytes_max) noexcept
        : form_(form), message_bytes_max_(message_bytes_max) {}

    void feed(std::string_view bytes) { in_.append(bytes); }
    // The next message, valid until the next call; nullopt: more bytes are needed, or failed().
    [[nodiscard]] std::optional<std::string_view> next();
    // The bytes end. What is left of lines() is a message, too.
    [[nodiscard]] std::optional<std::string_view> finish();
    // A message that is too large, or bytes that end within one. "" if all is well.
    [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

private:
    [[nodiscard]] std::optional<std::string_view> next_line();
    [[nodiscard]] std::optional<std::string_view> next_length();
    void too_large();

    Form form_;
    size_t message_bytes_max_;
    std::string in_, fault_;
    size_t taken_ = 0;     // Bytes of `in_` that were returned.
    size_t searched_ = 0;  // Bytes of `in_` without a line feed, from `taken_` on.
};

// Appends a message in the form of `Splitter::Form::lengths`.
void append_with_length(std::string& out, std::string_view message);

}  // namespace starling::app::connect
