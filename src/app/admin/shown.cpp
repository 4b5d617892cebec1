#include "app/admin/shown.h"

#include <starling/json.h>

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "app/connect/printable.h"
#include "base/date.h"

namespace starling::app {
namespace {

namespace json = boost::json;
using connect::printable_words;

constexpr size_t cell_bytes_max = 60;
constexpr size_t error_bytes_max = 1024;  // The server keeps 512 bytes of a text.

// 1234567 is "1234567", 0.25 is "0.25".
std::string number(double value) {
    std::array<char, 64> text;
    const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
    const auto end = whole
                         ? std::to_chars(text.begin(), text.end(), static_cast<int64_t>(value)).ptr
                         : std::to_chars(text.begin(), text.end(), value, std::chars_format::fixed,
                                         value < 10 ? 2 : 0)
                               .ptr;
    return {text.begin(), end};
}

std::string text_of(const json::value& value) {
    if (const auto* text = value.if_string()) return printable_words(*text, cell_bytes_max);
    if (value.is_number()) return number(value.to_number<double>());
    if (const auto* array = value.if_array()) {
        std::string all;
        for (const json::value& one : *array)
            all.append(all.empty() ? "" : ",").append(text_of(one));
        return printable_words(all, cell_bytes_max);
    }
    return printable_words(json::serialize(value), cell_bytes_max);
}

std::string member(const json::object& object, std::string_view name) {
    const json::value* const value = object.if_contains(name);
    return value ? text_of(*value) : std::string();
}

struct Column {
    std::string_view title, name;
};

std::string table(const json::array& rows, std::span<const Column> columns) {
    std::vector<std::vector<std::string>> cells(1);
    for (const Column& column : columns) cells[0].emplace_back(column.title);
    for (const json::value& row : rows) {
        std::vector<std::string> line;
        for (const Column& column : columns)
            line.push_back(row.is_object() ? member(row.get_object(), column.name) : "");
        cells.push_back(std::move(line));
    }
    std::string out;
    for (const auto& line : cells) {
        std::string text;
        for (size_t i = 0; i < line.size(); ++i) {
            size_t width = 0;
            for (const auto& other : cells) width = std::max(width, other[i].size());
            text += line[i].empty() ? "-" : line[i];
            text.append(width - std::min(width, std::max<size_t>(line[i].size(), 1)) + 2, ' ');
        }
        out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
    }
    return out;
}

constexpr Column connection_columns[] = {
    {"ID", "id"},     {"KIND", "kind"},        {"ADDRESS", "address"},    {"USER", "user"},
    {"PATH", "path"}, {"ROOMS", "room_count"}, {"QUEUED", "queued_bytes"}};
constexpr Column room_columns[] = {
    {"MEMBERS", "members"}, {"KIND", "kind"}, {"NAMESPACE", "namespace"}, {"NAME", "name"}};
constexpr Column worker_columns[] = {{"WORKER", "worker"},
                                     {"CONNECTIONS", "connections"},
                                     {"LAG_US", "lag_us"},
                                     {"UNRESPONSIVE_US", "unresponsive_us"},
                                     {"QUEUE", "send_queue_bytes"}};

std::string pairs(const json::object& object, std::string_view before = {}) {
    std::string out;
    for (const auto& [name, value] : object) {
        std::string full(before);
        full += std::string_view(name);
        if (value.is_object())
            out += pairs(value.get_object(), full + " ");
        else
            out.append(printable_words(full, 200)).append(" ").append(text_of(value)).append("\n");
    }
    return out;
}

// A line for each, in local time: "2026-11-30 12:00:01 warn a message name=value".
std::string shown_errors(const json::array& lines) {
    std::string out;
    for (const json::value& each : lines) {
        if (!each.is_object()) continue;
        const json::object& line = each.get_object();
        const json::value* const at = line.if_contains("unix_ms");
        const base::DateTime time = base::local_time(at && at->is_int64() ? at->get_int64() : 0);
        base::append_date(out, time);
        base::append_clock(out += ' ', time);
        for (const std::string_view name : {"level", "message"}) {
            const json::value* const text = line.if_contains(name);
            if (text && text->is_string())
                (out += ' ') += printable_words(text->get_string(), error_bytes_max);
        }
        const json::value* const fields = line.if_contains("fields");
        if (fields && fields->is_object())
            for (const auto& [name, value] : fields->get_object())
                if (value.is_string())
                    ((out += ' ') += printable_words(name, cell_bytes_max)) +=
                        "=" + printable_words(value.get_string(), error_bytes_max);
        out += '\n';
    }
    return out;
}

json::object object_of(std::string_view body) {
    const auto value = parse_json(body);
    return value && value->is_object() ? value->get_object() : json::object();
}

const json::array& array_of(const json::object& object, std::string_view name) {
    static const json::array none;
    const json::value* const value = object.if_contains(name);
    return value && value->is_array() ? value->get_array() : none;
}

constexpr std::array<std::string_view, 10> top_names = {
    "connections", "messages_in", "messages_out", "bytes_in",    "bytes_out",
    "deliveries",  "dropped",     "errors",       "queue_bytes", "lag_ms"};

}  // namespace

std::string shown_answer(std::string_view what, std::string_view body) {
    const json::object object = object_of(body);
    if (what == "connections" && object.contains("connections")) {
        std::string text = table(array_of(object, "connections"), connection_columns);
        if (object.contains("next"))
            text += "(there are more: --cursor " + member(object, "next") + ")\n";
        return text;
    }
    if (what == "rooms") return table(array_of(object, "rooms"), room_columns);
    if (what == "workers") return table(array_of(object, "workers"), worker_columns);
    if (what == "errors") return shown_errors(array_of(object, "errors"));
    if (object.contains("subscribers"))
        return "done, subscribers: " + member(object, "subscribers") + "\n";
    if (object.contains("done")) return "done\n";
    return pairs(object);
}

std::string shown_screen(std::string_view stats) {
    const json::object object = object_of(stats);
    std::string out = "starling " + member(object, "version") + ", up " +
                      member(object, "uptime_s") + " s, " + member(object, "workers") +
                      " workers\n\n";
    const json::value* const now = object.if_contains("now");
    if (!now || !now->is_object()) return out;
    for (const auto& [name, value] : now->get_object()) {
        std::string title(name);
        title.resize(std::max<size_t>(title.size() + 2, 22), ' ');
        out.append(title).append(text_of(value)).append("\n");
    }
    return out;
}

std::string shown_line(std::string_view stats, bool head) {
    constexpr size_t width = 13;
    const auto cell = [](std::string text) {
        text.insert(0, text.size() < width ? width - text.size() : 1, ' ');
        return text;
    };
    const json::object object = object_of(stats);
    const json::value* const now = object.if_contains("now");
    std::string out;
    if (head) {
        for (const std::string_view name : top_names) out += cell(std::string(name));
        out += "\n";
    }
    for (const std::string_view name : top_names)
        out += cell(now && now->is_object() ? member(now->get_object(), name) : "");
    return out + "\n";
}

std::string shown_drain(std::string_view body) {
    const json::object object = object_of(body);
    return member(object, "state") + ": " + member(object, "connections") + " connections, " +
           member(object, "seconds_left") + " s left\n";
}

std::string problem_of(std::string_view body) {
    const json::object object = object_of(body);
    std::string error = member(object, "error");
    if (!error.empty()) return error;
    constexpr size_t words_bytes_max = 400;
    return printable_words(body, words_bytes_max);
}

}  // namespace starling::app
