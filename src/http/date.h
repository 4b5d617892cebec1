// http/date.h: HTTP dates, RFC 9110 section 5.6.7. Seconds since 1970-01-01T00:00:00Z.
//
// Owner:  none for the functions; a DateText belongs to one worker. Thread: its owner's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::http {

// "Sun, 06 Nov 1994 08:49:37 GMT". Years 0 to 9999; others are clamped.
[[nodiscard]] std::string format_date(int64_t unix_s);

// IMF-fixdate, RFC 850 and asctime forms. Two-digit years: the century that is not more than 50
// years ahead of `now_s`. Nothing for anything else.
[[nodiscard]] std::optional<int64_t> parse_date(std::string_view text, int64_t now_s);

// The Date field's text, formatted once a second.
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
