#include "http/date.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/date.h"
#include "base/text.h"

namespace starling::http {
namespace {

constexpr std::array<std::string_view, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> long_days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr int64_t first_s = -62167219200;  // 0000-01-01T00:00:00Z
constexpr int64_t last_s = 253402300799;   // 9999-12-31T23:59:59Z

base::DateTime time_of(int64_t unix_s) {
    return base::utc_time(std::clamp(unix_s, first_s, last_s) * 1000);
}

// Takes fixed text and numbers off the front of a text, and remembers whether all of them matched.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    void literal(std::string_view expected) {
        if (rest_.substr(0, expected.size()) != expected) return fail();
        rest_.remove_prefix(expected.size());
    }
    int digits(size_t count) {
        int value = 0;
        const auto text = rest_.substr(0, count);
        if (text.size() < count || !std::ranges::all_of(text, base::is_digit)) {
            fail();
            return 0;
        }
        std::from_chars(text.data(), text.data() + count, value);
        rest_.remove_prefix(count);
        return value;
    }
    // The day in an asctime date is padded with a space.
    int padded_day() {
        if (!rest_.empty() && rest_.front() == ' ') {
            rest_.remove_prefix(1);
            return digits(1);
        }
        return digits(2);
    }
    template <size_t N>
    unsigned one_of(const std::array<std::string_view, N>& names) {
        for (unsigned i = 0; i < N; ++i)
            if (rest_.substr(0, names[i].size()) == names[i]) {
                rest_.remove_prefix(names[i].size());
                return i;
            }
        fail();
        return 0;
    }
    [[nodiscard]] bool ended_well() const { return ok_ && rest_.empty(); }

private:
    void fail() {
        ok_ = false;
        rest_ = {};
    }
    std::string_view rest_;
    bool ok_ = true;
};

struct Fields {
    int year = 0;
    unsigned month = 0;  // 0 to 11
    int day = 0, hour = 0, minute = 0, second = 0;
};

void read_time(Reader& reader, Fields& fields) {
    fields.hour = reader.digits(2);
    reader.literal(":");
    fields.minute = reader.digits(2);
    reader.literal(":");
    fields.second = reader.digits(2);
}

std::optional<int64_t> to_unix(const Fields& fields) {
    using namespace std::chrono;
    const year_month_day date(year(fields.year), month(fields.month + 1),
                              day(static_cast<unsigned>(fields.day)));
    // Second 60 is a leap second, RFC 9110 section 5.6.7; it becomes second 0 of the next minute.
    if (!date.ok() || fields.hour > 23 || fields.minute > 59 || fields.second > 60)
        return std::nullopt;
    const auto midnight = sys_seconds(sys_days(date)).time_since_epoch().count();
    return midnight + fields.hour * 3600 + fields.minute * 60 + fields.second;
}

// Sun, 06 Nov 1994 08:49:37 GMT
std::optional<int64_t> parse_fixdate(std::string_view text) {
    Reader reader(text);
    Fields fields;
    reader.one_of(days);
    reader.literal(", ");
    fields.day = reader.digits(2);
    reader.literal(" ");
    fields.month = reader.one_of(months);
    reader.literal(" ");
    fields.year = reader.digits(4);
    reader.literal(" ");
    read_time(reader, fields);
    reader.literal(" GMT");
    return reader.ended_well() ? to_unix(fields) : std::nullopt;
}

// Sunday, 06-Nov-94 08:49:37 GMT
std::optional<int64_t> parse_rfc850(std::string_view text, int64_t now_s) {
    Reader reader(text);
    Fields fields;
    reader.one_of(long_days);
    reader.literal(", ");
    fields.day = reader.digits(2);
    reader.literal("-");
    fields.month = reader.one_of(months);
    reader.literal("-");
    const int short_year = reader.digits(2);
    reader.literal(" ");
    read_time(reader, fields);
    reader.literal(" GMT");
    if (!reader.ended_well()) return std::nullopt;
    const int now_year = time_of(now_s).year;
    fields.year = now_year / 100 * 100 + short_year;
    if (fields.year > now_year + 50) fields.year -= 100;
    if (fields.year <= now_year - 50) fields.year += 100;
    return to_unix(fields);
}

// Sun Nov  6 08:49:37 1994
std::optional<int64_t> parse_asctime(std::string_view text) {
    Reader reader(text);
    Fields fields;
    reader.one_of(days);
    reader.literal(" ");
    fields.month = reader.one_of(months);
    reader.literal(" ");
    fields.day = reader.padded_day();
    reader.literal(" ");
    read_time(reader, fields);
    reader.literal(" ");
    fields.year = reader.digits(4);
    return reader.ended_well() ? to_unix(fields) : std::nullopt;
}

}  // namespace

std::string format_date(int64_t unix_s) {
    const base::DateTime time = time_of(unix_s);
    std::string out;
    out.reserve(29);
    out += days[time.weekday];
    out += ", ";
    base::append_number(out, time.day, 2);
    out += ' ';
    out += months[time.month - 1];
    out += ' ';
    base::append_number(out, static_cast<unsigned>(time.year), 4);
    out += ' ';
    base::append_clock(out, time);
    out += " GMT";
    return out;
}

std::optional<int64_t> parse_date(std::string_view text, int64_t now_s) {
    if (const auto date = parse_fixdate(text)) return date;
    if (const auto date = parse_rfc850(text, now_s)) return date;
    return parse_asctime(text);
}

}  // namespace starling::http
