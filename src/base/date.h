// base/date.h: the date and the time of day of a moment, and the digits in which they are written.
//
// Moments are milliseconds since 1970-01-01T00:00:00Z; earlier moments are negative. Dates are
// those of the Gregorian calendar, even for days before that calendar was introduced. Pure, except
// for local_time(), which asks the C library for the time zone. Owner: none. Thread: any.
#pragma once

#include <cstdint>
#include <string>

namespace starling::base {

struct DateTime {
    int year = 1970;
    unsigned month = 1, day = 1;  // From 1 on.
    unsigned weekday = 4;         // 0: Sunday.
    unsigned hour = 0, minute = 0, second = 0, millisecond = 0;
};

[[nodiscard]] DateTime utc_time(int64_t unix_ms) noexcept;
[[nodiscard]] DateTime local_time(int64_t unix_ms) noexcept;

// Appends `number` with leading zeros, so that it has at least `digits` digits.
void append_number(std::string& out, uint64_t number, unsigned digits);
void append_date(std::string& out, const DateTime& time);          // 2026-11-21
void append_clock(std::string& out, const DateTime& time);         // 14:00:00
void append_milliseconds(std::string& out, const DateTime& time);  // .123
// 2026-11-21T14:00:00.123Z (RFC 3339), for a time of utc_time() in the years 0 to 9999.
void append_timestamp(std::string& out, const DateTime& time);

}  // namespace starling::base
