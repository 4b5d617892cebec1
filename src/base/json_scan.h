// base/json_scan.h: checks JSON from peers and iterates over it in place, without building values
// or allocating memory. For texts that are passed on unchanged (numbers of any size, repeated
// names, escapes), and for small objects of which a few members are needed. To get values, use
// parse_json().
//
// Pure functions, any thread. All views point into the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace starling::base {

inline constexpr size_t json_scan_depth_max = 128;

enum class JsonKind : uint8_t { object, array, string, number, boolean, null };

// One value within a text, without the blanks around it.
struct JsonText {
    JsonKind kind = JsonKind::null;
    std::string_view text;

    // For a string: the bytes between its quotes, with their escapes.
    [[nodiscard]] std::string_view raw() const noexcept { return text.substr(1, text.size() - 2); }
};

// The value of one JSON text (RFC 8259), with optional blanks around it. Nothing for any other text
// (also one with a byte order mark), or if arrays and objects are nested deeper than
// json_scan_depth_max. `text` must be UTF-8; within strings this is not checked.
[[nodiscard]] std::optional<JsonText> scan_json(std::string_view text) noexcept;

// Iterates over the members of an object, or the items of an array, in a text that scan_json()
// accepted.
//
//     for (JsonWalk walk(object); walk.next();) use(walk.key(), walk.value());
class JsonWalk {
public:
    explicit JsonWalk(const JsonText& value) noexcept
        : rest_(value.text.substr(1, value.text.size() - 2)),
          object_(value.kind == JsonKind::object) {}

    // False after the last member or item.
    [[nodiscard]] bool next() noexcept;
    // The name of an object's member, as a raw string, see json_text.h.
    [[nodiscard]] std::string_view key() const noexcept { return key_; }
    [[nodiscard]] const JsonText& value() const noexcept { return value_; }

private:
    std::string_view rest_;
    std::string_view key_;
    JsonText value_;
    bool object_;
};

}  // namespace starling::base
