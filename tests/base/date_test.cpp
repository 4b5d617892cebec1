// base/date.h: moments as dates and digits.
#include "base/date.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <string>

namespace starling::base {
namespace {

std::string timestamp(int64_t unix_ms) {
    std::string text;
    append_timestamp(text, utc_time(unix_ms));
    return text;
}

TEST(Date, WritesMomentsInUtc) {
    const struct {
        int64_t unix_ms;
        std::string want;
        unsigned weekday;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z", 4},
        {-1, "1969-12-31T23:59:59.999Z", 3},
        {951'827'696'789, "2000-02-29T12:34:56.789Z", 2},
        {951'868'800'000, "2000-03-01T00:00:00.000Z", 3},
        {-2'203'891'200'001, "1900-02-28T23:59:59.999Z", 3},
        {-2'203'891'200'000, "1900-03-01T00:00:00.000Z", 4},
        {253'402'300'799'999, "9999-12-31T23:59:59.999Z", 5},
        {-62'167'219'200'000, "0000-01-01T00:00:00.000Z", 6},
    };
    for (const auto& [unix_ms, want, weekday] : cases) {
        EXPECT_EQ(timestamp(unix_ms), want);
        EXPECT_EQ(utc_time(unix_ms).weekday, weekday) << want;
    }
}

TEST(Date, LocalTimeIsThatOfTheZone) {
    const char* const before = std::getenv("TZ");
    const std::string saved = before ? before : "";
    ::setenv("TZ", "XYZ-05:30", 1);  // 5 h 30 min ahead of UTC.
    ::tzset();
    std::string text;
    for (const int64_t unix_ms : {int64_t(951'868'800'123), int64_t(-1)}) {
        const DateTime local = local_time(unix_ms);
        append_date(text, local);
        text += ' ';
        append_clock(text, local);
        append_milliseconds(text, local);
        text += ' ';
    }
    before ? ::setenv("TZ", saved.c_str(), 1) : ::unsetenv("TZ");
    ::tzset();
    EXPECT_EQ(text, "2000-03-01 05:30:00.123 1970-01-01 05:29:59.999 ");
}

TEST(Date, NumbersHaveLeadingZerosAndLoseNoDigit) {
    std::string text;
    append_number(text, 7, 2);
    append_number(text, 0, 3);
    append_number(text, 12345, 4);
    append_number(text, UINT64_MAX, 1);
    EXPECT_EQ(text, "070001234518446744073709551615");
}

}  // namespace
}  // namespace starling::base
