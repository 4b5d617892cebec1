// events/pattern.h: matches channel names with a declared pattern: "ArticleMessage{id:number}".
//
// Owner: the Table that declares it, as a value. Immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::events {

constexpr size_t name_bytes_max = 255;  // In a channel's name.

// True: 1 to 255 bytes of UTF-8 without control characters.
[[nodiscard]] bool is_channel_name(std::string_view name) noexcept;

class Pattern {
public:
    static constexpr size_t parameters_max = 4;

    // Throws std::invalid_argument that says what is wrong.
    explicit Pattern(std::string_view text);

    // True if `name` matches. `parameters` gets one view into `name` per parameter, in order. A
    // parameter ends at the first occurrence of the literal text that follows it; the last one ends
    // with the name. Matching is one pass without backtracking.
    [[nodiscard]] bool match(std::string_view name,
                             std::vector<std::string_view>& parameters) const;
    [[nodiscard]] size_t parameters() const noexcept { return parameters_.size(); }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    struct Parameter {
        std::string name;
        bool number = false;
        std::string behind;  // The literal text that follows.
    };

    void parse_parameter(std::string_view inside);

    std::string text_, front_;
    std::vector<Parameter> parameters_;
};

}  // namespace starling::events
