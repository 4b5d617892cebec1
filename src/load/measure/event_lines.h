// load/measure/event_lines.h: the data lines of a stream of Server-Sent Events (WHATWG HTML section
// 9.2.6), from any pieces.
//
// Owner: one connection. Thread: that connection's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace starling::load {

class EventLines {
public:
    static constexpr size_t line_bytes_max = 1 << 20;

    // Calls `take(data)` for the value of each line "data:" that ended. False: a line is too long.
    template <class Take>
    [[nodiscard]] bool read(std::string_view bytes, Take&& take) {
        for (;;) {
            const size_t end = bytes.find_first_of("\r\n");
            if (end == std::string_view::npos) break;
            const std::string_view line =
                rest_.empty() ? bytes.substr(0, end)
                              : std::string_view(rest_.append(bytes.substr(0, end)));
            if (const std::string_view data = data_of(line); !data.empty()) take(data);
            rest_.clear();
            bytes.remove_prefix(end + 1);
        }
        rest_ += bytes;
        return rest_.size() <= line_bytes_max;
    }
    void clear() noexcept { rest_.clear(); }

private:
    static std::string_view data_of(std::string_view line) noexcept {
        if (!line.starts_with("data:")) return {};
        line.remove_prefix(5);
        if (line.starts_with(' ')) line.remove_prefix(1);
        return line;
    }

    std::string rest_;
};

}  // namespace starling::load
