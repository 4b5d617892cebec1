// http/date.h: HTTP dates, RFC 9110 section 5.6.7, as seconds since 1970-01-01T00:00:00Z.
//
// Owner:  none for the functions; a DateText belongs to one worker. Thread: that worker's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::http {

// "Sun, 06 Nov 1994 08:49:37 GMT". Years outside 0 to 9999 are clamped.
[[nodiscard]] std::string format_date(int64_t unix_s);

// Parses the forms IMF-fixdate, RFC 850 and asctime; nothing for any other text. A two-digit year
// is taken in the century that puts it at most 50 years after `now_s`.
[[nodiscard]] std::optional<int64_t> parse_date(std::string_view text, int64_t now_s);

// The text of the Date field, formatted at most once a second.
class DateText {
public:
    // Valid until the next call.
    [[nodiscard]] std::string_view at(int64_t unix_s) {
        if (unix_s != second_ || text_.empty()) text_ = format_date(second_ = unix_s);
        return text_;
    }

private:
    int64_t second_ = 0;
    std::string text_;
};

}  // namespace starling::http
