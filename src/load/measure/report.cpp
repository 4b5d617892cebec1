#include "load/measure/report.h"

#include <cstdarg>
#include <cstdio>
#include <string_view>

#include "base/json_text.h"

namespace starling::load {
namespace {

std::string format(const char* form, ...) __attribute__((format(printf, 1, 2)));
std::string format(const char* form, ...) {
    char text[512];
    va_list values;
    va_start(values, form);
    std::vsnprintf(text, sizeof text, form, values);
    va_end(values);
    return text;
}

double each(double total, double count) { return count > 0 ? total / count : 0; }

std::string row(std::string_view name, const std::string& text) {
    std::string line(name);
    line.resize(16, ' ');
    return line + text + "\n";
}

std::string rate(double count, double seconds) {
    return grouped(static_cast<uint64_t>(each(count, seconds) + 0.5)) + "/s";
}

std::string latency_line(const Histogram& latency) {
    if (latency.total() == 0) return "nothing measured";
    return "p50 " + duration(latency.nanoseconds(0.5)) + "   p99 " +
           duration(latency.nanoseconds(0.99)) + "   p99.9 " +
           duration(latency.nanoseconds(0.999)) + "   max " + duration(latency.max_ns());
}

// "message" for "messages".
std::string one_of(const std::string& unit) {
    return unit == "deliveries" ? "delivery" : unit.substr(0, unit.size() - 1);
}

std::string cpu_line(const Report& report) {
    const auto part = [&](double cpu) {
        return format("%.2f µs for each %s, %.0f %% of a core",
                      each(cpu * 1e6, static_cast<double>(report.count)),
                      one_of(report.unit).c_str(), each(cpu * 100, report.seconds));
    };
    return part(report.client_cpu_seconds);
}

void add(std::string& json, std::string_view name, const std::string& value) {
    json.append(json.size() > 1 ? "," : "").append("\"").append(name).append("\":").append(value);
}

std::string json_string(std::string_view text) {
    std::string out;
    base::append_json_string(out, text);
    return out;
}

std::string json_cpu(double cpu, const Report& report) {
    return format(R"({"us":%.4f,"busy":%.4f})", each(cpu * 1e6, static_cast<double>(report.count)),
                  each(cpu, report.seconds));
}

}  // namespace

std::string grouped(uint64_t number) {
    std::string text = std::to_string(number);
    for (size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
    return text;
}

std::string duration(uint64_t nanoseconds) {
    const auto number = static_cast<double>(nanoseconds);
    const double us = number / 1e3, ms = number / 1e6, s = number / 1e9;
    const auto with = [](double value, const char* unit) {
        return format(value < 10 ? "%.2f %s" : value < 100 ? "%.1f %s" : "%.0f %s", value, unit);
    };
    return us < 1000 ? with(us, "µs") : ms < 1000 ? with(ms, "ms") : with(s, "s");
}

std::string text_of(const Report& report) {
    std::string text = report.scenario + " " + report.url;
    if (!report.model.empty()) text += ", " + report.model;
    text += format(", %.1f s", report.seconds);
    if (report.interrupted) text += ", interrupted";
    text += "\n\n";
    std::string counted = grouped(report.count);
    if (report.holds)
        counted += " open at the end";
    else
        counted += "   " + rate(static_cast<double>(report.count), report.seconds);
    text += row(report.holds ? "held" : report.unit, counted);
    if (report.wanted_per_second > 0) text += row("wanted", rate(report.wanted_per_second, 1));
    if (report.missing) text += row("missing", grouped(*report.missing));
    if (report.other_messages > 0) text += row("other messages", grouped(report.other_messages));
    if (!report.holds) text += row("latency", latency_line(report.latency));
    if (report.wanted > 0)
        text += row("connections", grouped(report.opened) + " of " + grouped(report.wanted) +
                                       format(" opened in %.2f s", report.opening_seconds) + "   " +
                                       rate(report.opened, report.opening_seconds));
    if (report.compressed)
        text += row("compressed",
                    grouped(*report.compressed) + " of " + grouped(report.opened) + " connections");
    if (report.count > 0) text += row("CPU here", cpu_line(report));
    if (report.count > 0 && report.server_cpu_seconds) {
        Report server = report;
        server.client_cpu_seconds = *report.server_cpu_seconds;
        text += row("CPU server", cpu_line(server));
    }
    if (report.server_bytes_each)
        text += row("memory server",
                    format("%.0f bytes for each connection", *report.server_bytes_each));
    if (report.errors.total() == 0) return text + row("errors", "none");
    for (const Tally::Row& error : report.errors.rows())
        text += row(error.count == report.errors.rows().front().count ? "errors" : "",
                    grouped(error.count) + " × " + error.name +
                        (error.text.empty() ? "" : " (" + error.text + ")"));
    return text;
}

std::string json_of(const Report& report) {
    std::string json = "{";
    const auto whole = [](uint64_t number) { return std::to_string(number); };
    const double count = static_cast<double>(report.count);
    add(json, "scenario", json_string(report.scenario));
    add(json, "url", json_string(report.url));
    add(json, "seconds", format("%.3f", report.seconds));
    add(json, "interrupted", report.interrupted ? "true" : "false");
    add(json, "unit", json_string(report.unit));
    add(json, "count", whole(report.count));
    add(json, "per_second", format("%.1f", each(count, report.seconds)));
    add(json, "wanted_per_second",
        report.wanted_per_second > 0 ? format("%.1f", report.wanted_per_second) : "null");
    add(json, "missing", report.missing ? whole(*report.missing) : "null");
    add(json, "other_messages", whole(report.other_messages));
    const Histogram& l = report.latency;
    if (l.total() == 0)
        add(json, "latency_us",
            R"({"count":0,"p50":null,"p90":null,"p99":null,"p999":null,"max":null})");
    else
        add(json, "latency_us",
            format(R"({"count":%llu,"p50":%.1f,"p90":%.1f,"p99":%.1f,"p999":%.1f,"max":%.1f})",
                   static_cast<unsigned long long>(l.total()), l.microseconds(0.5),
                   l.microseconds(0.9), l.microseconds(0.99), l.microseconds(0.999),
                   l.microseconds(1)));
    add(json, "connections",
        format(R"({"wanted":%u,"opened":%u,"seconds":%.4f,"per_second":%.1f,"compressed":%s})",
               report.wanted, report.opened, report.opening_seconds,
               each(report.opened, report.opening_seconds),
               report.compressed ? whole(*report.compressed).c_str() : "null"));
    std::string errors = "{";
    for (const Tally::Row& error : report.errors.rows())
        add(errors, error.name, whole(error.count));
    add(json, "errors", errors + "}");
    std::string texts = "{";
    for (const Tally::Row& error : report.errors.rows())
        if (!error.text.empty()) add(texts, error.name, json_string(error.text));
    add(json, "error_texts", texts + "}");
    add(json, "client_cpu", json_cpu(report.client_cpu_seconds, report));
    add(json, "server_cpu",
        report.server_cpu_seconds ? json_cpu(*report.server_cpu_seconds, report) : "null");
    add(json, "server_bytes_each",
        report.server_bytes_each ? format("%.0f", *report.server_bytes_each) : "null");
    return json + "}";
}

}  // namespace starling::load
