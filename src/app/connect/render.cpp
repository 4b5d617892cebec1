#include "app/connect/render.h"

#include <time.h>

#include <array>
#include <cstdio>

#include "app/connect/framing.h"
#include "app/connect/printable.h"
#include "base/json_text.h"
#include "base/text.h"

namespace starling::app::connect {
namespace {

constexpr size_t shown_text_bytes_max = 2000, shown_binary_bytes_max = 32;
constexpr std::string_view program = "starling connect: ";

tm broken_down(Renderer::Time now, bool utc) {
    const time_t seconds =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    tm parts{};
    if (utc)
        ::gmtime_r(&seconds, &parts);
    else
        ::localtime_r(&seconds, &parts);
    return parts;
}

std::string clock_text(Renderer::Time now, bool utc) {
    const tm parts = broken_down(now, utc);
    const auto ms = static_cast<int>(now.time_since_epoch().count() % 1000);
    std::array<char, 64> text;
    int size = 0;
    if (utc)
        size = std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                             parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                             parts.tm_min, parts.tm_sec, ms);
    else
        size = std::snprintf(text.data(), text.size(), "%02d:%02d:%02d.%03d", parts.tm_hour,
                             parts.tm_min, parts.tm_sec, ms);
    return {text.data(), static_cast<size_t>(size)};
}

struct Look {
    char sign;
    std::string_view color;
};

Look look_of(Event::Mark mark) {
    switch (mark) {
        case Event::Mark::in: return {'<', "\x1b[32m"};
        case Event::Mark::out: return {'>', "\x1b[36m"};
        case Event::Mark::fault: return {'!', "\x1b[31m"};
        case Event::Mark::state:
        case Event::Mark::ping: break;
    }
    return {'*', "\x1b[33m"};
}

constexpr std::string_view dim = "\x1b[2m", plain = "\x1b[0m";

}  // namespace

void Renderer::begin_line(std::string& out, Event::Mark mark, Time now) const {
    const Look look = look_of(mark);
    if (options_.color) out += dim;
    out += clock_text(now, false);
    if (options_.color) out += plain;
    out += ' ';
    if (options_.color) out += look.color;
    out += look.sign;
    if (options_.color) out += plain;
    out += ' ';
}

void Renderer::json_line(std::string& out, std::string_view name, const Members& members,
                         Time now) const {
    out.append(R"({"time":")").append(clock_text(now, true)).append(R"(","event":)");
    base::append_json_string(out, name);
    append_printable_json(out, members.text());
    out += "}\n";
}

void Renderer::message(Rendered& to, Direction direction, const ws::Message& message,
                       Time now) const {
    const bool in = direction == Direction::in;
    const std::string_view text = base::text_of(message.bytes());
    switch (options_.format) {
        case Format::terminal:
            begin_line(to.out, in ? Event::Mark::in : Event::Mark::out, now);
            to.out += message.is_binary()
                          ? hex_text(message.bytes(), options_.full ? 0 : shown_binary_bytes_max)
                          : printable_cut(text, options_.full ? 0 : shown_text_bytes_max);
            to.out += '\n';
            return;
        case Format::lines:
            if (!in) return;
            to.out += message.is_binary() ? "base64:" + base64(text) : std::string(text);
            to.out += '\n';
            return;
        case Format::lengths:
            if (in) append_with_length(to.out, text);
            return;
        case Format::json: break;
    }
    Members members;
    members.add("direction", in ? "in" : "out")
        .add("type", message.is_binary() ? "binary" : "text");
    if (message.is_binary())
        members.add("base64", base64(text)).add("bytes", uint64_t{message.size()});
    else
        members.add("data", text);
    json_line(to.out, "message", members, now);
}

void Renderer::event(Rendered& to, const Event& event, Time now) const {
    const bool fault = event.mark == Event::Mark::fault;
    if (event.mark == Event::Mark::ping && !options_.show_pings) return;
    if (options_.format == Format::terminal) {
        begin_line(to.out, event.mark, now);
        to.out += printable_cut(event.words, options_.full ? 0 : shown_text_bytes_max);
        to.out += '\n';
        return;
    }
    if (options_.format == Format::json) json_line(to.out, event.name, event.members, now);
    if (fault || (event.mark == Event::Mark::ping && options_.format != Format::json))
        to.err.append(program).append(printable(event.words)).append("\n");
    if (!event.piped) return;
    if (options_.format == Format::lines) to.out.append(*event.piped).append("\n");
    if (options_.format == Format::lengths) append_with_length(to.out, *event.piped);
}

void Renderer::help(Rendered& to, std::string_view lines) const {
    if (options_.format == Format::terminal) to.out += lines;
}

}  // namespace starling::app::connect
