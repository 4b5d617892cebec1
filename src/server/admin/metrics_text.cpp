#include "server/admin/metrics_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace starling::server {
namespace {

using Kind = Figures::Kind;

constexpr double largest_whole = 9007199254740992;  // 2^53: all whole numbers below are exact.

std::string number(double value) {
    std::array<char, 32> text;
    const bool whole = std::abs(value) < largest_whole && value == std::floor(value);
    const auto end = whole
                         ? std::to_chars(text.begin(), text.end(), static_cast<int64_t>(value)).ptr
                         : std::to_chars(text.begin(), text.end(), value).ptr;
    return {text.begin(), end};
}

// 1,500,000 is "1.5": exact, without an exponent.
std::string seconds(uint64_t microseconds) {
    std::string text = std::to_string(microseconds / 1'000'000);
    std::string part = std::to_string(microseconds % 1'000'000);
    part.insert(0, 6 - part.size(), '0');
    while (part.size() > 1 && part.back() == '0') part.pop_back();
    return text.append(".").append(part);
}

void append_line(std::string& out, std::string_view name, std::string_view suffix,
                 std::string_view labels, std::string_view value) {
    out.append(name).append(suffix);
    if (!labels.empty()) out.append("{").append(labels).append("}");
    out.append(" ").append(value).append("\n");
}

void append_durations(std::string& out, std::string_view name, const std::string& labels,
                      const base::LogHistogram& durations) {
    const std::string before = labels.empty() ? labels : labels + ",";
    uint64_t sum = 0;
    for (size_t i = 0; i < base::LogHistogram::edges; ++i) {
        sum += durations.count(i);
        append_line(out, name, "_bucket",
                    before + label("le", seconds(base::LogHistogram::edge_us(i))),
                    std::to_string(sum));
    }
    const std::string total = std::to_string(durations.total());
    append_line(out, name, "_bucket", before + label("le", "+Inf"), total);
    append_line(out, name, "_sum", labels, seconds(durations.sum_us()));
    append_line(out, name, "_count", labels, total);
}

std::string_view type_text(Kind kind, MetricsFormat format) noexcept {
    switch (kind) {
        case Kind::counter: return "counter";
        case Kind::histogram: return "histogram";
        case Kind::info: return format == MetricsFormat::openmetrics ? "info" : "gauge";
        case Kind::gauge: break;
    }
    return "gauge";
}

// In OpenMetrics the name of a family lacks the suffix that its samples have.
std::string_view family_name(std::string_view name, Kind kind, MetricsFormat format) noexcept {
    if (format == MetricsFormat::prometheus) return name;
    const std::string_view suffix = kind == Kind::counter ? "_total"
                                    : kind == Kind::info  ? "_info"
                                                          : "";
    if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
    return name;
}

std::string_view unit_of(std::string_view family) noexcept {
    if (family.ends_with("_seconds")) return "seconds";
    return family.ends_with("_bytes") ? "bytes" : "";
}

// The weight of the first element of `accept` that names the type; 0: none does.
double weight_of(std::string_view accept, std::string_view type) noexcept {
    while (!accept.empty()) {
        const size_t comma = accept.find(',');
        std::string_view element = accept.substr(0, comma);
        accept = comma == std::string_view::npos ? "" : accept.substr(comma + 1);
        const size_t semicolon = element.find(';');
        if (!base::iequals(base::trim(element.substr(0, semicolon)), type)) continue;
        double weight = 1;
        while (element.find(';') != std::string_view::npos) {
            element.remove_prefix(element.find(';') + 1);
            std::string_view parameter = base::trim(element.substr(0, element.find(';')));
            if (!parameter.starts_with("q=")) continue;
            parameter.remove_prefix(2);
            if (std::from_chars(parameter.begin(), parameter.end(), weight).ec != std::errc())
                weight = 0;
        }
        return weight;
    }
    return 0;
}

}  // namespace

MetricsFormat choose_metrics_format(std::string_view accept) noexcept {
    const double open = weight_of(accept, "application/openmetrics-text");
    return open > 0 && open >= weight_of(accept, "text/plain") ? MetricsFormat::openmetrics
                                                               : MetricsFormat::prometheus;
}

std::string_view metrics_content_type(MetricsFormat format) noexcept {
    return format == MetricsFormat::openmetrics
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

std::string metrics_text(const Figures& figures, MetricsFormat format) {
    std::string out;
    for (const auto& [name, family] : figures.families()) {
        const std::string_view shown = family_name(name, family.kind, format);
        out.append("# HELP ").append(shown).append(" ").append(family.help).append("\n");
        out.append("# TYPE ").append(shown).append(" ");
        out.append(type_text(family.kind, format)).append("\n");
        const std::string_view unit = unit_of(shown);
        if (format == MetricsFormat::openmetrics && !unit.empty())
            out.append("# UNIT ").append(shown).append(" ").append(unit).append("\n");
        for (const auto& [labels, value] : family.values) {
            if (family.kind == Kind::histogram)
                append_durations(out, name, labels, value.durations);
            else
                append_line(out, name, "", labels, number(value.number));
        }
    }
    if (format == MetricsFormat::openmetrics) out += "# EOF\n";
    return out;
}

}  // namespace starling::server
