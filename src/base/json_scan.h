// base/json_scan.h: JSON of strangers, checked and walked where it stands: no value is built, nothing is allocated.
// For texts that are passed on as they came (numbers of any size, members of one name, escapes), and for
// small objects of which a few members are wanted. parse_json() is for those who want the values.
//
// Pure functions, any thread. All views are into the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace starling::base {

inline constexpr size_t json_scan_depth_max = 128;

enum class JsonKind : uint8_t { object, array, string, number, boolean, null };

// One value as it stands in a text: its bytes, without the blanks around them.
struct JsonText {
    JsonKind kind = JsonKind::null;
    std::string_view text;

    // Of a string: what stands between its quotes, escapes and all.
    [[nodiscard]] std::string_view raw() const noexcept { return text.substr(1, text.size() - 2); }
};

// The value of one JSON text (RFC 8259), blanks around it allowed. Nothing for any other text (one that begins with a
// byte order mark is such), and where arrays and objects are more than json_scan_depth_max inside each
// other. `text` is UTF-8: inside of strings this is not checked.
[[nodiscard]] std::optional<JsonText> scan_json(std::string_view text) noexcept;

// Walks over the members of an object, or the items of an array, which scan_json() has accepted as part of a text.
//
//     for (JsonWalk walk(object); walk.next();) use(walk.key(), walk.value());
class JsonWalk {
public:
    explicit JsonWalk(const JsonText& value) noexcept
        : rest_(value.text.substr(1, value.text.size() - 2)),
          object_(value.kind == JsonKind::object) {}

    // False behind the last one.
    [[nodiscard]] bool next() noexcept;
    // Of an object: the member's name as a raw string, see json_text.h.
    [[nodiscard]] std::string_view key() const noexcept { return key_; }
    [[nodiscard]] const JsonText& value() const noexcept { return value_; }

private:
    std::string_view rest_;
    std::string_view key_;
    JsonText value_;
    bool object_;
};

}  // namespace starling::base
