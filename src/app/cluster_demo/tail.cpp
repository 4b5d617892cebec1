#include "app/cluster_demo/tail.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace starling::app::cluster_demo {

void Tail::add(std::string_view bytes, const std::function<void(const std::string&)>& line) {
    while (!bytes.empty()) {
        const size_t end = bytes.find('\n');
        const std::string_view part = bytes.substr(0, end);
        // One byte more than a line has: finish() then knows that it must be cut.
        begun_.append(part.substr(
            0, tail_line_bytes_max + 1 - std::min(begun_.size(), tail_line_bytes_max + 1)));
        if (end == std::string_view::npos) return;
        bytes.remove_prefix(end + 1);
        finish(line);
    }
}

void Tail::finish(const std::function<void(const std::string&)>& line) {
    std::string text =
        base::utf8_repaired(base::utf8_cut(std::exchange(begun_, {}), tail_line_bytes_max));
    std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (text.empty()) return;
    lines_.push_back(text);
    if (lines_.size() > tail_lines_max) lines_.pop_front();
    line(text);
}

void Tail::clear() noexcept {
    lines_.clear();
    begun_.clear();
}

}  // namespace starling::app::cluster_demo
