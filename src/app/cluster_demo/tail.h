// app/cluster_demo/tail.h: the last lines that a process wrote. Pure. Owner: the supervisor. Thread: one.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace starling::app::cluster_demo {

inline constexpr size_t tail_lines_max = 12, tail_line_bytes_max = 400;

class Tail {
public:
    // Takes bytes as they arrive. `line` gets each complete line: UTF-8 without control characters, cut to
    // the limit.
    void add(std::string_view bytes, const std::function<void(const std::string&)>& line);
    // The process has ended: what it wrote last is a line, too.
    void finish(const std::function<void(const std::string&)>& line);
    void clear() noexcept;
    [[nodiscard]] const std::deque<std::string>& lines() const noexcept { return lines_; }

private:
    std::deque<std::string> lines_;
    std::string begun_;  // A line without its end.
};

}  // namespace starling::app::cluster_demo
