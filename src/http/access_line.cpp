#include "http/access_line.h"

#include "base/date.h"
#include "base/log_format.h"

namespace starling::http {
namespace {

void append_quoted(std::string& line, std::string_view text) {
    line += '"';
    if (text.empty())
        line += '-';
    else
        base::append_text_escaped(line, text, true);
    line += '"';
}

// [21/Nov/2026:14:00:00 +0000]
void append_time(std::string& line, int64_t unix_ms) {
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const base::DateTime time = base::utc_time(unix_ms);
    line += '[';
    base::append_number(line, time.day, 2);
    line.append("/").append(months.substr(3 * size_t{time.month - 1}, 3)).append("/");
    base::append_number(line, static_cast<uint64_t>(time.year), 4);
    line += ':';
    base::append_clock(line, time);
    line += " +0000]";
}

}  // namespace

std::string access_line(const AccessFacts& facts, int64_t unix_ms, bool combined) {
    std::string line;
    base::append_text_escaped(line, facts.peer.empty() ? "unix" : facts.peer, false);
    line += " - - ";
    append_time(line, unix_ms);
    std::string request(facts.method);
    if (facts.method != "-") {
        request.append(" ").append(facts.target).append(" HTTP/1.");
        request += std::to_string(facts.version_minor);
    }
    line += ' ';
    append_quoted(line, request);
    line.append(" ").append(std::to_string(facts.status));
    line.append(" ").append(facts.bytes == 0 ? "-" : std::to_string(facts.bytes));
    if (!combined) return line;
    line += ' ';
    append_quoted(line, facts.referer);
    line += ' ';
    append_quoted(line, facts.agent);
    return line;
}

}  // namespace starling::http
