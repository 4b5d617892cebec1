#include "base/date.h"

#include <charconv>
#include <chrono>
#include <ctime>

#include "base/assert.h"

namespace starling::base {

DateTime utc_time(int64_t unix_ms) noexcept {
    using namespace std::chrono;
    const sys_time<milliseconds> time{milliseconds(unix_ms)};
    const auto midnight = floor<days>(time);
    const year_month_day date(midnight);
    const hh_mm_ss clock(time - midnight);
    return {.year = static_cast<int>(date.year()),
            .month = static_cast<unsigned>(date.month()),
            .day = static_cast<unsigned>(date.day()),
            .weekday = weekday(midnight).c_encoding(),
            .hour = static_cast<unsigned>(clock.hours().count()),
            .minute = static_cast<unsigned>(clock.minutes().count()),
            .second = static_cast<unsigned>(clock.seconds().count()),
            .millisecond = static_cast<unsigned>(clock.subseconds().count())};
}

DateTime local_time(int64_t unix_ms) noexcept {
    const DateTime utc = utc_time(unix_ms);
    const auto seconds = static_cast<std::time_t>((unix_ms - utc.millisecond) / 1000);
    std::tm local{};
    if (!::localtime_r(&seconds, &local)) return utc;  // A year that an int does not hold.
    return {.year = local.tm_year + 1900,
            .month = static_cast<unsigned>(local.tm_mon + 1),
            .day = static_cast<unsigned>(local.tm_mday),
            .weekday = static_cast<unsigned>(local.tm_wday),
            .hour = static_cast<unsigned>(local.tm_hour),
            .minute = static_cast<unsigned>(local.tm_min),
            .second = static_cast<unsigned>(local.tm_sec),
            .millisecond = utc.millisecond};
}

void append_number(std::string& out, uint64_t number, unsigned digits) {
    char text[20];
    const auto end = std::to_chars(text, text + sizeof text, number).ptr;
    const auto size = static_cast<unsigned>(end - text);
    if (size < digits) out.append(digits - size, '0');
    out.append(text, size);
}

void append_date(std::string& out, const DateTime& time) {
    STARLING_ASSERT(time.year >= 0);
    append_number(out, static_cast<uint64_t>(time.year), 4);
    out += '-';
    append_number(out, time.month, 2);
    out += '-';
    append_number(out, time.day, 2);
}

void append_clock(std::string& out, const DateTime& time) {
    append_number(out, time.hour, 2);
    out += ':';
    append_number(out, time.minute, 2);
    out += ':';
    append_number(out, time.second, 2);
}

void append_milliseconds(std::string& out, const DateTime& time) {
    out += '.';
    append_number(out, time.millisecond, 3);
}

void append_timestamp(std::string& out, const DateTime& time) {
    append_date(out, time);
    out += 'T';
    append_clock(out, time);
    append_milliseconds(out, time);
    out += 'Z';
}

}  // namespace starling::base
