#include "app/connect/framing.h"

#include <cstdint>

namespace starling::app::connect {
namespace {

constexpr size_t length_bytes = 4;

}  // namespace

std::optional<std::string_view> Splitter::next() {
    if (!fault_.empty()) return std::nullopt;
    const auto message = form_ == Form::lines ? next_line() : next_length();
    if (message) return message;
    in_.erase(0, taken_);
    taken_ = 0;
    return std::nullopt;
}

std::optional<std::string_view> Splitter::next_line() {
    const size_t end = in_.find('\n', taken_ + searched_);
    const size_t size = (end == std::string::npos ? in_.size() : end) - taken_;
    if (size > message_bytes_max_) {
        too_large();
        return std::nullopt;
    }
    if (end == std::string::npos) {
        searched_ = size;
        return std::nullopt;
    }
    std::string_view line = std::string_view(in_).substr(taken_, size);
    taken_ = end + 1;
    searched_ = 0;
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

std::optional<std::string_view> Splitter::next_length() {
    const std::string_view rest = std::string_view(in_).substr(taken_);
    if (rest.size() < length_bytes) return std::nullopt;
    size_t size = 0;
    for (size_t i = 0; i < length_bytes; ++i) size = size << 8 | static_cast<uint8_t>(rest[i]);
    if (size > message_bytes_max_) {
        too_large();
        return std::nullopt;
    }
    if (rest.size() - length_bytes < size) return std::nullopt;
    taken_ += length_bytes + size;
    return rest.substr(length_bytes, size);
}

std::optional<std::string_view> Splitter::finish() {
    if (!fault_.empty() || taken_ == in_.size()) return std::nullopt;
    if (form_ == Form::lengths) {
        fault_ = "ends within a message";
        return std::nullopt;
    }
    const std::string_view line = std::string_view(in_).substr(taken_);
    taken_ = in_.size();
    return line;
}

void Splitter::too_large() {
    fault_ = "holds a message of more than " + std::to_string(message_bytes_max_) + " bytes";
    in_.clear();
    taken_ = 0;
}

void append_with_length(std::string& out, std::string_view message) {
    for (int shift = 24; shift >= 0; shift -= 8)
        out += static_cast<char>(message.size() >> shift & 0xff);
    out += message;
}

}  // namespace starling::app::connect
